/** How a Job marks its pods, and what these marks say. Pure. */
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { isDeleting } from '../shared/context.ts';

/** Holds a pod until its end is counted, so that none is forgotten that somebody deletes meanwhile. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
/** Annotation and label. */
export const completionIndexMark = 'batch.kubernetes.io/job-completion-index';
export const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';
export const ignoredFailureCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';
/** The value of `managedBy` that means this loop. */
const ownName = 'kubernetes.io/job-controller';

const countMax = 2 ** 31 - 1;

export const isIndexed = (job: Job): boolean => job.spec?.completionMode === 'Indexed';
/** A later version of the API may have others. */
export const isKnownMode = ({ spec }: Job): boolean =>
  spec?.completionMode === undefined || ['NonIndexed', 'Indexed'].includes(spec.completionMode);
export const isSuspended = (job: Job): boolean => job.spec?.suspend === true;
export const isElsewhereManaged = ({ spec }: Job): boolean =>
  spec?.managedBy !== undefined && spec.managedBy !== ownName;

export const isTracked = (pod: Pod): boolean => pod.metadata?.finalizers?.includes(trackingFinalizer) === true;

/** Undefined where the pod has none that can be read. */
export function completionIndexOf(pod: Pod): number | undefined {
  const text = pod.metadata?.annotations?.[completionIndexMark] ?? '';
  const index = /^\+?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(index) ? index : undefined;
}

/** The index of a pod that the job still wants: a job that was made smaller has no use for the last ones. */
export function wantedIndexOf(job: Job, pod: Pod): number | undefined {
  const index = completionIndexOf(pod);
  return index !== undefined && index < (job.spec?.completions ?? 0) ? index : undefined;
}

/** How often pods of its index failed before it. */
export const failureCountOf = (pod: Pod): number => countIn(pod, failureCountAnnotation);
export const ignoredFailureCountOf = (pod: Pod): number => countIn(pod, ignoredFailureCountAnnotation);

/** What people wrote there themselves, and wrongly, counts for nothing. */
function countIn(pod: Pod, annotation: string): number {
  const text = pod.metadata?.annotations?.[annotation] ?? '';
  const count = /^\+?[0-9]+$/.test(text) ? Number(text) : 0;
  return count <= countMax ? count : 0;
}

/** Whether a pod that is being deleted is replaced only when it has ended. */
export const replacesFailedOnly = ({ spec }: Job): boolean =>
  spec?.podReplacementPolicy === 'Failed' || spec?.podFailurePolicy !== undefined;

/** A pod that is being deleted counts as failed at once (it may never get to say so), unless the job waits for its end. */
export function isPodFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return !replacesFailedOnly(job) && isDeleting(pod) && pod.status?.phase !== 'Succeeded';
}
