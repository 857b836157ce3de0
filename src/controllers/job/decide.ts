/** What a Job needs next: to end, more pods, fewer, or to wait. Pure. */
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { podsToDelete } from '../replica-set/ranking.ts';
import { timeMs, uidOf } from '../shared/context.ts';
import { indexWaitMs, waitMs } from './backoff.ts';
import { type ConditionNews, conditionOf, ends, endTold } from './conditions.ts';
import { Indexes } from './indexes.ts';
import {
  completionIndexOf,
  isIndexed,
  isPodFailed,
  isSuspended,
  isTracked,
  replacesFailedOnly,
  wantedIndexOf,
} from './marks.ts';
import { judgeFailure, successRuleMet } from './policies.ts';
import type { IndexView, JobView } from './view.ts';

/** As upstream's `MaxPodCreateDeletePerSync`. */
const burstMax = 500;

/** Why the job is to end, before all its completions are there; undefined where it goes on. What was told once stands. */
export function decideEnd(view: JobView): ConditionNews | undefined {
  const { job, pods } = view;
  const told = endTold(job);
  if (told !== undefined) return told;
  const failure = failureOf(job, pods);
  if (failure !== undefined) return ends.podFailurePolicy(failure);
  if (view.failed > (job.spec?.backoffLimit ?? 0) || isPastRestarts(job, pods)) return ends.backoffLimit;
  if ((deadlineMs(view) ?? Number.POSITIVE_INFINITY) <= view.nowMs) return ends.deadline;
  return view.indexes && decideIndexedEnd(job, view.indexes);
}

function decideIndexedEnd({ spec, ...job }: Job, { succeeded, failed }: IndexView): ConditionNews | undefined {
  if (failed !== undefined && failed.total > 0) {
    if (failed.total > (spec?.maxFailedIndexes ?? Number.POSITIVE_INFINITY)) return ends.maxFailedIndexes;
    if (failed.total + succeeded.total >= (spec?.completions ?? 0)) return ends.failedIndexes;
  }
  const met = successRuleMet({ ...job, ...(spec && { spec }) }, succeeded);
  return met === undefined ? undefined : ends.successPolicy(met);
}

function failureOf(job: Job, pods: readonly Pod[]): string | undefined {
  if (job.spec?.podFailurePolicy === undefined) return undefined;
  for (const pod of pods) {
    const message = isPodFailed(job, pod) ? judgeFailure(job, pod).message : undefined;
    if (message !== undefined) return message;
  }
  return undefined;
}

/** Where containers are restarted in their pods, the restarts count. */
function isPastRestarts({ spec }: Job, pods: readonly Pod[]): boolean {
  if (spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  const running = pods.filter(({ status }) => status?.phase === 'Running' || status?.phase === 'Pending');
  const restarts = running
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  return restarts > 0 && restarts >= (spec.backoffLimit ?? 0);
}

/** When its time is over (ms since the epoch); undefined where there is no such limit. One that wakes up has all of it again. */
export function deadlineMs({ job, nowMs }: Pick<JobView, 'job' | 'nowMs'>): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds;
  if (seconds === undefined || isSuspended(job)) return undefined;
  const startTime = conditionOf(job, 'Suspended') ? undefined : job.status?.startTime;
  return (startTime === undefined ? nowMs : timeMs(startTime)) + seconds * 1000;
}

export interface PodPlan {
  /** Excess pods: they count for nothing. */
  readonly remove: readonly Pod[];
  /** How many, and, in an indexed job, which. */
  readonly create: readonly (number | undefined)[];
  /** Until pods may be made that are missing. */
  readonly waitMs?: number;
}

const nothing: PodPlan = { remove: [], create: [] };

/** Of a job that goes on. Where pods are too many they go first, and those that are missing come at the next look. */
export function decidePods(view: JobView): PodPlan {
  const { job, active } = view;
  if (isSuspended(job)) return { ...nothing, remove: active };
  const wanted = wantedActive(view);
  const remove = excessPods(view, Math.max(0, active.length - wanted)).slice(0, burstMax);
  if (remove.length > 0) return { ...nothing, remove };
  const ending = replacesFailedOnly(job) ? view.terminating : [];
  const missing = Math.min(wanted - active.length - ending.length, burstMax);
  return missing > 0 ? decideCreations(view, missing, ending) : nothing;
}

function wantedActive({ job, active, succeeded }: JobView): number {
  const { parallelism = 1, completions } = job.spec ?? {};
  if (completions !== undefined) return Math.max(0, Math.min(parallelism, completions - succeeded));
  return succeeded > 0 ? active.length : parallelism;
}

function decideCreations(view: JobView, missing: number, ending: readonly Pod[]): PodPlan {
  const { indexes, nowMs, failures } = view;
  const perIndex = indexes?.failed !== undefined;
  const wait = perIndex ? 0 : waitMs(failures, nowMs);
  if (wait > 0) return { ...nothing, waitMs: wait };
  if (indexes === undefined) return { ...nothing, create: Array.from({ length: missing }, () => undefined) };
  const candidates = pendingIndexes(view, indexes, missing, ending);
  if (!perIndex) return { ...nothing, create: candidates };
  const waits = candidates.map((index) => indexWaitMs(indexes.toReplace.get(index), nowMs));
  const create = candidates.filter((_, at) => waits[at] === 0);
  const later = waits.filter((ms) => ms > 0);
  return { ...nothing, create, ...(later.length > 0 && { waitMs: Math.min(...later) }) };
}

function pendingIndexes(
  { job, active }: JobView,
  { succeeded, failed = Indexes.none }: IndexView,
  count: number,
  ending: readonly Pod[],
): readonly number[] {
  const held = Indexes.of([...active, ...ending].flatMap((pod) => completionIndexOf(pod) ?? []));
  return succeeded
    .with(failed)
    .with(held)
    .missing(count, job.spec?.completions ?? 0);
}

/** `atLeast` pods, and those that are superfluous anyway. */
function excessPods(view: JobView, atLeast: number): readonly Pod[] {
  const superfluous = superfluousPods(view);
  const more = atLeast - superfluous.length;
  if (more <= 0) return superfluous;
  const gone = new Set(superfluous);
  const left = view.active.filter((pod) => !gone.has(pod));
  return [...superfluous, ...podsToDelete(left, [], more, view.nowMs)];
}

/**
 * Pods that lost their finalizer, because deleting them was begun and failed, or by somebody's hand: their ends would not be counted. And of an
 * indexed job those that have no index that is wanted, or that another pod has as well.
 */
function superfluousPods({ job, active, released, nowMs }: JobView): readonly Pod[] {
  const isCounted = (pod: Pod): boolean => isTracked(pod) && !released.has(uidOf(pod));
  const uncounted = active.filter((pod) => !isCounted(pod));
  if (!isIndexed(job)) return uncounted;
  const byIndex = Map.groupBy(active.filter(isCounted), (pod) => wantedIndexOf(job, pod));
  const twofold = [...byIndex].flatMap(([index, pods]) =>
    index === undefined ? pods : podsToDelete(pods, [], pods.length - 1, nowMs),
  );
  return [...uncounted, ...twofold];
}

/** Whether all is done. A job that names no number of completions is done when one pod says so and the others have ended. */
export function isComplete({ job, succeeded }: JobView, activeNow: number): boolean {
  return activeNow === 0 && succeeded >= (job.spec?.completions ?? 1);
}
