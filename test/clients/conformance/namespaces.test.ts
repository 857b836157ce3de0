/** Upstream's conformance tests of namespaces: changes, finalizers, and what a deletion removes, in which order. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { dynamic, type ResourceClient, refusal, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { update } from './lifecycle.ts';
import type { Sent } from './wire.ts';

const containers = [{ name: 'nginx', image: 'pause' }];

describe('conformance: Namespaces', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  let namespaces: ResourceClient;
  const wire = () => cluster.wire;

  before(async () => {
    cluster = await ConformanceCluster.up();
    namespaces = typed(wire(), 'v1', 'Namespace');
  });
  after(() => cluster.close());

  const gone = (client: ResourceClient, name: string): Promise<unknown> =>
    eventually(`${name} is gone`, () => client.isGone(name));

  test('should patch a Namespace', async () => {
    const name = await cluster.namespace('nspatchtest');
    const before = await namespaces.get(name);
    const patched = await namespaces.patch(name, 'strategic', { metadata: { labels: { testLabel: 'testValue' } } });
    assert.ok(BigInt(patched.metadata.resourceVersion) > BigInt(before.metadata.resourceVersion));
    assert.equal((await namespaces.get(name)).metadata.labels.testLabel, 'testValue');
  });

  test('should apply changes to a namespace status', async () => {
    const name = await cluster.namespace('nsstatus');
    const read = await dynamic(wire(), 'v1', 'Namespace').get(name, 'status');
    assert.equal(read.status.phase, 'Active');
    const condition = { type: 'StatusPatch', status: 'True', reason: 'E2E', message: 'Patched by an e2e test' };
    const sent = { ...condition, lastTransitionTime: null };
    const patch = { metadata: { annotations: { 'e2e-patched-ns-status': name } }, status: { conditions: [sent] } };
    const patched = await namespaces.patch(name, 'merge', patch, 'status');
    assert.equal(patched.metadata.annotations['e2e-patched-ns-status'], name);
    assert.deepEqual(patched.status.conditions.at(-1), condition);
    const updated = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Updated by an e2e test' };
    const result = await update(namespaces, name, 'status', { status: { conditions: [condition, updated] } });
    assert.deepEqual(result.status.conditions.at(-1), updated);
  });

  test('should apply an update to a Namespace', async () => {
    const name = await cluster.namespace('nsupdate');
    await update(namespaces, name, '', { metadata: { labels: { [name]: 'updated' } } });
  });

  test('should apply a finalizer to a Namespace', async () => {
    const name = await cluster.namespace('nsfinalizer');
    const fake = 'e2e.example.com/fakeFinalizer';
    const { spec } = await namespaces.get(name);
    const withFake = { spec: { finalizers: [...spec.finalizers, fake] } };
    assert.ok((await update(namespaces, name, 'finalize', withFake)).spec.finalizers.includes(fake));
    const back = await update(namespaces, name, 'finalize', { spec: { finalizers: spec.finalizers } });
    assert.deepEqual(back.spec.finalizers, spec.finalizers);
  });

  test('should ensure that all pods, and all services, are removed when a namespace is deleted', async () => {
    const name = await cluster.namespace('nsdeletetest');
    const pods = typed(wire(), 'v1', 'Pod', name);
    const services = typed(wire(), 'v1', 'Service', name);
    await pods.create({ metadata: { name: 'test-pod' }, spec: { containers } });
    await services.create({
      metadata: { name: 'test-service' },
      spec: { ports: [{ port: 80, targetPort: 80 }], selector: { foo: 'bar' } },
    });
    await eventually('the pod runs', async () => (await pods.get('test-pod')).status.phase === 'Running');
    const { status } = await namespaces.delete(name);
    assert.equal(status.phase, 'Terminating');
    await gone(namespaces, name);
    await namespaces.create({ metadata: { name } });
    assert.deepEqual([(await pods.list()).items, (await services.list()).items], [[], []]);
    await namespaces.delete(name);
  });

  test('should always delete fast, however many there are', async () => {
    const names = await Promise.all(Array.from({ length: 30 }, () => cluster.namespace('nslifetest')));
    await Promise.all(
      names.map((name) =>
        typed(wire(), 'v1', 'ConfigMap', name).create({ metadata: { name: 'm', labels: { life: 'short' } }, data: {} }),
      ),
    );
    await Promise.all(names.map((name) => namespaces.delete(name)));
    await Promise.all(names.map((name) => gone(namespaces, name)));
    assert.deepEqual((await typed(wire(), 'v1', 'ConfigMap').list({ labelSelector: 'life=short' })).items, []);
  });

  test('OrderedNamespaceDeletion namespace deletion should delete pod first', async () => {
    const name = await cluster.namespace('nsordered');
    const pods = typed(wire(), 'v1', 'Pod', name);
    const maps = typed(wire(), 'v1', 'ConfigMap', name);
    await pods.create({
      metadata: { name: 'test-pod', finalizers: ['e2e.example.com/finalizer'] },
      spec: { containers },
    });
    await eventually('the pod runs', async () => (await pods.get('test-pod')).status.phase === 'Running');
    await maps.create({ metadata: { name: 'test-configmap' }, data: { key: 'value' } });
    await namespaces.delete(name);
    await eventually('the controller says what is in the way', async () => {
      const { status } = await namespaces.get(name);
      assert.equal(status.phase, 'Terminating');
      return (status.conditions ?? []).some(({ type }: Sent) => type === 'NamespaceDeletionContentFailure');
    });
    await eventually('the pod ends', async () => {
      assert.equal((await maps.get('test-configmap')).data.key, 'value');
      return (await pods.get('test-pod')).metadata.deletionTimestamp !== undefined;
    });
    await eventually('the finalizer is taken off', async () => {
      const pod = await pods.get('test-pod');
      const freed = { ...pod, metadata: { ...pod.metadata, finalizers: [] } };
      return (await refusal(pods.update(freed), 409)) === undefined;
    });
    await gone(pods, 'test-pod');
    await gone(namespaces, name);
  });
});
