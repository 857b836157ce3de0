/**
 * How well each of the nodes that can take a pod suits it. Every plugin gives 0 to 100, and counts by its weight; plugins and weights are
 * upstream's defaults, as far as they are there.
 */
import type { Pod } from '../api/schema/types/core-v1.ts';
import { preferenceOf } from './plugins/node-affinity.ts';
import { unlikedTaints } from './plugins/taints.ts';
import type { PodRequests } from './requests.ts';
import type { NodeInfo } from './snapshot.ts';

interface Score {
  readonly weight: number;
  readonly score: (pod: Pod, requests: PodRequests, info: NodeInfo) => number;
  /** `raw` values that are not 0 to 100 are stretched so that the largest is 100; `reverse` makes the smallest best. */
  readonly normalize?: 'plain' | 'reverse';
}

/** The emptier, the better: the mean of the free parts of cpu and memory after the pod. */
const leastAllocated: Score = {
  weight: 1,
  score: (_pod, { scored }, info) => {
    const cpu = freePart(info.allocatable.get('cpu') ?? 0, info.scored.cpu + scored.cpu);
    const memory = freePart(info.allocatable.get('memory') ?? 0, info.scored.memory + scored.memory);
    return Math.floor((cpu + memory) / 2);
  },
};

const freePart = (allocatable: number, requested: number): number =>
  allocatable === 0 || requested > allocatable ? 0 : Math.floor(((allocatable - requested) * 100) / allocatable);

/** The more alike the used parts of cpu and memory, the better. */
const balancedAllocation: Score = {
  weight: 1,
  score: (_pod, { amounts }, info) => {
    const used = (name: string): number => {
      const allocatable = info.allocatable.get(name) ?? 0;
      if (allocatable === 0) return 1;
      return Math.min(1, ((info.requested.get(name) ?? 0) + (amounts.get(name) ?? 0)) / allocatable);
    };
    return Math.floor((1 - Math.abs(used('cpu') - used('memory')) / 2) * 100);
  },
};

const taintToleration: Score = {
  weight: 3,
  normalize: 'reverse',
  score: (pod, _requests, { node }) => unlikedTaints(pod, node),
};

const nodeAffinity: Score = {
  weight: 2,
  normalize: 'plain',
  score: (pod, _requests, { node }) => preferenceOf(pod, node),
};

const scores: readonly Score[] = [taintToleration, nodeAffinity, leastAllocated, balancedAllocation];

/** The weighted sums, in the order of `nodes`. */
export function scoreNodes(pod: Pod, requests: PodRequests, nodes: readonly NodeInfo[]): readonly number[] {
  const totals = nodes.map(() => 0);
  for (const { weight, score, normalize } of scores) {
    const raw = nodes.map((info) => score(pod, requests, info));
    const values = normalize === undefined ? raw : stretched(raw, normalize === 'reverse');
    for (const [index, value] of values.entries()) totals[index] = (totals[index] ?? 0) + weight * value;
  }
  return totals;
}

function stretched(raw: readonly number[], reverse: boolean): readonly number[] {
  const largest = raw.reduce((max, value) => Math.max(max, value), 0);
  if (largest === 0) return raw.map(() => (reverse ? 100 : 0));
  return raw.map((value) => {
    const share = Math.floor((value * 100) / largest);
    return reverse ? 100 - share : share;
  });
}
