/**
 * Decisions, which remember by class what plugins said, against a slow model that remembers nothing and asks every plugin about every node:
 * random clusters that change step by step. A failure names its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '../api/schema/types/core-v1.ts';
import { nextInt, SeededPrng } from '../lib/prng.ts';
import { type Decision, decide } from './decide.ts';
import type { Refusal, World } from './framework/plugin.ts';
import type { Profile } from './framework/profile.ts';
import { PodFacts } from './pod-facts.ts';
import { type NodeInfo, TrialNode } from './snapshot/snapshot.ts';
import { makeNode, makePod, makeProfile, makeSnapshot, makeWorld } from './testing.ts';

/** What each node says to the pod: the first refusal, in the order of the plugins. */
function refusalOf(pod: PodFacts, { plan }: Profile, world: World, node: NodeInfo): Refusal | undefined {
  for (const { filter } of plan.filter) {
    const found = filter?.(pod, world) ?? 'skip';
    if (found === 'skip') continue;
    if ('refused' in found) return found.refused;
    const refused = found.refuse(node);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** As if those who were promised room and are no less important were there; and, since they may never come, as it is. */
function refusalWithNominated(pod: PodFacts, profile: Profile, world: World, node: NodeInfo): Refusal | undefined {
  const trial = new TrialNode(node);
  for (const other of world.nominations.before(pod, node)) trial.bring(other);
  return refusalOf(pod, profile, world, trial) ?? refusalOf(pod, profile, world, node);
}

/** The names of the best of `nodes`. */
function bestOf(pod: PodFacts, { plan }: Profile, world: World, nodes: readonly NodeInfo[]): Set<string> {
  const totals = nodes.map(() => 0);
  for (const { plugin, weight } of plan.score) {
    const found = plugin.score?.(pod, world, nodes) ?? 'skip';
    if (found === 'skip') continue;
    const scores = Float64Array.from(nodes, (node) => found.score(node));
    found.normalize?.(scores);
    for (const [position, score] of scores.entries()) totals[position] = (totals[position] ?? 0) + weight * score;
  }
  const highest = Math.max(...totals);
  return new Set(nodes.filter((_, position) => totals[position] === highest).map(({ name }) => name));
}

function compare(pod: PodFacts, profile: Profile, world: World, decision: Decision, where: string): void {
  const refused = new Map(
    world.snapshot.nodes.map((node) => [node.name, refusalWithNominated(pod, profile, world, node)]),
  );
  const feasible = world.snapshot.nodes.filter(({ name }) => refused.get(name) === undefined);
  if (decision.kind === 'node') {
    const promised = world.nominations.nodeOf(pod.key);
    const takesIt = promised !== undefined && refused.has(promised) && refused.get(promised) === undefined;
    const expected = takesIt ? new Set([promised]) : bestOf(pod, profile, world, feasible);
    assert.ok(expected.has(decision.node.name), `${decision.node.name} is not among ${[...expected].join()}: ${where}`);
    return;
  }
  assert.deepEqual(
    feasible.map(({ name }) => name),
    [],
    where,
  );
  const { nodes, refusals } = decision.refusals;
  const told = new Map(nodes.map(({ name }, position) => [name, refusals[position]?.reasons.join()]));
  for (const [name, refusal] of refused) assert.equal(told.get(name), refusal?.reasons.join(), `${name}: ${where}`);
}

const spread = (app: string, whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway') => ({
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable, labelSelector: { matchLabels: { app } } },
  ],
});

class Chance {
  readonly prng: SeededPrng;

  constructor(seed: number) {
    this.prng = new SeededPrng(seed);
  }

  below(count: number): number {
    return nextInt(this.prng, count);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  node(index: number): Node {
    const effect = this.pick(['NoSchedule', 'PreferNoSchedule'] as const);
    const taints = this.below(3) === 0 ? { taints: [{ key: 'team', value: 'a', effect }] } : {};
    const labels = { zone: `z${this.below(3)}`, disk: this.pick(['ssd', 'hdd']) };
    return makeNode(`node-${index}`, { cpu: this.pick(['2', '4']), labels, spec: taints });
  }

  pod(name: string): Pod {
    const app = this.pick(['a', 'b']);
    const preference = { matchExpressions: [{ key: 'disk', operator: 'In' as const, values: ['ssd'] }] };
    const prefers = { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, preference }] };
    const spec = this.pick([
      {},
      {},
      { nodeSelector: { disk: 'ssd' } },
      { affinity: { nodeAffinity: prefers } },
      { tolerations: [{ operator: 'Exists' as const }] },
      spread(app, 'DoNotSchedule'),
      spread(app, 'ScheduleAnyway'),
    ]);
    const form = { cpu: this.pick(['500m', '1']), memory: '1Gi', labels: { app } };
    return makePod(name, { ...form, spec: { ...spec, priority: this.pick([0, 10]) } });
  }
}

/** Something else than a decision happens. */
function disturb(chance: Chance, world: World, nodeCount: number, standing: string[], step: number): void {
  const name = `node-${chance.below(nodeCount)}`;
  const kind = chance.below(5);
  if (kind === 0) world.snapshot.setNode(chance.node(chance.below(nodeCount)));
  else if (kind === 1) world.snapshot.removeNode(name);
  else if (kind === 2 && standing.length > 0)
    world.snapshot.removePod(standing.splice(chance.below(standing.length), 1)[0] ?? '');
  else if (kind === 3) world.nominations.set(new PodFacts(chance.pod(`nominated-${step}`)), name);
  else world.nominations.remove(`default/nominated-${step - 1 - chance.below(5)}`);
}

test('what is remembered by class leads to the same decisions as asking every plugin about every node', () => {
  // In the second profile a plugin that looks at other nodes comes before those that look at one alone.
  const early = {
    plugins: {
      filter: { enabled: [{ name: 'PodTopologySpread' }, { name: 'NodeResourcesFit' }], disabled: [{ name: '*' }] },
    },
  };
  for (const form of [{}, early]) {
    for (let seed = 1; seed <= 25; seed++) {
      const chance = new Chance(seed);
      const nodeCount = 3 + chance.below(6);
      const world = makeWorld(makeSnapshot(Array.from({ length: nodeCount }, (_, index) => chance.node(index))));
      const profile = makeProfile(form);
      const standing: string[] = [];
      for (let step = 0; step < 40; step++) {
        const pod = new PodFacts(chance.pod(`pod-${step}`));
        if (chance.below(4) === 0) world.nominations.set(pod, `node-${chance.below(nodeCount)}`);
        const start = chance.below(Math.max(1, world.snapshot.nodes.length));
        const decision = decide(pod, profile, world, chance.prng, start);
        compare(pod, profile, world, decision, `seed ${seed}, step ${step}`);
        world.nominations.remove(pod.key);
        if (decision.kind === 'node') {
          world.snapshot.setPod(pod, decision.node.name);
          standing.push(pod.key);
        }
        disturb(chance, world, nodeCount, standing, step);
      }
    }
  }
});
