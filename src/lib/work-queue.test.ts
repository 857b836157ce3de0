import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle, VirtualClock } from './clock.ts';
import { SeededPrng } from './prng.ts';
import { WorkQueue } from './work-queue.ts';

function makeQueue(): { clock: VirtualClock; queue: WorkQueue } {
  const clock = new VirtualClock();
  return { clock, queue: new WorkQueue({ clock, prng: new SeededPrng(1) }) };
}

test('a key added twice before it is taken is handed out once', async () => {
  const { queue } = makeQueue();
  queue.add('a');
  queue.add('b');
  queue.add('a');
  assert.equal(await queue.take(), 'a');
  assert.equal(await queue.take(), 'b');
  assert.equal(queue.depth, 0);
});

test('a key added while it is processed runs once more, and not before it is done', async () => {
  const { queue } = makeQueue();
  queue.add('a');
  await queue.take();
  queue.add('a');
  queue.add('a');
  assert.equal(queue.depth, 0);
  queue.done('a');
  assert.equal(queue.depth, 1);
  assert.equal(await queue.take(), 'a');
  queue.done('a');
  assert.equal(queue.depth, 0);
});

test('a waiting taker gets the key as soon as it is added', async () => {
  const { queue } = makeQueue();
  const first = queue.take();
  const second = queue.take();
  queue.add('a');
  queue.add('b');
  assert.deepEqual(await Promise.all([first, second]), ['a', 'b']);
});

test('of two delays of one key the earlier wins, whichever came first', async () => {
  for (const delays of [
    [50, 20],
    [20, 50],
  ]) {
    const { clock, queue } = makeQueue();
    for (const delay of delays) queue.addAfter('a', delay);
    await clock.advance(19);
    assert.equal(queue.depth, 0);
    await clock.advance(1);
    assert.equal(queue.depth, 1);
    await queue.take();
    queue.done('a');
    await clock.advance(100);
    assert.equal(queue.depth, 0);
    assert.equal(clock.pending, 0);
  }
});

test('many delayed keys come out in order of their time with one timer set', async () => {
  const { clock, queue } = makeQueue();
  for (const delay of [30, 10, 20]) queue.addAfter(`key-${delay}`, delay);
  assert.equal(clock.pending, 1);
  await clock.advance(30);
  assert.deepEqual([await queue.take(), await queue.take(), await queue.take()], ['key-10', 'key-20', 'key-30']);
});

test('failures double the wait from 5 ms up to 1000 s, with at most a tenth of jitter, until forgotten', () => {
  const { queue } = makeQueue();
  let expectedMs = 5;
  for (let failure = 0; failure < 25; failure++) {
    const delayMs = queue.addRateLimited('a');
    assert.ok(delayMs >= expectedMs && delayMs <= expectedMs * 1.1, `${delayMs} after ${failure} failures`);
    expectedMs = Math.min(1_000_000, expectedMs * 2);
  }
  queue.forget('a');
  assert.ok(queue.addRateLimited('a') < 6);
});

test('shutting down drops what is ready, waits for what is processed, and ends the takers', async () => {
  const { clock, queue } = makeQueue();
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 10);
  await queue.take();
  let down = false;
  const shutDown = queue.shutDown().then(() => {
    down = true;
  });
  await settle();
  assert.equal(down, false);
  assert.equal(await queue.take(), undefined);
  queue.add('d');
  queue.done('a');
  await shutDown;
  assert.equal(queue.depth, 0);
  assert.equal(clock.pending, 0);
});

test('a draining queue still hands out what is ready, also a key that was added while processed', async () => {
  const { queue } = makeQueue();
  queue.add('a');
  queue.add('b');
  await queue.take();
  queue.add('a');
  const shutDown = queue.shutDown({ drain: true });
  assert.equal(await queue.take(), 'b');
  queue.done('b');
  queue.done('a');
  assert.equal(await queue.take(), 'a');
  queue.done('a');
  await shutDown;
  assert.equal(await queue.take(), undefined);
});

test('fractions of milliseconds do not become a busy loop', async () => {
  const { clock, queue } = makeQueue();
  for (let failure = 0; failure < 12; failure++) {
    queue.addRateLimited('a');
    queue.addAfter('b', 1000 / 3);
    await clock.advance(30_000.7);
    assert.deepEqual([await queue.take(), await queue.take()].sort(), ['a', 'b']);
    queue.done('a');
    queue.done('b');
  }
});
