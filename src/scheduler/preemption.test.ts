import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node, Pod, PodSpec } from '../api/schema/types/core-v1.ts';
import { nextInt, SeededPrng } from '../lib/prng.ts';
import { DisruptionBudgets } from './disruption-budgets.ts';
import { PodFacts } from './pod-facts.ts';
import {
  makeNode,
  makePod,
  makeProfile,
  makeSnapshot,
  makeWorld,
  placeOf,
  preemptOn,
  type Setting,
} from './testing.ts';

const prng = new SeededPrng(7);
const settingOf = (
  nodes: readonly Node[],
  placed: readonly (readonly [Pod, string])[],
  budgets = new DisruptionBudgets(),
): Setting => ({ world: makeWorld(makeSnapshot(nodes, placed)), profile: makeProfile(), prng, budgets });

const filler = (name: string, priority: number, cpu = '2', labels?: Record<string, string>): Pod =>
  makePod(name, { cpu, spec: { priority }, ...(labels && { labels }) });

const victimsOf = (pod: Pod, setting: Setting): readonly string[] => {
  const preemption = preemptOn(pod, setting);
  return preemption?.kind === 'victims'
    ? [preemption.node, ...preemption.victims.map(({ pod: victim }) => victim.metadata?.name ?? '')]
    : [preemption?.message ?? 'it fits'];
};

function budgetsFor(app: string, disruptionsAllowed: number): DisruptionBudgets {
  const budgets = new DisruptionBudgets();
  const spec = { selector: { matchLabels: { app } } };
  const status = { disruptionsAllowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 };
  budgets.set({ metadata: { namespace: 'default', name: 'budget' }, spec, status });
  return budgets;
}

describe('which pods go', () => {
  test('a budget that allows none sends preemption elsewhere, although more important pods go there', () => {
    const placed = [
      [filler('guarded', 1, '4', { app: 'a' }), 'a'],
      [filler('other', 5, '4'), 'b'],
    ] as const;
    const nodes = [makeNode('a'), makeNode('b')];
    assert.deepEqual(victimsOf(filler('pod', 10), settingOf(nodes, placed)), ['a', 'guarded']);
    assert.deepEqual(victimsOf(filler('pod', 10), settingOf(nodes, placed, budgetsFor('a', 0))), ['b', 'other']);
    assert.deepEqual(victimsOf(filler('pod', 10), settingOf(nodes, placed, budgetsFor('a', 1))), ['a', 'guarded']);
  });

  test('where nothing else helps, a budget is broken', () => {
    const setting = settingOf([makeNode('a')], [[filler('guarded', 1, '4', { app: 'a' }), 'a']], budgetsFor('a', 0));
    assert.deepEqual(victimsOf(filler('pod', 10), setting), ['a', 'guarded']);
  });

  test('on a node, those stay first whose loss would break a budget', () => {
    const placed = [
      [filler('guarded', 1, '2', { app: 'a' }), 'a'],
      [filler('important', 5, '2'), 'a'],
    ] as const;
    assert.deepEqual(victimsOf(filler('pod', 10), settingOf([makeNode('a')], placed, budgetsFor('a', 0))), [
      'a',
      'important',
    ]);
    assert.deepEqual(victimsOf(filler('pod', 10), settingOf([makeNode('a')], placed)), ['a', 'guarded']);
  });

  test('of equal losses, the pods that started last go', () => {
    const started = (name: string, startTime: string): Pod => ({ ...filler(name, 1, '4'), status: { startTime } });
    const placed = [
      [started('old', '2026-01-01T00:00:00Z'), 'a'],
      [started('young', '2026-01-02T00:00:00Z'), 'b'],
    ] as const;
    assert.deepEqual(victimsOf(filler('pod', 10), settingOf([makeNode('a'), makeNode('b')], placed)), ['b', 'young']);
  });

  test('a pod without labels is under no budget, whatever its selector says', () => {
    const budgets = new DisruptionBudgets();
    const spec = { selector: { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' as const }] } };
    const status = { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 };
    budgets.set({ metadata: { namespace: 'default', name: 'budget' }, spec, status });
    const placed = [
      [filler('bare', 1, '4'), 'a'],
      [filler('labelled', 1, '4', { tier: 'x' }), 'b'],
    ] as const;
    const setting = settingOf([makeNode('a'), makeNode('b')], placed, budgets);
    assert.deepEqual(victimsOf(filler('pod', 10), setting), ['a', 'bare']);
  });

  test('pods that keep the pod away by anti-affinity go, too', () => {
    const term = { labelSelector: { matchLabels: { app: 'x' } }, topologyKey: 'kubernetes.io/hostname' };
    const podAntiAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
    const placed = [[makePod('hermit', { spec: { priority: 1, affinity: { podAntiAffinity } } }), 'a']] as const;
    const pod = makePod('pod', { labels: { app: 'x' }, spec: { priority: 10 } });
    assert.deepEqual(victimsOf(pod, settingOf([makeNode('a')], placed)), ['a', 'hermit']);
  });
});

test('room that was promised to another is not made for both at once', () => {
  const placed = [
    [filler('one', 1, '2'), 'a'],
    [filler('two', 1, '2'), 'a'],
  ] as const;
  const setting = settingOf([makeNode('a')], placed);
  setting.world.nominations.set(new PodFacts(filler('first', 10, '2')), 'a');
  const preemption = preemptOn(filler('second', 10, '2'), setting);
  assert.equal(preemption?.kind === 'victims' ? preemption.victims.length : preemption?.message, 2);
});

describe('a pod for which room was made already', () => {
  const conditions = [
    {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ] as const;
  const ending: Pod = {
    ...filler('victim', 1, '4'),
    metadata: { namespace: 'default', name: 'victim', uid: 'v', deletionTimestamp: '2026-01-01T00:00:00Z' },
    status: { conditions },
  };
  const placed = [
    [ending, 'a'],
    [filler('other', 2, '4'), 'b'],
  ] as const;
  const nodes = [makeNode('a'), makeNode('b')];
  const promised = (spec: Partial<PodSpec> = {}): Pod => ({
    ...makePod('pod', { cpu: '2', spec: { priority: 10, ...spec } }),
    status: { nominatedNodeName: 'a' },
  });

  test('waits while its victims end', () => {
    assert.deepEqual(victimsOf(promised(), settingOf(nodes, placed)), [
      'not eligible due to a terminating pod on the nominated node.',
    ]);
  });

  test('makes room elsewhere where that node cannot take it any more', () => {
    const cordoned = [makeNode('a', { spec: { unschedulable: true } }), makeNode('b')];
    assert.deepEqual(victimsOf(promised(), settingOf(cordoned, placed)), ['b', 'other']);
  });

  test('likewise where it names other nodes alone', () => {
    const matchFields = [{ key: 'metadata.name', operator: 'In' as const, values: ['b'] }];
    const required = { nodeSelectorTerms: [{ matchFields }] };
    const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
    assert.deepEqual(victimsOf(promised({ affinity }), settingOf(nodes, placed)), ['b', 'other']);
  });

  test('a pod that ends for other reasons is not waited for', () => {
    const deleted: Pod = { ...ending, status: {} };
    const found = victimsOf(promised(), settingOf(nodes, [[deleted, 'a'], placed[1]]));
    assert.deepEqual(found, ['a', 'victim']);
  });
});

test('the message says of each node why making room there does not help', () => {
  const nodes = [makeNode('small', { cpu: '1' }), makeNode('full'), makeNode('mixed')];
  const placed = [
    [filler('equal', 10, '4'), 'full'],
    [filler('important', 10, '3'), 'mixed'],
    [filler('low', 1, '1'), 'mixed'],
  ] as const;
  assert.equal(
    placeOf(filler('pod', 10), settingOf(nodes, placed)),
    '0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 1 Insufficient cpu, ' +
      '1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
  );
});

test('whoever goes, the pod then fits, and no victim could have stayed', () => {
  for (let seed = 1; seed <= 150; seed++) {
    const chance = new SeededPrng(seed);
    const nodes = Array.from({ length: 4 }, (_, index) => makeNode(`node-${index}`));
    const placed = Array.from({ length: 12 }, (_, index): readonly [Pod, string] => [
      filler(`pod-${index}`, nextInt(chance, 12), `${500 + 500 * nextInt(chance, 3)}m`),
      `node-${nextInt(chance, 4)}`,
    ]);
    const pod = filler('new', 8, '2500m');
    const preemption = preemptOn(pod, settingOf(nodes, placed));
    if (preemption?.kind !== 'victims') continue;
    const cpuOf = (one: Pod): number =>
      Number.parseInt(one.spec?.containers?.[0]?.resources?.requests?.['cpu'] ?? '0', 10);
    const there = placed.filter(([, node]) => node === preemption.node).map(([one]) => one);
    const victims = new Set(preemption.victims.map((victim) => victim.pod));
    const free = 4000 - 2500 - there.filter((one) => !victims.has(one)).reduce((sum, one) => sum + cpuOf(one), 0);
    assert.ok(free >= 0, `the pod does not fit: seed ${seed}`);
    for (const victim of victims) {
      assert.ok((victim.spec?.priority ?? 0) < 8, `a victim is too important: seed ${seed}`);
      assert.ok(cpuOf(victim) > free, `${victim.metadata?.name} could have stayed: seed ${seed}`);
    }
  }
});
