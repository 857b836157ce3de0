import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { priorityOf } from '../pod-facts.ts';
import { makeNode, makePod, makeProfile, makeSnapshot, makeWorld } from '../testing.ts';
import { type QueueRules, SchedulingQueue } from './scheduling-queue.ts';

const profile = makeProfile();

function makeQueue(): { readonly clock: VirtualClock; readonly queue: SchedulingQueue } {
  const clock = new VirtualClock();
  const world = makeWorld(makeSnapshot([]));
  const rules: QueueRules = {
    isHeldBack: (pod, by) => by.heldBack(pod, world) !== undefined,
    priorityOf,
  };
  return {
    clock,
    queue: new SchedulingQueue(clock, { initialBackoffMs: 1000, maxBackoffMs: 10_000 }, () => {}, rules),
  };
}

const nameOf = (pod: Pod | undefined): string | undefined => pod?.metadata?.name;
const popName = (queue: SchedulingQueue): string | undefined => nameOf(queue.pop()?.pod);

test('the most important pod comes first, then the one that came first', () => {
  const { queue } = makeQueue();
  for (const [name, priority] of [
    ['a', 0],
    ['b', 5],
    ['c', 0],
    ['d', 5],
  ] as const) {
    queue.add(makePod(name, { spec: { priority } }), profile);
  }
  assert.deepEqual(
    [popName(queue), popName(queue), popName(queue), popName(queue), popName(queue)],
    ['b', 'd', 'a', 'c', undefined],
  );
});

test('a change wakes those whom it may help, by who refused them, and nobody else', () => {
  const { queue } = makeQueue();
  const tolerant = makePod('tolerant', { spec: { tolerations: [{ operator: 'Exists' }] } });
  const plain = makePod('plain');
  for (const pod of [tolerant, plain]) queue.add(pod, profile);
  for (const pod of [tolerant, plain]) {
    queue.pop();
    queue.park(pod, new Set(['TaintToleration']));
  }
  const after = makeNode('node', { spec: { taints: [{ key: 'only', effect: 'NoSchedule' }] } });
  queue.changed({ kinds: ['AssignedPodDelete'], before: makePod('gone') });
  assert.equal(queue.sizes.unschedulable, 2);
  queue.changed({ kinds: ['NodeAdd'], after });
  assert.deepEqual([queue.sizes.unschedulable, popName(queue), popName(queue)], [1, 'tolerant', undefined]);
});

test('a pod that nobody in particular refused is woken by anything', () => {
  const { queue } = makeQueue();
  queue.add(makePod('pod'), profile);
  queue.pop();
  queue.park(makePod('pod'), new Set());
  queue.changed({ kinds: ['NodeLabel'], before: makeNode('a'), after: makeNode('a') });
  assert.equal(popName(queue), 'pod');
});

test('after an error the back-off is sat out, doubled each time up to ten seconds', async () => {
  const { clock, queue } = makeQueue();
  const pod = makePod('pod');
  queue.add(pod, profile);
  const waits: number[] = [];
  for (let attempt = 0; attempt < 6; attempt++) {
    assert.equal(popName(queue), 'pod');
    queue.retry(pod, profile);
    let waitedMs = 0;
    for (; queue.sizes.active === 0; waitedMs += 500) {
      assert.equal(queue.pop(), undefined);
      await clock.advance(500);
    }
    waits.push(waitedMs);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 10_000, 10_000]);
  queue.close();
  assert.equal(clock.pending, 0);
});

test('what nothing wakes is looked at again after five minutes', async () => {
  const { clock, queue } = makeQueue();
  queue.add(makePod('pod'), profile);
  queue.pop();
  queue.park(makePod('pod'), new Set(['NodeAffinity']));
  await clock.advance(4.5 * 60_000);
  assert.equal(queue.pop(), undefined);
  await clock.advance(60_000);
  assert.equal(popName(queue), 'pod');
  queue.close();
});

test('a pod behind gates waits until they are gone', () => {
  const { queue } = makeQueue();
  const gated = makePod('pod', { spec: { schedulingGates: [{ name: 'example.com/wait' }] } });
  queue.add(gated, profile);
  assert.deepEqual([queue.pop(), queue.sizes.gated], [undefined, 1]);
  queue.add(makePod('pod'), profile);
  assert.equal(popName(queue), 'pod');
});

test('a pod for which room is being made sleeps on changes until it is let go', () => {
  const { queue } = makeQueue();
  const pod = makePod('pod');
  queue.add(pod, profile);
  queue.pop();
  queue.park(pod, new Set(['NodeResourcesFit']));
  queue.hold('default/pod');
  queue.changed({ kinds: ['AssignedPodDelete'], before: makePod('victim') });
  assert.equal(queue.pop(), undefined);
  queue.letGo('default/pod');
  queue.changed({ kinds: ['AssignedPodDelete'], before: makePod('victim') });
  assert.equal(popName(queue), 'pod');
});

test('a pod of a group is taken out of its turn, but not from its gates, nor while it sits a failure out', () => {
  const { queue } = makeQueue();
  const [active, parked, failed] = [makePod('active'), makePod('parked'), makePod('failed')];
  const gated = makePod('gated', { spec: { schedulingGates: [{ name: 'gate' }] } });
  for (const pod of [parked, failed]) {
    queue.add(pod, profile);
    queue.pop();
  }
  queue.park(parked, new Set(['NodeResourcesFit']));
  queue.retry(failed, profile);
  for (const pod of [active, gated]) queue.add(pod, profile);
  const taken = ['active', 'parked', 'failed', 'gated', 'nobody'].map((name) => queue.take(`default/${name}`));
  assert.deepEqual(
    taken.map((popped) => nameOf(popped?.pod)),
    ['active', 'parked', undefined, undefined, undefined],
  );
  assert.deepEqual([taken[1]?.attempts, popName(queue)], [2, undefined]);
});
