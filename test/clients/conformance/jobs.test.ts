/**
 * Upstream's end-to-end tests of Jobs beyond their API: completions, failures and what is done about them, suspension, adoption.
 * Where pods of one Job must come to different ends, no scheduler knows them, and the test says how each ended, as upstream's
 * integration tests do.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mustRefuse } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { byHand, complete, ends, failed, indexed, job, jobsIn, livePods, podOfIndex } from './job-steps.ts';
import { behaves, conditionOf, controllerOf, gone, isLive, isTrue, namesOf, until, untilAll } from './steps.ts';
import type { Sent } from './wire.ts';

const succeeds = behaves({ exitAfterMs: 50, exitCode: 0 });
const fails = behaves({ exitAfterMs: 50, exitCode: 42 });
describe('conformance: Jobs', { timeout: 120_000, concurrency: 8 }, () => {
  let cluster: ConformanceCluster;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  test('should run a job to completion when tasks succeed', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(job({ parallelism: 2, completions: 4 }, { annotations: succeeds }));
    const { status } = await complete(jobs);
    assert.deepEqual([status.succeeded, status.active ?? 0, status.ready ?? 0], [4, 0, 0]);
    assert.ok(status.startTime <= status.completionTime);
    assert.deepEqual(
      status.conditions.map(({ type, reason }: Sent) => [type, reason]),
      [
        ['SuccessCriteriaMet', 'CompletionsReached'],
        ['Complete', 'CompletionsReached'],
      ],
    );
    const { items } = await pods.list({ labelSelector: 'job-name=j' });
    assert.equal(items.length, 4);
    for (const pod of items) assert.deepEqual(pod.metadata.finalizers ?? [], []);
  });

  test('should update the status ready field', async () => {
    const { jobs } = await jobsIn(cluster);
    await jobs.create(job({ parallelism: 2, completions: 4 }));
    await until(jobs, 'j', 'two are ready', ({ status }) => status?.ready === 2 && status.active === 2);
  });

  test('should run a job to completion when tasks sometimes fail and are locally restarted', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(
      job(
        { parallelism: 1, completions: 1, backoffLimit: 0 },
        { annotations: fails, spec: { restartPolicy: 'OnFailure' } },
      ),
    );
    const { status } = await failed(jobs);
    assert.equal(conditionOf({ status }, 'Failed').reason, 'BackoffLimitExceeded');
    await livePods(pods, 0);
  });

  test('should fail to exceed backoffLimit', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(job({ parallelism: 1, completions: 1, backoffLimit: 0 }, { annotations: fails }));
    const { status } = await failed(jobs);
    assert.deepEqual([conditionOf({ status }, 'Failed').reason, status.failed], ['BackoffLimitExceeded', 1]);
    const { items } = await pods.list({ labelSelector: 'job-name=j' });
    assert.deepEqual(
      items.map((pod: Sent) => pod.status.phase),
      ['Failed'],
    );
  });

  test('should fail when exceeds active deadline', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(job({ parallelism: 2, completions: 4, backoffLimit: 6, activeDeadlineSeconds: 1 }));
    const { status } = await failed(jobs);
    assert.equal(conditionOf({ status }, 'Failed').reason, 'DeadlineExceeded');
    await livePods(pods, 0);
  });

  describe('pod failure policy', { concurrency: 8 }, () => {
    const policy = (action: string, on: object): object => ({ podFailurePolicy: { rules: [{ action, ...on }] } });
    const onExit = { onExitCodes: { containerName: 'c', operator: 'In', values: [42] } };
    const onDisruption = { onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] };
    const disrupted = [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }];

    test('should allow to use the pod failure policy on exit code to fail the job early', async () => {
      const { jobs } = await jobsIn(cluster);
      await jobs.create(
        job({ parallelism: 1, completions: 1, backoffLimit: 3, ...policy('FailJob', onExit) }, { annotations: fails }),
      );
      const object = await failed(jobs);
      assert.equal(conditionOf(object, 'Failed').reason, 'PodFailurePolicy');
      assert.match(
        conditionOf(object, 'Failed').message,
        /^Container c for pod \S+ failed with exit code 42 matching FailJob rule at index 0$/,
      );
      assert.equal(conditionOf(object, 'FailureTarget').reason, 'PodFailurePolicy');
      assert.equal(object.status.failed, 1);
    });

    test('should allow to use the pod failure policy to not count the failure towards the backoffLimit', async () => {
      const { jobs, pods } = await jobsIn(cluster);
      await jobs.create(
        job({ parallelism: 1, completions: 1, backoffLimit: 0, ...policy('Ignore', onDisruption) }, byHand),
      );
      const [first] = (await livePods(pods, 1)).filter(isLive);
      await ends(pods, first, 137, disrupted);
      const [second] = (
        await untilAll(pods, 'job-name=j', 'another', (items) =>
          items.some((pod) => isLive(pod) && pod.metadata.uid !== first.metadata.uid),
        )
      ).filter(isLive);
      await ends(pods, second, 0);
      const { status } = await complete(jobs);
      assert.deepEqual([status.succeeded, status.failed ?? 0], [1, 0]);
    });

    test('should allow to use a pod failure policy to ignore failure matching on the eviction of a running pod', async () => {
      const { jobs, pods } = await jobsIn(cluster);
      const annotations = behaves({ stopExitCode: 1 });
      const spec = { parallelism: 1, completions: 1, backoffLimit: 0, ...policy('Ignore', onDisruption) };
      await jobs.create(job(spec, { annotations }));
      const [first] = await untilAll(pods, 'job-name=j', 'it runs', (items) => items[0]?.status.phase === 'Running');
      const { name, namespace, uid } = first.metadata;
      await pods.createSubresource(name, 'eviction', {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name, namespace },
      });
      await untilAll(pods, 'job-name=j', 'another runs', (items) =>
        items.some((pod) => pod.metadata.uid !== uid && pod.status.phase === 'Running'),
      );
      assert.equal((await jobs.get('j')).status.failed ?? 0, 0);
    });

    test('should mark indexes as failed when the FailIndex action is matched in podFailurePolicy', async () => {
      const { jobs, pods } = await jobsIn(cluster);
      await jobs.create(indexed(2, { backoffLimitPerIndex: 1, ...policy('FailIndex', onExit) }, byHand));
      await ends(pods, await podOfIndex(pods, 0), 42);
      await ends(pods, await podOfIndex(pods, 1), 0);
      const object = await failed(jobs);
      const { failedIndexes, completedIndexes, failed: count, succeeded } = object.status;
      assert.deepEqual([failedIndexes, completedIndexes, count, succeeded], ['0', '1', 1, 1]);
      assert.equal(conditionOf(object, 'Failed').reason, 'FailedIndexes');
    });
  });

  test('should not create pods when created in suspend state', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(job({ parallelism: 2, completions: 4, suspend: true }, { annotations: succeeds }));
    const suspended = await until(jobs, 'j', 'it is suspended', (each) => isTrue(each, 'Suspended'));
    assert.equal(conditionOf(suspended, 'Suspended').reason, 'JobSuspended');
    assert.equal(suspended.status.startTime, undefined);
    assert.deepEqual((await pods.list({ labelSelector: 'job-name=j' })).items, []);
    // While it is suspended, and was never started, what the scheduler is told may change.
    await jobs.patch('j', 'strategic', {
      spec: { template: { spec: { nodeSelector: { 'kubernetes.io/os': 'linux' } } } },
    });
    await jobs.patch('j', 'merge', { spec: { suspend: false } });
    const done = await complete(jobs);
    assert.deepEqual(
      [conditionOf(done, 'Suspended').status, conditionOf(done, 'Suspended').reason],
      ['False', 'JobResumed'],
    );
  });

  test('should delete pods when suspended', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(job({ parallelism: 2, completions: 4 }));
    await until(jobs, 'j', 'two are active', ({ status }) => status?.active === 2);
    await jobs.patch('j', 'merge', { spec: { suspend: true } });
    const suspended = await until(
      jobs,
      'j',
      'it is suspended',
      (each) => isTrue(each, 'Suspended') && !each.status.active,
    );
    assert.equal(suspended.status.startTime, undefined);
    await untilAll(pods, 'job-name=j', 'none is left', (items) => items.length === 0);
    assert.equal(suspended.status.failed ?? 0, 0);
  });

  test('should recreate pods only after they have failed if pod replacement policy is set to Failed', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    const slow = {
      annotations: behaves({ stopMs: 700, stopExitCode: 1 }),
      spec: { terminationGracePeriodSeconds: 10 },
    };
    await jobs.create(job({ parallelism: 1, completions: 1, backoffLimit: 5, podReplacementPolicy: 'Failed' }, slow));
    const [first] = await untilAll(pods, 'job-name=j', 'it runs', (items) => items[0]?.status.phase === 'Running');
    await pods.delete(first.metadata.name);
    await until(jobs, 'j', 'it counts as terminating', ({ status }) => status.terminating === 1 && !status.active);
    assert.equal((await pods.list({ labelSelector: 'job-name=j' })).items.length, 1);
    await until(jobs, 'j', 'it has failed', ({ status }) => status.failed === 1 && !status.terminating);
    await untilAll(pods, 'job-name=j', 'another', (items) =>
      items.some((pod) => pod.metadata.uid !== first.metadata.uid),
    );
  });

  test('should delete a job, and remove its pods', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(job({ parallelism: 2, completions: 4 }));
    await until(jobs, 'j', 'two are active', ({ status }) => status?.active === 2);
    await jobs.delete('j', { propagationPolicy: 'Foreground' });
    await gone(jobs, 'j');
    await untilAll(pods, 'job-name=j', 'none is left', (items) => items.length === 0);
  });

  test('should adopt matching orphans and release non-matching pods', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    const { uid } = (await jobs.create(job({ parallelism: 2, completions: 4 }))).metadata;
    const [pod] = (await livePods(pods, 2)) as readonly [Sent];
    const { name, labels } = pod.metadata;
    await pods.patch(name, 'merge', { metadata: { ownerReferences: null } });
    await until(pods, name, 'it is adopted again', (each) => controllerOf(each)?.uid === uid);
    await pods.patch(name, 'merge', {
      metadata: { labels: Object.fromEntries(Object.keys(labels).map((key) => [key, null])) },
    });
    const free = await until(pods, name, 'it is released', (each) => controllerOf(each) === undefined);
    assert.deepEqual(free.metadata.finalizers ?? [], []);
  });

  test('managedBy: a Job that another controller keeps is left alone', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create({ ...job({ managedBy: 'example.com/custom-job-controller' }), metadata: { name: 'other' } });
    await jobs.create(job({}, { annotations: succeeds }));
    await complete(jobs);
    assert.deepEqual((await jobs.get('other')).status, {});
    assert.deepEqual((await pods.list({ labelSelector: 'job-name=other' })).items, []);
    const change = jobs.patch('other', 'merge', { spec: { managedBy: 'kubernetes.io/job-controller' } });
    assert.match((await mustRefuse(change, 422)).message, /spec\.managedBy: .*field is immutable/);
  });

  test('TTLAfterFinished job should be deleted once it finishes after TTL seconds', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    const watch = await jobs.watch({ resourceVersion: (await jobs.list()).metadata.resourceVersion });
    await jobs.create(job({ ttlSecondsAfterFinished: 1 }, { annotations: succeeds }));
    await watch.until('it is complete', ({ object }) => isTrue(object, 'Complete'));
    await watch.until('it is deleted', ({ type }) => type === 'DELETED');
    watch.stop();
    await untilAll(pods, 'job-name=j', 'none is left', (items) => items.length === 0);
    assert.deepEqual(namesOf((await jobs.list()).items), []);
  });
});
