/** What a CronJob needs: its list of running Jobs kept, old Jobs cleared away, a run started, or a look later. Pure. */

import { goQuote } from '../../api/field-error.ts';
import { apiVersionOf } from '../../api/resources.ts';
import type { CronJob, CronJobStatus, Job } from '../../api/schema/types/batch-v1.ts';
import type { ObjectReference } from '../../api/schema/types/core-v1.ts';
import { cronJobs, jobs as jobsResource } from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import { zoneOffsetMs } from '../../lib/time-zones.ts';
import { conditionOf, finishedConditionOf } from '../job/conditions.ts';
import { isDeleting, nameOf, namespaceOf, timeMs, uidOf } from '../shared/context.ts';
import { controllerReference } from '../shared/ownership.ts';
import { dueOf, formatForPeople, formatInZone, hasKnownZone, scheduleOf, zoneOf } from './schedule.ts';

export interface EventNews {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

const normal = (reason: string, message: string): EventNews => ({ type: 'Normal', reason, message });
const warning = (reason: string, message: string): EventNews => ({ type: 'Warning', reason, message });

/**
 * The finished Jobs beyond what is to be kept, the oldest first. One whose run the status does not tell of yet stays: its name is all
 * that keeps the run from being started again.
 */
export function decideCleanup(cronJob: CronJob, jobs: readonly Job[]): readonly Job[] {
  const { spec, status } = cronJob;
  const isTold = (job: Job): boolean => scheduledMsOf(cronJob, job) <= timeMs(status?.lastScheduleTime);
  const oldest = (type: string, limit: number | undefined): readonly Job[] => {
    const finished = jobs.filter((job) => finishedConditionOf(job)?.type === type).toSorted(byStart);
    return limit === undefined ? [] : finished.slice(0, Math.max(0, finished.length - limit));
  };
  const beyond = [
    ...oldest('Complete', spec.successfulJobsHistoryLimit),
    ...oldest('Failed', spec.failedJobsHistoryLimit),
  ];
  return beyond.filter(isTold);
}

/** Those that never began are the youngest. */
function byStart(a: Job, b: Job): number {
  const [startA, startB] = [a, b].map(({ status }) => status?.startTime);
  if (startA !== startB) {
    if (startA === undefined || startB === undefined) return startA === undefined ? 1 : -1;
    return timeMs(startA) - timeMs(startB);
  }
  return nameOf(a) < nameOf(b) ? -1 : 1;
}

export interface Record {
  readonly status: CronJobStatus;
  readonly events: readonly EventNews[];
  /** Named as running, and not in the cache: the server knows whether they are gone. */
  readonly missing: readonly ObjectReference[];
}

/** What the Jobs say of the past. */
export function decideRecord(cronJob: CronJob, jobs: readonly Job[]): Record {
  const { status = {} } = cronJob;
  const events: EventNews[] = [];
  const byUid = new Map(jobs.map((job) => [uidOf(job), job]));
  let { active = [], lastScheduleTime, lastSuccessfulTime } = status;
  for (const job of jobs) {
    const finished = finishedConditionOf(job);
    const isNamed = active.some(({ uid }) => uid === uidOf(job));
    if (!isNamed && finished === undefined) {
      const message = `Saw a job that the controller did not create or forgot: ${nameOf(job)}`;
      events.push(warning('UnexpectedJob', message));
    }
    if (isNamed && finished !== undefined) {
      active = active.filter(({ uid }) => uid !== uidOf(job));
      events.push(normal('SawCompletedJob', `Saw completed job: ${nameOf(job)}, condition: ${finished.type}`));
    }
    const scheduledMs = scheduledMsOf(cronJob, job);
    if (scheduledMs > timeMs(lastScheduleTime)) lastScheduleTime = formatTime(scheduledMs);
    const completionTime = job.status?.completionTime;
    if (completionTime && conditionOf(job, 'Complete') && timeMs(completionTime) > timeMs(lastSuccessfulTime)) {
      lastSuccessfulTime = completionTime;
    }
  }
  const missing = active.filter(({ uid = '' }) => !byUid.has(uid));
  const times = { ...(lastScheduleTime && { lastScheduleTime }), ...(lastSuccessfulTime && { lastSuccessfulTime }) };
  return { status: { ...status, active, ...times }, events, missing };
}

export interface RunPlan {
  readonly events: readonly EventNews[];
  /** To be started now. */
  readonly start?: { readonly job: Job; readonly scheduledTime: string };
  /** Running Jobs that the new one takes the place of. */
  readonly replace: readonly ObjectReference[];
  /** When to look again (ms from now); undefined where only a change can bring news. */
  readonly afterMs?: number;
}

/** Whether a run is due, and may begin. `active`: what runs by the status. */
export function decideRun(cronJob: CronJob, active: readonly ObjectReference[], nowMs: number): RunPlan {
  const nothing = (...events: EventNews[]): RunPlan => ({ events, replace: [] });
  const { spec } = cronJob;
  if (isDeleting(cronJob)) return nothing();
  if (!hasKnownZone(cronJob)) {
    const zone = zoneOf(cronJob);
    return nothing(warning('UnknownTimeZone', `invalid timeZone: ${goQuote(zone)}: unknown time zone ${zone}`));
  }
  if (spec.suspend) return nothing();
  const zoned = spec.schedule.includes('TZ') ? [warning('UnsupportedSchedule', zoneInSchedule(spec.schedule))] : [];
  const schedule = scheduleOf(cronJob);
  if ('error' in schedule) {
    const message = `unparseable schedule: ${goQuote(spec.schedule)} : ${schedule.error}`;
    return nothing(...zoned, warning('UnparseableSchedule', message));
  }
  const due = dueOf(cronJob, schedule, nowMs);
  if (due.error !== undefined) {
    return nothing(...zoned, warning('InvalidSchedule', `invalid schedule: ${spec.schedule} : ${due.error}`));
  }
  const missed = due.tooManyMissed ? [warning('TooManyMissedTimes', tooManyMissed)] : [];
  const again = due.afterMs === undefined ? {} : { afterMs: due.afterMs };
  const events = [...zoned, ...missed];
  if (due.scheduledMs === undefined) return { ...again, events, replace: [] };
  return { ...again, ...startAt(cronJob, active, due.scheduledMs, nowMs, events) };
}

const tooManyMissed = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';

const zoneInSchedule = (schedule: string): string =>
  `CRON_TZ or TZ used in schedule ${goQuote(schedule)} is not officially supported, ` +
  'see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';

function startAt(
  cronJob: CronJob,
  active: readonly ObjectReference[],
  scheduledMs: number,
  nowMs: number,
  events: readonly EventNews[],
): RunPlan {
  const { concurrencyPolicy, startingDeadlineSeconds } = cronJob.spec;
  const plan = { events, replace: [] };
  if (startingDeadlineSeconds !== undefined && scheduledMs + startingDeadlineSeconds * 1000 < nowMs) {
    const message = `Missed scheduled time to start a job: ${formatForPeople(scheduledMs)}`;
    return { ...plan, events: [...events, warning('MissSchedule', message)] };
  }
  const job = jobOf(cronJob, scheduledMs);
  const scheduledTime = formatTime(scheduledMs);
  const isDone = cronJob.status?.lastScheduleTime === scheduledTime || active.some(({ name }) => name === nameOf(job));
  if (isDone) return plan;
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return { ...plan, events: [...events, normal('JobAlreadyActive', message)] };
  }
  return { events, replace: concurrencyPolicy === 'Replace' ? active : [], start: { job, scheduledTime } };
}

const scheduledTimestampAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** Named after its minute: a run that was started already cannot be started again. */
function jobOf(cronJob: CronJob, scheduledMs: number): Job {
  const { metadata = {}, spec } = cronJob.spec.jobTemplate;
  const zone = zoneOf(cronJob);
  const scheduled = formatInZone(scheduledMs, zoneOffsetMs(zone, scheduledMs));
  return {
    metadata: {
      namespace: namespaceOf(cronJob),
      name: runName(cronJob, scheduledMs),
      ...(metadata.labels && { labels: metadata.labels }),
      annotations: { ...metadata.annotations, [scheduledTimestampAnnotation]: scheduled },
      ownerReferences: [controllerReference(cronJobs, cronJob)],
    },
    ...(spec && { spec }),
  };
}

/** The time (ms) of the run that the Job is; 0 where somebody else made it. */
function scheduledMsOf(cronJob: CronJob, job: Job): number {
  const ms = timeMs(job.metadata?.annotations?.[scheduledTimestampAnnotation]);
  return nameOf(job) === runName(cronJob, ms) ? ms : 0;
}

const runName = (cronJob: CronJob, scheduledMs: number): string =>
  `${nameOf(cronJob)}-${Math.floor(scheduledMs / 60_000)}`;

/** How the status names a running Job. */
export function activeReference(job: Job): ObjectReference {
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = job.metadata ?? {};
  return { kind: 'Job', namespace, name, uid, apiVersion: apiVersionOf(jobsResource), resourceVersion };
}
