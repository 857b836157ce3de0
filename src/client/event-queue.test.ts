import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forbidden } from '../api/status-error.ts';
import { VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { unreachable } from './errors.ts';
import { EventQueue } from './event-queue.ts';

/** `answer` says what becomes of the n-th try of an event. */
function start(answer: (event: string, tries: number) => Promise<void>, pendingMax?: number) {
  const clock = new VirtualClock();
  const tries = new Map<string, number>();
  const write = (event: string): Promise<void> => {
    tries.set(event, (tries.get(event) ?? 0) + 1);
    return answer(event, tries.get(event) ?? 0);
  };
  const queue = new EventQueue<string>({ clock, log: silentLogger, write, pendingMax });
  return { clock, queue, tries };
}

test('where nobody answers all wait, and it is tried again until somebody does', async () => {
  const { clock, queue, tries } = start(async (event, count) => {
    if (event === 'a' && count < 4) throw unreachable('nobody there');
  });
  queue.add('a');
  queue.add('b');
  await clock.advance(29_000);
  assert.deepEqual(Object.fromEntries(tries), { a: 3 });
  await clock.advance(1000);
  assert.deepEqual(Object.fromEntries(tries), { a: 4, b: 1 });
});

test('it is not tried for ever', async () => {
  const { clock, queue, tries } = start(async () => {
    throw unreachable('nobody there');
  });
  queue.add('a');
  await clock.advance(24 * 3_600_000);
  assert.deepEqual(Object.fromEntries(tries), { a: 12 });
  assert.equal(clock.pending, 0);
});

test('what is refused is lost at once', async () => {
  const { clock, queue, tries } = start(async (event) => {
    if (event === 'a') throw forbidden({ group: '', kind: 'events', name: event }, 'the namespace is going');
  });
  queue.add('a');
  queue.add('b');
  await clock.advance(0);
  assert.deepEqual(Object.fromEntries(tries), { a: 1, b: 1 });
});

test('a write that never ends holds the others up for ten seconds, and is not made again', async () => {
  const { clock, queue, tries } = start((event) => (event === 'a' ? new Promise(() => {}) : Promise.resolve()));
  for (const event of ['a', 'b', 'c']) queue.add(event);
  await clock.advance(9000);
  assert.deepEqual(Object.fromEntries(tries), { a: 1 });
  await clock.advance(1000);
  assert.deepEqual(Object.fromEntries(tries), { a: 1, b: 1, c: 1 });
  assert.equal(clock.pending, 0);
});

test('what comes beyond the bound is lost, and what waits is not', async () => {
  const { clock, queue, tries } = start(async (_, count) => {
    if (count === 1) throw unreachable('nobody there');
  }, 3);
  for (const event of ['a', 'b', 'c', 'd']) queue.add(event);
  assert.ok(queue.isFull);
  await clock.advance(60_000);
  assert.deepEqual([...tries.keys()], ['a', 'b', 'c']);
});

test('a flush ends the waiting for another try', async () => {
  const { clock, queue, tries } = start(async () => {
    throw unreachable('nobody there');
  });
  queue.add('a');
  queue.add('b');
  await clock.advance(0);
  await queue.flush();
  assert.deepEqual(Object.fromEntries(tries), { a: 2, b: 1 });
  assert.equal(clock.pending, 0);
});

test('a closed queue tries what waits once more, takes nothing new, and leaves no timer behind', async () => {
  const { clock, queue, tries } = start(async () => {
    throw unreachable('nobody there');
  });
  queue.add('a');
  queue.add('b');
  await clock.advance(0);
  const closed = queue.close();
  queue.add('c');
  await closed;
  queue.add('d');
  await clock.advance(60_000);
  assert.deepEqual(Object.fromEntries(tries), { a: 2, b: 1 });
  assert.equal(clock.pending, 0);
});
