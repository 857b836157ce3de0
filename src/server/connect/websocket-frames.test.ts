import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { SeededPrng } from '../../lib/prng.ts';
import { FrameCutter, sendFrames } from './websocket-frames.ts';

/** A binary frame with a payload of so many bytes. */
function frame(bytes: number, mask: Buffer = Buffer.alloc(0)): Buffer {
  const masked = mask.length > 0 ? 0x80 : 0;
  let length = Buffer.of(masked | bytes);
  if (bytes > 125) {
    const isShort = bytes < 0x10000;
    length = Buffer.alloc(isShort ? 3 : 9);
    length[0] = masked | (isShort ? 126 : 127);
    if (isShort) length.writeUInt16BE(bytes, 1);
    else length.writeBigUInt64BE(BigInt(bytes), 1);
  }
  return Buffer.concat([Buffer.of(0x82), length, mask, Buffer.alloc(bytes, bytes)]);
}

const mask = Buffer.from('mask');
const frames = [frame(0), frame(3), frame(125), frame(126), frame(0), frame(70_000), frame(9, mask), frame(300, mask)];

test('frames that come together are cut apart', () => {
  assert.deepEqual(new FrameCutter().cut(Buffer.concat(frames)), frames);
});

test('bytes that come cut anywhere go on at once, and no piece reaches over the end of a frame', () => {
  const all = Buffer.concat(frames);
  const ends = new Set(frames.map((_, index) => Buffer.concat(frames.slice(0, index + 1)).length));
  for (let seed = 1; seed <= 50; seed++) {
    const prng = new SeededPrng(seed);
    const cutter = new FrameCutter();
    let at = 0;
    while (at < all.length) {
      const chunk = all.subarray(at, at + 1 + Math.floor(prng.next() * (seed % 2 ? 8 : 40_000)));
      for (const piece of cutter.cut(chunk)) {
        assert.ok(piece.length > 0 && piece.equals(all.subarray(at, at + piece.length)));
        const over = [...ends].filter((end) => end > at && end < at + piece.length);
        assert.deepEqual(over, [], `seed ${seed}`);
        at += piece.length;
      }
    }
    assert.equal(at, all.length);
  }
});

test('each is sent when the one before has gone out, and then the end', async () => {
  const from = new PassThrough();
  from.end(Buffer.concat(frames));
  const sent: Buffer[] = [];
  let isBusy = false;
  const to = new Writable({
    write(chunk: Buffer, _encoding, done) {
      assert.equal(isBusy, false);
      isBusy = true;
      sent.push(chunk);
      setImmediate(() => {
        isBusy = false;
        done();
      });
    },
    writev: () => assert.fail('two at once'),
  });
  await sendFrames(from, to);
  assert.deepEqual(sent, frames);
  assert.ok(to.writableEnded);
});

test('where the reader has gone, the rest is let go; a connection that breaks ends nothing', async () => {
  const from = new PassThrough();
  const gone = new PassThrough();
  gone.on('error', () => {});
  gone.destroy();
  from.end(Buffer.concat(frames));
  await sendFrames(from, gone);
  assert.ok(from.readableEnded);
  const broken = new PassThrough();
  const to = new PassThrough();
  const sending = sendFrames(broken, to);
  broken.destroy();
  await sending;
  assert.equal(to.writableEnded, false);
});
