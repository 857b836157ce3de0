/**
 * Upstream's end-to-end tests of CronJobs, without their minutes: a schedule of once a year whose last run is said to be long ago is due
 * at once, and only once.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { type ResourceClient, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { behaves, controllerOf, gone, isTrue, namesOf, type PodParts, podTemplate, until } from './steps.ts';
import type { Sent } from './wire.ts';

interface CronJobs {
  readonly cronJobs: ResourceClient;
  readonly jobs: ResourceClient;
  readonly events: ResourceClient;
}

describe('conformance: CronJobs', { timeout: 120_000, concurrency: 8 }, () => {
  let cluster: ConformanceCluster;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  const cronJobsIn = async (): Promise<CronJobs> => {
    const namespace = await cluster.namespace('cronjob');
    return {
      cronJobs: typed(cluster.wire, 'batch/v1', 'CronJob', namespace),
      jobs: typed(cluster.wire, 'batch/v1', 'Job', namespace),
      events: typed(cluster.wire, 'v1', 'Event', namespace),
    };
  };
  const succeeds = { annotations: behaves({ exitAfterMs: 50 }) };
  const jobTemplate = (pod: PodParts): Sent => ({
    spec: { template: podTemplate({ ...pod, spec: { restartPolicy: 'OnFailure' } }) },
  });
  const cronJob = (spec: object, pod: PodParts = {}): Sent => ({
    metadata: { name: 'concurrent' },
    spec: { schedule: '0 0 1 1 *', timeZone: 'Etc/UTC', jobTemplate: jobTemplate(pod), ...spec },
  });
  /** Its newest run is missed, and one more with each year that `yearsAgo` goes back. */
  const isDue = async (cronJobs: ResourceClient, yearsAgo = 1): Promise<void> => {
    const year = Number((await cronJobs.get('concurrent')).metadata.creationTimestamp.slice(0, 4)) - yearsAgo;
    const lastScheduleTime = `${year}-01-01T00:00:00Z`;
    await cronJobs.patch('concurrent', 'merge', { status: { lastScheduleTime } }, 'status');
  };
  const resume = (cronJobs: ResourceClient): Promise<Sent> =>
    cronJobs.patch('concurrent', 'merge', { spec: { suspend: false } });
  const jobCount = (jobs: ResourceClient, count: number): Promise<readonly Sent[]> =>
    eventually(`${count} jobs`, async () => {
      const { items } = await jobs.list();
      return items.length === count ? items : undefined;
    });
  const eventOf = (events: ResourceClient, reason: string): Promise<Sent> =>
    eventually(`an event ${reason}`, async () =>
      (await events.list()).items.find((event: Sent) => event.reason === reason),
    );
  /** One Job runs, and the next run is due. */
  const second = async (clients: CronJobs, concurrencyPolicy: string): Promise<Sent> => {
    const { cronJobs, jobs } = clients;
    await cronJobs.create(cronJob({ concurrencyPolicy, suspend: true }));
    await isDue(cronJobs);
    await resume(cronJobs);
    const [first] = await jobCount(jobs, 1);
    await until(cronJobs, 'concurrent', 'it is active', ({ status }) => status.active?.length === 1);
    // The name of a run comes of its minute: another schedule is another run.
    await cronJobs.patch('concurrent', 'merge', { spec: { suspend: true } });
    await cronJobs.patch('concurrent', 'merge', { spec: { schedule: '30 0 1 1 *' } });
    await isDue(cronJobs);
    await resume(cronJobs);
    return first;
  };

  test('should schedule multiple jobs concurrently', async () => {
    const clients = await cronJobsIn();
    await second(clients, 'Allow');
    await jobCount(clients.jobs, 2);
    await until(clients.cronJobs, 'concurrent', 'two are active', ({ status }) => status.active?.length === 2);
  });

  test('should not schedule new jobs when ForbidConcurrent', async () => {
    const clients = await cronJobsIn();
    const first = await second(clients, 'Forbid');
    const event = await eventOf(clients.events, 'JobAlreadyActive');
    assert.equal(event.message, 'Not starting job because prior execution is running and concurrency policy is Forbid');
    assert.deepEqual(namesOf((await clients.jobs.list()).items), [first.metadata.name]);
  });

  test('should replace jobs when ReplaceConcurrent', async () => {
    const clients = await cronJobsIn();
    const first = await second(clients, 'Replace');
    await gone(clients.jobs, first.metadata.name);
    const [next] = await jobCount(clients.jobs, 1);
    assert.notEqual(next?.metadata.uid, first.metadata.uid);
  });

  test('should not schedule jobs when suspended', async () => {
    const { cronJobs, jobs } = await cronJobsIn();
    await cronJobs.create(cronJob({ suspend: true }));
    await isDue(cronJobs);
    // Beside it one that is not suspended: when that has run, the loop has been by.
    await cronJobs.create({ ...cronJob({ suspend: true }), metadata: { name: 'other' } });
    await cronJobs.patch('other', 'merge', { status: (await cronJobs.get('concurrent')).status }, 'status');
    await cronJobs.patch('other', 'merge', { spec: { suspend: false } });
    const [job] = await jobCount(jobs, 1);
    assert.equal(controllerOf(job).name, 'other');
  });

  test('should not emit unexpected warnings, and remove from active list jobs that have been deleted', async () => {
    const { cronJobs, jobs, events } = await cronJobsIn();
    await cronJobs.create(cronJob({ suspend: true }));
    await isDue(cronJobs);
    await resume(cronJobs);
    const [job] = await jobCount(jobs, 1);
    const { status } = await until(cronJobs, 'concurrent', 'it is active', (each) => each.status.active?.length === 1);
    assert.deepEqual([status.active[0].kind, status.active[0].uid], ['Job', job?.metadata.uid]);
    assert.equal(status.lastScheduleTime, job?.metadata.annotations['batch.kubernetes.io/cronjob-scheduled-timestamp']);
    await jobs.delete(job?.metadata.name, { propagationPolicy: 'Background' });
    await gone(jobs, job?.metadata.name);
    await until(cronJobs, 'concurrent', 'none is active', (each) => (each.status.active ?? []).length === 0);
    await eventOf(events, 'MissingJob');
    const reasons = (await events.list()).items
      .filter(({ involvedObject }: Sent) => involvedObject.kind === 'CronJob')
      .map(({ reason, type }: Sent) => [type, reason]);
    assert.deepEqual(reasons.toSorted(), [
      ['Normal', 'MissingJob'],
      ['Normal', 'SuccessfulCreate'],
    ]);
  });

  for (const { history, pod, condition } of [
    { history: 'successfulJobsHistoryLimit', pod: succeeds, condition: 'Complete' },
    {
      history: 'failedJobsHistoryLimit',
      pod: { annotations: behaves({ exitAfterMs: 50, exitCode: 1 }) },
      condition: 'Failed',
    },
  ])
    test(`should delete ${condition} finished jobs with limit of one job`, async () => {
      const { cronJobs, jobs } = await cronJobsIn();
      const template = jobTemplate(pod);
      const limited = cronJob({
        [history]: 1,
        suspend: true,
        jobTemplate: { spec: { ...template.spec, backoffLimit: 0 } },
      });
      await cronJobs.create(limited);
      const names: string[] = [];
      for (const schedule of ['0 0 1 1 *', '30 0 1 1 *']) {
        await cronJobs.patch('concurrent', 'merge', { spec: { schedule, suspend: true } });
        await isDue(cronJobs);
        await resume(cronJobs);
        const job = await eventually('its job is over', async () =>
          (await jobs.list()).items.find(
            (each: Sent) => !names.includes(each.metadata.name) && isTrue(each, condition),
          ),
        );
        names.push(job.metadata.name);
      }
      await gone(jobs, names[0] ?? '');
      assert.deepEqual(namesOf((await jobs.list()).items), [names[1]]);
    });

  test('should be able to schedule after more than 100 missed schedule, and says so', async () => {
    const { cronJobs, jobs, events } = await cronJobsIn();
    await cronJobs.create(cronJob({ schedule: '0 0 * * *', suspend: true }));
    await isDue(cronJobs, 1);
    await resume(cronJobs);
    await jobCount(jobs, 1);
    const { type, message } = await eventOf(events, 'TooManyMissedTimes');
    assert.equal(type, 'Warning');
    assert.match(
      message,
      /^too many missed start times\. Set or decrease \.spec\.startingDeadlineSeconds or check clock skew$/,
    );
  });

  test('a Job that is made by hand of a CronJob belongs to it, and is no run of it', async () => {
    const { cronJobs, jobs } = await cronJobsIn();
    const { uid } = (await cronJobs.create(cronJob({ suspend: true }, succeeds))).metadata;
    const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'concurrent', uid, controller: true };
    const metadata = {
      name: 'by-hand',
      annotations: { 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [owner],
    };
    await jobs.create({ metadata, spec: jobTemplate(succeeds).spec });
    await until(jobs, 'by-hand', 'it is complete', (job) => isTrue(job, 'Complete'));
    const { status } = await until(
      cronJobs,
      'concurrent',
      'the success is noted',
      (each) => each.status.lastSuccessfulTime,
    );
    assert.equal(status.lastScheduleTime, undefined);
    await cronJobs.delete('concurrent', { propagationPolicy: 'Background' });
    await gone(jobs, 'by-hand');
  });
});
