/**
 * A Job and its pods as they stand, counted. Pure.
 *
 * A pod that has ended is counted once: while it carries the tracking finalizer and the status does not name it, it is news; when the
 * status names it (`uncountedTerminatedPods`), its finalizer may go; when that is gone, it is in the status' number. Of an indexed
 * job, successes are kept by index instead, which cannot be counted twice.
 */
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { uidOf } from '../shared/context.ts';
import { isActive, isReady, isTerminating } from '../shared/pods.ts';
import { type FailureRecord, finishedMs, recordEnds } from './backoff.ts';
import { Indexes } from './indexes.ts';
import {
  completionIndexOf,
  failureCountOf,
  ignoredFailureCountOf,
  isIndexed,
  isPodFailed,
  isTracked,
  wantedIndexOf,
} from './marks.ts';
import { judgeFailure } from './policies.ts';

export interface Observed {
  readonly job: Job;
  readonly pods: readonly Pod[];
  /** Uids of pods whose finalizer was taken away, which the cache does not show yet. */
  readonly released: ReadonlySet<string>;
  readonly failures: FailureRecord;
  readonly nowMs: number;
}

export interface JobView extends Observed {
  readonly active: readonly Pod[];
  readonly terminating: readonly Pod[];
  readonly ready: number;
  /** With what is not in the status yet. */
  readonly succeeded: number;
  readonly failed: number;
  /** With the ends that are news. */
  readonly failures: FailureRecord;
  readonly indexes?: IndexView;
}

/** Of an indexed job. */
export interface IndexView {
  readonly succeeded: Indexes;
  /** Only where there is a limit per index. */
  readonly failed?: Indexes;
  /** By index: the failed pod that stays until one takes its place, for it carries the count of failures. */
  readonly toReplace: ReadonlyMap<number, Pod>;
}

export function viewOf(observed: Observed): JobView {
  const { job, pods } = observed;
  const { succeeded = 0, failed = 0, uncountedTerminatedPods: uncounted } = job.status ?? {};
  const active = pods.filter(isActive);
  const news = pods.filter((pod) => isCountable(observed, pod));
  const named = { succeeded: new Set(uncounted?.succeeded), failed: new Set(uncounted?.failed) };
  const newSucceeded = news.filter((pod) => succeedsAnew(pod, named.failed) && !named.succeeded.has(uidOf(pod)));
  const newFailed = news.filter((pod) => isPodFailed(job, pod) && !named.failed.has(uidOf(pod)));
  const counted = newFailed.filter((pod) => judgeFailure(job, pod).counts).length;
  const indexes = isIndexed(job) ? indexesOf(observed, active, named.failed) : undefined;
  return {
    ...observed,
    active,
    terminating: pods.filter(isTerminating),
    ready: active.filter(isReady).length,
    succeeded: indexes?.succeeded.total ?? succeeded + newSucceeded.length + named.succeeded.size,
    failed: failed + counted + named.failed.size,
    failures: recordEnds(observed.failures, newSucceeded, newFailed),
    ...(indexes && { indexes }),
  };
}

/** Whether its finalizer still stands, and, in an indexed job, its index is one of those wanted. */
function isCountable({ job, released }: Observed, pod: Pod): boolean {
  if (!isTracked(pod) || released.has(uidOf(pod))) return false;
  return !isIndexed(job) || wantedIndexOf(job, pod) !== undefined;
}

/** One that was told to go with its job, and is named as failed, may succeed all the same: it stays what it was counted as. */
const succeedsAnew = (pod: Pod, failed: ReadonlySet<string>): boolean =>
  pod.status?.phase === 'Succeeded' && !failed.has(uidOf(pod));

function indexesOf(observed: Observed, active: readonly Pod[], namedFailed: ReadonlySet<string>): IndexView {
  const { job, pods } = observed;
  const { completions = 0, backoffLimitPerIndex } = job.spec ?? {};
  const ended = (fits: (pod: Pod) => boolean): Indexes =>
    Indexes.of(pods.filter((pod) => isTracked(pod) && fits(pod)).flatMap((pod) => wantedIndexOf(job, pod) ?? []));
  const before = Indexes.read(job.status?.completedIndexes, completions);
  const succeeded = before.with(ended((pod) => isCountable(observed, pod) && succeedsAnew(pod, namedFailed)));
  if (backoffLimitPerIndex === undefined) return { succeeded, toReplace: new Map() };
  const failed = Indexes.read(job.status?.failedIndexes, completions).with(ended((pod) => failsIndex(job, pod)));
  const settled = succeeded.with(failed).with(Indexes.of(active.flatMap((pod) => completionIndexOf(pod) ?? [])));
  return { succeeded, failed, toReplace: podsToReplace(observed, settled) };
}

function failsIndex(job: Job, pod: Pod): boolean {
  if (!isPodFailed(job, pod)) return false;
  const { action, counts } = judgeFailure(job, pod);
  return action === 'FailIndex' || (counts && failureCountOf(pod) >= (job.spec?.backoffLimitPerIndex ?? 0));
}

/** Of several failed pods of one index, the one that failed last. */
function podsToReplace(observed: Observed, settled: Indexes): ReadonlyMap<number, Pod> {
  const { job, pods } = observed;
  const last = new Map<number, Pod>();
  for (const pod of pods) {
    const index = wantedIndexOf(job, pod);
    if (index === undefined || settled.has(index) || !isPodFailed(job, pod) || !isCountable(observed, pod)) continue;
    const other = last.get(index);
    if (other === undefined || isLater(pod, other)) last.set(index, pod);
  }
  return last;
}

const failuresBefore = (pod: Pod): number => failureCountOf(pod) + ignoredFailureCountOf(pod);

const isLater = (pod: Pod, other: Pod): boolean =>
  failuresBefore(pod) >= failuresBefore(other) && finishedMs(pod) >= finishedMs(other);
