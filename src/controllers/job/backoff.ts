/**
 * How long a Job waits before it replaces a pod that failed: ten seconds, doubled with each failure since the last success, ten minutes at
 * most. Pure.
 */
import type { ContainerStatus, Pod } from '../../api/schema/types/core-v1.ts';
import { delayAfter } from '../../lib/backoff.ts';
import { createdMs, timeMs } from '../shared/context.ts';
import { conditionOf } from '../shared/pods.ts';
import { failureCountOf, ignoredFailureCountOf } from './marks.ts';

/** As upstream's `DefaultJobPodFailureBackOff` and `MaxJobPodFailureBackOff`. */
const backoffMsMin = 10_000;
const backoffMsMax = 600_000;

/** Of one job: the failures since its last success. */
export interface FailureRecord {
  readonly failures: number;
  readonly lastMs: number;
}

export const noFailures: FailureRecord = { failures: 0, lastMs: 0 };

/** The record after more pods have ended. A success wipes out what failed before it. */
export function recordEnds(record: FailureRecord, succeeded: readonly Pod[], failed: readonly Pod[]): FailureRecord {
  if (succeeded.length === 0 && failed.length === 0) return record;
  const before = succeeded.length === 0 ? record : noFailures;
  const lastSuccessMs = Math.max(-1, ...succeeded.map(finishedMs));
  const since = failed.map(finishedMs).filter((atMs) => atMs > lastSuccessMs);
  return { failures: before.failures + since.length, lastMs: Math.max(before.lastMs, ...since) };
}

/** 0 where a pod may be made now. */
export function waitMs({ failures, lastMs }: FailureRecord, nowMs: number): number {
  if (failures === 0) return 0;
  return Math.max(0, lastMs + delayAfter(failures - 1, backoffMsMin, backoffMsMax) - nowMs);
}

/** The same for one index, whose last pod carries the count. */
export function indexWaitMs(lastFailed: Pod | undefined, nowMs: number): number {
  if (lastFailed === undefined) return 0;
  const failures = failureCountOf(lastFailed) + ignoredFailureCountOf(lastFailed) + 1;
  return waitMs({ failures, lastMs: finishedMs(lastFailed) }, nowMs);
}

/** When the pod ended, by the best witness there is: its containers, its readiness, its deletion, or else its beginning. */
export function finishedMs(pod: Pod): number {
  const ends = lastingStatuses(pod).map(({ state }) => timeMs(state?.terminated?.finishedAt));
  if (ends.length > 0 && ends.every((atMs) => atMs > 0)) return Math.max(...ends);
  const ready = conditionOf(pod, 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime !== undefined) return timeMs(ready.lastTransitionTime);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata ?? {};
  if (deletionTimestamp !== undefined) return timeMs(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return createdMs(pod);
}

/** Of its containers, and of its sidecars, which end after them. */
function lastingStatuses({ spec, status }: Pod): readonly ContainerStatus[] {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [
    ...containerStatuses,
    ...initContainerStatuses.filter(({ name }) => sidecars.some((one) => one.name === name)),
  ];
}
