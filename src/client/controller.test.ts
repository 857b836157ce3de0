import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle, VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import { after, ControlLoop, type ControlLoopOptions, done, type Reconcile } from './controller.ts';

function makeLoop(clock: VirtualClock, reconcile: Reconcile, more: Partial<ControlLoopOptions> = {}): ControlLoop {
  const prng = new SeededPrng(1);
  return new ControlLoop({ name: 'test', reconcile, informers: [], clock, prng, log: silentLogger, ...more });
}

test('nothing is reconciled before the caches have synced', async () => {
  const clock = new VirtualClock();
  const keys: string[] = [];
  let sync: () => void = () => {};
  const synced = new Promise<void>((resolve) => {
    sync = resolve;
  });
  const reconcile = async (key: string) => {
    keys.push(key);
    return done;
  };
  const loop = makeLoop(clock, reconcile, { informers: [{ synced }] });
  await loop.start();
  loop.queue.add('a');
  await settle();
  assert.deepEqual(keys, []);
  sync();
  await settle();
  assert.deepEqual(keys, ['a']);
  await loop.close();
});

test('what throws is tried again with back-off until it succeeds; the failures are then forgotten', async () => {
  const clock = new VirtualClock();
  let calls = 0;
  const loop = makeLoop(clock, async () => {
    if (++calls < 4) throw new Error('not yet');
    return done;
  });
  await loop.start();
  loop.queue.add('a');
  await clock.advance(100);
  assert.equal(calls, 4);
  assert.equal(loop.queue.failures('a'), 0);
  assert.deepEqual(loop.counts, { success: 1, requeue_after: 0, terminal: 0, conflict: 0, error: 3 });
  await loop.close();
});

test('an outcome with a time is looked at again then; a terminal one is not', async () => {
  const clock = new VirtualClock();
  const calls = new Map<string, number>();
  const loop = makeLoop(clock, async (key) => {
    calls.set(key, (calls.get(key) ?? 0) + 1);
    return key === 'later' ? after(1000) : { kind: 'terminal', error: new Error('never') };
  });
  await loop.start();
  loop.queue.add('later');
  loop.queue.add('never');
  await clock.advance(3500);
  assert.deepEqual(Object.fromEntries(calls), { later: 4, never: 1 });
  await loop.close();
  assert.equal(clock.pending, 0);
});

test('a key is never with two workers, and the workers run side by side', async () => {
  const clock = new VirtualClock();
  const running = new Set<string>();
  let most = 0;
  const loop = makeLoop(
    clock,
    async (key) => {
      assert.ok(!running.has(key));
      running.add(key);
      most = Math.max(most, running.size);
      await clock.sleep(10);
      running.delete(key);
      return done;
    },
    { workers: 3 },
  );
  await loop.start();
  for (let round = 0; round < 20; round++) {
    for (const key of ['a', 'b', 'c', 'd', 'e']) loop.queue.add(key);
    await clock.advance(7);
  }
  await clock.advance(100);
  assert.equal(most, 3);
  assert.equal(loop.counts.error, 0);
  await loop.close();
});

test('at the deadline the signal aborts', async () => {
  const clock = new VirtualClock();
  const loop = makeLoop(clock, async (_key, signal) => {
    await clock.sleep(1_000_000, signal);
    return done;
  });
  await loop.start();
  loop.queue.add('a');
  await clock.advance(60_000);
  assert.equal(loop.counts.error, 1);
  await loop.close();
});

test('closing asks what is under way to stop, waits for it, and drops the rest', async () => {
  const clock = new VirtualClock();
  const begun: string[] = [];
  const loop = makeLoop(
    clock,
    async (key, signal) => {
      begun.push(key);
      await clock.sleep(1_000_000, signal);
      return done;
    },
    { workers: 1 },
  );
  await loop.start();
  loop.queue.add('a');
  loop.queue.add('b');
  await settle();
  await loop.close();
  assert.deepEqual(begun, ['a']);
  assert.equal(clock.pending, 0);
});

test('a key that takes long is not waited for: others go on in its place, within bounds, and it is still with one worker', async () => {
  const clock = new VirtualClock();
  const begun: string[] = [];
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const loop = makeLoop(
    clock,
    async (key) => {
      begun.push(key);
      if (key.startsWith('slow')) await released;
      return done;
    },
    { workers: 2 },
  );
  await loop.start();
  for (let index = 0; index < 20; index++) loop.queue.add(`slow-${index}`);
  loop.queue.add('quick');
  await clock.advance(4000);
  assert.equal(begun.length, 2);
  await clock.advance(1000);
  assert.equal(begun.length, 4);
  loop.queue.add('slow-0');
  await clock.advance(3_600_000);
  assert.equal(begun.length, 10);
  assert.equal(new Set(begun).size, 10);
  release();
  await settle();
  assert.equal(begun.length, 22);
  assert.equal(begun.filter((key) => key === 'slow-0').length, 2);
  // Those that stood in for others are gone: it is as wide as before.
  await loop.close();
  assert.equal(clock.pending, 0);
});

test('a loop of one worker stays one, whatever it waits for', async () => {
  const clock = new VirtualClock();
  const begun: string[] = [];
  const loop = makeLoop(
    clock,
    async (key, signal) => {
      begun.push(key);
      await clock.sleep(30_000, signal);
      return done;
    },
    { workers: 1 },
  );
  await loop.start();
  loop.queue.add('a');
  loop.queue.add('b');
  await clock.advance(29_000);
  assert.deepEqual(begun, ['a']);
  await clock.advance(1000);
  assert.deepEqual(begun, ['a', 'b']);
  await loop.close();
});
