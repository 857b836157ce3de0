/** What a DaemonSet's status says: of each node its oldest pod counts. Pure. */
import type { DaemonSet, DaemonSetStatus } from '../../api/schema/types/apps-v1.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { isAvailable, isReady } from '../shared/pods.ts';
import type { Place } from './decide.ts';
import { isUpdated } from './placement.ts';

export function statusOf(
  set: DaemonSet,
  places: readonly Place[],
  hash: string,
  { observed, nowMs }: { readonly observed: boolean; readonly nowMs: number },
): DaemonSetStatus {
  const wanted = places.filter(({ placement }) => placement.run);
  const first = wanted.flatMap(({ pods }) => pods.slice(0, 1));
  const ready = first.filter(isReady);
  const available = ready.filter((pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)).length;
  const { generation } = set.metadata ?? {};
  return {
    ...set.status,
    ...(observed && generation !== undefined && { observedGeneration: generation }),
    desiredNumberScheduled: wanted.length,
    currentNumberScheduled: first.length,
    numberMisscheduled: places.filter(({ placement, pods }) => !placement.run && pods.length > 0).length,
    numberReady: ready.length,
    updatedNumberScheduled: first.filter((pod) => isUpdated(set, hash, pod)).length,
    numberAvailable: available,
    numberUnavailable: wanted.length - available,
  };
}

const zeroes = {
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
  updatedNumberScheduled: 0,
  numberAvailable: 0,
  numberUnavailable: 0,
  collisionCount: 0,
};

/** The API leaves out zeroes. */
export const sameStatus = (a: DaemonSetStatus, b: DaemonSetStatus | undefined): boolean =>
  semanticallyEqual({ ...zeroes, ...a }, { ...zeroes, ...b });
