/**
 * Making room: on which node which pods of lower priority would have to go for a pod to fit. Pure.
 *
 * On each node where other pods are what stands in the way: suppose that all pods of lower priority are gone; where the pod then fits, let
 * as many of them stay as can, the most important first. Of the nodes, the one whose loss is least, by upstream's rules. Pods of the same or
 * higher priority never go. Disruption budgets are not looked at.
 */
import { objectKey } from '../api/object.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { histogram } from './decide.ts';
import { type Refusal, refusalOf } from './filters.ts';
import { addTo, type PodRequests, podRequests } from './requests.ts';
import type { NodeInfo, PlacedPod } from './snapshot.ts';

export type Preemption =
  | { readonly kind: 'victims'; readonly node: string; readonly victims: readonly Pod[] }
  | { readonly kind: 'none'; readonly message: string };

export const priorityOf = (pod: Pod): number => pod.spec?.priority ?? 0;

export function decidePreemption(pod: Pod, refusals: ReadonlyMap<NodeInfo, Refusal>): Preemption {
  if (pod.spec?.preemptionPolicy === 'Never') {
    return { kind: 'none', message: 'not eligible due to preemptionPolicy=Never.' };
  }
  if (isRoomBeingMade(pod, refusals)) {
    return { kind: 'none', message: 'not eligible due to a terminating pod on the nominated node.' };
  }
  const requests = podRequests(pod);
  const reasons: string[] = [];
  let best: { readonly info: NodeInfo; readonly victims: readonly Pod[] } | undefined;
  for (const [info, { resolvable }] of refusals) {
    const victims = resolvable ? victimsOn(pod, requests, info) : undefined;
    if (victims === undefined) reasons.push(resolvable ? noVictims : notHelpful);
    else if (best === undefined || costsLess(victims, best.victims)) best = { info, victims };
  }
  if (best !== undefined) return { kind: 'victims', node: best.info.name, victims: best.victims };
  return { kind: 'none', message: `0/${refusals.size} nodes are available: ${histogram(reasons)}.` };
}

/** Its victims are still ending: it waits for them, and asks for no more. */
function isRoomBeingMade(pod: Pod, refusals: ReadonlyMap<NodeInfo, Refusal>): boolean {
  const nominated = pod.status?.nominatedNodeName;
  const info = [...refusals.keys()].find(({ name }) => name === nominated);
  return [...(info?.pods.values() ?? [])].some(
    (placed) => placed.pod.metadata?.deletionTimestamp !== undefined && priorityOf(placed.pod) < priorityOf(pod),
  );
}

const noVictims = 'No preemption victims found for incoming pod';
const notHelpful = 'Preemption is not helpful for scheduling';

/** Undefined where the pod would not fit even without all of lower priority. */
function victimsOn(pod: Pod, requests: PodRequests, info: NodeInfo): readonly Pod[] | undefined {
  const lower = [...info.pods.values()].filter((placed) => priorityOf(placed.pod) < priorityOf(pod));
  if (lower.length === 0) return undefined;
  const gone = new Set(lower);
  if (refusalOf(pod, requests, without(info, gone)) !== undefined) return undefined;
  for (const placed of lower.toSorted(mostImportantFirst)) {
    gone.delete(placed);
    if (refusalOf(pod, requests, without(info, gone)) !== undefined) gone.add(placed);
  }
  return [...gone].map((placed) => placed.pod);
}

const startOf = (pod: Pod): string => pod.status?.startTime ?? pod.metadata?.creationTimestamp ?? '';

const mostImportantFirst = (a: PlacedPod, b: PlacedPod): number =>
  priorityOf(b.pod) - priorityOf(a.pod) || (startOf(a.pod) < startOf(b.pod) ? -1 : 1);

function without(info: NodeInfo, gone: ReadonlySet<PlacedPod>): NodeInfo {
  const pods = new Map(info.pods);
  const requested = new Map(info.requested);
  for (const placed of gone) {
    pods.delete(objectKey(placed.pod));
    addTo(requested, placed.requests.amounts, -1);
  }
  return { ...info, name: info.name, node: info.node, allocatable: info.allocatable, pods, requested };
}

/** The lower of: highest priority lost, sum of priorities lost, pods lost; then the one whose most important victim started last. */
function costsLess(a: readonly Pod[], b: readonly Pod[]): boolean {
  const highest = (pods: readonly Pod[]): number => Math.max(...pods.map(priorityOf));
  const sum = (pods: readonly Pod[]): number => pods.reduce((total, pod) => total + priorityOf(pod) + 2 ** 31, 0);
  const earliest = (pods: readonly Pod[]): string =>
    pods
      .filter((pod) => priorityOf(pod) === highest(pods))
      .map(startOf)
      .sort()[0] ?? '';
  const order = highest(a) - highest(b) || sum(a) - sum(b) || a.length - b.length;
  return order < 0 || (order === 0 && earliest(a) > earliest(b));
}
