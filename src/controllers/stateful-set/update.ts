/**
 * Which pods of a StatefulSet go, to come back with the wanted template. Pure.
 *
 * From the highest ordinal down to the partition, so many that no more than `maxUnavailable` of the whole set are missing. In order
 * (OrderedReady) this is asked only when all are up. In parallel, those that are of an old revision and down already go first and cost
 * nothing: a template that never came up would else be stuck with its own failure.
 */
import type { StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { scaled } from '../shared/amounts.ts';
import { isDeleting } from '../shared/context.ts';
import { isAvailable } from '../shared/pods.ts';
import type { Replica, Step } from './decide.ts';
import { isParallel, podRevisionOf, replicasOf } from './identity.ts';

export function decideUpdate(
  set: StatefulSet,
  replicas: readonly Replica[],
  updateRevision: string,
  nowMs: number,
): readonly Step[] {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'OnDelete') return [];
  const stands = ({ exists, pod }: Replica): boolean => exists && isUp(set, pod, nowMs);
  const outdated = replicas
    .slice(rollingUpdate?.partition ?? 0)
    .filter(({ exists, pod }) => exists && !isDeleting(pod) && podRevisionOf(pod) !== updateRevision)
    .toReversed();
  const budget = Math.max(0, unavailableMax(set) - replicas.filter((replica) => !stands(replica)).length);
  const chosen = isParallel(set)
    ? [...outdated.filter((replica) => !stands(replica)), ...outdated.filter(stands).slice(0, budget)]
    : outdated.slice(0, budget);
  return chosen.map(({ pod }): Step => ({ kind: 'delete', pod, why: 'update' }));
}

/** It is available and nobody has told it to go. */
export const isUp = (set: StatefulSet, pod: Pod, nowMs: number): boolean =>
  !isDeleting(pod) && isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);

/** A percentage rounds down; at least one, or nothing could ever move. */
export function unavailableMax(set: StatefulSet): number {
  const { maxUnavailable = 1 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  return Math.max(1, scaled(maxUnavailable, replicasOf(set), Math.floor));
}
