/**
 * Where a pod goes, or why it goes nowhere. Pure: the snapshot is read, the generator breaks ties.
 *
 * On large clusters not all nodes are looked at: enough that can take the pod are found and scored (upstream's
 * `percentageOfNodesToScore`), each decision starting where the last one stopped, so that all nodes have their turn.
 */
import type { Pod } from '../api/schema/types/core-v1.ts';
import { nextInt, type Prng } from '../lib/prng.ts';
import { type Refusal, refusalOf } from './filters.ts';
import { type PodRequests, podRequests } from './requests.ts';
import { scoreNodes } from './scores.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

export type Decision =
  | { readonly kind: 'node'; readonly node: string; readonly looked: number }
  | { readonly kind: 'none'; readonly refusals: ReadonlyMap<NodeInfo, Refusal>; readonly looked: number };

/** `start` is an index into the snapshot's nodes; `looked` in the result says how far the decision came. */
export function decide(pod: Pod, snapshot: Snapshot, prng: Prng, start = 0): Decision {
  const requests = podRequests(pod);
  const { nodes } = snapshot;
  const enough = nodesToFind(nodes.length);
  const feasible: NodeInfo[] = [];
  const refusals = new Map<NodeInfo, Refusal>();
  let looked = 0;
  for (; looked < nodes.length && feasible.length < enough; looked++) {
    const info = nodes[(start + looked) % nodes.length] as NodeInfo;
    const refusal = refusalOf(pod, requests, info);
    if (refusal === undefined) feasible.push(info);
    else refusals.set(info, refusal);
  }
  if (feasible.length === 0) return { kind: 'none', refusals, looked };
  return { kind: 'node', node: best(pod, requests, feasible, prng).name, looked };
}

/** Of those with the highest score, each is as likely. */
function best(pod: Pod, requests: PodRequests, feasible: readonly NodeInfo[], prng: Prng): NodeInfo {
  if (feasible.length === 1) return feasible[0] as NodeInfo;
  const scores = scoreNodes(pod, requests, feasible);
  const highest = scores.reduce((max, score) => Math.max(max, score), Number.NEGATIVE_INFINITY);
  const equals = feasible.filter((_, index) => scores[index] === highest);
  return equals[nextInt(prng, equals.length)] as NodeInfo;
}

/** As upstream: all of up to 100; beyond, a part that shrinks from a half to a twentieth as the cluster grows. */
export function nodesToFind(count: number): number {
  if (count <= 100) return count;
  const percent = Math.max(5, Math.floor(50 - count / 125));
  return Math.max(100, Math.floor((count * percent) / 100));
}

/**
 * Upstream's text: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).` and what preemption did not find;
 * empty where it found room.
 */
export function unschedulableMessage(refusals: Iterable<Refusal>, nodeCount: number, preemption: string): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const reasons = [...refusals].flatMap((refusal) => refusal.reasons);
  const found = preemption === '' ? '' : ` preemption: ${preemption}`;
  return `0/${nodeCount} nodes are available: ${histogram(reasons)}.${found}`;
}

/** `1 Insufficient cpu, 2 node(s) …`, sorted as text. */
export function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}
