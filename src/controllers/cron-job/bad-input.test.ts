/** CronJobs that nobody should have made so, names that are taken, schedules that change: told of, bounded, and nothing else is held up. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CronJob, CronJobSpec } from '../../api/schema/types/batch-v1.ts';
import { intercept } from '../../client/intercept.ts';
import { cronJobs, events, jobs } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { type JobWorld, makeJob, runsOn, startJobWorld } from '../job/testing.ts';
import { inDefault } from '../testing.ts';

const minuteMs = 60_000;

function makeCronJob(spec: Partial<CronJobSpec> = {}, name = 'cron'): CronJob {
  return {
    metadata: inDefault(name),
    spec: { schedule: '* * * * *', jobTemplate: { spec: makeJob().spec as never }, ...spec },
  };
}

/** Puts it into the store past all validation, beside a good neighbour. */
async function smuggle(world: JobWorld, spec: Partial<CronJobSpec>): Promise<void> {
  await world.client.create(cronJobs, makeCronJob({ schedule: '0 0 1 1 *' }));
  await world.client.create(cronJobs, makeCronJob({}, 'neighbour'));
  const key = { collection: 'cronjobs.batch', namespace: 'default', name: 'cron' };
  const entry = world.store.get(key);
  const { spec: good, ...rest } = await world.client.get(cronJobs, inDefault('cron'));
  const object = { ...rest, spec: { ...good, schedule: '* * * * *', ...spec } };
  await world.store.write({ kind: 'put', key, object, expectedRevision: entry?.revision ?? 0 });
}

const namesOf = async (world: JobWorld, prefix: string): Promise<readonly string[]> =>
  (await world.list(jobs))
    .map(({ metadata }) => metadata?.name ?? '')
    .filter((name) => name.startsWith(prefix))
    .toSorted();

/** `reason: message ×count` */
const toldOf = async (world: JobWorld, name: string): Promise<readonly string[]> =>
  (await world.list(events))
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ reason, message, count }) => `${reason}: ${message} ×${count}`);

const editCronJob = async (world: JobWorld, spec: object, name = 'cron'): Promise<void> => {
  await world.client.patch(cronJobs, inDefault(name), { type: 'merge', body: { spec } });
};

describe('a cron job', () => {
  const wrong: readonly (readonly [name: string, spec: Partial<CronJobSpec>, told: string])[] = [
    [
      'in an impossible zone',
      { timeZone: 'Moon/Base' },
      'UnknownTimeZone: invalid timeZone: "Moon/Base": unknown time zone Moon/Base ×1',
    ],
    [
      'whose schedule cannot be read',
      { schedule: '61 * * * *' },
      'UnparseableSchedule: unparseable schedule: "61 * * * *" : end of range (61) above maximum (59): 61 ×1',
    ],
    [
      'whose time never comes',
      { schedule: '0 0 31 2 *' },
      'InvalidSchedule: invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second ×1',
    ],
  ];
  for (const [name, spec, told] of wrong) {
    test(`${name} says so once, is not tried again, and runs once it is mended`, async () => {
      const world = await startJobWorld(runsOn);
      await smuggle(world, spec);
      await world.clock.advance(5 * minuteMs + 1000);
      assert.deepEqual(await toldOf(world, 'cron'), [told]);
      assert.deepEqual(await namesOf(world, 'cron'), []);
      assert.equal((await namesOf(world, 'neighbour')).length, 5);
      await editCronJob(world, { schedule: '* * * * *', timeZone: null });
      await world.clock.advance(minuteMs);
      assert.deepEqual(await namesOf(world, 'cron'), ['cron-29453766']);
      await world.close();
    });
  }

  test('with an empty zone runs by the clock of all', async () => {
    const world = await startJobWorld(runsOn);
    await smuggle(world, { timeZone: '' });
    await world.clock.advance(minuteMs + 1000);
    assert.deepEqual(await namesOf(world, 'cron'), ['cron-29453761']);
    await world.close();
  });

  test('whose jobs the server refuses tries ever more rarely, and says why', async () => {
    let tried = 0;
    const world = await startJobWorld(runsOn, {
      wrap: (client) =>
        intercept(client, {
          create: (real) => (resource, object, options) => {
            if (resource.resource === 'jobs' && object.metadata?.name?.startsWith('cron')) tried++;
            return real.create(resource, object, options);
          },
        }),
    });
    const { template } = makeJob().spec as NonNullable<ReturnType<typeof makeJob>['spec']>;
    await smuggle(world, { schedule: '1 * * * *', jobTemplate: { spec: { template, parallelism: -1 } } });
    await world.clock.advance(10 * minuteMs + 1000);
    assert.ok(tried > 5 && tried < 25, `${tried} tries`);
    const [told = ''] = await toldOf(world, 'cron');
    assert.match(told, /^FailedCreate: Error creating job: .*spec\.parallelism: Invalid value: -1/);
    assert.equal((await namesOf(world, 'neighbour')).length, 10);
    await world.close();
  });

  test('whose name for a run another job has lets that job be, and starts the next run', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, makeJob({}, 'cron-29453761'));
    await world.client.create(cronJobs, makeCronJob());
    await world.clock.advance(minuteMs + 1000);
    const status = async () => (await world.get(cronJobs, 'cron'))?.status;
    assert.deepEqual([(await status())?.active, (await status())?.lastScheduleTime], [undefined, undefined]);
    await world.clock.advance(minuteMs);
    assert.deepEqual(
      (await status())?.active?.map(({ name }) => name),
      ['cron-29453762'],
    );
    await world.close();
  });

  test('that gets another schedule does not make up for times that were not asked for', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(cronJobs, makeCronJob({ schedule: '0 3 * * *' }));
    await world.clock.advance(30 * minuteMs);
    await editCronJob(world, { schedule: '10 * * * *' });
    await world.clock.advance(10 * minuteMs);
    assert.deepEqual(await namesOf(world, 'cron'), [], 'ten past midnight is over');
    await world.clock.advance(31 * minuteMs);
    assert.deepEqual(await namesOf(world, 'cron'), ['cron-29453830'], 'ten past one');
    await world.close();
  });

  test('that gets another zone waits for its next time there', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(cronJobs, makeCronJob({ schedule: '20 * * * *', timeZone: 'UTC' }));
    await world.clock.advance(55 * minuteMs);
    assert.deepEqual(await namesOf(world, 'cron'), ['cron-29453780']);
    // There it is 6:25.
    await editCronJob(world, { timeZone: 'Asia/Kolkata' });
    await world.clock.advance(20 * minuteMs);
    assert.deepEqual(await namesOf(world, 'cron'), ['cron-29453780']);
    await world.clock.advance(36 * minuteMs);
    assert.deepEqual((await namesOf(world, 'cron')).at(-1), 'cron-29453870', 'twenty past seven there');
    await world.close();
  });
});

test('how late jobs are made is counted', async () => {
  const metrics = new MetricRegistry();
  const world = await startJobWorld(runsOn, { metrics });
  await world.client.create(cronJobs, makeCronJob());
  await world.clock.advance(2 * minuteMs + 1000);
  const text = metrics.text();
  assert.match(text, /^cronjob_controller_job_creation_skew_duration_seconds_count 2$/m);
  assert.match(text, /^cronjob_controller_job_creation_skew_duration_seconds_bucket\{le="1"\} 2$/m);
  await world.close();
});

test('after a restart only the last of the missed runs is started, and none twice', async () => {
  const world = await startJobWorld(runsOn);
  await world.client.create(cronJobs, makeCronJob());
  await world.clock.advance(2 * minuteMs + 1000);
  await world.restart(4 * minuteMs + 30_000);
  await world.clock.advance(1000);
  assert.deepEqual(await namesOf(world, 'cron'), ['cron-29453761', 'cron-29453762', 'cron-29453766']);
  await world.restart();
  await world.clock.advance(minuteMs);
  assert.deepEqual((await namesOf(world, 'cron')).at(-1), 'cron-29453767');
  const told = await toldOf(world, 'cron');
  assert.equal(told.filter((text) => text.startsWith('SuccessfulCreate')).length, 4);
  assert.ok(
    told.every((text) => text.endsWith('×1') && text.startsWith('SuccessfulCreate')),
    'nothing else is told',
  );
  await world.close();
});
