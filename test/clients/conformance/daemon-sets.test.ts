/**
 * Upstream's end-to-end tests of DaemonSets and their ControllerRevisions: on which nodes a daemon runs, and how a new template gets
 * there. Each test marks its nodes with a label of its own, so that all run side by side.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { type ResourceClient, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { update } from './lifecycle.ts';
import {
  behaves,
  controllerOf,
  gone,
  image,
  isLive,
  isObserved,
  isTrue,
  namesOf,
  otherImage,
  setOf,
  until,
  untilAll,
} from './steps.ts';
import type { Sent } from './wire.ts';

const labels = { 'daemonset-name': 'daemon-set' };
const selector = 'daemonset-name=daemon-set';

interface Daemons {
  readonly daemons: ResourceClient;
  readonly pods: ResourceClient;
  readonly revisions: ResourceClient;
  readonly nodes: ResourceClient;
}

describe('conformance: DaemonSets', { timeout: 120_000, concurrency: 6 }, () => {
  let cluster: ConformanceCluster;
  const nodeCount = 2;

  before(async () => {
    cluster = await ConformanceCluster.up(nodeCount);
  });
  after(() => cluster.close());

  const daemonsIn = async (): Promise<Daemons> => {
    const namespace = await cluster.namespace('daemonsets');
    return {
      daemons: typed(cluster.wire, 'apps/v1', 'DaemonSet', namespace),
      pods: typed(cluster.wire, 'v1', 'Pod', namespace),
      revisions: typed(cluster.wire, 'apps/v1', 'ControllerRevision', namespace),
      nodes: typed(cluster.wire, 'v1', 'Node'),
    };
  };
  const made = (spec: object = {}, pod: object = {}): Sent => setOf('daemon-set', { labels, ...pod }, spec);
  const withImage = (name: string): Sent => ({
    spec: { template: { spec: { containers: [{ name: 'c', image: name }] } } },
  });
  const running = (daemons: ResourceClient, count: number): Promise<Sent> =>
    until(daemons, 'daemon-set', `${count} are available`, (set) => {
      const { desiredNumberScheduled, updatedNumberScheduled, numberAvailable, numberUnavailable } = set.status;
      const counts = [desiredNumberScheduled, updatedNumberScheduled, numberAvailable].map((each) => each ?? 0);
      return isObserved(set) && counts.every((each) => each === count) && !numberUnavailable;
    });
  const uidsOf = (items: readonly Sent[]): readonly string[] => items.map(({ metadata }) => metadata.uid).toSorted();
  const livePods = async (pods: ResourceClient): Promise<readonly Sent[]> =>
    (await pods.list({ labelSelector: selector })).items.filter(isLive);

  test('should run and stop simple daemon', async () => {
    const { daemons, pods } = await daemonsIn();
    await daemons.create(made());
    await running(daemons, nodeCount);
    const [first] = await livePods(pods);
    await pods.delete(first.metadata.name);
    const isRevived = (items: readonly Sent[]): boolean =>
      items.length === nodeCount &&
      items.every(({ metadata, status }) => metadata.uid !== first.metadata.uid && status.phase === 'Running');
    const all = await untilAll(pods, selector, 'it is revived', isRevived);
    assert.equal(new Set(all.map(({ spec }) => spec.nodeName)).size, nodeCount);
  });

  for (const { what, key, spec } of [
    { what: 'node selector', key: 'daemonset-color', spec: { nodeSelector: { 'daemonset-color': 'blue' } } },
    {
      what: 'node affinity',
      key: 'daemonset-hue',
      spec: {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'daemonset-hue', operator: 'In', values: ['blue'] }] }],
            },
          },
        },
      },
    },
  ])
    test(`should run and stop complex daemon with ${what}`, async () => {
      const { daemons, pods, nodes } = await daemonsIn();
      await daemons.create(made({}, { spec }));
      await running(daemons, 0);
      const [node] = (await nodes.list()).items;
      const colour = (value: string | null): Promise<unknown> =>
        nodes.patch(node.metadata.name, 'merge', { metadata: { labels: { [key]: value } } });
      await colour('blue');
      await running(daemons, 1);
      assert.equal((await livePods(pods))[0].spec.nodeName, node.metadata.name);
      await colour('green');
      await untilAll(pods, selector, 'it leaves the green node', (items) => items.length === 0);
      const toGreen = JSON.parse(JSON.stringify(spec).replaceAll('blue', 'green')) as object;
      const updateStrategy = { type: 'RollingUpdate' };
      await update(daemons, 'daemon-set', '', { spec: { updateStrategy, template: { spec: toGreen } } });
      await running(daemons, 1);
      await colour(null);
      await running(daemons, 0);
    });

  test('should retry creating failed daemon pods', async () => {
    const { daemons, pods } = await daemonsIn();
    await daemons.create(made());
    await running(daemons, nodeCount);
    const [first] = await livePods(pods);
    const { name, uid } = first.metadata;
    await eventually('its failure is written', async () => {
      const pod = await pods.get(name);
      return pods.update({ ...pod, status: { ...pod.status, phase: 'Failed' } }, 'status').catch(() => undefined);
    });
    await untilAll(pods, selector, 'it is replaced', (items) => {
      const others = items.filter((pod) => pod.metadata.uid !== uid);
      return others.length === nodeCount && items.length === nodeCount && others.every(isLive);
    });
    await running(daemons, nodeCount);
  });

  test('a daemon that was refused or ended by its node is made again', async () => {
    const { daemons, pods } = await daemonsIn();
    const watch = await pods.watch({
      labelSelector: selector,
      resourceVersion: (await pods.list()).metadata.resourceVersion,
    });
    await daemons.create(made({}, { annotations: behaves({ evictAfterMs: 300 }) }));
    const { object } = await watch.until('one is evicted', ({ object: pod }) => pod.status?.phase === 'Failed');
    assert.equal(object.status.reason, 'Evicted');
    await watch.until(
      'it is deleted',
      ({ type, object: pod }) => type === 'DELETED' && pod.metadata.uid === object.metadata.uid,
    );
    await watch.until(
      'there is another on its node',
      ({ type, object: pod }) => type === 'ADDED' && pod.metadata.uid !== object.metadata.uid,
    );
    watch.stop();
  });

  test('should not update pod when spec was updated and update strategy is OnDelete', async () => {
    const { daemons, pods, revisions } = await daemonsIn();
    await daemons.create(made({ updateStrategy: { type: 'OnDelete' } }));
    await running(daemons, nodeCount);
    const before = uidsOf(await livePods(pods));
    await daemons.patch('daemon-set', 'strategic', withImage(otherImage));
    await until(daemons, 'daemon-set', 'the update is seen', isObserved);
    const all = await eventually('the new revision', async () => {
      const { items } = await revisions.list({ labelSelector: selector });
      return items.length === 2 ? items : undefined;
    });
    assert.deepEqual(all.map(({ revision }: Sent) => Number(revision)).toSorted(), [1, 2]);
    assert.deepEqual(uidsOf(await livePods(pods)), before);
  });

  test('should update pod when spec was updated and update strategy is RollingUpdate', async () => {
    const { daemons, pods, revisions } = await daemonsIn();
    await daemons.create(made());
    await running(daemons, nodeCount);
    await daemons.patch('daemon-set', 'strategic', withImage(otherImage));
    await running(daemons, nodeCount);
    const all = await untilAll(
      pods,
      selector,
      'all are new',
      (items) =>
        items.length === nodeCount &&
        items.every((pod) => pod.spec.containers[0].image === otherImage && isTrue(pod, 'Ready')),
    );
    const newest = (await revisions.list()).items.toSorted(
      (a: Sent, b: Sent) => Number(b.revision) - Number(a.revision),
    )[0];
    assert.equal(controllerOf(newest)?.name, 'daemon-set');
    for (const { metadata } of all)
      assert.equal(metadata.labels['controller-revision-hash'], newest.metadata.labels['controller-revision-hash']);
  });

  test('should rollback without unnecessary restarts', async () => {
    const { daemons, pods, nodes } = await daemonsIn();
    await daemons.create(made());
    await running(daemons, nodeCount);
    const before = await livePods(pods);
    // No program of this image starts: the rollout halts at its first node.
    const annotations = behaves({ startError: 'no such program' });
    await daemons.patch('daemon-set', 'strategic', {
      spec: { template: { metadata: { annotations }, ...withImage('foo:non-existent').spec.template } },
    });
    const isHalfWay = (items: readonly Sent[]): boolean =>
      items.some((pod) => pod.spec.containers[0].image === 'foo:non-existent' && pod.spec.nodeName !== undefined);
    await untilAll(pods, selector, 'one is new', isHalfWay);
    const kept = (await livePods(pods)).filter((pod) => pod.spec.containers[0].image === image);
    assert.equal(kept.length, nodeCount - 1);
    await daemons.patch('daemon-set', 'strategic', {
      spec: {
        template: {
          metadata: { annotations: { 'simulation.naru.dev/behaviour': null } },
          ...withImage(image).spec.template,
        },
      },
    });
    await running(daemons, nodeCount);
    const after = await livePods(pods);
    assert.equal(after.length, (await nodes.list()).items.length);
    for (const pod of kept) assert.ok(uidsOf(after).includes(pod.metadata.uid));
    assert.ok(uidsOf(before).some((uid) => !uidsOf(after).includes(uid)));
  });

  test('should surge pods onto nodes when spec was updated and update strategy is RollingUpdate', async () => {
    const { daemons, pods } = await daemonsIn();
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };
    await daemons.create(made({ updateStrategy }));
    await running(daemons, nodeCount);
    const watch = await pods.watch({
      labelSelector: selector,
      resourceVersion: (await pods.list()).metadata.resourceVersion,
    });
    await daemons.patch('daemon-set', 'strategic', withImage(otherImage));
    await running(daemons, nodeCount);
    await untilAll(pods, selector, 'the old are gone', (items) => items.length === nodeCount);
    const counted = (kind: string): readonly Sent[] => watch.events.filter(({ type }) => type === kind);
    await eventually('the watch has seen all', () => counted('DELETED').length === nodeCount);
    // On each node the new one was ready before the old one was told to end.
    for (const { object: old } of counted('DELETED')) {
      const { nodeName } = old.spec;
      const isOfNode = ({ object }: Sent): boolean => object.spec.nodeName === nodeName;
      const ready = watch.events.findIndex(
        (event) => isOfNode(event) && event.object.metadata.uid !== old.metadata.uid && isTrue(event.object, 'Ready'),
      );
      const ending = watch.events.findIndex(
        ({ type, object }) =>
          object.metadata.uid === old.metadata.uid && (type === 'DELETED' || object.metadata.deletionTimestamp),
      );
      assert.ok(ready >= 0 && ready < ending, `${nodeName}: ready at ${ready}, ending at ${ending}`);
    }
    watch.stop();
  });

  test('ControllerRevision should manage the lifecycle of a ControllerRevision', async () => {
    const { daemons, revisions } = await daemonsIn();
    await daemons.create(made());
    await running(daemons, nodeCount);
    const [initial] = (await revisions.list({ labelSelector: selector })).items;
    const { name } = initial.metadata;
    await revisions.patch(name, 'strategic', { metadata: { labels: { [name]: 'patched' } } });
    const { apiVersion: _version, kind: _kind, ...copy } = initial;
    const { ownerReferences } = initial.metadata;
    await revisions.create({
      ...copy,
      metadata: { name: `${name}-copy`, labels: initial.metadata.labels, ownerReferences },
      revision: 3,
    });
    await update(revisions, `${name}-copy`, '', { metadata: { labels: { [`${name}-copy`]: 'updated' } } });
    await revisions.deleteCollection({ labelSelector: `${name}-copy=updated` });
    await gone(revisions, `${name}-copy`);
    const { items } = await revisions.list({ labelSelector: selector });
    assert.ok(namesOf(items).includes(name));
    // The history is made anew where somebody takes it away.
    await revisions.deleteCollection({ labelSelector: selector });
    await daemons.patch('daemon-set', 'strategic', withImage(otherImage));
    await running(daemons, nodeCount);
    assert.ok((await revisions.list({ labelSelector: selector })).items.length > 0);
  });

  test('should list and delete a collection of DaemonSets', async () => {
    const { daemons, pods } = await daemonsIn();
    await daemons.create(made());
    await running(daemons, nodeCount);
    await daemons.deleteCollection({ labelSelector: selector });
    await gone(daemons, 'daemon-set');
    await untilAll(pods, selector, 'none is left', (items) => items.length === 0);
  });
});
