/**
 * Which pods go so that a critical one has room: best-effort pods before burstable ones before guaranteed ones, and of each class as few,
 * and as small ones, as will do. Upstream's choice. Pure.
 */
import { podRequests } from '../../api/node-requests.ts';
import { qualityOfService } from '../../api/pod-quality.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { isCriticalPod } from '../pod/critical-pod.ts';
import type { Shortage } from './decide-admission.ts';

/** What still must be set free, by resource. */
type Missing = ReadonlyMap<string, number>;

/** Even all of them together would not do. The message is upstream's. */
export class NoVictims extends Error {
  override name = 'NoVictims';

  constructor(missing: Missing) {
    const list = [...missing].map(([resource, amount]) => `(res: ${resource}, q: ${amount}), `).join('');
    super(
      `preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [${list}]`,
    );
  }
}

/** @throws NoVictims */
export function choosePreempted(pod: Pod, others: readonly Pod[], shortages: readonly Shortage[]): readonly Pod[] {
  const missing = new Map(
    shortages.map(({ resource, requested, used, capacity }) => [resource, requested - (capacity - used)]),
  );
  const candidates = others.filter((other) => mayPreempt(pod, other));
  const of = (quality: string): Pod[] => candidates.filter(({ spec }) => qualityOfService(spec) === quality);
  const [bestEffort, burstable, guaranteed] = [of('BestEffort'), of('Burstable'), of('Guaranteed')];
  const hopeless = without(missing, candidates);
  if (hopeless.size > 0) throw new NoVictims(hopeless);
  const fromGuaranteed = fewest(guaranteed, without(missing, [...bestEffort, ...burstable]));
  const fromBurstable = fewest(burstable, without(missing, [...bestEffort, ...fromGuaranteed]));
  const fromBestEffort = fewest(bestEffort, without(missing, [...fromBurstable, ...fromGuaranteed]));
  return [...fromBestEffort, ...fromBurstable, ...fromGuaranteed];
}

function mayPreempt(pod: Pod, other: Pod): boolean {
  if (isCriticalPod(pod) && !isCriticalPod(other)) return true;
  const [own, theirs] = [pod.spec?.priority, other.spec?.priority];
  return own !== undefined && theirs !== undefined && own > theirs;
}

/** Again and again the pod that comes nearest to what is missing; of equals, the smaller one. */
function fewest(pods: readonly Pod[], missing: Missing): readonly Pod[] {
  const chosen: Pod[] = [];
  let left = [...pods];
  for (let open = missing; open.size > 0; ) {
    const [first, ...rest] = left;
    if (first === undefined) throw new NoVictims(open);
    const best = rest.reduce((nearest, pod) => (isBetter(pod, nearest, open) ? pod : nearest), first);
    chosen.push(best);
    left = left.filter((pod) => pod !== best);
    open = without(open, [best]);
  }
  return chosen;
}

function isBetter(pod: Pod, than: Pod, missing: Missing): boolean {
  const [own, theirs] = [distance(pod, missing), distance(than, missing)];
  return own < theirs || (own === theirs && isSmaller(pod, than));
}

/** 0 where it has all that is missing; every resource weighs the same. */
function distance(pod: Pod, missing: Missing): number {
  let sum = 0;
  for (const [resource, amount] of missing) sum += (Math.max(0, amount - requestOf(pod, resource)) / amount) ** 2;
  return sum;
}

function isSmaller(pod: Pod, than: Pod): boolean {
  for (const resource of ['memory', 'cpu']) {
    const difference = requestOf(pod, resource) - requestOf(than, resource);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

function without(missing: Missing, pods: readonly Pod[]): Missing {
  const left = new Map<string, number>();
  for (const [resource, amount] of missing) {
    const open = pods.reduce((rest, pod) => rest - requestOf(pod, resource), amount);
    if (open > 0) left.set(resource, open);
  }
  return left;
}

function requestOf(pod: Pod, resource: string): number {
  return resource === 'pods' ? 1 : (podRequests(pod).amounts.get(resource) ?? 0);
}
