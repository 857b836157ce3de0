import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { priorityOf } from '../pod-facts.ts';
import { makeNode, makePod, makeProfile, makeSnapshot, makeWorld } from '../testing.ts';
import { type QueueRules, SchedulingQueue } from './scheduling-queue.ts';

const profile = makeProfile();

function makeQueue(entered: QueueRules['entered'] = () => {}): {
  readonly clock: VirtualClock;
  readonly queue: SchedulingQueue;
} {
  const clock = new VirtualClock();
  const world = makeWorld(makeSnapshot([]));
  const rules: QueueRules = {
    isHeldBack: (pod, by) => by.heldBack(pod, world) !== undefined,
    priorityOf,
    entered,
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

test('refusals and failures are counted apart: many refusals do not make the first failure wait long, nor the other way round', async () => {
  const { clock, queue } = makeQueue();
  const pod = makePod('pod');
  queue.add(pod, profile);
  const waits: number[] = [];
  for (const step of ['refused', 'refused', 'failed', 'failed', 'refused', 'failed'] as const) {
    assert.equal(popName(queue), 'pod');
    if (step === 'failed') queue.retry(pod, profile);
    else queue.park(pod, new Set());
    // Something else keeps the queue busy: else it would be taken from back-off before its time.
    queue.add(makePod('busy'), profile);
    queue.changed({ kinds: ['NodeAdd'], after: makeNode('node') });
    let waitedMs = 0;
    for (; queue.sizes.backoff === 1; waitedMs += 500) await clock.advance(500);
    waits.push(waitedMs);
    queue.remove('default/busy');
  }
  assert.deepEqual(waits, [1000, 2000, 1000, 2000, 4000, 1000]);
  queue.close();
});

test('of those whose back-off ends in the same second the most important comes first, of others the one whose ends first', async () => {
  const { clock, queue } = makeQueue();
  const refuse = (name: string, priority: number): void => {
    const pod = makePod(name, { spec: { priority } });
    queue.add(pod, profile);
    assert.equal(popName(queue), name);
    queue.park(pod, new Set());
  };
  const wakeAll = (): void => queue.changed({ kinds: ['NodeAdd'], after: makeNode('node') });
  // Twice: its back-off takes two seconds.
  refuse('late', 99);
  wakeAll();
  refuse('late', 99);
  refuse('low', 1);
  await clock.advance(300);
  refuse('high', 9);
  await clock.advance(300);
  wakeAll();
  assert.deepEqual([popName(queue), popName(queue), popName(queue)], ['high', 'low', 'late']);
  queue.close();
});

test('how long a pod has waited does not count the time behind its gates', async () => {
  const { clock, queue } = makeQueue();
  queue.add(makePod('pod', { spec: { schedulingGates: [{ name: 'x' }] } }), profile);
  await clock.advance(60_000);
  queue.add(makePod('pod'), profile);
  await clock.advance(3000);
  assert.equal(queue.pop()?.waitedMs, 3000);
});

test('a pod that was decided on and taken out goes on where it was, if the decision is taken back', async () => {
  const { clock, queue } = makeQueue();
  const pod = makePod('pod');
  queue.add(pod, profile);
  queue.add(makePod('later'), profile);
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 4; attempt++) {
    const popped = queue.pop();
    assert.deepEqual([nameOf(popped?.pod), popped?.attempts], ['pod', attempt]);
    if (popped === undefined) return;
    queue.remove('default/pod');
    queue.retry(pod, profile, popped);
    const sinceMs = clock.monotonic();
    while (queue.sizes.backoff > 0) await clock.advance(500);
    waits.push(clock.monotonic() - sinceMs);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000]);
  assert.equal(queue.pop()?.waitedMs, 15_000);
  assert.equal(popName(queue), 'later');
  queue.close();
});

test('who comes to which place is told, with the event', async () => {
  const told: string[] = [];
  const { clock, queue } = makeQueue((place, event) => told.push(`${place} ${event}`));
  const steps: readonly (readonly [() => unknown, ...string[]])[] = [
    [() => queue.add(makePod('pod'), profile), 'active UnscheduledPodAdd'],
    [() => queue.pop()],
    [() => queue.park(makePod('pod'), new Set()), 'unschedulable ScheduleAttemptFailure'],
    [
      () => queue.changed({ kinds: ['NodeAllocatable'], before: makeNode('a'), after: makeNode('a') }),
      'backoff NodeUpdateNodeAllocatable',
    ],
    [() => clock.advance(1000), 'active BackoffComplete'],
    [() => queue.pop()],
    [() => queue.park(makePod('pod'), new Set(['NodeName'])), 'unschedulable ScheduleAttemptFailure'],
    [() => clock.advance(340_000), 'active UnschedulableTimeout'],
    [() => queue.pop()],
    [() => queue.retry(makePod('pod'), profile), 'backoff ScheduleAttemptFailure'],
    [
      () => queue.add(makePod('gated', { spec: { schedulingGates: [{ name: 'x' }] } }), profile),
      'unschedulable UnscheduledPodAdd',
    ],
    [() => queue.add(makePod('gated'), profile), 'active UnscheduledPodUpdate'],
    [() => queue.remove('default/gated')],
  ];
  for (const [act, ...expected] of steps) {
    await act();
    assert.deepEqual(told.splice(0), expected);
  }
  queue.close();
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
