import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { makePod, makeProfile } from '../testing.ts';
import { SchedulingQueue } from './scheduling-queue.ts';

test('a pod that takes long to decide on sits its back-off out, also where nobody else waits; others of its group may bring it along', async () => {
  const clock = new VirtualClock();
  const profile = makeProfile();
  const queue = new SchedulingQueue(clock, { initialBackoffMs: 1000, maxBackoffMs: 10_000 }, () => {}, {
    isHeldBack: () => false,
    priorityOf: () => 0,
    sitsOut: ({ metadata }) => metadata?.name !== 'quick',
  });
  for (const name of ['quick', 'long', 'brought']) queue.add(makePod(name), profile);
  for (const name of ['quick', 'long', 'brought']) {
    assert.equal(queue.pop()?.pod.metadata?.name, name);
    queue.park(makePod(name), new Set(['TaintToleration']));
    queue.wake(`default/${name}`);
  }
  assert.equal(queue.pop()?.pod.metadata?.name, 'quick');
  assert.equal(queue.pop(), undefined);
  assert.equal(queue.take('default/brought')?.pod.metadata?.name, 'brought');
  await clock.advance(999);
  assert.equal(queue.pop(), undefined);
  await clock.advance(1);
  assert.equal(queue.pop()?.pod.metadata?.name, 'long');
  assert.equal(queue.pop(), undefined);
  queue.close();
});
