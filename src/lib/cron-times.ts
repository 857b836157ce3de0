/**
 * When a cron schedule is due. Pure.
 *
 * A moment fits where the wall clock of the zone shows a minute, hour, day and month of the schedule, at second 0. So at a change of the
 * clocks, as with robfig/cron: what falls into the hour that is left out does not happen that day, and what falls into the hour that comes twice
 * happens twice. A day that never comes (30 February) is looked for over five years and no longer.
 */
import type { CronSchedule } from './cron-schedule.ts';
import { zoneOffsetMs } from './time-zones.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** As upstream's. */
const yearsAheadMax = 5;

type TimeSchedule = Extract<CronSchedule, { kind: 'time' }>;

/** The first time (ms since the epoch) after `afterMs`; undefined where none is to come. `zone` holds where the schedule names none itself. */
export function nextCronTime(schedule: CronSchedule, afterMs: number, zone: string): number | undefined {
  const soonestMs = Math.floor(afterMs / 1000) * 1000;
  if (schedule.kind === 'every') return soonestMs + schedule.delayMs;
  return nextFit(schedule, soonestMs + 1000, schedule.zone || zone);
}

/** The last time after `afterMs` and not after `nowMs`, `@every` being counted from `afterMs`; undefined where there is none. */
export function latestCronTime(
  schedule: CronSchedule,
  afterMs: number,
  nowMs: number,
  zone: string,
): number | undefined {
  const firstMs = nextCronTime(schedule, afterMs, zone);
  if (firstMs === undefined || firstMs > nowMs) return undefined;
  if (schedule.kind === 'every') return firstMs + Math.floor((nowMs - firstMs) / schedule.delayMs) * schedule.delayMs;
  return latestFit(schedule, firstMs, nowMs, zone);
}

/** Looks back in ever longer steps: after years of silence, too, this is a matter of a few looks. */
function latestFit(schedule: TimeSchedule, firstMs: number, nowMs: number, zone: string): number {
  for (let spanMs = minuteMs; ; spanMs *= 2) {
    const fromMs = Math.max(firstMs - 1000, nowMs - spanMs);
    let foundMs = nextCronTime(schedule, fromMs, zone);
    if (foundMs === undefined || foundMs > nowMs) continue;
    for (let next = foundMs; next !== undefined && next <= nowMs; next = nextOrEnd(schedule, next, zone))
      foundMs = next;
    return foundMs;
  }
}

const nextOrEnd = (schedule: TimeSchedule, afterMs: number, zone: string): number =>
  nextCronTime(schedule, afterMs, zone) ?? Number.POSITIVE_INFINITY;

/** The first fitting moment from `fromMs` on. Days are looked through by the calendar; only those that fit are laid on the zone's clock. */
function nextFit(schedule: TimeSchedule, fromMs: number, zone: string): number | undefined {
  const wallMs = fromMs + zoneOffsetMs(zone, fromMs);
  const lastYear = new Date(wallMs).getUTCFullYear() + yearsAheadMax;
  // A day early: clocks may have been put back across midnight.
  for (let dayStartMs = Math.floor(wallMs / dayMs - 1) * dayMs; ; dayStartMs += dayMs) {
    const date = new Date(dayStartMs);
    if (date.getUTCFullYear() > lastYear) return undefined;
    if (!fitsDay(schedule, date)) continue;
    const foundMs = firstOfDay(schedule, dayStartMs, fromMs, zone);
    if (foundMs !== undefined) return foundMs;
  }
}

/** `date` is a day of the wall calendar, written as if in UTC. */
function fitsDay({ days, months, weekdays, bothDays }: TimeSchedule, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const [day, weekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
  return bothDays ? day && weekday : day || weekday;
}

/** The first moment of a fitting day from `fromMs` on. */
function firstOfDay(schedule: TimeSchedule, dayStartMs: number, fromMs: number, zone: string): number | undefined {
  const offsets = new Set([zoneOffsetMs(zone, dayStartMs - dayMs), zoneOffsetMs(zone, dayStartMs + 2 * dayMs)]);
  let firstMs: number | undefined;
  for (const offsetMs of offsets) {
    for (const wallMs of timesOfDay(schedule, dayStartMs)) {
      const atMs = wallMs - offsetMs;
      if (atMs < fromMs) continue;
      if (firstMs !== undefined && atMs >= firstMs) break;
      // On a day of change, one of the offsets holds for this time of day, or both, or none.
      if (offsets.size > 1 && zoneOffsetMs(zone, atMs) !== offsetMs) continue;
      firstMs = atMs;
      break;
    }
  }
  return firstMs;
}

/** In order. */
function* timesOfDay({ hours, minutes }: TimeSchedule, dayStartMs: number): Generator<number> {
  const [inOrder, minutesInOrder] = [[...hours].sort(ascending), [...minutes].sort(ascending)];
  for (const hour of inOrder) {
    for (const minute of minutesInOrder) yield dayStartMs + hour * hourMs + minute * minuteMs;
  }
}

const ascending = (a: number, b: number): number => a - b;
