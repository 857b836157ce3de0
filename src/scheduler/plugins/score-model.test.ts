/** Filters and scores of plugins that look at little more than a node, beside models that compute them anew from the objects alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  Node,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Pod,
  Taint,
  Toleration,
  TopologySpreadConstraint,
} from '../../api/schema/types/core-v1.ts';
import { nextInt, SeededPrng } from '../../lib/prng.ts';
import { makeNode, makePod } from '../testing.ts';
import { imageLocality } from './image-locality.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { taintToleration } from './taint-toleration.ts';
import { answers, type Cluster, scoresOf } from './testing.ts';

type Labels = Readonly<Record<string, string>>;
const labelsOf = ({ metadata }: Node | Pod): Labels => metadata?.labels ?? {};
const nameOf = ({ metadata }: Node | Pod): string => metadata?.name ?? '';

class Chance {
  readonly #prng: SeededPrng;

  constructor(seed: number) {
    this.#prng = new SeededPrng(seed);
  }

  below(count: number): number {
    return nextInt(this.#prng, count);
  }

  oneOf<T>(...values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  listOf<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}

const mebibyte = 1024 * 1024;

function randomTaint(chance: Chance): Taint {
  const value = chance.oneOf('1', '2', undefined);
  return {
    key: chance.oneOf('a', 'b'),
    ...(value !== undefined && { value }),
    effect: chance.oneOf('NoSchedule', 'PreferNoSchedule', 'NoExecute'),
  };
}

function randomToleration(chance: Chance): Toleration {
  const effect = chance.oneOf('NoSchedule' as const, 'PreferNoSchedule' as const, undefined);
  if (chance.below(3) === 0) {
    const key = chance.oneOf('a', 'b', undefined);
    return { operator: 'Exists', ...(key && { key }), ...(effect && { effect }) };
  }
  return { key: chance.oneOf('a', 'b'), value: chance.oneOf('1', '2', ''), ...(effect && { effect }) };
}

function randomNode(chance: Chance, index: number): Node {
  const zone = chance.oneOf('1', '2', '3', undefined);
  const sizes = { x: 900, y: 300, z: 40 };
  const images = (['x', 'y', 'z'] as const).filter(() => chance.below(2) === 0);
  const node = makeNode(`node-${index}`, {
    labels: { disk: chance.oneOf('ssd', 'hdd'), ...(zone && { zone }) },
    spec: { taints: chance.listOf(3, () => randomTaint(chance)) },
  });
  const list = images.map((image) => ({ names: [`${image}:latest`], sizeBytes: sizes[image] * mebibyte }));
  return { ...node, status: { ...node.status, images: list } };
}

function randomTerm(chance: Chance): NodeSelectorTerm {
  const matchExpressions = chance.listOf(2, (): NodeSelectorRequirement => {
    const operator = chance.oneOf(
      'In' as const,
      'NotIn' as const,
      'Exists' as const,
      'DoesNotExist' as const,
      'Gt' as const,
    );
    const key = operator === 'Gt' ? 'zone' : chance.oneOf('zone', 'disk');
    if (operator === 'Exists' || operator === 'DoesNotExist') return { key, operator };
    return { key, operator, values: operator === 'Gt' ? ['1'] : [chance.oneOf('1', '2', 'ssd')] };
  });
  const matchFields = chance.below(3) === 0 ? chance.listOf(2, () => randomField(chance)) : [];
  return { matchExpressions, matchFields };
}

const randomField = (chance: Chance): NodeSelectorRequirement => ({
  key: 'metadata.name',
  operator: chance.oneOf('In', 'NotIn'),
  values: [`node-${chance.below(5)}`, `node-${chance.below(5)}`],
});

const randomConstraint = (chance: Chance, topologyKey: string): TopologySpreadConstraint => ({
  topologyKey,
  maxSkew: 1 + chance.below(3),
  whenUnsatisfiable: 'ScheduleAnyway',
  labelSelector: { matchLabels: { app: chance.oneOf('x', 'y') } },
  nodeAffinityPolicy: chance.oneOf('Honor', 'Ignore'),
  nodeTaintsPolicy: chance.oneOf('Honor', 'Ignore'),
});

function randomPod(chance: Chance): Pod {
  const wanted = chance.oneOf(undefined, undefined, 'node-1');
  const terms = chance.listOf(2, () => randomTerm(chance));
  const nodeAffinityOf = {
    ...(terms.length > 0 && { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } }),
    preferredDuringSchedulingIgnoredDuringExecution: chance.listOf(3, () => ({
      weight: 1 + chance.below(9),
      preference: randomTerm(chance),
    })),
  };
  return makePod('new', {
    labels: { app: chance.oneOf('x', 'y') },
    spec: {
      containers: chance.oneOf(['x'], ['x', 'y'], ['z', 'absent']).map((image) => ({ name: image, image })),
      tolerations: chance.listOf(3, () => randomToleration(chance)),
      affinity: { nodeAffinity: nodeAffinityOf },
      topologySpreadConstraints: ['zone', 'kubernetes.io/hostname', 'disk']
        .filter(() => chance.below(2) === 0)
        .map((key) => randomConstraint(chance, key)),
      ...(wanted && { nodeName: wanted }),
      ...(chance.below(4) === 0 && { nodeSelector: { disk: 'ssd' } }),
    },
  });
}

function isTolerated(pod: Pod, taint: Taint): boolean {
  return (pod.spec?.tolerations ?? []).some(({ key, operator, value, effect }) => {
    const sameValue = operator === 'Exists' || (value ?? '') === (taint.value ?? '');
    return (key === undefined || key === taint.key) && sameValue && (effect === undefined || effect === taint.effect);
  });
}

const keepsAway = (pod: Pod, node: Node): boolean =>
  (node.spec?.taints ?? []).some((taint) => taint.effect !== 'PreferNoSchedule' && !isTolerated(pod, taint));

const dislikes = (pod: Pod, node: Node): number =>
  (node.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(pod, taint)).length;

function holds({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  const isNamed = value !== undefined && values.includes(value);
  const asked: Readonly<Record<string, boolean>> = {
    In: isNamed,
    NotIn: !isNamed,
    Exists: value !== undefined,
    DoesNotExist: value === undefined,
    Gt: Number(value) > Number(values[0]),
  };
  return asked[operator] ?? false;
}

function meets(term: NodeSelectorTerm, node: Node): boolean {
  const asked = [
    ...(term.matchExpressions ?? []).map((one) => holds(one, labelsOf(node)[one.key])),
    ...(term.matchFields ?? []).map((one) => holds(one, nameOf(node))),
  ];
  return asked.length > 0 && !asked.includes(false);
}

function suits({ spec }: Pod, node: Node): boolean {
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const isSelected = Object.entries(spec?.nodeSelector ?? {}).every(([key, value]) => labelsOf(node)[key] === value);
  return isSelected && (terms === undefined || terms.some((term) => meets(term, node)));
}

const preference = (pod: Pod, node: Node): number =>
  (pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
    .filter((term) => meets(term.preference, node))
    .reduce((sum, { weight }) => sum + weight, 0);

/** 0 … 100, the largest at 100. */
const shared = (raw: readonly number[]): number[] => {
  const most = Math.max(...raw);
  return raw.map((one) => (most === 0 ? 0 : Math.floor((one * 100) / most)));
};

function imageScore(pod: Pod, node: Node, nodes: readonly Node[]): number {
  const sizeOn = (image: string, where: Node): number =>
    where.status?.images?.find(({ names }) => names?.includes(`${image}:latest`))?.sizeBytes ?? 0;
  const images = (pod.spec?.containers ?? []).map(({ image = '' }) => image);
  const sum = images.reduce((total, image) => {
    const share = nodes.filter((other) => sizeOn(image, other) > 0).length / nodes.length;
    return total + Math.floor(sizeOn(image, node) * share);
  }, 0);
  const [least, most] = [23 * mebibyte, 1000 * mebibyte * images.length];
  return Math.floor((100 * (Math.min(most, Math.max(least, sum)) - least)) / (most - least));
}

function spreadScores(pod: Pod, { nodes, placed = [] }: Cluster): number[] {
  const constraints = pod.spec?.topologySpreadConstraints ?? [];
  const hasAll = (node: Node): boolean => constraints.every(({ topologyKey }) => labelsOf(node)[topologyKey]);
  const scored = nodes.filter(hasAll);
  const counts = (one: TopologySpreadConstraint, node: Node): boolean =>
    hasAll(node) &&
    (one.nodeAffinityPolicy === 'Ignore' || suits(pod, node)) &&
    (one.nodeTaintsPolicy !== 'Honor' || !keepsAway(pod, node));
  const standing = (one: TopologySpreadConstraint, on: (node: Node) => boolean): number =>
    placed.filter(([other, where]) => {
      const node = nodes.find((each) => nameOf(each) === where);
      return node && on(node) && labelsOf(other)['app'] === one.labelSelector?.matchLabels?.['app'];
    }).length;
  const rawOf = (node: Node): number => {
    let sum = 0;
    for (const one of constraints) {
      const isHost = one.topologyKey === 'kubernetes.io/hostname';
      const domain = labelsOf(node)[one.topologyKey];
      const inDomain = (other: Node): boolean => labelsOf(other)[one.topologyKey] === domain && counts(one, other);
      const count = standing(one, isHost ? (other) => other === node : inDomain);
      const domains = new Set(scored.map((other) => labelsOf(other)[one.topologyKey])).size;
      sum += count * Math.log((isHost ? scored.length : domains) + 2) + one.maxSkew - 1;
    }
    return Math.round(sum);
  };
  const raw = scored.map(rawOf);
  const [least, most] = [Math.min(...raw), Math.max(...raw)];
  return nodes.map((node) => {
    if (!hasAll(node)) return 0;
    return most === 0 ? 100 : Math.floor((100 * (most + least - rawOf(node))) / most);
  });
}

const spread = podTopologySpread({ defaultConstraints: [], defaultingType: 'List' });
const affinity = nodeAffinity({});

function compare(seed: number): void {
  const chance = new Chance(seed);
  const nodes = Array.from({ length: 1 + chance.below(5) }, (_, index) => randomNode(chance, index));
  const placed = Array.from(
    { length: chance.below(12) },
    (_, index) =>
      [makePod(`pod-${index}`, { labels: { app: chance.oneOf('x', 'y') } }), nameOf(chance.oneOf(...nodes))] as const,
  );
  const cluster = { nodes, placed };
  const pod = randomPod(chance);
  const byName = <T>(of: (node: Node, index: number) => T): Record<string, T> =>
    Object.fromEntries(nodes.map((node, index) => [nameOf(node), of(node, index)]));
  const fits = (plugin: typeof nodeName): Record<string, boolean> =>
    Object.fromEntries(Object.entries(answers(plugin, pod, cluster)).map(([name, said]) => [name, said === 'fits']));
  const wanted = pod.spec?.nodeName;
  assert.deepEqual(
    fits(nodeName),
    byName((node) => wanted === undefined || nameOf(node) === wanted),
    `name, seed ${seed}`,
  );
  assert.deepEqual(
    fits(taintToleration),
    byName((node) => !keepsAway(pod, node)),
    `taints, seed ${seed}`,
  );
  assert.deepEqual(
    fits(affinity),
    byName((node) => suits(pod, node)),
    `affinity, seed ${seed}`,
  );
  const scores = (plugin: typeof nodeName): Record<string, number> => {
    const found = scoresOf(plugin, pod, cluster);
    return found === 'skip' ? byName(() => 0) : found;
  };
  const unliked = shared(nodes.map((node) => dislikes(pod, node)));
  assert.deepEqual(
    scores(taintToleration),
    byName((_, index) => 100 - (unliked[index] ?? 0)),
    `dislikes, seed ${seed}`,
  );
  const preferred = shared(nodes.map((node) => preference(pod, node)));
  assert.deepEqual(
    scores(affinity),
    byName((_, index) => preferred[index] ?? 0),
    `preferences, seed ${seed}`,
  );
  assert.deepEqual(
    scores(imageLocality),
    byName((node) => imageScore(pod, node, nodes)),
    `images, seed ${seed}`,
  );
  if ((pod.spec?.topologySpreadConstraints ?? []).length === 0) return;
  const even = spreadScores(pod, cluster);
  assert.deepEqual(
    scores(spread),
    byName((_, index) => even[index] ?? 0),
    `spread, seed ${seed}`,
  );
}

test('what these plugins say is what the models say, on any cluster', () => {
  for (let seed = 1; seed <= 1500; seed++) compare(seed);
});
