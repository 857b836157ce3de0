/**
 * When a pod must leave its node because of the node's NoExecute taints. Pure.
 *
 * Every taint must be tolerated, or the pod goes at once. Where all are, the shortest `tolerationSeconds` among the tolerations that match
 * counts, from when the pod was first seen under such taints; without any the pod stays. A time that runs may become shorter, but no longer: who
 * could prolong it could stay for ever.
 */
import { tolerates } from '../../api/node-matching.ts';
import type { Node, Pod, Taint, Toleration } from '../../api/schema/types/core-v1.ts';

export const noExecuteTaints = (node: Node | undefined): readonly Taint[] =>
  (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');

/** How long (ms) the pod may stay under `taints`; undefined: for ever. */
export function toleratedMs(pod: Pod, taints: readonly Taint[]): number | undefined {
  const tolerations = pod.spec?.tolerations ?? [];
  const used = taints.map((taint) => tolerations.filter((toleration) => tolerates(toleration, taint)));
  if (used.some((matching) => matching.length === 0)) return 0;
  const seconds = used.flat().flatMap(({ tolerationSeconds }: Toleration) => tolerationSeconds ?? []);
  return seconds.length === 0 ? undefined : Math.max(0, Math.min(...seconds.map(Number))) * 1000;
}

/** An eviction that waits for its time, for the pod of this uid. */
export interface Eviction {
  readonly uid: string;
  readonly sinceMs: number;
  readonly atMs: number;
}

export type EvictionPlan =
  | { readonly kind: 'none' }
  /** What was waiting waits no more. */
  | { readonly kind: 'cancel' }
  | { readonly kind: 'wait'; readonly eviction: Eviction }
  | { readonly kind: 'evict'; readonly eviction: Eviction };

export function decideEviction(
  pod: Pod,
  taints: readonly Taint[],
  waiting: Eviction | undefined,
  nowMs: number,
): EvictionPlan {
  const uid = pod.metadata?.uid ?? '';
  const standing = waiting?.uid === uid ? waiting : undefined;
  const stayMs = taints.length === 0 ? undefined : toleratedMs(pod, taints);
  if (stayMs === undefined) return { kind: waiting === undefined ? 'none' : 'cancel' };
  const sinceMs = standing?.sinceMs ?? nowMs;
  const atMs = Math.min(sinceMs + stayMs, standing?.atMs ?? Number.POSITIVE_INFINITY);
  const eviction: Eviction = { uid, sinceMs, atMs };
  return { kind: atMs <= nowMs ? 'evict' : 'wait', eviction };
}
