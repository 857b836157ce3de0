import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { constants, createDeflate, createInflate, type Deflate } from 'node:zlib';
import { settle } from '../../../lib/clock.ts';
import { limits } from '../../../lib/limits.ts';
import { SeededPrng } from '../../../lib/prng.ts';
import { connectionPair } from '../connection-pair.ts';
import { SpdyConnection } from './connection.ts';
import { dictionary } from './dictionary.ts';
import { controlFrame, controlType, dataHead, FrameReader } from './frames.ts';
import { HeaderDecoder, HeaderEncoder } from './header-blocks.ts';
import type { SpdyStream } from './stream.ts';

/** To the end, and no further: what is written to the stream goes on. */
async function read(stream: SpdyStream): Promise<string> {
  let text = '';
  stream.on('data', (piece: Buffer) => (text += piece.toString()));
  if (!stream.readableEnded) await once(stream, 'end');
  return text;
}

function pair(opened: (stream: SpdyStream) => void) {
  const [ours, theirs] = connectionPair();
  const server = new SpdyConnection(ours, { role: 'server', opened });
  return { server, client: new SpdyConnection(theirs, { role: 'client' }) };
}

/** What zlib gives out up to its sync flush, which may come in pieces. */
async function flushedBlock(deflate: Deflate): Promise<Buffer> {
  let block: Buffer = Buffer.alloc(0);
  while (!block.subarray(-4).equals(Buffer.from([0, 0, 0xff, 0xff]))) {
    const piece = deflate.read() as Buffer | null;
    if (piece === null) await once(deflate, 'readable');
    else block = Buffer.concat([block, piece]);
  }
  return block;
}

describe('header blocks', () => {
  const all = [
    { streamtype: 'error', port: '80' },
    { streamtype: 'error', port: '80', requestid: '1' },
    {},
    { long: 'x'.repeat(50_000) },
    { streamtype: 'data' },
  ];

  test('are read back, one after another', () => {
    const encoder = new HeaderEncoder();
    const decoder = new HeaderDecoder();
    for (const headers of all) assert.deepEqual(decoder.decode(encoder.encode(headers)), headers);
  });

  test('are read by zlib as a stream, without waiting for the next', async () => {
    const encoder = new HeaderEncoder();
    const inflate = createInflate({ dictionary });
    for (const headers of all.slice(0, 2)) {
      inflate.write(encoder.encode(headers));
      const [raw] = (await once(inflate, 'data')) as [Buffer];
      assert.equal(raw.readUInt32BE(0), Object.keys(headers).length);
    }
  });

  test('that zlib made are read, compressed with what came before', async () => {
    const deflate = createDeflate({ dictionary });
    const decoder = new HeaderDecoder();
    for (let round = 0; round < 3; round++) {
      const name = Buffer.from('Streamtype');
      const value = Buffer.from('stdout');
      const count = (n: number): Buffer => Buffer.from([0, 0, 0, n]);
      deflate.write(Buffer.concat([count(1), count(name.length), name, count(value.length), value]));
      deflate.flush(constants.Z_SYNC_FLUSH);
      assert.deepEqual(decoder.decode(await flushedBlock(deflate)), { streamtype: 'stdout' });
    }
  });

  test('that unpack to too much are refused', async () => {
    const deflate = createDeflate({ dictionary });
    deflate.write(Buffer.alloc(10 * 1024 * 1024));
    deflate.flush(constants.Z_SYNC_FLUSH);
    const bomb = await flushedBlock(deflate);
    assert.ok(bomb.length < limits.spdyControlBytesMax);
    assert.throws(() => new HeaderDecoder().decode(bomb));
  });

  test('whose lengths reach past their end are refused', () => {
    const encoder = new HeaderEncoder();
    const block = encoder.encode({ a: 'b' });
    // The first stored block's bytes: a count of one, then a name of 4 GB.
    block.fill(0xff, 6 + 5 + 4, 6 + 5 + 8);
    assert.throws(() => new HeaderDecoder().decode(block), /past its block|out of range/);
  });
});

describe('frames', () => {
  test('come out the same however the bytes were cut', () => {
    const bytes = Buffer.concat([
      controlFrame(controlType.ping, 0, [7]),
      dataHead(1, 5, 0),
      Buffer.from('hello'),
      dataHead(3, 0, 1),
      controlFrame(controlType.goAway, 0, [1, 0]),
    ]);
    const seen = (size: number): string => {
      const events: string[] = [];
      const reader = new FrameReader({
        data: (id, piece, isLast) => events.push(`${id}:${piece.toString()}${isLast ? '.' : ''}`),
        control: (type, flags, body) => events.push(`c${type},${flags},${body.toString('hex')};`),
      });
      for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size));
      return events.join('').replaceAll(/1:/g, '');
    };
    assert.equal(seen(bytes.length), 'c6,0,00000007;hello3:.c7,0,0000000100000000;');
    for (const size of [1, 2, 3, 7, 11]) assert.equal(seen(size), seen(bytes.length));
  });

  test('of another version, and control frames that are too large, are refused', () => {
    const reader = (): FrameReader => new FrameReader({ data() {}, control() {} });
    assert.throws(() => reader().read(Buffer.from('80020001000000ff', 'hex')), /SPDY\/3/);
    assert.throws(() => reader().read(Buffer.from('8003000100ffffff', 'hex')), /too large/);
  });
});

describe('a SPDY connection', () => {
  test('carries streams both ways, each with its own end', async () => {
    const { client } = pair((stream) => {
      stream.reply();
      stream.on('data', (piece: Buffer) => stream.write(piece.toString().toUpperCase()));
      // The answer goes on after the end of the question.
      stream.once('end', () => stream.end(`, ${stream.headers['streamtype']}`));
    });
    const streams = ['one', 'two', 'three'].map((streamtype) => client.open({ streamtype }));
    await Promise.all(streams.map((stream) => stream.ready));
    streams.forEach((stream, index) => stream.end(`question ${index}`));
    assert.deepEqual(await Promise.all(streams.map(read)), ['QUESTION 0, one', 'QUESTION 1, two', 'QUESTION 2, three']);
    assert.equal(client.streamCount, 0);
  });

  test('sends no data before the stream was accepted', async () => {
    let accept = (): void => {};
    let received = '';
    const { client } = pair((stream) => {
      accept = () => stream.reply();
      stream.on('data', (piece: Buffer) => (received += piece.toString()));
    });
    client.open({}).write('early');
    await settle();
    assert.equal(received, '');
    accept();
    await settle();
    assert.equal(received, 'early');
  });

  test('keeps what came before a reset, and tells the writer', async () => {
    const { client } = pair((stream) => {
      stream.reply();
      stream.write('status');
      setImmediate(() => stream.destroy());
    });
    const stream = client.open({});
    await once(stream, 'broken');
    assert.equal(await read(stream), 'status');
    stream.write('more');
    const [error] = (await once(stream, 'error')) as [Error];
    assert.match(error.message, /reset/);
  });

  test('ends every stream when it ends', async () => {
    const { client, server } = pair((stream) => stream.reply());
    const stream = client.open({});
    await stream.ready;
    server.destroy();
    assert.equal(await read(stream), '');
    assert.equal(client.hasEnded, true);
  });

  test('holds the peer back when nobody reads, and goes on when somebody does', async () => {
    let unread: SpdyStream | undefined;
    const { client } = pair((stream) => {
      stream.reply();
      unread = stream;
    });
    const stream = client.open({});
    await stream.ready;
    let sent = 0;
    while (sent < 200 && stream.write(Buffer.alloc(64 * 1024))) {
      sent++;
      await settle();
    }
    assert.ok(sent < 40, `${sent} pieces of 64 KiB were taken`);
    unread?.resume();
    await once(stream, 'drain');
  });

  test('takes turns: two writers share a slow connection', async () => {
    const received = new Map<number, number>();
    const { client } = pair((stream) => {
      stream.reply();
      stream.on('data', (piece: Buffer) => received.set(stream.id, (received.get(stream.id) ?? 0) + piece.length));
    });
    const streams = [client.open({}), client.open({})];
    await Promise.all(streams.map((stream) => stream.ready));
    const bytes = 3 * 1024 * 1024;
    for (const stream of streams) stream.end(Buffer.alloc(bytes));
    await Promise.all(streams.map((stream) => once(stream, 'finish')));
    await settle();
    assert.deepEqual([...received.values()], [bytes, bytes]);
  });
});

/** The server's end of a connection whose other end a test writes to as it likes. */
function hostile() {
  const [ours, peer] = connectionPair();
  peer.on('error', () => {});
  const state = { streams: 0, closed: 0 };
  const connection = new SpdyConnection(ours, {
    role: 'server',
    opened: (stream) => {
      state.streams++;
      stream.reply();
      stream.resume();
    },
    closed: () => void state.closed++,
  });
  return { connection, peer, state };
}

describe('a hostile SPDY peer', () => {
  const open = (encoder: HeaderEncoder, id: number): Buffer =>
    controlFrame(
      controlType.synStream,
      0,
      [id, 0],
      Buffer.concat([Buffer.alloc(2), encoder.encode({ n: String(id) })]),
    );

  test('that opens streams without end is cut off', async () => {
    const { peer, state } = hostile();
    const encoder = new HeaderEncoder();
    peer.resume();
    for (let id = 1; id < 2 * (limits.spdyStreamsMax + 10) && !peer.destroyed; id += 2) {
      peer.write(open(encoder, id));
      if (id % 200 === 1) await settle();
    }
    await settle();
    assert.equal(state.closed, 1);
    assert.ok(state.streams <= limits.spdyStreamsMax);
  });

  test('that pings and never reads is cut off', async () => {
    const { peer, state } = hostile();
    const pings = Buffer.concat(Array.from({ length: 5000 }, () => controlFrame(controlType.ping, 0, [1])));
    for (let round = 0; round < 200 && state.closed === 0; round++) {
      peer.write(pings);
      await settle();
    }
    assert.equal(state.closed, 1);
  });

  test('may reuse ids, use ours, and name streams that are not there, to no effect', async () => {
    const { peer, state } = hostile();
    const encoder = new HeaderEncoder();
    peer.resume();
    peer.write(
      Buffer.concat([open(encoder, 3), open(encoder, 3), open(encoder, 1), open(encoder, 4), open(encoder, 5)]),
    );
    peer.write(Buffer.concat([dataHead(77, 3, 1), Buffer.from('abc'), controlFrame(controlType.reset, 0, [99, 1])]));
    await settle();
    assert.deepEqual(state, { streams: 2, closed: 0 });
  });

  test('that sends anything at all breaks nothing but its connection', async () => {
    const prng = new SeededPrng(36);
    const number = (max: number): number => Math.floor(prng.next() * max);
    const noise = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, () => number(256)));
    for (let round = 0; round < 2000; round++) {
      const { connection, peer } = hostile();
      peer.resume();
      for (let frame = 0; frame < 4; frame++) {
        const body = noise(number(60));
        const bytes = prng.next() < 0.2 ? noise(100) : controlFrame(1 + number(10), number(4), [1 + number(9)], body);
        if (!peer.destroyed) peer.write(bytes);
      }
      await new Promise((resolve) => setImmediate(resolve));
      connection.destroy();
    }
  });
});
