/**
 * Upstream's end-to-end tests of Deployments, ReplicaSets and ReplicationControllers beyond their API: how one set of pods gives way to
 * another, what is adopted and released, and what is said where no pod can be made. A test is named after upstream's.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { dynamic, mustRefuse, type ResourceClient, refusal, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { update } from './lifecycle.ts';
import {
  behaves,
  conditionOf,
  controllerOf,
  image,
  isLive,
  isObserved,
  otherImage,
  podOf,
  podTemplate,
  setOf,
  settled,
  until,
  untilAll,
} from './steps.ts';
import type { Sent } from './wire.ts';

const revisionKey = 'deployment.kubernetes.io/revision';

interface Apps {
  readonly deployments: ResourceClient;
  readonly sets: ResourceClient;
  readonly controllers: ResourceClient;
  readonly pods: ResourceClient;
  readonly quotas: ResourceClient;
}

describe('conformance: Deployments and what keeps replicas', { timeout: 120_000, concurrency: 6 }, () => {
  let cluster: ConformanceCluster;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  const appsIn = async (base: string): Promise<Apps> => {
    const namespace = await cluster.namespace(base);
    return {
      deployments: typed(cluster.wire, 'apps/v1', 'Deployment', namespace),
      sets: typed(cluster.wire, 'apps/v1', 'ReplicaSet', namespace),
      controllers: typed(cluster.wire, 'v1', 'ReplicationController', namespace),
      pods: typed(cluster.wire, 'v1', 'Pod', namespace),
      quotas: typed(cluster.wire, 'v1', 'ResourceQuota', namespace),
    };
  };
  const labels = { name: 'sample-pod' };
  const selector = 'name=sample-pod';
  const withImage = (name: string): Sent => ({
    spec: { template: { spec: { containers: [{ name: 'c', image: name }] } } },
  });

  test('Deployment: RollingUpdateDeployment should delete old pods and create new ones', async () => {
    const { deployments, sets, pods } = await appsIn('deployment');
    // Beyond what a double holds: the next revision is counted exactly.
    const set = setOf('test-rolling-update-controller', { labels }, { replicas: 1 });
    await sets.create({ ...set, metadata: { ...set.metadata, annotations: { [revisionKey]: '3546343826724305832' } } });
    await settled(sets, 'test-rolling-update-controller', 1);
    const name = 'test-rolling-update-deployment';
    await deployments.create(setOf(name, { labels, container: { image: otherImage } }, { replicas: 1 }));
    const deployment = await settled(deployments, name, 1);
    assert.equal(deployment.metadata.annotations[revisionKey], '3546343826724305833');
    const old = await until(sets, 'test-rolling-update-controller', 'it is empty', ({ status }) => !status.replicas);
    assert.equal(controllerOf(old)?.uid, deployment.metadata.uid);
    const [pod, ...others] = await untilAll(pods, selector, 'one is left', (items) => items.length === 1);
    assert.deepEqual([pod.spec.containers[0].image, others.length], [otherImage, 0]);
    assert.equal((await sets.list()).items.length, 2);
  });

  test('Deployment: RecreateDeployment should delete old pods and create new ones', async () => {
    const { deployments, pods } = await appsIn('deployment');
    const name = 'test-recreate-deployment';
    await deployments.create(setOf(name, { labels }, { replicas: 3, strategy: { type: 'Recreate' } }));
    await settled(deployments, name, 3);
    const { metadata } = await pods.list();
    const watch = await pods.watch({ resourceVersion: metadata.resourceVersion });
    await deployments.patch(name, 'strategic', withImage(otherImage));
    await settled(deployments, name, 3);
    await eventually('the watch has seen all', () => watch.events.filter(({ type }) => type === 'ADDED').length === 3);
    const steps = watch.events.filter(({ type }) => type !== 'MODIFIED').map(({ type }) => type);
    watch.stop();
    assert.deepEqual(steps, ['DELETED', 'DELETED', 'DELETED', 'ADDED', 'ADDED', 'ADDED']);
  });

  test('Deployment should delete old replica sets', async () => {
    const { deployments, sets } = await appsIn('deployment');
    await sets.create(setOf('test-cleanup-controller', { labels }, { replicas: 1 }));
    await settled(sets, 'test-cleanup-controller', 1);
    const name = 'test-cleanup-deployment';
    const spec = { replicas: 1, revisionHistoryLimit: 0 };
    await deployments.create(setOf(name, { labels, container: { image: otherImage } }, spec));
    await settled(deployments, name, 1);
    await untilAll(sets, selector, 'one is left', (items) => items.length === 1);
    assert.ok(await sets.isGone('test-cleanup-controller'));
  });

  test('Deployment should support rollover', async () => {
    const { deployments, sets } = await appsIn('deployment');
    await sets.create(setOf('test-rollover-controller', { labels }, { replicas: 1 }));
    await settled(sets, 'test-rollover-controller', 1);
    const name = 'test-rollover-deployment';
    const broken = behaves({ startError: 'no such program' });
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };
    const spec = { replicas: 1, minReadySeconds: 1, strategy };
    await deployments.create(setOf(name, { labels, annotations: broken, container: { image: 'redis' } }, spec));
    await until(deployments, name, 'the first revision is under way', ({ status }) => status?.updatedReplicas === 1);
    const [bad] = (await sets.list()).items.filter(({ metadata }: Sent) => metadata.name.startsWith(`${name}-`));
    assert.ok(bad);
    const annotations = { 'simulation.naru.dev/behaviour': null };
    const good = { spec: { template: { metadata: { annotations }, ...withImage(otherImage).spec.template } } };
    await deployments.patch(name, 'strategic', good);
    const done = await settled(deployments, name, 1);
    assert.equal(done.metadata.annotations[revisionKey], '2');
    for (const old of [bad.metadata.name, 'test-rollover-controller'])
      await until(
        sets,
        old,
        'it is empty',
        (set) => isObserved(set) && set.spec.replicas === 0 && !set.status.replicas,
      );
  });

  test('Deployment should support proportional scaling', async () => {
    const { deployments, sets } = await appsIn('deployment');
    const name = 'webserver-deployment';
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
    await deployments.create(setOf(name, { labels }, { replicas: 10, strategy }));
    await settled(deployments, name, 10);
    const [first] = (await sets.list()).items;
    const annotations = behaves({ startError: 'no such program' });
    const patch = { spec: { template: { metadata: { annotations }, ...withImage('webserver:404').spec.template } } };
    await deployments.patch(name, 'strategic', patch);
    const second = await eventually('the second set has five', async () => {
      const { items } = await sets.list();
      const other = items.find(({ metadata }: Sent) => metadata.name !== first.metadata.name);
      return other?.spec.replicas === 5 && other.status.replicas === 5 ? other : undefined;
    });
    await until(
      sets,
      first.metadata.name,
      'it keeps eight',
      ({ spec, status }) => spec.replicas === 8 && status.availableReplicas === 8,
    );
    const rolling = await until(
      deployments,
      name,
      'eight are available',
      ({ status }) => status.availableReplicas === 8,
    );
    assert.deepEqual([rolling.status.replicas, rolling.status.updatedReplicas], [13, 5]);
    await deployments.patch(name, 'merge', { spec: { replicas: 30 } });
    await until(sets, first.metadata.name, 'it gets 20', ({ spec }) => spec.replicas === 20);
    await until(sets, second.metadata.name, 'it gets 13', ({ spec }) => spec.replicas === 13);
  });

  test('Deployment reaping should cascade; test Deployment ReplicaSet orphaning and adoption regarding controllerRef', async () => {
    const { deployments, sets, pods } = await appsIn('deployment');
    const name = 'test-orphan-deployment';
    const wanted = setOf(name, { labels }, { replicas: 1 });
    await deployments.create(wanted);
    await settled(deployments, name, 1);
    const [set] = (await sets.list()).items;
    await sets.patch(set.metadata.name, 'merge', { metadata: { ownerReferences: null } });
    await until(sets, set.metadata.name, 'it is adopted again', (each) => controllerOf(each)?.kind === 'Deployment');
    await deployments.delete(name, { propagationPolicy: 'Orphan' });
    await eventually('the deployment is gone', () => deployments.isGone(name));
    await until(sets, set.metadata.name, 'it is an orphan', (each) => controllerOf(each) === undefined);
    const again = (await deployments.create({ ...wanted, metadata: { ...wanted.metadata, name: 'adopts' } })).metadata;
    await until(
      sets,
      set.metadata.name,
      'it is adopted by the new one',
      (each) => controllerOf(each)?.uid === again.uid,
    );
    await settled(deployments, 'adopts', 1);
    assert.equal((await sets.list()).items.length, 1);
    await deployments.delete('adopts', { propagationPolicy: 'Background' });
    await untilAll(sets, selector, 'none is left', (items) => items.length === 0);
    await untilAll(pods, selector, 'none is left', (items) => items.length === 0);
  });

  test('Deployment iterative rollouts should eventually progress', async () => {
    const { deployments, sets, pods } = await appsIn('deployment');
    const name = 'webserver';
    const spec = { replicas: 6, revisionHistoryLimit: 2, progressDeadlineSeconds: 30 };
    await deployments.create(setOf(name, { labels }, spec));
    const env = (value: string): Sent => ({
      spec: { template: { spec: { containers: [{ name: 'c', env: [{ name: 'A', value }] }] } } },
    });
    const paused = (value: boolean): Sent => ({ spec: { paused: value } });
    const steps = [
      env('1'),
      { spec: { replicas: 8 } },
      paused(true),
      env('2'),
      { spec: { replicas: 5 } },
      paused(false),
    ];
    for (const step of [...steps, env('3'), env('1'), env('4'), env('5'), { spec: { replicas: 6 } }]) {
      await deployments.patch(name, 'strategic', step);
      const [victim] = (await pods.list({ labelSelector: selector })).items.filter(isLive);
      if (victim !== undefined) await refusal(pods.delete(victim.metadata.name, { gracePeriodSeconds: 0 }), 404);
    }
    const done = await settled(deployments, name, 6);
    assert.deepEqual(
      ['Progressing', 'Available'].map((type) => [conditionOf(done, type).status, conditionOf(done, type).reason]),
      [
        ['True', 'NewReplicaSetAvailable'],
        ['True', 'MinimumReplicasAvailable'],
      ],
    );
    await untilAll(sets, selector, 'the history is cut', (items) => items.length <= 3);
  });

  test('a Deployment whose pods never get ready says so after its deadline', async () => {
    const { deployments } = await appsIn('deployment');
    const pod = { labels, annotations: behaves({ startError: 'no such program' }) };
    await deployments.create(setOf('stuck', pod, { replicas: 1, progressDeadlineSeconds: 1 }));
    const stuck = await until(
      deployments,
      'stuck',
      'the deadline is over',
      (object) => conditionOf(object, 'Progressing')?.status === 'False',
    );
    assert.equal(conditionOf(stuck, 'Progressing').reason, 'ProgressDeadlineExceeded');
  });

  for (const kind of ['ReplicaSet', 'ReplicationController'] as const)
    describe(kind, { concurrency: 4 }, () => {
      const clientOf = (apps: Apps): ResourceClient => (kind === 'ReplicaSet' ? apps.sets : apps.controllers);
      const made = (name: string, replicas: number): Sent => {
        const set = setOf(name, { labels }, { replicas });
        return kind === 'ReplicaSet' ? set : { ...set, spec: { ...set.spec, selector: labels } };
      };

      test('should surface a failure condition on a common issue like exceeded quota', async () => {
        const apps = await appsIn(kind.toLowerCase());
        const client = clientOf(apps);
        await apps.quotas.create({ metadata: { name: 'condition-test' }, spec: { hard: { pods: '2' } } });
        await until(apps.quotas, 'condition-test', 'it counts', ({ status }) => status.hard?.pods === '2');
        await client.create(made('condition-test', 3));
        const failed = await until(client, 'condition-test', 'the failure shows', (set) =>
          conditionOf(set, 'ReplicaFailure'),
        );
        const { status, reason, message } = conditionOf(failed, 'ReplicaFailure');
        assert.deepEqual([status, reason], ['True', 'FailedCreate']);
        assert.match(message, /exceeded quota: condition-test, requested: pods=1, used: pods=2, limited: pods=2$/);
        await update(client, 'condition-test', '', { spec: { replicas: 2 } });
        await until(client, 'condition-test', 'the failure is over', (set) => !conditionOf(set, 'ReplicaFailure'));
      });

      test('should adopt matching pods on creation, and release no longer matching pods', async () => {
        const apps = await appsIn(kind.toLowerCase());
        await apps.pods.create(podOf('pod-adoption', { labels }));
        const { uid } = (await clientOf(apps).create(made('pod-adoption', 1))).metadata;
        await until(apps.pods, 'pod-adoption', 'it is adopted', (pod) => controllerOf(pod)?.uid === uid);
        await settled(clientOf(apps), 'pod-adoption', 1);
        await update(apps.pods, 'pod-adoption', '', { metadata: { labels: { name: 'not-matching-name' } } });
        await until(apps.pods, 'pod-adoption', 'it is released', (pod) => controllerOf(pod) === undefined);
        await untilAll(apps.pods, selector, 'another stands in', (items) => items.length === 1);
      });

      test('should get and update a scale, and serve each replica', async () => {
        const apps = await appsIn(kind.toLowerCase());
        const client = clientOf(apps);
        await client.create(made('scaled', 1));
        await settled(client, 'scaled', 1);
        const scale = await client.get('scaled', 'scale');
        assert.equal(scale.status.selector, selector);
        await client.updateSubresource('scaled', 'scale', { ...scale, spec: { replicas: 2 } });
        await settled(client, 'scaled', 2);
        assert.equal((await client.get('scaled', 'scale')).status.replicas, 2);
        const pods = (await apps.pods.list({ labelSelector: selector })).items;
        assert.equal(new Set(pods.map(({ status }: Sent) => status.podIP)).size, 2);
        await mustRefuse(client.updateSubresource('scaled', 'scale', { ...scale, spec: { replicas: 1 } }), 409);
      });
    });

  test('a set whose selector does not fit its template is refused', async () => {
    const { sets } = await appsIn('replicaset');
    const spec = { selector: { matchLabels: { name: 'other' } }, template: podTemplate({ labels }) };
    const { reason } = await mustRefuse(sets.create({ metadata: { name: 'bad' }, spec }), 422);
    assert.equal(reason, 'Invalid');
  });

  test('Deployment: what a client writes of its status does not last, beside conditions that are not its own', async () => {
    const { deployments } = await appsIn('deployment');
    await deployments.create(setOf('d', { labels, container: { image } }, { replicas: 1 }));
    await settled(deployments, 'd', 1);
    const raw = dynamic(cluster.wire, 'apps/v1', 'Deployment', (await deployments.get('d')).metadata.namespace);
    await raw.patch('d', 'merge', { status: { replicas: 7, readyReplicas: 7, unavailableReplicas: 7 } }, 'status');
    await until(
      deployments,
      'd',
      'its loop wrote it anew',
      ({ status }) => status.replicas === 1 && !status.unavailableReplicas,
    );
  });
});
