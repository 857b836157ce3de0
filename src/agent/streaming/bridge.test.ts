import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { settle, VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { Bridge } from './bridge.ts';
import { connectionPair } from './connection-pair.ts';
import type { StreamOptions, TerminalSize } from './session.ts';
import { SpdyConnection } from './spdy/connection.ts';
import type { SpdyStream } from './spdy/stream.ts';
import { SpdyClient } from './spdy-client.ts';
import { everyStream, FakeSession, handshake, TestWebSocket } from './testing.ts';
import { acceptWebSocket } from './websocket.ts';
import { WebSocketClient } from './websocket-client.ts';

const success = '{"metadata":{},"status":"Success"}';

interface World {
  readonly clock: VirtualClock;
  readonly session: FakeSession;
  readonly bridge: Bridge;
  readonly sizes: (TerminalSize | undefined)[];
  readonly over: Promise<void>;
}

function bridged(client: WebSocketClient | SpdyClient, clock: VirtualClock, tty: boolean, failure?: Error): World {
  const session = new FakeSession();
  const sizes: (TerminalSize | undefined)[] = [];
  const open = async (size: TerminalSize | undefined): Promise<FakeSession> => {
    sizes.push(size);
    if (failure !== undefined) throw failure;
    return session;
  };
  const bridge = new Bridge(client, { clock, tty, open });
  return { clock, session, bridge, sizes, over: bridge.run() };
}

function overWebSocket(protocol = 'v5.channel.k8s.io', options: StreamOptions = everyStream, failure?: Error) {
  const { webSocket, connection, headers } = acceptWebSocket(
    { ...handshake, 'sec-websocket-protocol': protocol || 'none' },
    protocol,
  );
  const clock = new VirtualClock();
  const world = bridged(new WebSocketClient(webSocket, protocol, options), clock, options.tty, failure);
  return { ...world, headers, client: new TestWebSocket(connection) };
}

describe('a session over WebSocket', () => {
  test('confirms the handshake and the protocol', () => {
    const { headers, client } = overWebSocket();
    assert.deepEqual(headers, {
      'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      'sec-websocket-protocol': 'v5.channel.k8s.io',
    });
    client.destroy();
  });

  test('carries input, both outputs, and how it ended, in this order', async () => {
    const { session, client, over, clock } = overWebSocket();
    client.send(0, 'question');
    client.send(255, Buffer.of(0));
    await once(session.stdin, 'finish');
    assert.equal(String(session.stdin.read()), 'question');
    session.stdout.write('answer');
    session.stderr.write('complaint');
    await settle();
    session.stdout.write(', more');
    session.exit({ kind: 'exited', exitCode: 0 });
    await over;
    assert.deepEqual(
      [client.received(1), client.received(2), client.received(3)],
      ['answer, more', 'complaint', success],
    );
    assert.equal(client.frames[0]?.payload.toString('hex'), '01', 'a first message, empty');
    assert.equal(client.frames.at(-2)?.payload[0], 3, 'the status is last');
    assert.equal(client.closeCode, 1000);
    assert.equal(clock.pending, 0);
  });

  test('tells an exit code, and why nothing could be started', async () => {
    const exited = overWebSocket();
    await settle();
    exited.session.exit({ kind: 'exited', exitCode: 7 });
    await exited.over;
    assert.deepEqual(JSON.parse(exited.client.received(3)), {
      metadata: {},
      status: 'Failure',
      message: 'command terminated with non-zero exit code: exit status 7, exit code 7',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
    const failed = overWebSocket('v4.channel.k8s.io', everyStream, new Error('no such program'));
    await failed.over;
    assert.match(
      failed.client.received(3),
      /"message":"Internal error occurred: no such program","reason":"InternalError"/,
    );
  });

  test('of old protocols tells an error in plain words, and success by silence', async () => {
    const good = overWebSocket('');
    await settle();
    good.session.exit({ kind: 'exited', exitCode: 0 });
    await good.over;
    assert.equal(good.client.received(3), '');
    const bad = overWebSocket('channel.k8s.io');
    await settle();
    bad.session.exit({ kind: 'exited', exitCode: 2 });
    await bad.over;
    assert.match(bad.client.received(3), /^command terminated with non-zero exit code/);
  });

  test('speaks base64 where asked to', async () => {
    const { session, client, over } = overWebSocket('base64.channel.k8s.io');
    client.text(`0${Buffer.from('grüße').toString('base64')}`);
    const [input] = (await once(session.stdin, 'data')) as [Buffer];
    assert.equal(input.toString(), 'grüße');
    session.stdout.write('ok');
    session.exit({ kind: 'exited', exitCode: 0 });
    await over;
    const ones = client.frames.filter(({ opcode, payload }) => opcode === 1 && payload.toString().startsWith('1'));
    assert.equal(
      Buffer.from(ones.map(({ payload }) => payload.toString().slice(1)).join(''), 'base64').toString(),
      'ok',
    );
  });

  test('with a terminal starts in its size, and follows it', async () => {
    const { client, clock, session, sizes, over } = overWebSocket(undefined, {
      ...everyStream,
      stderr: false,
      tty: true,
    });
    client.send(4, '{"Width":80,"Height":24}\n');
    await settle();
    assert.deepEqual(sizes, [{ width: 80, height: 24 }]);
    client.send(4, '{"Width":1');
    client.send(4, '00,"Height":30}{"Width":-1,"Height":"x"}{"Width":99999999,"Height":1}');
    await settle();
    assert.deepEqual(session.sizes.at(-1), { width: 100, height: 30 });
    session.exit({ kind: 'exited', exitCode: 0 });
    await over;
    assert.equal(clock.pending, 0);
  });

  test('with a terminal that tells no size starts without', async () => {
    const { clock, sizes, client } = overWebSocket(undefined, { ...everyStream, tty: true });
    await settle();
    assert.deepEqual(sizes, []);
    await clock.advance(100);
    assert.deepEqual(sizes, [undefined]);
    client.destroy();
  });

  test('hangs up when the client goes, and is over when the program is', async () => {
    const { client, session, over, clock } = overWebSocket();
    await settle();
    client.destroy();
    await settle();
    assert.deepEqual(session.calls, ['hangUp']);
    assert.equal(session.stdin.writableEnded, true);
    // Nobody reads, and the program is not held up.
    for (let piece = 0; piece < 100; piece++) session.stdout.write(Buffer.alloc(64 * 1024));
    await settle();
    assert.equal(session.stdout.writableLength, 0);
    session.exit({ kind: 'exited', exitCode: 0 });
    await over;
    assert.equal(clock.pending, 0);
  });

  test('holds a client back whose input nobody reads, and keeps it patient within bounds', async () => {
    const { client, session, clock } = overWebSocket();
    await settle();
    const piece = Buffer.alloc(256 * 1024, 'x');
    for (let sent = 0; sent < 64; sent++) client.send(0, piece);
    await settle();
    const heldMax = 3 * 1024 * 1024;
    const held = (): number => session.stdin.readableLength + session.stdin.writableLength;
    assert.ok(held() < heldMax);
    client.frames.length = 0;
    for (let beat = 0; beat < 3; beat++) await clock.advance(10_000);
    assert.equal(client.frames.filter(({ opcode }) => opcode === 10).length, 3, 'a pong with each heartbeat');
    let bytes = 0;
    session.stdin.on('data', (data: Buffer) => (bytes += data.length));
    while (bytes < 64 * piece.length) await settle();
    assert.equal(bytes, 64 * piece.length, 'and all of it comes when it is read');
    client.destroy();
    session.exit({ kind: 'exited', exitCode: 0 });
  });

  test('is stopped with an error when its node stops, and when it was idle for hours', async () => {
    for (const stop of [
      async ({ bridge }: World) => bridge.stop('the node is shutting down'),
      async ({ clock }: World) => clock.advance(limits.streamingIdleMsMax + 20_000),
    ]) {
      const world = overWebSocket();
      await settle();
      await stop(world);
      await world.over;
      assert.match(
        world.client.received(3),
        /"status":"Failure","message":"Internal error occurred: the (node|session)/,
      );
      assert.deepEqual(world.session.calls.includes('kill'), true);
      assert.equal(world.clock.pending, 0);
    }
  });

  test('refuses a handshake that is none', () => {
    assert.throws(() => acceptWebSocket({ ...handshake, 'sec-websocket-key': 'short' }, ''), { code: 400 });
    assert.throws(() => acceptWebSocket({ ...handshake, 'sec-websocket-version': '7' }, ''), { code: 400 });
  });

  test('with a message that is too large is closed with 1009', async () => {
    const { client, session, over } = overWebSocket();
    await settle();
    const head = client.frame(2, Buffer.alloc(200)).subarray(0, 14);
    head.writeBigUInt64BE(BigInt(limits.webSocketMessageBytesMax + 1), 2);
    client.write(head);
    await client.closed();
    assert.equal(client.closeCode, 1009);
    session.exit({ kind: 'exited', exitCode: 0 });
    await over;
  });

  test('survives any frames at all', async () => {
    const prng = new SeededPrng(55);
    const number = (max: number): number => Math.floor(prng.next() * max);
    const noise = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, () => number(256)));
    const protocols = ['v5.channel.k8s.io', 'base64.channel.k8s.io', ''];
    for (let round = 0; round < 1000; round++) {
      const { client, session, over } = overWebSocket(protocols[round % 3]);
      for (let sent = 0; sent < 5; sent++) {
        const body = Buffer.concat([Buffer.of([0, 4, 255, 3, 48, 52][number(6)] ?? 0), noise(number(40))]);
        client.write(
          prng.next() < 0.2 ? noise(50) : client.frame(number(16), body, number(2) * 0x80 + number(2) * 0x40),
        );
      }
      await settle();
      client.destroy();
      session.exit({ kind: 'exited', exitCode: 0 });
      await over;
    }
  });
});

function overSpdy(protocol = 'v4.channel.k8s.io', options: StreamOptions = everyStream) {
  const [ours, theirs] = connectionPair();
  const clock = new VirtualClock();
  const world = bridged(new SpdyClient(ours, protocol, options, clock), clock, options.tty);
  const client = new SpdyConnection(theirs, { role: 'client' });
  const open = (streamtype: string): SpdyStream => client.open({ streamtype });
  const text = (stream: SpdyStream): (() => string) => {
    let all = '';
    stream.on('data', (piece: Buffer) => (all += piece.toString()));
    return () => all;
  };
  return { ...world, client, open, text };
}

describe('a session over SPDY', () => {
  test('begins when all streams are there, and ends each of them', async () => {
    const { open, text, session, over, sizes, clock } = overSpdy();
    const error = text(open('error'));
    const stdin = open('stdin');
    const stdout = text(open('stdout'));
    await settle();
    assert.deepEqual(sizes, []);
    const stderr = text(open('stderr'));
    await stdin.ready;
    stdin.end('question');
    await once(session.stdin, 'finish');
    session.stdout.write('answer');
    session.stderr.write('complaint');
    session.exit({ kind: 'exited', exitCode: 0 });
    await over;
    assert.deepEqual([stdout(), stderr(), error()], ['answer', 'complaint', success]);
    assert.equal(clock.pending, 0);
  });

  test('whose streams do not come is closed', async () => {
    const { open, client, clock, over, sizes } = overSpdy();
    open('error');
    await clock.advance(limits.streamCreationMsMax);
    await over;
    assert.equal(client.hasEnded, true);
    assert.deepEqual(sizes, []);
    assert.equal(clock.pending, 0);
  });

  test('refuses streams that were not asked for, and one that comes twice', async () => {
    const { open, client, over, session } = overSpdy();
    for (const name of ['resize', 'nonsense']) await assert.rejects(open(name).ready);
    await open('error').ready;
    await assert.rejects(open('error').ready);
    client.destroy();
    session.exit({ kind: 'exited', exitCode: 0 });
    await over;
  });

  test('hangs up when the client goes', async () => {
    const { open, client, session, over } = overSpdy();
    const streams = ['error', 'stdin', 'stdout', 'stderr'].map(open);
    await Promise.all(streams.map((stream) => stream.ready));
    await settle();
    client.destroy();
    await settle();
    assert.deepEqual(session.calls, ['hangUp']);
    session.exit({ kind: 'exited', exitCode: 0 });
    await over;
  });

  test('goes on without an output that the client has given up', async () => {
    const { open, text, session, over } = overSpdy();
    const error = text(open('error'));
    const [stdin, stdout, stderr] = ['stdin', 'stdout', 'stderr'].map(open) as [SpdyStream, SpdyStream, SpdyStream];
    await Promise.all([stdin.ready, stdout.ready, stderr.ready]);
    stdout.destroy();
    await settle();
    for (let piece = 0; piece < 100; piece++) session.stdout.write(Buffer.alloc(64 * 1024));
    await settle();
    session.exit({ kind: 'exited', exitCode: 3 });
    await over;
    assert.match(error(), /exit code 3/);
  });
});
