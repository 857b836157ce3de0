/**
 * The status of a Job: which ends are counted, whose finalizers may go, and when the job is finished. Pure.
 *
 * ```
 *  pod ends ──▶ named in uncountedTerminatedPods ──▶ finalizer taken away ──▶ counted, no longer named
 *                     (written first)                  (a patch each)              (written last)
 * ```
 * Wherever this is cut off, what is written tells how to go on; no end is counted twice, and none is lost.
 */
import type { Job, JobStatus, PodFailurePolicyAction } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { isDeleting, timeMs, uidOf } from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { type ConditionNews, lastCondition, resumed, suspended, withCondition } from './conditions.ts';
import { Indexes } from './indexes.ts';
import { completionIndexOf, isIndexed, isPodFailed, isSuspended, isTracked, wantedIndexOf } from './marks.ts';
import { judgeFailure } from './policies.ts';
import type { JobView } from './view.ts';

/** As upstream's `MaxUncountedPods`: the status stays below 20 KB, and large jobs leave room to small ones. */
const uncountedMax = 500;

/** After what was created and deleted just now. */
export interface PodCounts {
  readonly active: number;
  readonly ready: number;
  readonly terminating: number;
}

/** Counts, beginning, and whether it sleeps (`managed`: only where its pods were looked after just now). */
export function statusOf(view: JobView, counts: PodCounts, managed: boolean): JobStatus {
  const { job, nowMs } = view;
  const { status = {} } = job;
  const begins = status.startTime === undefined && !isSuspended(job);
  const begun = { ...status, ...counts, ...(begins && { startTime: formatTime(nowMs) }) };
  if (!managed) return begun;
  const before = status.conditions ?? [];
  const conditions = withCondition(before, isSuspended(job) ? suspended : resumed, nowMs);
  if (conditions === before) return begun;
  // One that falls asleep has not begun; one that wakes up begins anew, with all of its time.
  const { startTime: _, ...asleep } = begun;
  return isSuspended(job) ? { ...asleep, conditions } : { ...begun, conditions, startTime: formatTime(nowMs) };
}

export interface Tracking {
  readonly status: JobStatus;
  /** Their finalizers may go once the status is written. */
  readonly release: readonly Pod[];
  /** Not all fitted in: the job is not finished yet. */
  readonly more: boolean;
  /** What the policy of failures decided on failed pods that are news, an entry for each on which it did. */
  readonly decided: readonly PodFailurePolicyAction[];
}

/** `end`: why the job ends, where nothing of it is left that runs. */
export function track(view: JobView, end: ConditionNews | undefined, status: JobStatus): Tracking {
  const { job } = view;
  const cleaned = withoutReleased(status, trackedUids(view));
  const named = new Set([
    ...(cleaned.uncountedTerminatedPods?.succeeded ?? []),
    ...(cleaned.uncountedTerminatedPods?.failed ?? []),
  ]);
  const release: Pod[] = [];
  const decided: PodFailurePolicyAction[] = [];
  const succeeded = [...(cleaned.uncountedTerminatedPods?.succeeded ?? [])];
  const failed = [...(cleaned.uncountedTerminatedPods?.failed ?? [])];
  const before = Indexes.read(job.status?.completedIndexes, job.spec?.completions ?? 0);
  let newIndexes = 0;
  let more = false;
  for (const pod of inOrder(view)) {
    if (!mayRelease(view, end, pod)) continue;
    if (!named.has(uidOf(pod)) && newIndexes + succeeded.length + failed.length >= uncountedMax) {
      more = true;
      continue;
    }
    release.push(pod);
    if (named.has(uidOf(pod))) continue;
    if (pod.status?.phase === 'Succeeded') {
      if (!isIndexed(job)) succeeded.push(uidOf(pod));
      else if (isNewIndex(wantedIndexOf(job, pod), before)) newIndexes++;
    } else if (hasFailed(job, end, pod)) {
      const { action, counts } = judgeFailure(job, pod);
      if (action !== undefined) decided.push(action);
      if (counts) failed.push(uidOf(pod));
    }
  }
  const uncountedTerminatedPods = { ...(succeeded.length > 0 && { succeeded }), ...(failed.length > 0 && { failed }) };
  const counted = withIndexes(view, { ...cleaned, uncountedTerminatedPods });
  const conditions = end && withCondition(counted.conditions ?? [], end, view.nowMs);
  return { status: { ...counted, ...(conditions && { conditions }) }, release, more, decided };
}

const isNewIndex = (index: number | undefined, before: Indexes): boolean => index !== undefined && !before.has(index);

/** Uids of the pods whose finalizers still stand. */
export const trackedUids = ({ pods, released }: Pick<JobView, 'pods' | 'released'>): ReadonlySet<string> =>
  new Set(pods.filter((pod) => isTracked(pod) && !released.has(uidOf(pod))).map(uidOf));

/** So that indexes are told in order where not all fit. */
function inOrder(view: JobView): readonly Pod[] {
  const tracked = trackedUids(view);
  const pods = view.pods.filter((pod) => tracked.has(uidOf(pod)));
  return isIndexed(view.job)
    ? pods.toSorted((a, b) => (completionIndexOf(a) ?? -1) - (completionIndexOf(b) ?? -1))
    : pods;
}

/** A failed pod that the next of its index takes its count from stays. */
function mayRelease({ job, indexes }: JobView, end: ConditionNews | undefined, pod: Pod): boolean {
  if (isDeleting(job) || end !== undefined || pod.status?.phase === 'Succeeded') return true;
  if (!isPodFailed(job, pod)) return false;
  const index = completionIndexOf(pod);
  return index === undefined || indexes?.toReplace.get(index) !== pod;
}

/** Of a pod that did not succeed. When a job fails, its pods that still ran have failed with it. */
function hasFailed(job: Job, end: ConditionNews | undefined, pod: Pod): boolean {
  if (!isPodFailed(job, pod) && end?.type !== 'FailureTarget') return false;
  return !isIndexed(job) || wantedIndexOf(job, pod) !== undefined;
}

function withIndexes({ job, indexes }: JobView, status: JobStatus): JobStatus {
  if (!isIndexed(job) || indexes === undefined) return status;
  const { completedIndexes: _, failedIndexes: __, ...rest } = status;
  const completed = indexes.succeeded.toString();
  return {
    ...rest,
    succeeded: indexes.succeeded.total,
    ...(completed !== '' && { completedIndexes: completed }),
    ...(indexes.failed && { failedIndexes: indexes.failed.toString() }),
  };
}

/** Counts those that are named and whose finalizers are gone. */
export function withoutReleased(status: JobStatus, tracked: ReadonlySet<string>): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const waiting = {
    succeeded: succeeded.filter((uid) => tracked.has(uid)),
    failed: failed.filter((uid) => tracked.has(uid)),
  };
  return {
    ...status,
    succeeded: (status.succeeded ?? 0) + succeeded.length - waiting.succeeded.length,
    failed: (status.failed ?? 0) + failed.length - waiting.failed.length,
    uncountedTerminatedPods: {
      ...(waiting.succeeded.length > 0 && { succeeded: waiting.succeeded }),
      ...(waiting.failed.length > 0 && { failed: waiting.failed }),
    },
  };
}

/**
 * The last word, once all ends are counted and no pod is left that still ends; undefined before. A pod may end the job while it sleeps: what
 * finished must have begun, unless there was nothing to do. It ends no earlier than it began, also by a clock that was set back meanwhile: the API
 * takes nothing else.
 */
export function finish(
  { spec }: Job,
  status: JobStatus,
  end: ConditionNews | undefined,
  nowMs: number,
): JobStatus | undefined {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  if (end === undefined || succeeded.length + failed.length > 0 || (status.terminating ?? 0) > 0) return undefined;
  const last = lastCondition(end);
  const conditions = withCondition(status.conditions ?? [], last, nowMs);
  const begins = status.startTime === undefined && spec?.completions !== 0;
  return {
    ...status,
    conditions,
    ...(begins && { startTime: formatTime(nowMs) }),
    ...(last.type === 'Complete' && { completionTime: formatTime(Math.max(nowMs, timeMs(status.startTime))) }),
  };
}

const zeroes = { active: 0, succeeded: 0, failed: 0 };

/** The API leaves these out where they are zero. */
export const sameStatus = (a: JobStatus, b: JobStatus | undefined): boolean =>
  semanticallyEqual({ ...zeroes, ...a }, { ...zeroes, ...b });
