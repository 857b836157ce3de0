/** Upstream's end-to-end tests of Indexed Jobs: each index by itself, how many may fail, and when some are enough. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mustRefuse } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { byHand, complete, ends, failed, indexed, indexKey, jobsIn, livePods, podOfIndex } from './job-steps.ts';
import { behaves, conditionOf } from './steps.ts';
import type { Sent } from './wire.ts';

const succeeds = behaves({ exitAfterMs: 50, exitCode: 0 });

describe('conformance: Indexed Jobs', { timeout: 120_000, concurrency: 8 }, () => {
  let cluster: ConformanceCluster;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  test('should create pods for an Indexed job with completion indexes and specified hostname', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(indexed(4, { parallelism: 2 }, { annotations: succeeds }));
    const { status } = await complete(jobs);
    assert.deepEqual([status.completedIndexes, status.succeeded], ['0-3', 4]);
    const { items } = await pods.list({ labelSelector: 'job-name=j' });
    const seen = items.map(({ metadata, spec }: Sent) => [
      metadata.annotations[indexKey],
      metadata.labels[indexKey],
      spec.hostname,
    ]);
    assert.deepEqual(
      seen.toSorted(),
      ['0', '1', '2', '3'].map((index) => [index, index, `j-${index}`]),
    );
    for (const { spec } of items) {
      const variable = spec.containers[0].env.find(({ name }: Sent) => name === 'JOB_COMPLETION_INDEX');
      assert.equal(variable.valueFrom.fieldRef.fieldPath, `metadata.labels['${indexKey}']`);
    }
  });

  test('should execute all indexes despite some failing when using backoffLimitPerIndex', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(indexed(4, { backoffLimitPerIndex: 0 }, byHand));
    for (const index of [0, 1, 2, 3]) await ends(pods, await podOfIndex(pods, index), index % 2 === 0 ? 1 : 0);
    const { status } = await failed(jobs);
    assert.deepEqual(
      [status.failedIndexes, status.completedIndexes, status.failed, status.succeeded],
      ['0,2', '1,3', 2, 2],
    );
  });

  test('should terminate job execution when the number of failed indexes exceeds maxFailedIndexes', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(indexed(4, { backoffLimitPerIndex: 0, maxFailedIndexes: 0 }, byHand));
    await livePods(pods, 4);
    await ends(pods, await podOfIndex(pods, 0), 1);
    const object = await failed(jobs);
    assert.equal(conditionOf(object, 'Failed').reason, 'MaxFailedIndexesExceeded');
    assert.deepEqual([object.status.failedIndexes, object.status.active ?? 0], ['0', 0]);
    await livePods(pods, 0);
  });

  test('a failed index is tried again as often as backoffLimitPerIndex says', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(indexed(1, { backoffLimitPerIndex: 1, backoffLimit: 9 }, byHand));
    const first = await podOfIndex(pods, 0);
    await ends(pods, first, 1);
    const second = await podOfIndex(pods, 0);
    assert.equal(second.metadata.annotations['batch.kubernetes.io/job-index-failure-count'], '1');
    await ends(pods, second, 1);
    assert.deepEqual([(await failed(jobs)).status.failed], [2]);
  });

  for (const { what, completions, rule, ended, completed, message } of [
    {
      what: 'all indexes succeeded',
      completions: 2,
      rule: { succeededIndexes: '0,1' },
      ended: [0, 1],
      completed: '0,1',
      message: 'SuccessPolicy',
    },
    {
      what: 'succeededIndexes rule',
      completions: 5,
      rule: { succeededIndexes: '1' },
      ended: [1],
      completed: '1',
      message: 'SuccessPolicy',
    },
    {
      what: 'succeededCount rule',
      completions: 5,
      rule: { succeededCount: 1 },
      ended: [3],
      completed: '3',
      message: 'SuccessPolicy',
    },
  ])
    test(`with successPolicy should succeed: ${what}`, async () => {
      const { jobs, pods } = await jobsIn(cluster);
      await jobs.create(indexed(completions, { successPolicy: { rules: [rule] } }, byHand));
      await livePods(pods, completions);
      for (const index of ended) await ends(pods, await podOfIndex(pods, index), 0);
      const object = await complete(jobs);
      assert.deepEqual([object.status.completedIndexes, object.status.active ?? 0], [completed, 0]);
      assert.equal(conditionOf(object, 'Complete').reason, message);
      assert.equal(conditionOf(object, 'SuccessCriteriaMet').status, 'True');
      await livePods(pods, 0);
    });

  test('should allow to scale an elastic Indexed job up and down', async () => {
    const { jobs, pods } = await jobsIn(cluster);
    await jobs.create(indexed(3, {}, byHand));
    await livePods(pods, 3);
    for (const count of [5, 2]) {
      await jobs.patch('j', 'merge', { spec: { completions: count, parallelism: count } });
      await livePods(pods, count);
    }
    for (const index of [0, 1]) await ends(pods, await podOfIndex(pods, index), 0);
    assert.equal((await complete(jobs)).status.completedIndexes, '0,1');
    const grows = jobs.patch('j', 'merge', { spec: { completions: 3 } });
    assert.match((await mustRefuse(grows, 422)).message, /spec\.completions/);
  });
});
