/**
 * Upstream's end-to-end tests of StatefulSets beyond their API: order, identity, revisions and partitions, and what becomes of claims.
 * Readiness is in the tests' hand, as upstream's probes are: a gate of the pods that the test opens and shuts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { type ResourceClient, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { update } from './lifecycle.ts';
import {
  conditionOf,
  controllerOf,
  gone,
  image,
  isObserved,
  isTrue,
  namesOf,
  otherImage,
  podOf,
  runs,
  setOf,
  settled,
  until,
  untilAll,
} from './steps.ts';
import type { Sent } from './wire.ts';

const revisionLabel = 'controller-revision-hash';
const labels = { foo: 'bar', baz: 'blah' };
const selector = 'baz=blah,foo=bar';
const gate = 'example.com/healthy';
const gated = { readinessGates: [{ conditionType: gate }] };

interface Sets {
  readonly sets: ResourceClient;
  readonly pods: ResourceClient;
  readonly claims: ResourceClient;
  readonly revisions: ResourceClient;
}

describe('conformance: StatefulSets', { timeout: 120_000, concurrency: 6 }, () => {
  let cluster: ConformanceCluster;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  const setsIn = async (base = 'statefulset'): Promise<Sets> => {
    const namespace = await cluster.namespace(base);
    return {
      sets: typed(cluster.wire, 'apps/v1', 'StatefulSet', namespace),
      pods: typed(cluster.wire, 'v1', 'Pod', namespace),
      claims: typed(cluster.wire, 'v1', 'PersistentVolumeClaim', namespace),
      revisions: typed(cluster.wire, 'apps/v1', 'ControllerRevision', namespace),
    };
  };
  const made = (replicas: number, spec: object = {}, pod: object = {}): Sent =>
    setOf('ss', { labels, spec: pod }, { replicas, serviceName: 'test', ...spec });
  const say = (pods: ResourceClient, name: string, status: 'True' | 'False'): Promise<Sent> =>
    pods.patch(name, 'strategic', { status: { conditions: [{ type: gate, status }] } }, 'status');
  const setHealth = async (pods: ResourceClient, name: string, status: 'True' | 'False'): Promise<void> => {
    await runs(pods, name);
    await say(pods, name, status);
    await until(pods, name, `it is ready: ${status}`, (pod) => conditionOf(pod, 'Ready')?.status === status);
  };
  const podsByName = async (pods: ResourceClient): Promise<ReadonlyMap<string, Sent>> =>
    new Map((await pods.list({ labelSelector: selector })).items.map((pod: Sent) => [pod.metadata.name, pod]));
  const withImage = (name: string): Sent => ({
    spec: { template: { spec: { containers: [{ name: 'c', image: name }] } } },
  });
  const rolling = (rollingUpdate: object): Sent => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } });
  const imagesOf = async (pods: ResourceClient): Promise<readonly Sent[]> => {
    const all = await podsByName(pods);
    return [...all.keys()].toSorted().map((name) => all.get(name).spec.containers[0].image);
  };
  /** The names of pods in the order in which they came or went. */
  const orderOf = (events: readonly Sent[], kind: string): readonly string[] =>
    events.filter(({ type }) => type === kind).map(({ object }) => object.metadata.name);

  test('should perform rolling updates and roll backs of template modifications', async () => {
    const { sets, pods, revisions } = await setsIn();
    await sets.create(made(3, { podManagementPolicy: 'OrderedReady' }));
    const first = (await settled(sets, 'ss', 3)).status;
    assert.equal(first.currentRevision, first.updateRevision);
    const { metadata } = await pods.list();
    const watch = await pods.watch({ resourceVersion: metadata.resourceVersion });
    await sets.patch('ss', 'strategic', withImage(otherImage));
    const isOver = ({ status }: Sent): boolean =>
      status.updateRevision !== first.updateRevision && status.currentRevision === status.updateRevision;
    const second = (await until(sets, 'ss', 'the rollout is over', isOver)).status;
    await settled(sets, 'ss', 3);
    assert.deepEqual(await imagesOf(pods), [otherImage, otherImage, otherImage]);
    await eventually('the watch has seen all', () => orderOf(watch.events, 'ADDED').length === 3);
    assert.deepEqual(orderOf(watch.events, 'DELETED'), ['ss-2', 'ss-1', 'ss-0']);
    watch.stop();
    await sets.patch('ss', 'strategic', withImage(image));
    const isBack = ({ status }: Sent): boolean =>
      status.currentRevision === first.currentRevision && status.updateRevision === first.currentRevision;
    await until(sets, 'ss', 'it is back at the first revision', isBack);
    await settled(sets, 'ss', 3);
    for (const pod of (await podsByName(pods)).values())
      assert.equal(pod.metadata.labels[revisionLabel], first.currentRevision);
    const all = (await revisions.list()).items;
    assert.deepEqual(namesOf(all), [first.currentRevision, second.currentRevision].toSorted());
    const numbers = all.map((revision: Sent) => Number(revision.revision)).toSorted((a: number, b: number) => a - b);
    assert.deepEqual(numbers, [2, 3]);
  });

  test('should perform canary updates and phased rolling updates of template modifications', async () => {
    const { sets, pods } = await setsIn();
    await sets.create(made(3, rolling({ partition: 3 })));
    const { currentRevision } = (await settled(sets, 'ss', 3)).status;
    await sets.patch('ss', 'strategic', withImage(otherImage));
    const isKnown = ({ status }: Sent): boolean => status.updateRevision !== currentRevision;
    const { updateRevision } = (await until(sets, 'ss', 'the new revision is there', isKnown)).status;
    assert.deepEqual(await imagesOf(pods), [image, image, image]);
    await sets.patch('ss', 'merge', { spec: rolling({ partition: 2 }) });
    const isCanaryUp = ({ status }: Sent): boolean => status.updatedReplicas === 1 && status.readyReplicas === 3;
    await until(sets, 'ss', 'the canary is up', isCanaryUp);
    assert.deepEqual(await imagesOf(pods), [image, image, otherImage]);
    // What is deleted in between comes back on its own side of the partition.
    for (const name of ['ss-0', 'ss-2']) {
      const { uid } = (await pods.get(name)).metadata;
      await pods.delete(name);
      const isBack = (pod: Sent): boolean => pod.metadata.uid !== uid && isTrue(pod, 'Ready');
      await eventually(
        `${name} is back`,
        async () => (await podsByName(pods)).has(name) && isBack(await pods.get(name)),
      );
    }
    assert.deepEqual(await imagesOf(pods), [image, image, otherImage]);
    for (const partition of [1, 0]) {
      await sets.patch('ss', 'merge', { spec: rolling({ partition }) });
      await until(
        sets,
        'ss',
        'the phase is over',
        ({ status }) =>
          status.readyReplicas === 3 &&
          (status.updatedReplicas === 3 - partition || status.currentRevision === updateRevision),
      );
      const expected = [image, image, image].map((each, index) => (index < partition ? each : otherImage));
      await eventually(
        'the pods are as the phase says',
        async () => assert.deepEqual(await imagesOf(pods), expected) ?? true,
      );
    }
    const { status } = await until(
      sets,
      'ss',
      'the rollout is over',
      (set) => set.status.currentRevision === updateRevision,
    );
    assert.equal(status.updateRevision, updateRevision);
  });

  test('should implement legacy replacement when the update strategy is OnDelete', async () => {
    const { sets, pods } = await setsIn();
    await sets.create(made(3, { updateStrategy: { type: 'OnDelete' } }));
    const { updateRevision } = (await settled(sets, 'ss', 3)).status;
    await pods.deleteCollection({ labelSelector: selector });
    await settled(sets, 'ss', 3);
    await sets.patch('ss', 'strategic', withImage(otherImage));
    await until(sets, 'ss', 'the new revision is there', ({ status }) => status.updateRevision !== updateRevision);
    assert.deepEqual(await imagesOf(pods), [image, image, image]);
    const before = namesOf(
      [...(await podsByName(pods)).values()].map(({ metadata }) => ({ metadata: { name: metadata.uid } })),
    );
    await pods.deleteCollection({ labelSelector: selector });
    const isNew = (items: readonly Sent[]): boolean =>
      items.length === 3 && items.every((pod) => !before.includes(pod.metadata.uid) && isTrue(pod, 'Ready'));
    await untilAll(pods, selector, 'all three are new', isNew);
    assert.deepEqual(await imagesOf(pods), [otherImage, otherImage, otherImage]);
  });

  test('Scaling should happen in predictable order and halt if any stateful pod is unhealthy', async () => {
    const { sets, pods } = await setsIn();
    const watch = await pods.watch({ resourceVersion: (await pods.list()).metadata.resourceVersion });
    await sets.create(made(1, {}, gated));
    await setHealth(pods, 'ss-0', 'True');
    await settled(sets, 'ss', 1);
    await setHealth(pods, 'ss-0', 'False');
    await until(sets, 'ss', 'it is seen', ({ status }) => !status.readyReplicas);
    await sets.patch('ss', 'merge', { spec: { replicas: 3 } });
    await until(sets, 'ss', 'it halts', (set) => isObserved(set) && set.status.replicas === 1);
    await setHealth(pods, 'ss-0', 'True');
    await runs(pods, 'ss-1');
    assert.ok(await pods.isGone('ss-2'));
    await setHealth(pods, 'ss-1', 'True');
    await setHealth(pods, 'ss-2', 'True');
    await settled(sets, 'ss', 3);
    assert.deepEqual(orderOf(watch.events, 'ADDED'), ['ss-0', 'ss-1', 'ss-2']);
    for (const name of ['ss-0', 'ss-1', 'ss-2']) await setHealth(pods, name, 'False');
    await until(sets, 'ss', 'it is seen', ({ status }) => !status.readyReplicas);
    await sets.patch('ss', 'merge', { spec: { replicas: 0 } });
    await until(sets, 'ss', 'it halts', (set) => isObserved(set) && set.status.replicas === 3);
    await setHealth(pods, 'ss-0', 'True');
    // Once it is well, nothing halts any more: it may be gone before anybody has seen it so.
    await say(pods, 'ss-1', 'True');
    await untilAll(pods, selector, 'none is left', (items) => items.length === 0);
    await eventually('the watch has seen all', () => orderOf(watch.events, 'DELETED').length === 3);
    assert.deepEqual(orderOf(watch.events, 'DELETED'), ['ss-2', 'ss-1', 'ss-0']);
    watch.stop();
  });

  test('Burst scaling should run to completion even with unhealthy pods', async () => {
    const { sets, pods } = await setsIn();
    await sets.create(made(1, { podManagementPolicy: 'Parallel' }, gated));
    await runs(pods, 'ss-0');
    await sets.patch('ss', 'merge', { spec: { replicas: 3 } });
    for (const name of ['ss-1', 'ss-2']) await runs(pods, name);
    await sets.patch('ss', 'merge', { spec: { replicas: 0 } });
    await untilAll(pods, selector, 'none is left', (items) => items.length === 0);
    await settled(sets, 'ss', 0);
  });

  test("should not deadlock when a pod's predecessor fails", async () => {
    const { sets, pods } = await setsIn();
    await sets.create(made(2, {}, gated));
    await setHealth(pods, 'ss-0', 'True');
    await runs(pods, 'ss-1');
    const { uid } = (await pods.get('ss-0')).metadata;
    await pods.delete('ss-0');
    await eventually('ss-0 is made again', async () => (await pods.get('ss-0')).metadata.uid !== uid);
    await setHealth(pods, 'ss-1', 'True');
    await setHealth(pods, 'ss-0', 'True');
    await settled(sets, 'ss', 2);
  });

  test('should adopt matching orphans and release non-matching pods', async () => {
    const { sets, pods } = await setsIn();
    const { uid } = (await sets.create(made(1))).metadata;
    await settled(sets, 'ss', 1);
    const pod = await pods.get('ss-0');
    assert.deepEqual(
      [controllerOf(pod).kind, controllerOf(pod).name, controllerOf(pod).uid],
      ['StatefulSet', 'ss', uid],
    );
    await pods.patch('ss-0', 'merge', { metadata: { ownerReferences: null } });
    await until(pods, 'ss-0', 'it is adopted again', (each) => controllerOf(each)?.uid === uid);
    await pods.patch('ss-0', 'merge', { metadata: { labels: null } });
    await until(pods, 'ss-0', 'it is released', (each) => controllerOf(each) === undefined);
    await pods.patch('ss-0', 'merge', { metadata: { labels: pod.metadata.labels } });
    const back = await until(pods, 'ss-0', 'it is adopted again', (each) => controllerOf(each)?.uid === uid);
    assert.equal(back.metadata.uid, pod.metadata.uid);
  });

  test('should recreate evicted statefulset: a port that another pod holds fails its pod until it is free', async () => {
    const { sets, pods } = await setsIn();
    const nodes = (await typed(cluster.wire, 'v1', 'Node').list()).items;
    const nodeName = nodes[0].metadata.name;
    const ports = [{ containerPort: 21_017, hostPort: 21_017 }];
    await pods.create(podOf('test-pod', { container: { ports }, spec: { nodeName } }));
    await runs(pods, 'test-pod');
    const watch = await pods.watch({
      labelSelector: selector,
      resourceVersion: (await pods.list()).metadata.resourceVersion,
    });
    const set = made(1, {}, { nodeName });
    set.spec.template.spec.containers[0].ports = ports;
    await sets.create(set);
    const failed = await watch.until('its pod fails', ({ object }) => object.status?.phase === 'Failed');
    const { uid } = failed.object.metadata;
    await watch.until('it is deleted', ({ type, object }) => type === 'DELETED' && object.metadata.uid === uid);
    await pods.delete('test-pod', { gracePeriodSeconds: 0 });
    await runs(pods, 'ss-0');
    assert.notEqual((await pods.get('ss-0')).metadata.uid, uid);
    watch.stop();
  });

  test('MinReadySeconds should be honored when enabled: available comes after ready', async () => {
    const { sets } = await setsIn();
    await sets.create(made(2, { minReadySeconds: 3600, podManagementPolicy: 'Parallel' }));
    await until(
      sets,
      'ss',
      'ready, but not available',
      ({ status }) => status.readyReplicas === 2 && !status.availableReplicas,
    );
    await sets.patch('ss', 'merge', { spec: { minReadySeconds: 1 } });
    await until(sets, 'ss', 'available', ({ status }) => status.availableReplicas === 2);
  });

  test('Setting, changing and removing .start.ordinal moves the set', async () => {
    const { sets, pods } = await setsIn();
    const names = (...expected: readonly string[]): Promise<unknown> =>
      untilAll(pods, selector, expected.join(), (items) => namesOf(items).join() === expected.join());
    await sets.create(made(2));
    await settled(sets, 'ss', 2);
    await sets.patch('ss', 'merge', { spec: { ordinals: { start: 2 } } });
    await names('ss-2', 'ss-3');
    await settled(sets, 'ss', 2);
    await sets.patch('ss', 'merge', { spec: { ordinals: { start: 1 } } });
    await names('ss-1', 'ss-2');
    await sets.patch('ss', 'merge', { spec: { ordinals: null } });
    await names('ss-0', 'ss-1');
    const pod = await runs(pods, 'ss-1');
    assert.deepEqual(
      [pod.metadata.labels['apps.kubernetes.io/pod-index'], pod.metadata.labels['statefulset.kubernetes.io/pod-name']],
      ['1', 'ss-1'],
    );
    assert.deepEqual([pod.spec.hostname, pod.spec.subdomain], ['ss-1', 'test']);
  });

  describe('Non-retain StatefulSetPersistentVolumeClaimPolicy', { concurrency: 4 }, () => {
    const claimed = (policy: object, replicas = 2): Sent =>
      made(replicas, {
        podManagementPolicy: 'Parallel',
        persistentVolumeClaimRetentionPolicy: policy,
        volumeClaimTemplates: [
          {
            metadata: { name: 'datadir' },
            spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', resources: { requests: { storage: '1' } } },
          },
        ],
      });
    const names = ['datadir-ss-0', 'datadir-ss-1'];
    const ownersOf = async (claims: ResourceClient): Promise<readonly string[]> =>
      (await claims.list()).items
        .toSorted((a: Sent, b: Sent) => (a.metadata.name < b.metadata.name ? -1 : 1))
        .map(({ metadata }: Sent) => (metadata.ownerReferences ?? []).map(({ kind }: Sent) => kind).join());
    const owners = (claims: ResourceClient, ...expected: readonly string[]): Promise<unknown> =>
      eventually(
        `owners ${expected.join('; ')}`,
        async () => assert.deepEqual(await ownersOf(claims), expected) ?? true,
      );

    test('should delete PVCs with a WhenDeleted policy', async () => {
      const { sets, claims } = await setsIn();
      await sets.create(claimed({ whenDeleted: 'Delete', whenScaled: 'Retain' }));
      await owners(claims, 'StatefulSet', 'StatefulSet');
      await sets.delete('ss', { propagationPolicy: 'Background' });
      for (const name of names) await gone(claims, name);
    });

    test('should delete PVCs with a OnScaledown policy', async () => {
      const { sets, claims } = await setsIn();
      await sets.create(claimed({ whenDeleted: 'Retain', whenScaled: 'Delete' }));
      await owners(claims, '', '');
      await sets.patch('ss', 'merge', { spec: { replicas: 1 } });
      await gone(claims, 'datadir-ss-1');
      await owners(claims, '');
    });

    test('should delete PVCs after adopting pod (WhenDeleted), and follow a change of the policy', async () => {
      const { sets, claims } = await setsIn();
      await sets.create(claimed({ whenDeleted: 'Retain', whenScaled: 'Retain' }));
      await owners(claims, '', '');
      await sets.delete('ss', { propagationPolicy: 'Orphan' });
      await gone(sets, 'ss');
      await sets.create(claimed({ whenDeleted: 'Delete', whenScaled: 'Retain' }));
      await owners(claims, 'StatefulSet', 'StatefulSet');
      await sets.patch('ss', 'merge', { spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain' } } });
      await owners(claims, '', '');
      await sets.delete('ss', { propagationPolicy: 'Background' });
      await gone(sets, 'ss');
      assert.deepEqual(namesOf((await claims.list()).items), names);
    });
  });

  test('ControllerRevision: a label, and no data, of a revision may change', async () => {
    const { sets, revisions } = await setsIn();
    await sets.create(made(0));
    const [revision] = await eventually('the revision', async () => {
      const { items } = await revisions.list();
      return items.length > 0 ? items : undefined;
    });
    const { name } = revision.metadata;
    await update(revisions, name, '', { metadata: { labels: { [name]: 'patched' } } });
    await assert.rejects(revisions.patch(name, 'merge', { data: { other: 1 } }), { code: 422 });
  });
});
