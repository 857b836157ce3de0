/** What the scheduler still holds when very many pods, no two alike, have come and gone: objects are counted, not bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryObjects } from 'node:v8';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { VirtualClock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import { SeededPrng } from '../lib/prng.ts';
import { decide, refusingPlugins } from './decide.ts';
import { DisruptionBudgets } from './disruption-budgets.ts';
import { ClassMemory, Remembered } from './framework/node-memory.ts';
import { PodGroups } from './gang/pod-groups.ts';
import { PodFacts } from './pod-facts.ts';
import { decidePreemption, newPreemptionMemory } from './preemption.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { LabelGroup } from './snapshot/label-groups.ts';
import { PodCounter } from './snapshot/pod-counters.ts';
import { TermGroup } from './snapshot/term-index.ts';
import { makeNode, makePod, makeProfile, makeSnapshot, makeWorld } from './testing.ts';

const podCount = 10_000;

/** Its own labels, terms, requests, tolerations and group. */
function unlikeAnyOther(index: number): Pod {
  const labels = { app: `app-${index}` };
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels } };
  return makePod(`p${index}`, {
    cpu: `${index + 1}m`,
    labels,
    namespace: `namespace-${index}`,
    spec: {
      priority: index,
      tolerations: [{ key: `key-${index}`, operator: 'Exists' }],
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: labels },
        },
      ],
      schedulingGroup: { podGroupName: `group-${index}` },
    },
  });
}

test('ten thousand pods of as many classes, when they are gone, leave no more than the limits say', () => {
  const clock = new VirtualClock();
  const profile = makeProfile();
  const groups = new PodGroups();
  const snapshot = makeSnapshot(
    Array.from({ length: 3 }, (_, at) => makeNode(`n${at}`, { labels: { zone: `z${at}` } })),
  );
  const world = makeWorld(snapshot, { groups });
  const prng = new SeededPrng(1);
  const memory = newPreemptionMemory();
  const settings = { initialBackoffMs: 1000, maxBackoffMs: 10_000 };
  const queue = new SchedulingQueue(clock, settings, () => {}, { isHeldBack: () => false, priorityOf: () => 0 });
  const budgets = new DisruptionBudgets();
  const args = profile.plan.preemption;
  assert.ok(args !== undefined);
  for (let index = 0; index < podCount; index++) {
    const pod = unlikeAnyOther(index);
    groups.setPod(pod);
    queue.add(pod, profile);
    queue.pop();
    const facts = new PodFacts(pod);
    const decision = decide(facts, profile, world, prng);
    world.nominations.set(facts, 'n0');
    if (decision.kind === 'node') snapshot.setPod(facts, decision.node.name);
    else {
      decidePreemption({ pod: facts, decision, world, budgets, args, prng, memory });
      queue.park(pod, refusingPlugins(decision.refusals));
    }
    queue.remove(facts.key);
    world.nominations.remove(facts.key);
    snapshot.removePod(facts.key);
    groups.removePod(pod);
  }
  const held = (constructor: new (...args: never[]) => object): number =>
    queryObjects(constructor, { format: 'count' });
  const counts = { classes: held(ClassMemory), findings: held(Remembered), counters: held(PodCounter) };
  const [pods, labelGroups, termGroups] = [held(PodFacts), held(LabelGroup), held(TermGroup)];
  // Whoever holds them is still there, and has been used.
  assert.ok(profile.memory.work.asked >= podCount && memory instanceof Remembered);
  assert.equal(groups.of(unlikeAnyOther(0)), undefined);
  assert.deepEqual([snapshot.nodes.length, queue.size, world.nominations.size], [3, 0, 0]);
  assert.deepEqual([labelGroups, termGroups], [0, 0]);
  assert.equal(counts.classes, limits.schedulerClassesMax);
  assert.ok(counts.findings <= limits.schedulerClassesMax + 1, `${counts.findings} findings`);
  assert.equal(counts.counters, limits.schedulerCountersMax);
  // Of each class that is remembered its first pod, which its plans ask.
  assert.ok(pods <= 4 * limits.schedulerClassesMax, `${pods} pods`);
  queue.close();
});
