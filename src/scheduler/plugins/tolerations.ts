/** Taints and tolerations: shared by plugins and spreading. Pure. */
import { tolerates } from '../../api/node-matching.ts';
import type { Node, Pod, Taint, Toleration } from '../../api/schema/types/core-v1.ts';

const toleratesAny = (tolerations: readonly Toleration[], taint: Taint): boolean =>
  tolerations.some((toleration) => tolerates(toleration, taint));

/** The first taint that keeps the pod away. */
export function untoleratedTaint(pod: Pod, node: Node): Taint | undefined {
  const tolerations = pod.spec?.tolerations ?? [];
  return node.spec?.taints?.find((taint) => taint.effect !== 'PreferNoSchedule' && !toleratesAny(tolerations, taint));
}

/** How many taints would rather not have the pod. */
export function unlikedTaints(pod: Pod, node: Node): number {
  const taints = node.spec?.taints;
  if (taints === undefined || taints.length === 0) return 0;
  const tolerations = (pod.spec?.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule');
  return taints.filter((taint) => taint.effect === 'PreferNoSchedule' && !toleratesAny(tolerations, taint)).length;
}

const unschedulable: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** A cordoned node takes only pods that tolerate it. */
export const isCordonedFor = (pod: Pod, node: Node): boolean =>
  node.spec?.unschedulable === true && !toleratesAny(pod.spec?.tolerations ?? [], unschedulable);
