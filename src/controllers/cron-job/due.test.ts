/** Whether a CronJob runs now, and when it is looked at again, row by row: the cases of upstream's own controller. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CronJob, CronJobSpec, Job } from '../../api/schema/types/batch-v1.ts';
import { makeJob } from '../job/testing.ts';
import { decideCleanup, decideRecord, decideRun } from './decide.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** A Thursday. */
const hour = Date.parse('2016-05-19T10:00:00Z');
const time = (atMs: number): string => new Date(atMs).toISOString().replace('.000', '');

interface Row {
  readonly name: string;
  readonly spec?: Partial<CronJobSpec>;
  /** Made at the full hour, unless a row says otherwise (ms later). */
  readonly created?: number;
  readonly last?: number;
  readonly now: number;
  /** Names of Jobs that run. */
  readonly active?: readonly string[];
  /** The time that is started (ms after the full hour). */
  readonly starts?: number;
  readonly replaces?: readonly string[];
  /** Until the next look (ms), without the moment that is added so that the time has surely come. */
  readonly next?: number;
  readonly events?: readonly string[];
}

const at = (hours: number, minutes = 0, seconds = 0): number => hours * hourMs + minutes * minuteMs + seconds * 1000;
const office = { schedule: '30 6-16/4 * * 1-5' };
const everyHour = { schedule: '@every 1h' };
const skew = Date.parse('2016-05-19T11:00:00Z') / minuteMs;

const rows: readonly Row[] = [
  { name: 'before its first time', now: at(0, 0, 30), next: at(0, 59, 30) },
  { name: 'right after its first time', now: at(1, 1), starts: at(1), next: at(0, 59) },
  { name: 'just at its time', now: at(1), starts: at(1), next: at(1) },
  {
    name: 'after five times, of which the last counts',
    created: at(0, 0, 10),
    now: at(5, 1),
    starts: at(5),
    next: at(0, 59),
  },
  { name: 'after a run', last: at(1), now: at(1, 2), next: at(0, 58) },
  { name: 'after a run and another time', last: at(1), now: at(2, 5), starts: at(2), next: at(0, 55) },
  {
    name: 'at hours that are not evenly spread',
    spec: office,
    last: at(0, 30),
    now: at(24, 31),
    starts: at(24, 30),
    next: at(3, 59),
  },
  {
    name: 'at such hours after a weekend',
    spec: office,
    last: at(0, 30),
    now: at(96, 31),
    starts: at(96, 30),
    next: at(3, 59),
  },
  {
    name: 'at such hours on a Friday afternoon',
    spec: { schedule: '30 10,11,12 * * 1-5' },
    last: at(0, 30),
    now: at(30, 30),
    // Upstream sees none here: it looks back from the distance of the first two times.
    starts: at(26, 30),
    next: at(66),
  },
  {
    name: 'once a week, two times missed',
    spec: { schedule: '0 12 * * 4' },
    last: at(2),
    now: at(19 * 24 + 1, 30),
    starts: at(14 * 24 + 2),
    next: at(48, 30),
  },
  { name: 'on Fridays, never run', spec: { schedule: '0 12 * * 5' }, now: at(6), next: at(20) },
  {
    name: 'after ten days of silence',
    last: at(0),
    now: at(241),
    starts: at(241),
    next: at(1),
    events: ['TooManyMissedTimes'],
  },
  {
    name: 'after ten days of silence, most of them too late',
    spec: { startingDeadlineSeconds: 7200 },
    last: at(0),
    now: at(241),
    starts: at(241),
    next: at(1),
  },
  { name: 'too late', spec: { startingDeadlineSeconds: 60 }, now: at(1, 2), next: at(0, 58) },
  { name: 'not too late', spec: { startingDeadlineSeconds: 180 }, now: at(1, 2), starts: at(1), next: at(0, 58) },
  {
    name: 'whatever is missed while nothing may start late',
    spec: { startingDeadlineSeconds: 0 },
    now: at(1, 0, 1),
    next: at(0, 59, 59),
  },
  { name: 'asleep', spec: { suspend: true }, now: at(1, 1) },
  { name: 'beside a run', last: at(0), active: ['a'], now: at(1, 1), starts: at(1), next: at(0, 59) },
  {
    name: 'not beside a run',
    spec: { concurrencyPolicy: 'Forbid' },
    last: at(0),
    active: ['a'],
    now: at(1, 1),
    next: at(0, 59),
    events: ['JobAlreadyActive'],
  },
  {
    name: 'in place of runs',
    spec: { concurrencyPolicy: 'Replace' },
    last: at(0),
    active: ['a', 'b'],
    now: at(1, 1),
    starts: at(1),
    replaces: ['a', 'b'],
    next: at(0, 59),
  },
  { name: 'a run that is there already', active: [`cron-${skew}`], now: at(1, 1), next: at(0, 59) },
  {
    name: 'in its zone',
    spec: { schedule: '0 7 * * *', timeZone: 'America/New_York' },
    now: at(1, 1),
    starts: at(1),
    next: at(23, 59),
  },
  {
    name: 'in the zone of its schedule',
    spec: { schedule: 'TZ=UTC 0 11 * * *', timeZone: 'America/New_York' },
    now: at(1, 1),
    starts: at(1),
    next: at(23, 59),
    events: ['UnsupportedSchedule'],
  },
  { name: 'with an empty zone, which is none', spec: { timeZone: '' }, now: at(1, 1), starts: at(1), next: at(0, 59) },
  { name: 'in a zone that is none', spec: { timeZone: 'broken' }, now: at(1, 1), events: ['UnknownTimeZone'] },
  {
    name: 'by a schedule that cannot be read',
    spec: { schedule: 'obvious error' },
    now: at(1, 1),
    events: ['UnparseableSchedule'],
  },
  {
    name: 'by a schedule in a zone that is none',
    spec: { schedule: 'TZ=broken 0 * * * *' },
    now: at(1, 1),
    events: ['UnsupportedSchedule', 'UnparseableSchedule'],
  },
  {
    name: 'by a schedule that never comes',
    spec: { schedule: '59 23 31 2 *' },
    now: at(1),
    events: ['InvalidSchedule'],
  },
  { name: 'every hour, before the first', spec: everyHour, now: at(0, 59), next: at(0, 1) },
  {
    name: 'every hour from when it was made',
    spec: everyHour,
    created: at(0, 7),
    now: at(1, 8),
    starts: at(1, 7),
    next: at(0, 59),
  },
  { name: 'every hour after a run', spec: everyHour, last: at(0, 7), now: at(3), starts: at(2, 7), next: at(0, 7) },
  {
    name: 'every hour after a week',
    spec: everyHour,
    last: at(0, 1),
    now: at(168),
    starts: at(167, 1),
    next: at(0, 1),
    events: ['TooManyMissedTimes'],
  },
  {
    name: 'every hour, in time',
    spec: { ...everyHour, startingDeadlineSeconds: 10 },
    last: at(0, 7),
    now: at(1, 7, 9),
    starts: at(1, 7),
    next: at(0, 59, 51),
  },
  {
    name: 'every hour, too late',
    spec: { ...everyHour, startingDeadlineSeconds: 10 },
    last: at(0, 7),
    now: at(1, 7, 11),
    next: at(0, 59, 49),
  },
  {
    name: 'every hour after a week, most of it too late',
    spec: { ...everyHour, startingDeadlineSeconds: 7200 },
    last: at(0, 1),
    now: at(168),
    starts: at(167, 1),
    next: at(0, 1),
  },
  { name: 'after the clock was set back', last: at(2), now: at(1, 30), next: at(1, 30) },
  { name: 'made by a clock that is ahead', created: at(0, 5), now: at(0, 4), next: at(0, 56) },
];

function cronJob({ spec, created = 0, last }: Pick<Row, 'spec' | 'created' | 'last'>): CronJob {
  return {
    metadata: { namespace: 'default', name: 'cron', uid: 'cron', creationTimestamp: time(hour + created) },
    spec: { schedule: '0 * * * *', jobTemplate: { spec: makeJob().spec as never }, ...spec },
    ...(last !== undefined && { status: { lastScheduleTime: time(hour + last) } }),
  };
}

describe('runs', () => {
  for (const { name, now, active = [], starts, replaces = [], next, events = [], ...rest } of rows) {
    test(name, () => {
      const running = active.map((each) => ({ name: each }));
      const plan = decideRun(cronJob(rest), running, hour + now);
      assert.equal(plan.start?.scheduledTime, starts === undefined ? undefined : time(hour + starts));
      assert.deepEqual(
        plan.replace.map((each) => each.name),
        replaces,
      );
      assert.equal(plan.afterMs, next === undefined ? undefined : next + 100);
      assert.deepEqual(
        plan.events.map(({ reason }) => reason),
        events,
      );
    });
  }

  test('too many missed ones are told of as upstream tells it', () => {
    const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
    const { events } = decideRun(cronJob({ last: 0 }), [], hour + at(241));
    assert.deepEqual(events, [{ type: 'Warning', reason: 'TooManyMissedTimes', message }]);
  });
});

describe('of its jobs', () => {
  const job = (name: string, started?: number, end?: 'Complete' | 'Failed', completed = started): Job => ({
    metadata: { namespace: 'default', name, uid: name },
    status: {
      ...(started !== undefined && { startTime: time(hour + started) }),
      ...(end && { conditions: [{ type: end, status: 'True' }] }),
      ...(end === 'Complete' && completed !== undefined && { completionTime: time(hour + completed) }),
    },
  });
  const names = (jobs: readonly Job[]): readonly string[] => jobs.map(({ metadata }) => metadata?.name ?? '');

  test('the oldest of those that finished go, each kind by its own limit; the youngest never began', () => {
    const jobs = [
      job('b', 5, 'Complete'),
      job('a', 5, 'Complete'),
      job('late', 9, 'Complete'),
      job('never', undefined, 'Complete'),
      job('bad-2', 2, 'Failed'),
      job('bad-1', 1, 'Failed'),
      job('running', 0),
    ];
    const spec = { successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 1 };
    assert.deepEqual(names(decideCleanup(cronJob({ spec }), jobs)), ['a', 'b', 'bad-1']);
    const none = { successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 0 };
    assert.equal(decideCleanup(cronJob({ spec: none }), jobs).length, 6);
    assert.deepEqual(decideCleanup(cronJob({}), jobs), [], 'without limits all stay');
  });

  test('those that finished leave the list, the last success is kept, and strangers are told of', () => {
    const active = ['done', 'bad', 'runs', 'gone'].map((name) => ({ name, uid: name }));
    const before = { active, lastSuccessfulTime: time(hour + 5000) };
    const jobs = [
      job('done', 0, 'Complete', 7000),
      job('older', 0, 'Complete', 6000),
      job('bad', 0, 'Failed'),
      job('runs', 0),
      job('stranger', 0),
    ];
    const { status, events, missing } = decideRecord({ ...cronJob({}), status: before }, jobs);
    assert.deepEqual(
      status.active?.map(({ name }) => name),
      ['runs', 'gone'],
    );
    assert.equal(status.lastSuccessfulTime, time(hour + 7000));
    assert.deepEqual(
      missing.map(({ name }) => name),
      ['gone'],
    );
    assert.deepEqual(
      events.map(({ reason, message }) => `${reason}: ${message}`),
      [
        'SawCompletedJob: Saw completed job: done, condition: Complete',
        'SawCompletedJob: Saw completed job: bad, condition: Failed',
        'UnexpectedJob: Saw a job that the controller did not create or forgot: stranger',
      ],
    );
  });

  test('one whose run the status does not tell of yet stays until it does, since its name keeps the run from being started again', () => {
    const owner = cronJob({ spec: { successfulJobsHistoryLimit: 0 } });
    const at = '2026-01-01T01:00:00Z';
    const run = job(`${owner.metadata?.name}-${Date.parse(at) / 60_000}`, 0, 'Complete');
    const annotations = { 'batch.kubernetes.io/cronjob-scheduled-timestamp': at };
    const untold = { ...run, metadata: { ...run.metadata, annotations } };
    assert.deepEqual(decideCleanup(owner, [untold]), []);
    const { status } = decideRecord(owner, [untold]);
    assert.equal(status.lastScheduleTime, at);
    assert.deepEqual(decideCleanup({ ...owner, status }, [untold]), [untold]);
    const foreign = { ...untold, metadata: { ...untold.metadata, name: 'by-hand' } };
    assert.equal(decideRecord(owner, [foreign]).status.lastScheduleTime, undefined);
  });
});
