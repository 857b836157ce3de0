import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { type CronSchedule, readCronSchedule } from './cron-schedule.ts';
import { latestCronTime, nextCronTime } from './cron-times.ts';

function read(text: string): CronSchedule {
  const schedule = readCronSchedule(text);
  if ('error' in schedule) throw new Error(schedule.error);
  return schedule;
}

const next = (text: string, after: string, zone = 'UTC'): string | undefined => {
  const ms = nextCronTime(read(text), Date.parse(after), zone);
  return ms === undefined ? undefined : new Date(ms).toISOString().replace('.000', '');
};

interface Case {
  readonly schedule: string;
  readonly after: string;
  readonly next: string | undefined;
  readonly zone?: string;
}

/** The first ones are of robfig/cron's own tests. */
const cases: readonly Case[] = [
  { schedule: '0/15 * * * *', after: '2012-07-09T14:45:00Z', next: '2012-07-09T15:00:00Z' },
  { schedule: '0/15 * * * *', after: '2012-07-09T14:59:59Z', next: '2012-07-09T15:00:00Z' },
  { schedule: '20-35/15 * * * *', after: '2012-07-09T15:45:00Z', next: '2012-07-09T16:20:00Z' },
  { schedule: '*/15 * * * *', after: '2012-12-31T23:59:45Z', next: '2013-01-01T00:00:00Z' },
  { schedule: '0 0 9 * *', after: '2012-07-09T00:00:00Z', next: '2012-08-09T00:00:00Z' },
  { schedule: '0 0 * Feb Mon', after: '2012-07-09T23:35:00Z', next: '2013-02-04T00:00:00Z' },
  { schedule: '0 0 * Feb Mon/2', after: '2012-07-09T23:35:00Z', next: '2013-02-01T00:00:00Z' },
  { schedule: '0 0 29 Feb ?', after: '2012-07-09T23:35:00Z', next: '2016-02-29T00:00:00Z' },
  { schedule: '0 0 30 Feb ?', after: '2012-07-09T23:35:00Z', next: undefined },
  { schedule: '0 0 31 Apr ?', after: '2012-07-09T23:35:00Z', next: undefined },
  { schedule: '0 0 13 * fri', after: '2026-01-01T00:00:00Z', next: '2026-01-02T00:00:00Z' },
  { schedule: '0 0 */13 * fri', after: '2026-01-02T00:00:00Z', next: '2026-01-09T00:00:00Z' },
  { schedule: '@weekly', after: '2026-01-01T00:00:00Z', next: '2026-01-04T00:00:00Z' },
  { schedule: '@yearly', after: '2026-01-01T00:00:00Z', next: '2027-01-01T00:00:00Z' },
  { schedule: '@every 90s', after: '2026-01-01T00:00:00.7Z', next: '2026-01-01T00:01:30Z' },
  { schedule: '@every 10ms', after: '2026-01-01T00:00:00Z', next: '2026-01-01T00:00:01Z' },
  { schedule: '@every 1h30m10.9s', after: '2026-01-01T00:00:00Z', next: '2026-01-01T01:30:10Z' },
  // Zones: a half hour's, one in front, and one that is not heeded because another stands in front.
  { schedule: '0 0 * * *', after: '2026-01-01T00:00:00Z', next: '2026-01-01T18:30:00Z', zone: 'Asia/Kolkata' },
  { schedule: 'TZ=Asia/Tokyo 0 9 * * *', after: '2026-01-01T00:00:00Z', next: '2026-01-02T00:00:00Z' },
  { schedule: 'CRON_TZ=UTC @daily', after: '2026-01-01T00:00:00Z', next: '2026-01-02T00:00:00Z', zone: 'Asia/Tokyo' },
  { schedule: '@hourly', after: '2026-01-01T00:00:00Z', next: '2026-01-01T00:30:00Z', zone: 'Asia/Kolkata' },
  // In spring New York goes from 2 to 3: what falls between does not happen that day.
  { schedule: '30 2 * * *', after: '2026-03-07T12:00:00Z', next: '2026-03-09T06:30:00Z', zone: 'America/New_York' },
  { schedule: '0 3 * * *', after: '2026-03-08T00:00:00-05:00', next: '2026-03-08T07:00:00Z', zone: 'America/New_York' },
  { schedule: '0 * * * *', after: '2026-03-08T06:00:00Z', next: '2026-03-08T07:00:00Z', zone: 'America/New_York' },
  { schedule: '0 0 * * *', after: '2026-03-08T06:00:00Z', next: '2026-03-09T04:00:00Z', zone: 'America/New_York' },
  // In autumn from 2 back to 1: what falls between happens twice.
  { schedule: '30 1 * * *', after: '2026-11-01T04:00:00Z', next: '2026-11-01T05:30:00Z', zone: 'America/New_York' },
  { schedule: '30 1 * * *', after: '2026-11-01T05:30:00Z', next: '2026-11-01T06:30:00Z', zone: 'America/New_York' },
  { schedule: '30 1 * * *', after: '2026-11-01T06:30:00Z', next: '2026-11-02T06:30:00Z', zone: 'America/New_York' },
  { schedule: '0 2 * * *', after: '2026-11-01T04:00:00Z', next: '2026-11-01T07:00:00Z', zone: 'America/New_York' },
  // At midnight itself: Havana goes from 0 to 1, so that day has none.
  { schedule: '0 0 * * *', after: '2026-03-07T12:00:00Z', next: '2026-03-09T04:00:00Z', zone: 'America/Havana' },
  // Half an hour's change, in autumn at 2.
  { schedule: '45 1 * * *', after: '2026-04-04T14:45:00Z', next: '2026-04-04T15:15:00Z', zone: 'Australia/Lord_Howe' },
];

describe('a cron schedule is due', () => {
  for (const { schedule, after, next: expected, zone } of cases) {
    it(`${schedule} after ${after}${zone ? ` in ${zone}` : ''}: ${expected ?? 'never'}`, () => {
      assert.equal(next(schedule, after, zone), expected);
    });
  }

  it('as a search minute by minute finds it, also where clocks change', () => {
    const schedules = ['*/20 * * * *', '15 1-3 * * *', '0 2,12 * * 0', '59 23 1,15 * 1', '5 0 * 3,10,11 *'];
    const zones = ['UTC', 'America/New_York', 'Europe/Zurich', 'Australia/Lord_Howe', 'America/Havana'];
    const starts = [Date.UTC(2026, 2, 7), Date.UTC(2026, 2, 28), Date.UTC(2026, 9, 24), Date.UTC(2026, 10, 1)];
    const minutes = fc.integer({ min: 0, max: 2 * 1440 });
    const from = fc.constantFrom(...schedules);
    fc.assert(
      fc.property(from, fc.constantFrom(...zones), fc.constantFrom(...starts), minutes, (text, zone, start, more) => {
        const afterMs = start + more * 60_000;
        const found = nextCronTime(read(text), afterMs, zone);
        assert.ok(found !== undefined && found > afterMs);
        const fits = fitting(text, zone);
        const end = Math.min(found, afterMs + 1440 * 60_000);
        for (let atMs = afterMs + 60_000; atMs < end; atMs += 60_000)
          assert.ok(!fits(atMs), new Date(atMs).toISOString());
        assert.ok(fits(found));
      }),
      { numRuns: 40, seed: 7 },
    );
  });

  it('for the last time before now, however long ago the first one was', () => {
    const at = (text: string, after: string, now: string): string | undefined => {
      const ms = latestCronTime(read(text), Date.parse(after), Date.parse(now), 'UTC');
      return ms === undefined ? undefined : new Date(ms).toISOString();
    };
    assert.equal(at('* * * * *', '2001-01-01T00:00:00Z', '2026-05-05T05:05:30Z'), '2026-05-05T05:05:00.000Z');
    assert.equal(at('0 0 29 2 *', '2001-01-01T00:00:00Z', '2026-05-05T05:05:30Z'), '2024-02-29T00:00:00.000Z');
    assert.equal(at('@every 7m', '2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'), '2026-01-01T00:56:00.000Z');
    assert.equal(at('@daily', '2026-01-01T00:00:00Z', '2026-01-01T23:59:59Z'), undefined);
    assert.equal(at('@daily', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'), '2026-01-02T00:00:00.000Z');
  });
});

/** The meaning of a schedule by the zone's wall clock alone. */
function fitting(text: string, zone: string): (atMs: number) => boolean {
  const schedule = read(text);
  assert.ok(schedule.kind === 'time');
  const options = { weekday: 'short', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...options });
  return (atMs) => {
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
    const day = schedule.days.has(Number(parts['day']));
    const names = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
    const weekday = schedule.weekdays.has(names.indexOf(parts['weekday'] ?? ''));
    return (
      schedule.months.has(Number(parts['month'])) &&
      (schedule.bothDays ? day && weekday : day || weekday) &&
      schedule.hours.has(Number(parts['hour'])) &&
      schedule.minutes.has(Number(parts['minute']))
    );
  };
}
