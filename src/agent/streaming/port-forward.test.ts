import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { settle, VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { connectionPair } from './connection-pair.ts';
import { portOf, SpdyPortForward } from './port-forward.ts';
import { ChannelPortForward } from './port-forward-channels.ts';
import { SpdyConnection } from './spdy/connection.ts';
import type { SpdyStream } from './spdy/stream.ts';
import { handshake, TestWebSocket } from './testing.ts';
import { acceptWebSocket, WebSocketTunnel } from './websocket.ts';

/** A pod where every port but 81 answers: what it is sent comes back in capitals, and after the end of that, the port's number. */
function pod() {
  const sockets: Duplex[] = [];
  const dial = async (port: number): Promise<Duplex> => {
    if (port === 81) throw new Error('dial tcp 127.0.0.1:81: connect: connection refused');
    const [ours, program] = connectionPair();
    sockets.push(ours);
    program.on('data', (data: Buffer) => program.write(data.toString().toUpperCase()));
    program.on('end', () => program.end(` ${port}`));
    return ours;
  };
  return { sockets, dial };
}

function world() {
  const clock = new VirtualClock();
  const { sockets, dial } = pod();
  return { clock, sockets, options: { clock, dial, pod: 'web, uid u-1' } };
}

function forwarded() {
  const { clock, sockets, options } = world();
  const [ours, theirs] = connectionPair();
  const forward = new SpdyPortForward(ours, options);
  return { clock, sockets, forward, over: forward.run(), client: new SpdyConnection(theirs, { role: 'client' }) };
}

function connect(client: SpdyConnection, port: string, requestid: string) {
  const [error, data] = ['error', 'data'].map((streamtype) => client.open({ streamtype, port, requestid })) as [
    SpdyStream,
    SpdyStream,
  ];
  return { error, data };
}

async function read(stream: SpdyStream): Promise<string> {
  let text = '';
  stream.on('data', (piece: Buffer) => (text += piece.toString()));
  if (!stream.readableEnded) await once(stream, 'end');
  return text;
}

describe('a forwarded port', () => {
  test('answers after the end of its input, many at a time', async () => {
    const { client, sockets, clock, over } = forwarded();
    const answers = Array.from({ length: 50 }, async (_, index) => {
      const { error, data } = connect(client, String(8000 + index), String(index));
      data.end(`hello ${index}`);
      return [await read(data), await read(error)];
    });
    assert.deepEqual((await Promise.all(answers))[7], ['HELLO 7 8007', '']);
    await settle();
    assert.ok(sockets.every((socket) => socket.destroyed));
    client.destroy();
    await over;
    assert.equal(clock.pending, 0);
  });

  test('that nobody listens on says so, and the others go on', async () => {
    const { client } = forwarded();
    const refused = connect(client, '81', '1');
    assert.equal(
      await read(refused.error),
      'error forwarding port 81 to pod web, uid u-1: dial tcp 127.0.0.1:81: connect: connection refused',
    );
    assert.equal(await read(refused.data), '');
    const { data } = connect(client, '80', '2');
    data.end('x');
    assert.equal(await read(data), 'X 80');
    client.destroy();
  });

  test('of clients without request ids is found by the order of the streams', async () => {
    const { client } = forwarded();
    const error = client.open({ streamtype: 'error', port: '80' });
    const data = client.open({ streamtype: 'data', port: '80' });
    error.end();
    data.end('old');
    assert.equal(await read(data), 'OLD 80');
    client.destroy();
  });

  test('must be one, and half a pair is forgotten', async () => {
    const { client, clock, over } = forwarded();
    for (const port of ['0', '65536', '-1', 'http', '']) {
      await assert.rejects(client.open({ streamtype: 'error', port }).ready, port);
    }
    await assert.rejects(client.open({ streamtype: 'other', port: '80' }).ready);
    const { error } = { error: client.open({ streamtype: 'error', port: '80', requestid: '1' }) };
    await error.ready;
    await clock.advance(limits.streamCreationMsMax);
    assert.equal(error.isBroken, true);
    client.destroy();
    await over;
    assert.equal(clock.pending, 0);
  });

  test('is closed when the client goes, or gives the connection up', async () => {
    const { client, sockets, over } = forwarded();
    const [one, other] = [connect(client, '80', '1'), connect(client, '80', '2')];
    await Promise.all([one.data.ready, other.data.ready]);
    await settle();
    one.data.destroy();
    await settle();
    assert.deepEqual(
      sockets.map(({ destroyed }) => destroyed),
      [true, false],
    );
    client.destroy();
    await over;
    await settle();
    assert.deepEqual(
      sockets.map(({ destroyed }) => destroyed),
      [true, true],
    );
  });

  test('goes through a WebSocket, cut into messages anywhere', async () => {
    const { options } = world();
    const { webSocket, connection } = acceptWebSocket(handshake, '');
    const forward = new SpdyPortForward(new WebSocketTunnel(webSocket), options);
    const over = forward.run();
    const outside = new TestWebSocket(connection);
    const [bytes, theirs] = connectionPair();
    const client = new SpdyConnection(theirs, { role: 'client' });
    bytes.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += 3) outside.write(outside.frame(2, chunk.subarray(at, at + 3)));
    });
    connection.on('data', () => {
      for (const { opcode, payload } of outside.frames.splice(0))
        if (opcode <= 2 && bytes.writable) bytes.write(payload);
    });
    const { data } = connect(client, '80', '1');
    data.end('through');
    assert.equal(await read(data), 'THROUGH 80');
    outside.destroy();
    await over;
  });
});

describe('ports over channels', () => {
  function channels(ports: readonly number[]) {
    const { clock, options, sockets } = world();
    const { webSocket, connection } = acceptWebSocket(handshake, '');
    const forward = new ChannelPortForward(webSocket, 'v4.channel.k8s.io', ports, options);
    return { over: forward.run(), client: new TestWebSocket(connection), sockets, clock };
  }

  test('each have two, which begin with the port', async () => {
    const { client, over, sockets } = channels([80, 81]);
    await settle();
    client.send(0, 'hello');
    await settle();
    assert.equal(client.received(0), 'P\0HELLO');
    assert.equal(client.received(1), 'P\0');
    assert.equal(client.received(2), 'Q\0');
    assert.match(client.received(3), /^Q\0error forwarding port 81 to pod web, uid u-1: .*refused$/);
    client.send(9, 'a channel that is not there');
    client.destroy();
    await over;
    assert.equal(sockets[0]?.destroyed, true);
  });

  test('lose nothing that is sent before the port is dialled', async () => {
    const { options } = world();
    const slow = Promise.withResolvers<void>();
    const dial = async (port: number): Promise<Duplex> => slow.promise.then(() => options.dial(port));
    const { webSocket, connection } = acceptWebSocket(handshake, '');
    const over = new ChannelPortForward(webSocket, 'v4.channel.k8s.io', [80], { ...options, dial }).run();
    const client = new TestWebSocket(connection);
    client.send(0, 'early');
    await settle();
    slow.resolve();
    await settle();
    assert.equal(client.received(0), 'P\0EARLY');
    client.destroy();
    await over;
  });

  test('are closed also where the client has gone before the port was dialled', async () => {
    const { options, sockets } = world();
    const slow = Promise.withResolvers<void>();
    const dial = async (port: number): Promise<Duplex> => slow.promise.then(() => options.dial(port));
    const { webSocket, connection } = acceptWebSocket(handshake, '');
    const over = new ChannelPortForward(webSocket, 'v4.channel.k8s.io', [80], { ...options, dial }).run();
    const client = new TestWebSocket(connection);
    await settle();
    client.destroy();
    await over;
    slow.resolve();
    await settle();
    assert.deepEqual(
      sockets.map(({ destroyed }) => destroyed),
      [true],
    );
  });

  test('are closed when nothing passed for too long, either way', async () => {
    const { client, over, clock, sockets } = channels([80]);
    await settle();
    await clock.advance(limits.streamingIdleMsMax - 20_000);
    client.send(0, 'still here');
    await clock.advance(limits.streamingIdleMsMax - 20_000);
    assert.equal(client.closeCode, undefined);
    assert.ok(client.frames.some(({ opcode }) => opcode === 10));
    await clock.advance(40_000);
    assert.equal(client.closeCode, 1001);
    await over;
    assert.equal(sockets[0]?.destroyed, true);
    assert.equal(clock.pending, 0);
  });

  test('end together when the last has ended', async () => {
    const { client, over } = channels([81]);
    await over;
    assert.equal(client.closeCode, 1000);
  });
});

test('a port is a number from 1 to 65535', () => {
  assert.deepEqual(['80', '65535', '0', '65536', '1e3', ' 80', undefined].map(portOf), [80, 65_535, 0, 0, 0, 0, 0]);
});

test('a client that pings and never reads costs no more memory than one that is slow', async () => {
  const { webSocket, connection } = acceptWebSocket(handshake, '');
  const { frame } = TestWebSocket.prototype;
  const ping = frame(9, Buffer.alloc(120));
  for (let at = 0; at < 200; at++) {
    connection.write(Buffer.concat(Array.from({ length: 100 }, () => ping)));
    await settle();
  }
  assert.ok(webSocket.bufferedAmount > 0 && webSocket.bufferedAmount < limits.webSocketUnreadBytesMax * 1.1);
  connection.destroy();
});
