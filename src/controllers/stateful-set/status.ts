/** What a StatefulSet's status says, from its pods. Pure. The fields count as upstream's do, pods that are ending included where it does. */
import type { StatefulSet, StatefulSetStatus } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { isDeleting } from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { isAvailable, isReady } from '../shared/pods.ts';
import { podRevisionOf, replicasOf } from './identity.ts';

export interface Revisions {
  /** The name of the one that was rolled out last, and of the one that is wanted. */
  readonly current: string;
  readonly update: string;
  readonly collisionCount: number;
}

export const isRunningAndReady = (pod: Pod): boolean => pod.status?.phase === 'Running' && isReady(pod);

/** `leaving`: how many pods of the current revision this step deletes. */
export function statusOf(
  set: StatefulSet,
  pods: readonly Pod[],
  revisions: Revisions,
  leaving: number,
  nowMs: number,
): StatefulSetStatus {
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const ready = pods.filter(isRunningAndReady);
  const staying = pods.filter((pod) => !isDeleting(pod));
  const of = (revision: string): number => staying.filter((pod) => podRevisionOf(pod) === revision).length;
  const { conditions } = set.status ?? {};
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata?.generation ?? 0,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length,
    currentReplicas: Math.max(0, of(revisions.current) - leaving),
    updatedReplicas: of(revisions.update),
    currentRevision: revisions.current,
    updateRevision: revisions.update,
    collisionCount: revisions.collisionCount,
    ...(conditions && { conditions }),
  };
  return isRolledOut(set, status)
    ? { ...status, currentReplicas: status.updatedReplicas ?? 0, currentRevision: revisions.update }
    : status;
}

function isRolledOut(set: StatefulSet, { replicas, readyReplicas, updatedReplicas }: StatefulSetStatus): boolean {
  const wanted = replicasOf(set);
  const isRolling = set.spec?.updateStrategy?.type === 'RollingUpdate';
  return isRolling && updatedReplicas === wanted && readyReplicas === wanted && replicas === wanted;
}

const zeroes = {
  replicas: 0,
  readyReplicas: 0,
  availableReplicas: 0,
  currentReplicas: 0,
  updatedReplicas: 0,
  collisionCount: 0,
};

/** The API leaves out zeroes. */
export const sameStatus = (a: StatefulSetStatus, b: StatefulSetStatus | undefined): boolean =>
  semanticallyEqual({ ...zeroes, ...a }, { ...zeroes, ...b });
