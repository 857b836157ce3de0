/** The conditions of a Job: what each says, and how it is put into the list. Pure. */
import type { Job, JobCondition } from '../../api/schema/types/batch-v1.ts';
import { formatTime } from '../../lib/clock.ts';

export interface ConditionNews {
  readonly type: 'Suspended' | 'FailureTarget' | 'Failed' | 'SuccessCriteriaMet' | 'Complete';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export const suspended: ConditionNews = news('Suspended', 'JobSuspended', 'Job suspended');
export const resumed: ConditionNews = { ...news('Suspended', 'JobResumed', 'Job resumed'), status: 'False' };

/** Why a job ends. Its pods are ended first, and then it says `Failed` or `Complete`, with the same words. */
export const ends = {
  backoffLimit: news('FailureTarget', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit'),
  deadline: news('FailureTarget', 'DeadlineExceeded', 'Job was active longer than specified deadline'),
  maxFailedIndexes: news(
    'FailureTarget',
    'MaxFailedIndexesExceeded',
    'Job has exceeded the specified maximal number of failed indexes',
  ),
  failedIndexes: news('FailureTarget', 'FailedIndexes', 'Job has failed indexes'),
  completions: news('SuccessCriteriaMet', 'CompletionsReached', 'Reached expected number of succeeded pods'),
  podFailurePolicy: (message: string): ConditionNews => news('FailureTarget', 'PodFailurePolicy', message),
  successPolicy: (message: string): ConditionNews => news('SuccessCriteriaMet', 'SuccessPolicy', message),
} as const;

function news(type: ConditionNews['type'], reason: string, message: string): ConditionNews {
  return { type, status: 'True', reason, message };
}

/** The end that the job has told of already. */
export function endTold(job: Job): ConditionNews | undefined {
  for (const type of ['SuccessCriteriaMet', 'FailureTarget'] as const) {
    const condition = conditionOf(job, type);
    if (condition !== undefined) return news(type, condition.reason ?? '', condition.message ?? '');
  }
  return undefined;
}

/** What an end comes to in the end. */
export const lastCondition = (end: ConditionNews): ConditionNews => ({
  ...end,
  type: end.type === 'SuccessCriteriaMet' ? 'Complete' : 'Failed',
});

/** The condition of this type, where it holds. */
export const conditionOf = (job: Job, type: string): JobCondition | undefined =>
  job.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');

/** `Complete` or `Failed`; undefined while the job goes on. */
export const finishedConditionOf = (job: Job): JobCondition | undefined =>
  job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');

/** The same list where it says so already; what never held need not be denied. */
export function withCondition(
  conditions: readonly JobCondition[],
  { type, status, reason, message }: ConditionNews,
  nowMs: number,
): readonly JobCondition[] {
  const standing = conditions.find((condition) => condition.type === type);
  if (standing === undefined && status === 'False') return conditions;
  if (standing?.status === status && (standing.reason ?? '') === reason && (standing.message ?? '') === message) {
    return conditions;
  }
  const now = formatTime(nowMs);
  const changed = { type, status, lastProbeTime: now, lastTransitionTime: now, reason, message };
  return standing === undefined
    ? [...conditions, changed]
    : conditions.map((condition) => (condition === standing ? changed : condition));
}
