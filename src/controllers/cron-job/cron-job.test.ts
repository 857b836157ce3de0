import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CronJob, CronJobSpec } from '../../api/schema/types/batch-v1.ts';
import { unreachable } from '../../client/errors.ts';
import { intercept, interceptCalls } from '../../client/intercept.ts';
import { cronJobs, jobs, pods } from '../../client/resources.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { type Exit, fails, type JobWorld, makeJob, runsOn, startJobWorld, succeeds } from '../job/testing.ts';
import { inDefault } from '../testing.ts';
import { decideRun } from './decide.ts';
import { formatForPeople } from './schedule.ts';

const minuteMs = 60_000;

function makeCronJob(spec: Partial<CronJobSpec> = {}, name = 'cron'): CronJob {
  const jobTemplate = {
    metadata: { labels: { of: name }, annotations: { note: 'kept' } },
    spec: makeJob().spec as NonNullable<CronJobSpec['jobTemplate']['spec']>,
  };
  return { metadata: inDefault(name), spec: { schedule: '* * * * *', jobTemplate, ...spec } };
}

/** The world's clock begins at midnight, UTC, with the first of January 2026: minute 29453760. */
async function startCronWorld(exit: Exit, spec: Partial<CronJobSpec> = {}): Promise<JobWorld> {
  const world = await startJobWorld(exit);
  await world.client.create(cronJobs, makeCronJob(spec));
  return world;
}

const namesOf = async (world: JobWorld): Promise<readonly string[]> =>
  (await world.list(jobs)).map(({ metadata }) => metadata?.name ?? '').toSorted();

const statusOf = async (world: JobWorld) => (await world.get(cronJobs, 'cron'))?.status;

const editCronJob = async (world: JobWorld, spec: Partial<CronJobSpec>): Promise<void> => {
  await world.client.patch(cronJobs, inDefault('cron'), { type: 'merge', body: { spec } });
};

describe('a cron job', () => {
  test('starts a job at each time of its schedule, named after the minute, and tells of it', async () => {
    const world = await startCronWorld(runsOn);
    await world.clock.advance(2 * minuteMs + 1000);
    assert.deepEqual(await namesOf(world), ['cron-29453761', 'cron-29453762']);
    const status = await statusOf(world);
    assert.equal(status?.lastScheduleTime, '2026-01-01T00:02:00Z');
    assert.deepEqual(
      status.active?.map(({ kind, apiVersion, name }) => [kind, apiVersion, name]),
      [
        ['Job', 'batch/v1', 'cron-29453761'],
        ['Job', 'batch/v1', 'cron-29453762'],
      ],
    );
    const [job] = await world.list(jobs);
    assert.deepEqual(job?.metadata?.annotations, {
      note: 'kept',
      'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T00:01:00Z',
    });
    assert.equal(job?.metadata?.labels?.of, 'cron');
    assert.equal(job?.metadata?.ownerReferences?.[0]?.kind, 'CronJob');
    assert.ok((await world.eventsOf('cron')).includes('SuccessfulCreate: Created job cron-29453761'));
    await world.close();
  });

  test('sees when its jobs succeed', async () => {
    const world = await startCronWorld(succeeds);
    await world.clock.advance(minuteMs + 10_000);
    const status = await statusOf(world);
    assert.equal(status?.active, undefined);
    assert.equal(status?.lastSuccessfulTime, (await world.job('cron-29453761')).status?.completionTime);
    const told = await world.eventsOf('cron');
    assert.ok(told.includes('SawCompletedJob: Saw completed job: cron-29453761, condition: Complete'));
    await world.close();
  });

  test('keeps so many old jobs of each kind', async () => {
    const world = await startCronWorld(succeeds, { successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 1 });
    await world.clock.advance(5 * minuteMs - 1000);
    assert.deepEqual(await namesOf(world), ['cron-29453763', 'cron-29453764']);
    world.exit = fails;
    await editCronJob(world, { jobTemplate: { spec: { ...makeJob().spec, backoffLimit: 0 } as never } });
    await world.clock.advance(3 * minuteMs);
    const finished = await namesOf(world);
    assert.deepEqual(finished, ['cron-29453763', 'cron-29453764', 'cron-29453767']);
    assert.ok((await world.eventsOf('cron')).includes('SuccessfulDelete: Deleted job cron-29453761'));
    assert.ok((await world.list(pods)).length <= 4, 'pods go with their jobs');
    await world.close();
  });

  test('starts none while it sleeps, and none of those that it slept through but the last', async () => {
    const world = await startCronWorld(runsOn, { suspend: true });
    await world.clock.advance(5 * minuteMs + 30_000);
    assert.deepEqual(await namesOf(world), []);
    await editCronJob(world, { suspend: false });
    await world.clock.advance(10_000);
    assert.deepEqual(await namesOf(world), ['cron-29453765']);
    await world.close();
  });

  test('forbids a second job beside a running one', async () => {
    const world = await startCronWorld(runsOn, { concurrencyPolicy: 'Forbid' });
    await world.clock.advance(3 * minuteMs + 1000);
    assert.deepEqual(await namesOf(world), ['cron-29453761']);
    assert.equal((await statusOf(world))?.active?.length, 1);
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    assert.ok((await world.eventsOf('cron')).includes(`JobAlreadyActive: ${message}`));
    for (const pod of await world.list(pods)) await world.end(pod, 0);
    await world.clock.advance(5000);
    assert.deepEqual(await namesOf(world), ['cron-29453761', 'cron-29453763'], 'the last one missed is made up for');
    await world.close();
  });

  test('replaces a running job', async () => {
    const world = await startCronWorld(runsOn, { concurrencyPolicy: 'Replace' });
    await world.clock.advance(2 * minuteMs + 10_000);
    assert.deepEqual(await namesOf(world), ['cron-29453762']);
    assert.deepEqual(
      (await statusOf(world))?.active?.map(({ name }) => name),
      ['cron-29453762'],
    );
    assert.equal((await world.list(pods)).length, 1);
    await world.close();
  });

  test('follows a change of its schedule', async () => {
    const world = await startCronWorld(runsOn, { schedule: '0 3 * * *' });
    await world.clock.advance(minuteMs);
    await editCronJob(world, { schedule: '*/2 * * * *' });
    await world.clock.advance(minuteMs + 1000);
    assert.deepEqual(await namesOf(world), ['cron-29453762']);
    await world.close();
  });

  test('runs by the clock of its zone, and says so in the job', async () => {
    const world = await startCronWorld(runsOn, { schedule: '30 9 * * *', timeZone: 'Asia/Tokyo' });
    await world.clock.advance(31 * minuteMs);
    const [job] = await world.list(jobs);
    const stamp = job?.metadata?.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'];
    assert.equal(stamp, '2026-01-01T09:30:00+09:00');
    await world.close();
  });

  test('drops a job from its list that somebody deleted', async () => {
    const world = await startCronWorld(runsOn, { schedule: '*/10 * * * *' });
    await world.clock.advance(10 * minuteMs + 1000);
    await world.client.delete(jobs, inDefault('cron-29453770'), { propagationPolicy: 'Background' });
    await world.clock.advance(5000);
    assert.equal((await statusOf(world))?.active, undefined);
    assert.ok((await world.eventsOf('cron')).includes('MissingJob: Active job went missing: cron-29453770'));
    assert.deepEqual(await namesOf(world), [], 'it is not started anew');
    await world.close();
  });

  test('that is deleted goes with its jobs and their pods', async () => {
    const world = await startCronWorld(runsOn);
    await world.clock.advance(minuteMs + 5000);
    await world.client.delete(cronJobs, inDefault('cron'));
    await world.clock.advance(20_000);
    assert.deepEqual(await namesOf(world), []);
    assert.equal((await world.list(pods)).length, 0);
    await world.close();
  });

  test('whose jobs cannot be made says so, tries ever more rarely, and holds nobody up', async () => {
    let tried = 0;
    const world = await startJobWorld(succeeds, {
      wrap: (client) =>
        intercept(client, {
          create: (real) => async (resource, object, options) => {
            if (resource.resource !== 'jobs' || !object.metadata?.name?.startsWith('broken')) {
              return real.create(resource, object, options);
            }
            tried++;
            throw unreachable('no answer');
          },
        }),
    });
    await world.client.create(cronJobs, makeCronJob({ schedule: '0 * * * *' }, 'broken'));
    await world.client.create(cronJobs, makeCronJob({ schedule: '0 * * * *' }));
    await world.clock.advance(65 * minuteMs);
    assert.ok(tried > 3 && tried < 25, `${tried} tries`);
    assert.ok((await world.eventsOf('broken')).some((text) => text.startsWith('FailedCreate: Error creating job: ')));
    assert.deepEqual(await namesOf(world), ['cron-29453820']);
    await world.close();
  });

  for (let seed = 1; seed <= 3; seed++) {
    test(`starts each run once although calls fail or their answers get lost (seed ${seed})`, async () => {
      const chance = new SeededPrng(seed);
      let faulty = false;
      const made: string[] = [];
      const maybe = async (text: string): Promise<void> => {
        if (faulty && chance.next() < 0.1) throw unreachable(text);
      };
      const world = await startJobWorld(succeeds, {
        seed,
        wrap: (client) => {
          const counting = intercept(client, {
            create: (real) => async (resource, object, options) => {
              const created = await real.create(resource, object, options);
              if (resource.resource === 'jobs') made.push(created.metadata?.name ?? '');
              return created;
            },
          });
          return interceptCalls(
            counting,
            () => maybe('the call got lost'),
            () => maybe('the answer got lost'),
          );
        },
      });
      await world.client.create(cronJobs, makeCronJob());
      faulty = true;
      await world.clock.advance(10 * minuteMs + 30_000);
      faulty = false;
      await world.clock.advance(20_000);
      assert.deepEqual(
        made,
        Array.from({ length: 10 }, (_, index) => `cron-${29453761 + index}`),
      );
      await world.clock.advance(10 * minuteMs);
      assert.equal((await statusOf(world))?.active, undefined);
      await world.close();
    });
  }
});

describe('whether a run is due', () => {
  const at = (time: string): number => Date.parse(time);
  const cronJob = (spec: Partial<CronJobSpec>, status: CronJob['status'] = {}): CronJob => {
    const made = makeCronJob(spec);
    return { ...made, metadata: { ...made.metadata, creationTimestamp: '2026-01-01T00:00:00Z' }, status };
  };
  const events = (plan: ReturnType<typeof decideRun>): readonly string[] => plan.events.map(({ reason }) => reason);

  test('is told by the last time that has come, and the next look is right after the next', () => {
    const plan = decideRun(cronJob({ schedule: '0 * * * *' }), [], at('2026-01-01T05:30:00Z'));
    assert.equal(plan.start?.scheduledTime, '2026-01-01T05:00:00Z');
    assert.equal(plan.afterMs, 30 * minuteMs + 100);
    const none = decideRun(cronJob({ schedule: '0 * * * *' }), [], at('2026-01-01T00:59:59Z'));
    assert.deepEqual([none.start, none.afterMs], [undefined, 1100]);
  });

  test('a run that was started is not started again', () => {
    const status = { lastScheduleTime: '2026-01-01T05:00:00Z' };
    const plan = decideRun(cronJob({ schedule: '0 * * * *' }, status), [], at('2026-01-01T05:00:01Z'));
    assert.equal(plan.start, undefined);
    const active = [{ name: 'cron-29454060' }];
    const named = decideRun(cronJob({ schedule: '0 * * * *' }), active, at('2026-01-01T05:00:01Z'));
    assert.equal(named.start, undefined);
  });

  test('a run that is too late is left out', () => {
    const spec = { schedule: '0 0 * * *', startingDeadlineSeconds: 600 };
    assert.ok(decideRun(cronJob(spec), [], at('2026-01-02T00:09:59Z')).start);
    const late = decideRun(cronJob(spec), [], at('2026-01-02T00:10:01Z'));
    assert.equal(late.start, undefined);
    assert.equal(late.afterMs, (23 * 60 + 50) * minuteMs - 1000 + 100);
  });

  test('of more than a hundred missed ones the last is started, with a warning', () => {
    const spec = { schedule: '* * * * *' };
    const few = decideRun(cronJob(spec), [], at('2026-01-01T01:40:00Z'));
    assert.deepEqual([few.start?.scheduledTime, events(few)], ['2026-01-01T01:40:00Z', []]);
    const many = decideRun(cronJob(spec), [], at('2026-01-01T01:41:00Z'));
    assert.deepEqual([many.start?.scheduledTime, events(many)], ['2026-01-01T01:41:00Z', ['TooManyMissedTimes']]);
    const bounded = decideRun(cronJob({ ...spec, startingDeadlineSeconds: 300 }), [], at('2026-01-01T05:00:00Z'));
    assert.deepEqual([bounded.start?.scheduledTime, events(bounded)], ['2026-01-01T05:00:00Z', []]);
  });

  test('an unknown zone, a broken schedule and one that never comes are told of, and not looked at again', () => {
    const now = at('2026-01-01T05:00:00Z');
    const nowhere = decideRun(cronJob({ timeZone: 'Moon/Base' }), [], now);
    assert.deepEqual(nowhere.events[0], {
      type: 'Warning',
      reason: 'UnknownTimeZone',
      message: 'invalid timeZone: "Moon/Base": unknown time zone Moon/Base',
    });
    const broken = decideRun(cronJob({ schedule: '61 * * * *' }), [], now);
    const message = 'unparseable schedule: "61 * * * *" : end of range (61) above maximum (59): 61';
    assert.deepEqual(broken.events[0], { type: 'Warning', reason: 'UnparseableSchedule', message });
    const never = decideRun(cronJob({ schedule: '0 0 31 2 *' }), [], now);
    assert.deepEqual(events(never), ['InvalidSchedule']);
    for (const plan of [nowhere, broken, never]) assert.deepEqual([plan.start, plan.afterMs], [undefined, undefined]);
  });

  test('a zone in the schedule is heeded, and told of', () => {
    const plan = decideRun(cronJob({ schedule: 'TZ=Asia/Tokyo 0 9 * * *' }), [], at('2026-01-02T00:00:30Z'));
    assert.equal(plan.start?.scheduledTime, '2026-01-02T00:00:00Z');
    assert.deepEqual(events(plan), ['UnsupportedSchedule']);
  });

  test('nothing is started while it is being deleted', () => {
    const gone = cronJob({});
    const metadata = { ...gone.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    assert.equal(decideRun({ ...gone, metadata }, [], at('2026-01-01T05:00:00Z')).start, undefined);
  });

  test('times are written for people as Go writes them', () => {
    assert.equal(formatForPeople(at('2026-01-05T04:03:02Z')), 'Mon, 05 Jan 2026 04:03:02 +0000');
  });
});
