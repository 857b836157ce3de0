/**
 * What the status of a Job may say. Since a Job can be run by somebody else's controller, every step is checked: what is over stays
 * over, and what is said fits together. Most rules look only where something changed, so that a status that is wrong already
 * can still be reported on.
 */
import { duplicate, invalidValue, required } from '../../api/field-error.ts';
import type { Job, JobStatus } from '../../api/schema/types/batch-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { invalidAsAWhole, nonNegativeFields } from './checks.ts';
import { commonIndex, readIndexes } from './job-indexes.ts';

interface Side {
  readonly job: Job;
  readonly status: Partial<JobStatus>;
  has(condition: string): boolean;
  readonly finished: boolean;
}

function sideOf(job: Job): Side {
  const status = job.status ?? {};
  const on = new Set((status.conditions ?? []).filter((each) => each.status === 'True').map(({ type }) => type));
  return { job, status, has: (type) => on.has(type), finished: on.has('Complete') || on.has('Failed') };
}

const counts = ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const;

export function validateJobStatusUpdate(job: Job, oldJob: Job): FieldError[] {
  if (sameJson(job.status, oldJob.status)) return [];
  const [now, old] = [sideOf(job), sideOf(oldJob)];
  return [
    ...nonNegativeFields('status', now.status, counts),
    ...uncountedErrors(now),
    ...conditionErrors(now, old),
    ...timeErrors(now, old),
    ...endErrors(now, old),
    ...finishedErrors(now, old),
    ...indexErrors(now, old),
    ...laterErrors(now, old),
    ...successErrors(now),
    ...changeErrors(now, old),
  ];
}

function uncountedErrors({ status }: Side): FieldError[] {
  const seen = new Set<string>();
  return (['succeeded', 'failed'] as const).flatMap((list) =>
    (status.uncountedTerminatedPods?.[list] ?? []).flatMap((uid, index) => {
      const path = `status.uncountedTerminatedPods.${list}[${index}]`;
      if (uid === '') return [invalidValue(path, uid, 'must not be empty')];
      if (seen.has(uid)) return [duplicate(path, uid)];
      seen.add(uid);
      return [];
    }),
  );
}

const differs = (now: Side, old: Side, condition: string): boolean => now.has(condition) !== old.has(condition);
const changed = (now: Side, old: Side, field: keyof JobStatus): boolean =>
  !sameJson(now.status[field] ?? null, old.status[field] ?? null);

function conditionErrors(now: Side, old: Side): FieldError[] {
  if (!now.has('Complete')) return [];
  const together = (other: string): FieldError[] =>
    now.has(other) && (differs(now, old, 'Complete') || differs(now, old, other))
      ? [invalidAsAWhole('status.conditions', `cannot set Complete=True and ${other}=true conditions`)]
      : [];
  return [...together('Failed'), ...together('FailureTarget')];
}

function timeErrors(now: Side, old: Side): FieldError[] {
  const { completionTime, startTime } = now.status;
  const path = 'status.completionTime';
  const errors: FieldError[] = [];
  const isNews = differs(now, old, 'Complete') || changed(now, old, 'completionTime');
  if (isNews && completionTime && !now.has('Complete')) {
    const detail = 'cannot set completionTime when there is no Complete=True condition';
    errors.push(invalidValue(path, completionTime, detail));
  }
  if (isNews && !completionTime && now.has('Complete')) {
    errors.push(required(path, 'completionTime is required for Complete jobs'));
  }
  const moved = changed(now, old, 'startTime') || changed(now, old, 'completionTime');
  if (moved && startTime && completionTime && Date.parse(completionTime) < Date.parse(startTime)) {
    errors.push(invalidValue(path, completionTime, 'must be equal to or after `startTime`'));
  }
  return errors;
}

/** A job fails, or is complete, in two steps: first it says so, then its pods end. */
function endErrors(now: Side, old: Side): FieldError[] {
  const errors: FieldError[] = [];
  const failing = differs(now, old, 'Failed') || changed(now, old, 'failedIndexes');
  if (failing && now.has('Failed') && !now.has('FailureTarget')) {
    errors.push(
      invalidAsAWhole('status.conditions', 'cannot set Failed=True condition without the FailureTarget=true condition'),
    );
  }
  const completing = differs(now, old, 'Complete') || differs(now, old, 'SuccessCriteriaMet');
  if (completing && now.has('Complete') && !now.has('SuccessCriteriaMet')) {
    const detail = 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition';
    errors.push(invalidAsAWhole('status.conditions', detail));
  }
  return errors;
}

function finishedErrors(now: Side, old: Side): FieldError[] {
  const { status, finished, job } = now;
  if (!finished) return [];
  const news = (field: keyof JobStatus): boolean => finished !== old.finished || changed(now, old, field);
  const errors: FieldError[] = [];
  if (news('active') && (status.active ?? 0) > 0) {
    errors.push(invalidValue('status.active', status.active, 'active>0 is invalid for finished job'));
  }
  const sleptThrough = job.spec?.suspend === true && job.spec.completions === 0;
  if (news('startTime') && !status.startTime && !sleptThrough) {
    errors.push(required('status.startTime', 'startTime is required for finished job'));
  }
  const { failed = null, succeeded = null } = status.uncountedTerminatedPods ?? {};
  const uncounted = (failed?.length ?? 0) + (succeeded?.length ?? 0);
  if (news('uncountedTerminatedPods') && uncounted > 0) {
    const path = 'status.uncountedTerminatedPods';
    errors.push(invalidValue(path, { Succeeded: succeeded, Failed: failed }, 'must be empty for finished job'));
  }
  return errors;
}

function indexErrors(now: Side, old: Side): FieldError[] {
  const { completionMode, completions, backoffLimitPerIndex } = now.job.spec ?? {};
  const { completedIndexes = '', failedIndexes } = now.status;
  const [completedNew, failedNew] = [changed(now, old, 'completedIndexes'), changed(now, old, 'failedIndexes')];
  const errors: FieldError[] = [];
  if (completedNew) errors.push(...readErrors('completedIndexes', completedIndexes, completions));
  if (failedNew && backoffLimitPerIndex !== undefined && failedIndexes !== undefined) {
    errors.push(...readErrors('failedIndexes', failedIndexes, completions));
  }
  if (completedNew && completedIndexes !== '' && completionMode !== 'Indexed') {
    const detail = 'cannot set non-empty completedIndexes when non-indexed completion mode';
    errors.push(invalidValue('status.completedIndexes', completedIndexes, detail));
  }
  if (failedNew && backoffLimitPerIndex === undefined && failedIndexes !== undefined) {
    const detail = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
    errors.push(invalidValue('status.failedIndexes', failedIndexes, detail));
  }
  if ((completedNew || failedNew) && completions !== undefined && failedIndexes !== undefined) {
    const both = commonIndex(completedIndexes, failedIndexes, completions);
    const detail = `failedIndexes and completedIndexes overlap at index: ${both}`;
    if (both !== undefined) errors.push(invalidValue('status.failedIndexes', failedIndexes, detail));
  }
  return errors;
}

function readErrors(field: string, text: string, completions: number | undefined): FieldError[] {
  const read = completions === undefined ? { total: 0 } : readIndexes(text, completions);
  return 'error' in read ? [invalidValue(`status.${field}`, text, `error parsing ${field}: ${read.error}`)] : [];
}

function laterErrors(now: Side, old: Side): FieldError[] {
  const { terminating = 0, ready = 0, active = 0 } = now.status;
  const errors: FieldError[] = [];
  const ending = now.finished !== old.finished || changed(now, old, 'terminating');
  if (ending && now.finished && terminating > 0) {
    errors.push(invalidValue('status.terminating', terminating, 'terminating>0 is invalid for finished job'));
  }
  if ((changed(now, old, 'ready') || changed(now, old, 'active')) && ready > active) {
    errors.push(invalidValue('status.ready', ready, 'cannot set more ready pods than active'));
  }
  return errors;
}

function successErrors(now: Side): FieldError[] {
  const path = 'status.conditions';
  const met = now.has('SuccessCriteriaMet');
  const errors: FieldError[] = [];
  if (met && now.has('Failed')) {
    errors.push(invalidAsAWhole(path, 'cannot set SuccessCriteriaMet=True and Failed=true conditions'));
  }
  if (met && now.has('FailureTarget')) {
    errors.push(invalidAsAWhole(path, 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'));
  }
  if (now.job.spec?.successPolicy && !met && now.has('Complete')) {
    const detail = 'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True';
    errors.push(invalidAsAWhole(path, detail));
  }
  return errors;
}

function changeErrors(now: Side, old: Side): FieldError[] {
  const path = 'status.conditions';
  const errors = ['Failed', 'Complete', 'FailureTarget']
    .filter((type) => old.has(type) && !now.has(type))
    .map((type) => invalidAsAWhole(path, `cannot disable the terminal ${type}=True condition`));
  errors.push(...counterErrors(now, old));
  const { completionTime, startTime } = now.status;
  if (completionTime && old.status.completionTime && completionTime !== old.status.completionTime) {
    errors.push(invalidValue('status.completionTime', completionTime, 'field is immutable'));
  }
  if (old.status.startTime && startTime !== old.status.startTime && !now.job.spec?.suspend && !isResuming(now, old)) {
    const detail = 'field is immutable for unsuspended job once set';
    errors.push(invalidValue('status.startTime', startTime ?? null, detail));
  }
  const met = 'SuccessCriteriaMet';
  if (old.has(met) && !now.has(met)) {
    errors.push(invalidAsAWhole(path, 'cannot disable the SuccessCriteriaMet=True condition'));
  }
  if (old.has('Complete') && !old.has(met) && now.has(met)) {
    const detail = 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions';
    errors.push(invalidAsAWhole(path, detail));
  }
  return errors;
}

/** A job that wakes up starts anew. */
function isResuming(now: Side, old: Side): boolean {
  const awake = now.status.conditions?.some(({ type, status }) => type === 'Suspended' && status === 'False');
  return old.has('Suspended') && (awake ?? false);
}

/** Pods do not come back, but an indexed job that is made smaller forgets those that it no longer needs. */
function counterErrors(now: Side, old: Side): FieldError[] {
  const { completionMode, completions, parallelism } = now.job.spec ?? {};
  const elastic = completionMode === 'Indexed' && completions === parallelism;
  const falling = (field: 'failed' | 'succeeded'): FieldError[] =>
    (now.status[field] ?? 0) < (old.status[field] ?? 0)
      ? [invalidValue(`status.${field}`, now.status[field] ?? 0, `cannot decrease the ${field} counter`)]
      : [];
  return [...falling('failed'), ...(elastic ? [] : falling('succeeded'))];
}
