/**
 * Upstream's end-to-end tests of the garbage collector and of disruption budgets, beyond those of `workloads.test.ts`: what goes with
 * its owner, what stays, and which pod may be evicted.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { mustRefuse, type ResourceClient, refusal, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { update } from './lifecycle.ts';
import { behaves, gone, isTrue, podOf, podTemplate, runs, setOf, settled, until, untilAll } from './steps.ts';
import type { Sent } from './wire.ts';

const labels = { app: 'gc' };
const selector = 'app=gc';

describe('conformance: garbage collector and disruption budgets', { timeout: 120_000, concurrency: 8 }, () => {
  let cluster: ConformanceCluster;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  const inNew = async (base: string): Promise<(apiVersion: string, kind: string) => ResourceClient> => {
    const namespace = await cluster.namespace(base);
    return (apiVersion, kind) => typed(cluster.wire, apiVersion, kind, namespace);
  };

  describe('Garbage collector', { concurrency: 8 }, () => {
    const controllerOf = (name: string, replicas: number, of = labels as object): Sent => {
      const set = setOf(name, { labels: of as Record<string, string> }, { replicas });
      return { ...set, spec: { ...set.spec, selector: of } };
    };

    test('should delete pods created by rc when not orphaning', async () => {
      const client = await inNew('gc');
      const controllers = client('v1', 'ReplicationController');
      const { uid } = (await controllers.create(controllerOf('simpletest.rc', 2))).metadata;
      await settled(controllers, 'simpletest.rc', 2);
      await controllers.delete('simpletest.rc', { propagationPolicy: 'Background', preconditions: { uid } });
      await untilAll(client('v1', 'Pod'), selector, 'none is left', (items) => items.length === 0);
    });

    for (const { what, options } of [
      { what: 'if delete options say so', options: { propagationPolicy: 'Orphan' } },
      { what: 'if deleteOptions.OrphanDependents is nil, as core/v1 always did', options: {} },
    ])
      test(`should orphan pods created by rc ${what}`, async () => {
        const client = await inNew('gc');
        const controllers = client('v1', 'ReplicationController');
        const pods = client('v1', 'Pod');
        await controllers.create(controllerOf('simpletest.rc', 3));
        await settled(controllers, 'simpletest.rc', 3);
        await controllers.delete('simpletest.rc', options);
        await gone(controllers, 'simpletest.rc');
        const left = await untilAll(pods, selector, 'all are orphans', (items) =>
          items.every(({ metadata }) => !metadata.ownerReferences?.length),
        );
        assert.equal(left.length, 3);
        for (const { metadata } of left) assert.equal(metadata.deletionTimestamp, undefined);
      });

    test('should keep the rc around until all its pods are deleted if the deleteOptions says so', async () => {
      const client = await inNew('gc');
      const controllers = client('v1', 'ReplicationController');
      const pods = client('v1', 'Pod');
      const pod = { labels, annotations: behaves({ stopMs: 600 }), spec: { terminationGracePeriodSeconds: 10 } };
      const set = setOf('simpletest.rc', pod, { replicas: 2 });
      await controllers.create({ ...set, spec: { ...set.spec, selector: labels } });
      await settled(controllers, 'simpletest.rc', 2);
      await controllers.delete('simpletest.rc', { propagationPolicy: 'Foreground' });
      const waiting = await until(
        controllers,
        'simpletest.rc',
        'it waits',
        ({ metadata }) => metadata.deletionTimestamp,
      );
      assert.deepEqual(waiting.metadata.finalizers, ['foregroundDeletion']);
      await gone(controllers, 'simpletest.rc');
      assert.deepEqual((await pods.list({ labelSelector: selector })).items, []);
    });

    test("should not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted", async () => {
      const client = await inNew('gc');
      const controllers = client('v1', 'ReplicationController');
      const pods = client('v1', 'Pod');
      await controllers.create(controllerOf('to-be-deleted', 4));
      await settled(controllers, 'to-be-deleted', 4);
      const stays = await controllers.create(controllerOf('to-stay', 0, { app: 'other' }));
      const reference = { apiVersion: 'v1', kind: 'ReplicationController', name: 'to-stay', uid: stays.metadata.uid };
      const shared = (await pods.list({ labelSelector: selector })).items.slice(0, 2);
      for (const { metadata } of shared)
        await pods.patch(metadata.name, 'strategic', { metadata: { ownerReferences: [reference] } });
      await controllers.delete('to-be-deleted', { propagationPolicy: 'Foreground' });
      await gone(controllers, 'to-be-deleted');
      const left = await untilAll(pods, selector, 'two are left', (items) => items.length === 2);
      for (const { metadata } of left) {
        assert.deepEqual(
          metadata.ownerReferences.map(({ name }: Sent) => name),
          ['to-stay'],
        );
        assert.ok(shared.some((pod: Sent) => pod.metadata.uid === metadata.uid));
      }
    });

    test('should delete jobs and pods created by cronjob', async () => {
      const client = await inNew('gc');
      const cronJobs = client('batch/v1', 'CronJob');
      const jobs = client('batch/v1', 'Job');
      const jobTemplate = { spec: { template: podTemplate({ labels, spec: { restartPolicy: 'OnFailure' } }) } };
      const spec = { schedule: '0 0 1 1 *', suspend: true, jobTemplate };
      const { creationTimestamp } = (await cronJobs.create({ metadata: { name: 'simple' }, spec })).metadata;
      const lastScheduleTime = `${Number(creationTimestamp.slice(0, 4)) - 1}-01-01T00:00:00Z`;
      await cronJobs.patch('simple', 'merge', { status: { lastScheduleTime } }, 'status');
      await cronJobs.patch('simple', 'merge', { spec: { suspend: false } });
      await eventually('a job', async () => (await jobs.list()).items.length === 1);
      await cronJobs.delete('simple', { propagationPolicy: 'Background' });
      await eventually('no job', async () => (await jobs.list()).items.length === 0);
      await untilAll(client('v1', 'Pod'), selector, 'none is left', (items) => items.length === 0);
    });
  });

  describe('DisruptionController', { concurrency: 8 }, () => {
    const budget = (name: string, spec: object): Sent => ({
      metadata: { name },
      spec: { selector: { matchLabels: labels }, ...spec },
    });
    const evict = (pods: ResourceClient, { metadata }: Sent, more: object = {}): Promise<Sent> =>
      pods.createSubresource(metadata.name, 'eviction', {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: metadata.name, namespace: metadata.namespace },
        ...more,
      });
    const processed = (budgets: ResourceClient, name: string, healthy: number): Promise<Sent> =>
      until(
        budgets,
        name,
        `${healthy} are healthy`,
        ({ metadata, status }) =>
          status.observedGeneration >= metadata.generation && (status.currentHealthy ?? 0) === healthy,
      );

    for (const { what, spec, pods: count, replicas, code } of [
      { what: 'no PDB => should allow an eviction', spec: undefined, pods: 1, replicas: 0, code: 201 },
      {
        what: 'too few pods, absolute => should not allow an eviction',
        spec: { minAvailable: 2 },
        pods: 2,
        replicas: 0,
        code: 429,
      },
      {
        what: 'enough pods, absolute => should allow an eviction',
        spec: { minAvailable: 2 },
        pods: 3,
        replicas: 0,
        code: 201,
      },
      {
        what: 'enough pods, replicaSet, percentage => should allow an eviction',
        spec: { minAvailable: '90%' },
        pods: 0,
        replicas: 10,
        code: 201,
      },
      {
        what: 'too few pods, replicaSet, percentage => should not allow an eviction',
        spec: { minAvailable: '90%' },
        pods: 0,
        replicas: 9,
        code: 429,
      },
      {
        what: 'maxUnavailable allow single eviction, percentage => should allow an eviction',
        spec: { maxUnavailable: '10%' },
        pods: 0,
        replicas: 10,
        code: 201,
      },
      {
        what: 'maxUnavailable deny evictions, integer => should not allow an eviction',
        spec: { maxUnavailable: 1 },
        pods: 0,
        replicas: 10,
        code: 429,
      },
    ])
      test(`evictions: ${what}`, async () => {
        const client = await inNew('disruption');
        const pods = client('v1', 'Pod');
        const budgets = client('policy/v1', 'PodDisruptionBudget');
        const sets = client('apps/v1', 'ReplicaSet');
        for (let index = 0; index < count; index++) await pods.create(podOf(`pod-${index}`, { labels }));
        if (replicas > 0) await sets.create(setOf('rs', { labels }, { replicas }));
        const ready = (items: readonly Sent[]): boolean =>
          items.length === count + replicas && items.every((pod) => isTrue(pod, 'Ready'));
        const [first, second] = (await untilAll(pods, selector, 'all are ready', ready)) as readonly [Sent, Sent];
        if (spec !== undefined) {
          await budgets.create(budget('foo', spec));
          await processed(budgets, 'foo', count + replicas);
        }
        // Of a budget of one, one is spent first.
        const spent = what.includes('deny') ? first : undefined;
        if (spent !== undefined) {
          await sets.patch('rs', 'merge', { spec: { template: { spec: { schedulerName: 'nobody' } } } });
          await evict(pods, spent);
          await until(
            budgets,
            'foo',
            'it is spent',
            ({ status }) => !status.disruptionsAllowed && status.currentHealthy === replicas - 1,
          );
        }
        if (code === 201) return void (await evict(pods, first));
        const error = await mustRefuse(evict(pods, spent === undefined ? first : second), 429);
        assert.equal(error.status.details.causes[0].reason, 'DisruptionBudget');
      });

    test('evictions: several budgets of one pod are an error', async () => {
      const client = await inNew('disruption');
      const pods = client('v1', 'Pod');
      const budgets = client('policy/v1', 'PodDisruptionBudget');
      await pods.create(podOf('pod-0', { labels }));
      const pod = await runs(pods, 'pod-0');
      for (const name of ['one', 'two']) {
        await budgets.create(budget(name, { minAvailable: 0 }));
        await processed(budgets, name, 1);
      }
      assert.match(
        (await mustRefuse(evict(pods, pod), 500)).message,
        /This pod has more than one PodDisruptionBudget, which the eviction subresource does not support\.$/,
      );
    });

    for (const policy of ['IfHealthyBudget', 'AlwaysAllow'] as const)
      test(`should evict unready pods with ${policy} UnhealthyPodEvictionPolicy`, async () => {
        const client = await inNew('disruption');
        const pods = client('v1', 'Pod');
        const budgets = client('policy/v1', 'PodDisruptionBudget');
        await budgets.create(budget('foo', { minAvailable: 1, unhealthyPodEvictionPolicy: policy }));
        await pods.create(
          podOf('unready', { labels, spec: { readinessGates: [{ conditionType: 'example.com/never' }] } }),
        );
        const unready = await runs(pods, 'unready');
        await processed(budgets, 'foo', 0);
        if (policy === 'AlwaysAllow') return void (await evict(pods, unready));
        assert.ok(await refusal(evict(pods, unready), 429));
        await pods.create(podOf('ready', { labels }));
        await processed(budgets, 'foo', 1);
        await evict(pods, unready);
      });

    test('a dry run of an eviction spends nothing, and one for another pod of that name is refused', async () => {
      const client = await inNew('disruption');
      const pods = client('v1', 'Pod');
      const budgets = client('policy/v1', 'PodDisruptionBudget');
      await budgets.create(budget('foo', { minAvailable: 0 }));
      await pods.create(podOf('pod-0', { labels }));
      const pod = await runs(pods, 'pod-0');
      await processed(budgets, 'foo', 1);
      await evict(pods, pod, { deleteOptions: { dryRun: ['All'] } });
      assert.equal((await budgets.get('foo')).status.disruptionsAllowed, 1);
      await mustRefuse(evict(pods, pod, { deleteOptions: { preconditions: { uid: 'another' } } }), 409);
      await update(budgets, 'foo', '', { spec: { minAvailable: 1 } });
      await until(
        budgets,
        'foo',
        'it is seen',
        ({ metadata, status }) => status.observedGeneration === metadata.generation,
      );
      await mustRefuse(evict(pods, pod), 429);
    });
  });
});
