/**
 * When a CronJob is to run: the last time that has come and was not seen to, and the next one. Pure.
 *
 * Where nobody says otherwise, schedules are in UTC: every server must find the same times.
 */
import type { CronJob } from '../../api/schema/types/batch-v1.ts';
import { type CronSchedule, readCronSchedule } from '../../lib/cron-schedule.ts';
import { latestCronTime, nextCronTime } from '../../lib/cron-times.ts';
import { isTimeZone } from '../../lib/time-zones.ts';
import { createdMs, timeMs } from '../shared/context.ts';

/** So long after its time a run is looked for, so that the time is sure to have come (upstream's `nextScheduleDelta`). */
const afterTimeMs = 100;
/** More missed runs than this are told of. */
const missedMax = 100;

export const zoneOf = ({ spec }: CronJob): string => spec.timeZone || 'UTC';

export const hasKnownZone = (cronJob: CronJob): boolean => {
  const zone = zoneOf(cronJob);
  return zone === 'Local' || isTimeZone(zone);
};

/** The schedule, or what is wrong with it. A zone in front goes before `timeZone`. */
export const scheduleOf = ({ spec }: CronJob): CronSchedule | { readonly error: string } =>
  readCronSchedule(spec.schedule);

/** What the clock says of a CronJob. */
export interface Due {
  /** The last time that has come, since the run before (ms since the epoch). */
  readonly scheduledMs?: number;
  readonly tooManyMissed: boolean;
  /** Until it is worth looking again; undefined where its time never comes. */
  readonly afterMs?: number;
  /** Why no time can be told. */
  readonly error?: string;
}

export function dueOf(cronJob: CronJob, schedule: CronSchedule, nowMs: number): Due {
  const zone = zoneOf(cronJob);
  const sinceMs = sinceOf(cronJob);
  const nextMs = nextCronTime(schedule, nextFromMs(schedule, sinceMs, nowMs, zone), zone);
  const again = nextMs === undefined ? {} : { afterMs: nextMs + afterTimeMs - nowMs };
  const earliestMs = earliestOf(cronJob, schedule, sinceMs, nowMs);
  const firstMs = nextCronTime(schedule, earliestMs, zone);
  if (firstMs === undefined) {
    return { tooManyMissed: false, error: 'time difference between two schedules is less than 1 second' };
  }
  const scheduledMs = latestCronTime(schedule, earliestMs, nowMs, zone);
  if (scheduledMs === undefined) return { ...again, tooManyMissed: false };
  return { ...again, scheduledMs, tooManyMissed: missedCount(schedule, firstMs, nowMs, zone) > missedMax };
}

/**
 * After this, times are worth a run: after the run before, and not too late to start. `@every` counts from the run before even so: what is too
 * late is left out in whole steps.
 */
function earliestOf({ spec }: CronJob, schedule: CronSchedule, sinceMs: number, nowMs: number): number {
  const inTimeMs = nowMs - (spec.startingDeadlineSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  if (inTimeMs <= sinceMs || schedule.kind === 'time') return Math.max(sinceMs, inTimeMs);
  const wholeSinceMs = Math.floor(sinceMs / 1000) * 1000;
  const steps = Math.max(1, Math.ceil((inTimeMs - wholeSinceMs) / schedule.delayMs));
  return wholeSinceMs + (steps - 1) * schedule.delayMs;
}

/** Until the next time comes (ms), whatever was missed before; undefined where none can be told. */
export function untilNextMs(cronJob: CronJob, nowMs: number): number | undefined {
  const schedule = hasKnownZone(cronJob) ? scheduleOf(cronJob) : undefined;
  return schedule === undefined || 'error' in schedule ? undefined : dueOf(cronJob, schedule, nowMs).afterMs;
}

/** `@every` counts from the last run. */
function nextFromMs(schedule: CronSchedule, sinceMs: number, nowMs: number, zone: string): number {
  if (schedule.kind === 'time') return Math.max(sinceMs, nowMs);
  return latestCronTime(schedule, sinceMs, nowMs, zone) ?? sinceMs;
}

/** As upstream, by the distance of the first two times: to count all of them might take for ever. */
function missedCount(schedule: CronSchedule, firstMs: number, nowMs: number, zone: string): number {
  const secondMs = nextCronTime(schedule, firstMs, zone);
  if (secondMs === undefined || secondMs > nowMs) return 1;
  return Math.floor((nowMs - firstMs) / (secondMs - firstMs)) + 1;
}

const sinceOf = (cronJob: CronJob): number =>
  cronJob.status?.lastScheduleTime === undefined ? createdMs(cronJob) : timeMs(cronJob.status.lastScheduleTime);

/** RFC 3339 in the zone of the CronJob, which the Job carries as an annotation. */
export function formatInZone(atMs: number, offsetMs: number): string {
  const wall = new Date(atMs + offsetMs).toISOString().slice(0, 19);
  if (offsetMs === 0) return `${wall}Z`;
  const minutes = Math.abs(Math.round(offsetMs / 60_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${wall}${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** Go's `RFC1123Z`, in UTC. */
export const formatForPeople = (atMs: number): string => new Date(atMs).toUTCString().replace('GMT', '+0000');
