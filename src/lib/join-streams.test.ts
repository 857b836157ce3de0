import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, test } from 'node:test';
import { settle, VirtualClock } from './clock.ts';
import { joinStreams } from './join-streams.ts';

const lingerMsMax = 60_000;

function world() {
  const clock = new VirtualClock();
  const [left, a] = duplexPair();
  const [b, right] = duplexPair();
  for (const end of [left, right]) end.on('error', () => {});
  let isOver = false;
  const over = joinStreams(a, b, { clock, lingerMsMax }).then(() => {
    isOver = true;
  });
  return { clock, left, right, a, b, over, isOver: () => isOver };
}

async function read(stream: Duplex): Promise<string> {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(stream, 'end');
  return text;
}

describe('two joined connections', () => {
  test('carry both directions to their ends, and are closed then', async () => {
    const { left, right, over } = world();
    left.end('to the right');
    assert.equal(await read(right), 'to the right');
    right.end('to the left');
    assert.equal(await read(left), 'to the left');
    await over;
  });

  test('are cut a while after one has ended and the other does not', async () => {
    const { clock, left, right, isOver } = world();
    left.end();
    right.resume();
    await clock.advance(lingerMsMax - 1);
    assert.equal(isOver(), false);
    await clock.advance(1);
    assert.equal(isOver(), true);
    assert.equal(clock.pending, 0);
  });

  test('break together', async () => {
    const { a, b, over } = world();
    a.destroy(new Error('reset'));
    await over;
    assert.equal(b.destroyed, true);
  });

  test('go at the pace of the slower', async () => {
    const { left, right } = world();
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    while (written < 100 && left.write(chunk)) {
      written++;
      await settle();
    }
    assert.ok(written < 20, `${written} chunks were taken for a reader that does not read`);
    right.resume();
    await settle();
    assert.equal(left.writableNeedDrain, false);
  });

  test('do not begin where one is gone already', async () => {
    const clock = new VirtualClock();
    const [, a] = duplexPair();
    const [b] = duplexPair();
    a.destroy();
    await settle();
    await joinStreams(a, b, { clock, lingerMsMax });
    assert.equal(b.destroyed, true);
  });
});
