/**
 * Upstream's conformance tests of Deployments, ReplicaSets, disruption budgets and the garbage collector: their steps at the API, with
 * the controllers behind it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { assertHas, dynamic, mustRefuse, type ResourceClient, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { update } from './lifecycle.ts';
import type { Sent } from './wire.ts';

const image = 'registry.k8s.io/pause:3.10';

describe('conformance: workloads', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  const wire = () => cluster.wire;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  const workload = (name: string, labels: Record<string, string>, replicas: number): Sent => ({
    metadata: { name, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name, image }] },
      },
    },
  });
  const ready = (client: ResourceClient, name: string, replicas: number): Promise<unknown> =>
    eventually(`${replicas} of ${name} are ready`, async () => {
      const { metadata, spec, status } = await client.get(name);
      const seen = status.observedGeneration >= metadata.generation;
      return seen && spec.replicas === replicas && (status.readyReplicas ?? 0) === replicas;
    });

  /** As Go writes a Scale of which only the replicas are set. */
  const scalePatch = (replicas: number): string =>
    `{"metadata":{},"spec":{"replicas":${replicas}},"status":{"replicas":0}}`;

  async function scales(client: ResourceClient, name: string): Promise<void> {
    const scale = await client.get(name, 'scale');
    assert.deepEqual([scale.apiVersion, scale.kind, scale.spec.replicas], ['autoscaling/v1', 'Scale', 1]);
    const { resourceVersion: _unconditional, ...metadata } = scale.metadata;
    const wanted = { ...scale, metadata, spec: { replicas: 2 } };
    assert.equal((await client.updateSubresource(name, 'scale', wanted)).spec.replicas, 2);
    assert.equal((await client.get(name)).spec.replicas, 2);
    await client.patch(name, 'strategic', scalePatch(4), 'scale');
    assert.equal((await client.get(name)).spec.replicas, 4);
  }

  describe('Deployment', () => {
    test('should run the lifecycle of a Deployment', async () => {
      const namespace = await cluster.namespace('deployment');
      const deployments = typed(wire(), 'apps/v1', 'Deployment', namespace);
      const unstructured = dynamic(wire(), 'apps/v1', 'Deployment', namespace);
      const labels = { 'test-deployment-static': 'true' };
      const selector = { labelSelector: 'test-deployment-static=true' };
      const name = 'test-deployment';
      const { metadata } = await typed(wire(), 'apps/v1', 'Deployment').list(selector);
      const watch = await unstructured.watch({ ...selector, resourceVersion: metadata.resourceVersion });
      await deployments.create(workload(name, labels, 2));
      assert.equal((await watch.next('the deployment')).type, 'ADDED');
      await watch.until('all are ready', ({ object }) => object.status.readyReplicas === 2);

      const patch = {
        metadata: { labels: { 'test-deployment': 'patched' } },
        spec: {
          replicas: 1,
          template: { spec: { terminationGracePeriodSeconds: 1, containers: [{ name, image: 'x' }] } },
        },
      };
      await deployments.patch(name, 'strategic', patch);
      await watch.until(
        'the patched deployment',
        ({ object }) => object.metadata.labels['test-deployment'] === 'patched',
      );
      await ready(deployments, name, 1);
      const everywhere = await typed(wire(), 'apps/v1', 'Deployment').list(selector);
      assertHas(everywhere.items[0], patch, 'deployment');

      const read = await unstructured.get(name, 'status');
      const condition = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from e2e test' };
      const conditions = [...read.status.conditions, condition];
      await update(deployments, name, 'status', { status: { conditions } });
      const isSeen = ({ object }: Sent): boolean =>
        object.status.conditions?.some(({ type }: Sent) => type === 'StatusUpdate');
      await watch.until('the condition', isSeen);
      await ready(deployments, name, 1);
      await unstructured.patch(name, 'strategic', { status: { readyReplicas: 0, availableReplicas: 0 } }, 'status');
      const isEmptied = ({ type, object: { status } }: Sent): boolean =>
        type === 'MODIFIED' && !status.readyReplicas && !status.availableReplicas;
      await watch.until('the patched status', isEmptied);
      await ready(deployments, name, 1);
      await deployments.deleteCollection(selector);
      await watch.until('the deletion', ({ type }) => type === 'DELETED');
      watch.stop();
    });

    test('Deployment should have a working scale subresource', async () => {
      const deployments = typed(wire(), 'apps/v1', 'Deployment', await cluster.namespace('deployment'));
      await deployments.create(workload('test-new-deployment', { name: 'httpd' }, 1));
      await ready(deployments, 'test-new-deployment', 1);
      await scales(deployments, 'test-new-deployment');
      await ready(deployments, 'test-new-deployment', 4);
    });

    test('a patch with a field that no Deployment has is carried out, and warned about', async () => {
      const namespace = await cluster.namespace('deployment');
      const deployments = typed(wire(), 'apps/v1', 'Deployment', namespace);
      await deployments.create(workload('d', { name: 'd' }, 0));
      const answer = await wire().must({
        method: 'PATCH',
        path: deployments.path('d'),
        headers: { 'content-type': 'application/strategic-merge-patch+json' },
        body: '{"spec":{"minReadySeconds":1},"updateStrategy":{"type":"RollingUpdate"}}',
      });
      assert.match(String(answer.headers['warning']), /unknown field \\"updateStrategy\\"/);
      assert.equal((await deployments.get('d')).spec.minReadySeconds, 1);
    });
  });

  describe('ReplicaSet', () => {
    test('Replace and Patch tests', async () => {
      const sets = typed(wire(), 'apps/v1', 'ReplicaSet', await cluster.namespace('replicaset'));
      const name = 'test-rs';
      await sets.create(workload(name, { 'sample-pod': 'httpd' }, 1));
      await ready(sets, name, 1);
      await update(sets, name, '', { spec: { replicas: 2 } });
      await ready(sets, name, 2);
      const patch = {
        metadata: { labels: { 'test-rs': 'patched' } },
        spec: {
          replicas: 3,
          template: { spec: { terminationGracePeriodSeconds: 0, containers: [{ name, image: 'x' }] } },
        },
      };
      assertHas(await sets.patch(name, 'strategic', patch), patch, 'patched');
      await ready(sets, name, 3);
    });

    test('Replicaset should have a working scale subresource', async () => {
      const sets = typed(wire(), 'apps/v1', 'ReplicaSet', await cluster.namespace('replicaset'));
      await sets.create(workload('test-rs', { name: 'httpd' }, 1));
      await ready(sets, 'test-rs', 1);
      await scales(sets, 'test-rs');
      await ready(sets, 'test-rs', 4);
    });

    test('should adopt matching pods on creation and release no longer matching pods', async () => {
      const namespace = await cluster.namespace('replicaset');
      const pods = typed(wire(), 'v1', 'Pod', namespace);
      const sets = typed(wire(), 'apps/v1', 'ReplicaSet', namespace);
      const labels = { name: 'pod-adoption-release' };
      await pods.create({ metadata: { name: 'pod', labels }, spec: { containers: [{ name: 'c', image }] } });
      const { uid } = (await sets.create(workload('pod-adoption-release', labels, 1))).metadata;
      const owned = async (): Promise<boolean> =>
        ((await pods.get('pod')).metadata.ownerReferences ?? []).some(
          (owner: Sent) => owner.controller === true && owner.uid === uid,
        );
      await eventually('the pod is adopted', owned);
      await update(pods, 'pod', '', { metadata: { labels: { name: 'not-matching-name' } } });
      await eventually('the pod is released', async () => !(await owned()));
    });
  });

  test('StatefulSet and ReplicationController should have a working scale subresource', async () => {
    const namespace = await cluster.namespace('scale');
    const sets = typed(wire(), 'apps/v1', 'StatefulSet', namespace);
    const controllers = typed(wire(), 'v1', 'ReplicationController', namespace);
    const set = workload('ss', { foo: 'bar' }, 1);
    await sets.create({ ...set, spec: { ...set.spec, serviceName: 'test' } });
    await scales(sets, 'ss');
    await controllers.create({ ...set, spec: { ...set.spec, selector: set.spec.selector.matchLabels } });
    await scales(controllers, 'ss');
  });

  describe('DisruptionController', () => {
    const labels = { foo: 'bar' };
    const budgetOf = (spec: object): Sent => ({
      metadata: { name: 'foo', labels },
      spec: { selector: { matchLabels: labels }, ...spec },
    });
    const runningPod = async (pods: ResourceClient): Promise<string> =>
      eventually('a pod runs', async () => {
        const { items } = await pods.list({ labelSelector: 'foo=bar' });
        const isUp = ({ metadata, status }: Sent): boolean => status.phase === 'Running' && !metadata.deletionTimestamp;
        return items.find(isUp)?.metadata.name as string | undefined;
      });
    const createPods = async (pods: ResourceClient, count: number): Promise<void> => {
      for (let index = 0; index < count; index++)
        await pods.create({
          metadata: { name: `pod-${index}`, labels },
          spec: { containers: [{ name: 'donothing', image }], restartPolicy: 'Always' },
        });
    };

    test('should create a PodDisruptionBudget', async () => {
      const budgets = typed(wire(), 'policy/v1', 'PodDisruptionBudget', await cluster.namespace('disruption'));
      await budgets.create(budgetOf({ minAvailable: '1%' }));
      const isProcessed = async (): Promise<boolean> => {
        const { metadata, status } = await budgets.get('foo');
        return (status?.observedGeneration ?? 0) >= metadata.generation;
      };
      await eventually('the budget is processed', isProcessed);
      const updated = await update(budgets, 'foo', '', { spec: { minAvailable: '2%' } });
      await eventually('the update is processed', isProcessed);
      const patched = await budgets.patch('foo', 'merge', { spec: { minAvailable: '3%' } });
      assert.equal(patched.spec.minAvailable, '3%');
      assert.ok(BigInt(patched.metadata.resourceVersion) > BigInt(updated.metadata.resourceVersion));
      await budgets.delete('foo');
      assert.ok(await budgets.isGone('foo'));
    });

    test('should observe PodDisruptionBudget status updated', async () => {
      const namespace = await cluster.namespace('disruption');
      const budgets = typed(wire(), 'policy/v1', 'PodDisruptionBudget', namespace);
      await budgets.create(budgetOf({ minAvailable: 1 }));
      await createPods(typed(wire(), 'v1', 'Pod', namespace), 3);
      await eventually('disruptions are allowed', async () => (await budgets.get('foo')).status.disruptionsAllowed > 0);
    });

    test('should update/patch PodDisruptionBudget status', async () => {
      const namespace = await cluster.namespace('disruption');
      const budgets = typed(wire(), 'policy/v1', 'PodDisruptionBudget', namespace);
      const pods = typed(wire(), 'v1', 'Pod', namespace);
      await budgets.create(budgetOf({ minAvailable: 1 }));
      await createPods(pods, 1);
      const name = await runningPod(pods);
      const now = `${new Date().toISOString().slice(0, 19)}Z`;
      await update(budgets, 'foo', 'status', { status: { disruptedPods: { [name]: now } } });
      const read = await dynamic(wire(), 'policy/v1', 'PodDisruptionBudget', namespace).get('foo', 'status');
      assert.ok(name in read.status.disruptedPods);
      const patched = await budgets.patch('foo', 'merge', { status: { disruptedPods: null } }, 'status');
      assert.deepEqual(patched.status.disruptedPods ?? {}, {});
    });

    test('should block an eviction until the PDB is updated to allow it', async () => {
      const namespace = await cluster.namespace('disruption');
      const budgets = typed(wire(), 'policy/v1', 'PodDisruptionBudget', namespace);
      const pods = typed(wire(), 'v1', 'Pod', namespace);
      const sets = typed(wire(), 'apps/v1', 'ReplicaSet', namespace);
      const evict = (name: string): Promise<Sent> =>
        pods.createSubresource(name, 'eviction', {
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: { name, namespace },
        });
      const blocked = async (name: string): Promise<void> => {
        const { status } = await mustRefuse(evict(name), 429);
        assert.ok(status.details.causes.some(({ reason }: Sent) => reason === 'DisruptionBudget'));
      };
      const allowed = (count: number): Promise<unknown> =>
        eventually(`${count} disruptions are allowed`, async () => {
          const { metadata, status } = await budgets.get('foo');
          const isCurrent = status.observedGeneration >= metadata.generation && status.currentHealthy === 3;
          return isCurrent && (status.disruptionsAllowed ?? 0) === count;
        });
      await budgets.create(budgetOf({ minAvailable: 3 }));
      await sets.create(workload('rs', labels, 3));
      await ready(sets, 'rs', 3);
      await allowed(0);
      const name = await runningPod(pods);
      await blocked(name);
      await update(budgets, 'foo', '', { spec: { minAvailable: 2 } });
      await allowed(1);
      await evict(name);
      await budgets.patch('foo', 'merge', { spec: { minAvailable: null, maxUnavailable: 0 } });
      await ready(sets, 'rs', 3);
      await allowed(0);
      const another = await runningPod(pods);
      await blocked(another);
      await budgets.delete('foo');
      await evict(another);
    });
  });

  describe('Garbage collector', () => {
    const setOf = async (sets: ResourceClient): Promise<Sent> =>
      eventually('the replica set is made', async () => (await sets.list()).items[0]);

    test('should delete RS created by deployment when not orphaning', async () => {
      const namespace = await cluster.namespace('gc');
      const deployments = typed(wire(), 'apps/v1', 'Deployment', namespace);
      const sets = typed(wire(), 'apps/v1', 'ReplicaSet', namespace);
      const pods = typed(wire(), 'v1', 'Pod', namespace);
      const { uid } = (await deployments.create(workload('simpletest', { app: 'gc' }, 2))).metadata;
      await setOf(sets);
      await deployments.delete('simpletest', { propagationPolicy: 'Background', preconditions: { uid } });
      await eventually('all is gone', async () => {
        const lists = await Promise.all([deployments, sets, pods].map((client) => client.list()));
        return lists.every(({ items }) => items.length === 0);
      });
    });

    test('should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan', async () => {
      const namespace = await cluster.namespace('gc');
      const deployments = typed(wire(), 'apps/v1', 'Deployment', namespace);
      const sets = typed(wire(), 'apps/v1', 'ReplicaSet', namespace);
      const { uid } = (await deployments.create(workload('simpletest', { app: 'gc' }, 2))).metadata;
      const { name } = (await setOf(sets)).metadata;
      await deployments.delete('simpletest', { propagationPolicy: 'Orphan', preconditions: { uid } });
      await eventually('the deployment is gone', () => deployments.isGone('simpletest'));
      const left = await sets.get(name);
      assert.deepEqual([left.metadata.ownerReferences ?? [], left.metadata.deletionTimestamp], [[], undefined]);
    });

    test('should keep an owner around until all its pods are deleted if the deleteOptions says so', async () => {
      const namespace = await cluster.namespace('gc');
      const sets = typed(wire(), 'apps/v1', 'ReplicaSet', namespace);
      const pods = typed(wire(), 'v1', 'Pod', namespace);
      const { metadata } = await sets.create(workload('simpletest', { app: 'gc' }, 5));
      await ready(sets, 'simpletest', 5);
      const { resourceVersion } = (await pods.list()).metadata;
      const watch = await pods.watch({ resourceVersion });
      await sets.delete('simpletest', { propagationPolicy: 'Foreground', preconditions: { uid: metadata.uid } });
      await eventually('the set is gone', async () => {
        if (!(await sets.isGone('simpletest'))) return false;
        assert.deepEqual((await pods.list()).items, []);
        return true;
      });
      assert.equal(watch.events.filter(({ type }) => type === 'DELETED').length, 5);
      watch.stop();
    });

    test('should not be blocked by dependency circle', async () => {
      const namespace = await cluster.namespace('gc');
      const pods = typed(wire(), 'v1', 'Pod', namespace);
      const spec = { terminationGracePeriodSeconds: 0, containers: [{ name: 'nginx', image }] };
      const uids = new Map<string, string>();
      for (const name of ['pod1', 'pod2', 'pod3'])
        uids.set(name, (await pods.create({ metadata: { name }, spec })).metadata.uid);
      const owners = [
        ['pod1', 'pod3'],
        ['pod2', 'pod1'],
        ['pod3', 'pod2'],
      ] as const;
      for (const [name, owner] of owners) {
        const reference = { apiVersion: 'v1', kind: 'Pod', name: owner, uid: uids.get(owner) };
        const patch = { metadata: { ownerReferences: [{ ...reference, controller: true, blockOwnerDeletion: true }] } };
        await pods.patch(name, 'strategic', patch);
      }
      await pods.delete('pod1', { propagationPolicy: 'Foreground', preconditions: { uid: uids.get('pod1') } });
      await eventually('all pods are gone', async () => (await pods.list()).items.length === 0);
    });
  });
});
