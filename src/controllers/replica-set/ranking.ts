/**
 * Which pods go first when there are too many: upstream's order (`ActivePodsWithRanks`), in which the pod whose loss costs least
 * comes first. Pure.
 */
import type { ContainerStatus, Pod } from '../../api/schema/types/core-v1.ts';
import { createdMs, uidOf } from '../shared/context.ts';
import { isReady, readySinceMs } from '../shared/pods.ts';

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

export const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

type Compare = (a: Pod, b: Pod) => number;

/**
 * The first `count` of `pods` to delete. `related` are all active pods of the same owner's ReplicaSets: of two pods, the one on the node
 * with more of them goes first.
 */
export function podsToDelete(
  pods: readonly Pod[],
  related: readonly Pod[],
  count: number,
  nowMs: number,
): readonly Pod[] {
  if (count >= pods.length) return pods;
  const onNode = new Map<string, number>();
  for (const pod of related) onNode.set(nodeOf(pod), (onNode.get(nodeOf(pod)) ?? 0) + 1);
  const rank = (pod: Pod): number => onNode.get(nodeOf(pod)) ?? 0;
  const rules: readonly Compare[] = [
    by((pod) => (nodeOf(pod) === '' ? 0 : 1)),
    by((pod) => phaseOrder[pod.status?.phase ?? 'Pending'] ?? 0),
    by((pod) => (isReady(pod) ? 1 : 0)),
    by(deletionCost),
    by((pod) => -rank(pod)),
    byAge(readySinceMs, nowMs),
    by((pod) => -mostRestarts(pod.status?.containerStatuses)),
    by((pod) => -mostRestarts(sidecarStatuses(pod))),
    byAge(createdMs, nowMs),
  ];
  const compare: Compare = (a, b) => {
    for (const rule of rules) {
      const order = rule(a, b);
      if (order !== 0) return order;
    }
    return 0;
  };
  return pods.toSorted(compare).slice(0, count);
}

const by =
  (value: (pod: Pod) => number): Compare =>
  (a, b) =>
    value(a) - value(b);

/**
 * The younger goes first; ages are compared by their logarithm, so that among pods of like age it is as good as chance (the uid) who goes.
 * Where one has no time, that one goes first.
 */
function byAge(timeMs: (pod: Pod) => number, nowMs: number): Compare {
  return (a, b) => {
    const [timeA, timeB] = [timeMs(a), timeMs(b)];
    if (timeA === timeB) return 0;
    if (timeA === 0 || timeB === 0) return timeA - timeB;
    const order = magnitude(nowMs - timeA) - magnitude(nowMs - timeB);
    if (order !== 0) return order;
    return uidOf(a) < uidOf(b) ? -1 : 1;
  };
}

const magnitude = (ageMs: number): number => (ageMs <= 0 ? -1 : Math.floor(Math.log2(ageMs * 1_000_000)));

const nodeOf = (pod: Pod): string => pod.spec?.nodeName ?? '';

/** A whole number of 32 bits, without a plus sign or leading zeros; anything else costs nothing. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata?.annotations?.[deletionCostAnnotation] ?? '';
  const cost = /^(?:0|-\d+|[1-9]\d*)$/.test(text) ? Number(text) : 0;
  return cost === (cost | 0) ? cost : 0;
}

/** What ran once before the others and ended says nothing about them. */
function sidecarStatuses({ spec, status }: Pod): readonly ContainerStatus[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const names = new Set(sidecars.map(({ name }) => name));
  return (status?.initContainerStatuses ?? []).filter(({ name }) => names.has(name));
}

const mostRestarts = (statuses: readonly ContainerStatus[] = []): number =>
  Math.max(0, ...statuses.map((status) => status.restartCount));
