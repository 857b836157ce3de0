import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planDelete } from './delete.ts';
import { podStrategy } from './strategies/pods.ts';
import type { Strategy } from './strategy.ts';
import { make, rejection, startRegistry, type TestRegistry } from './testing.ts';

async function bind(cluster: TestRegistry, name = 'pod'): Promise<void> {
  const body = { metadata: { name }, target: { kind: 'Node', name: 'n1' } };
  await cluster.create('pods', body, { name, subresource: 'binding' });
}

test('a deleted object is gone, and a Status says which one it was', async () => {
  const cluster = await startRegistry();
  const created = await cluster.create('deployments.apps', make.deployment());
  const status = await cluster.delete('deployments.apps', 'web');
  assert.equal(status.kind, 'Status');
  assert.deepEqual(status.details, { name: 'web', group: 'apps', kind: 'deployments', uid: created.metadata.uid });
  const error = await rejection(cluster.delete('deployments.apps', 'web'), 'NotFound');
  assert.equal(error.message, 'deployments.apps "web" not found');
});

test('preconditions of a delete hold it to one object in one version', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap());
  await rejection(cluster.delete('configmaps', 'config', { preconditions: { uid: 'other' } }), 'Conflict');
  await rejection(cluster.delete('configmaps', 'config', { preconditions: { resourceVersion: '1' } }), 'Conflict');
  assert.ok(await cluster.find('configmaps', 'config'));
});

test('an object with finalizers waits, and goes with the update that removes the last', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap({ metadata: { finalizers: ['a.example/x', 'a.example/y'] } }));
  const waiting = await cluster.delete('configmaps', 'config');
  assert.equal(waiting.metadata.deletionTimestamp, '2026-01-01T00:00:00Z');
  assert.equal(waiting.metadata.deletionGracePeriodSeconds, 0);
  await cluster.patch('configmaps', 'config', { metadata: { finalizers: ['a.example/y'] } }, { type: 'merge' });
  assert.ok(await cluster.find('configmaps', 'config'));
  await cluster.patch('configmaps', 'config', { metadata: { finalizers: null } }, { type: 'merge' });
  assert.equal(await cluster.find('configmaps', 'config'), undefined);
});

test('nobody adds a finalizer to an object that is on its way out', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap({ metadata: { finalizers: ['a.example/x'] } }));
  await cluster.delete('configmaps', 'config');
  const patch = { metadata: { finalizers: ['a.example/x', 'a.example/z'] } };
  const error = await rejection(cluster.patch('configmaps', 'config', patch, { type: 'merge' }), 'Invalid');
  assert.match(
    error.message,
    /metadata\.finalizers: Forbidden: no new finalizers can be added if the object is being deleted/,
  );
});

test('the propagation policy becomes a finalizer, and Background takes one back', async () => {
  const cluster = await startRegistry();
  await cluster.create('deployments.apps', make.deployment());
  const foreground = await cluster.delete('deployments.apps', 'web', { propagationPolicy: 'Foreground' });
  assert.deepEqual(foreground.metadata.finalizers, ['foregroundDeletion']);
  assert.equal(foreground.metadata.generation, 2);
  const orphan = await cluster.delete('deployments.apps', 'web', { propagationPolicy: 'Orphan' });
  assert.deepEqual(orphan.metadata.finalizers, ['orphan']);
  assert.equal(orphan.metadata.generation, 2);
  await cluster.delete('deployments.apps', 'web', { propagationPolicy: 'Background' });
  assert.equal(await cluster.find('deployments.apps', 'web'), undefined);
});

test('a pod without a node goes at once, as does one that is over', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  const gone = await cluster.delete('pods', 'pod');
  assert.equal(gone.kind, 'Pod');
  assert.equal(await cluster.find('pods', 'pod'), undefined);
  await cluster.create('pods', make.pod());
  await bind(cluster);
  await cluster.patch('pods', 'pod', { status: { phase: 'Succeeded' } }, { subresource: 'status' });
  await cluster.delete('pods', 'pod');
  assert.equal(await cluster.find('pods', 'pod'), undefined);
});

test('a pod on a node gets its grace period, which only gets shorter', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  await bind(cluster);
  const first = await cluster.delete('pods', 'pod');
  assert.equal(first.metadata.deletionGracePeriodSeconds, 30);
  assert.equal(first.metadata.deletionTimestamp, '2026-01-01T00:00:30Z');
  assert.equal(first.metadata.generation, 2);
  const longer = await cluster.delete('pods', 'pod', { gracePeriodSeconds: 60 });
  assert.equal(longer.metadata.resourceVersion, first.metadata.resourceVersion);
  const shorter = await cluster.delete('pods', 'pod', { gracePeriodSeconds: 5 });
  assert.equal(shorter.metadata.deletionGracePeriodSeconds, 5);
  assert.equal(shorter.metadata.deletionTimestamp, '2026-01-01T00:00:05Z');
  await cluster.delete('pods', 'pod', { gracePeriodSeconds: 0 });
  assert.equal(await cluster.find('pods', 'pod'), undefined);
});

test('a pod whose grace is over still waits for its finalizers', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod({ metadata: { finalizers: ['a.example/x'] } }));
  await bind(cluster);
  await cluster.delete('pods', 'pod');
  const held = await cluster.delete('pods', 'pod', { gracePeriodSeconds: 0 });
  assert.equal(held.metadata.deletionGracePeriodSeconds, 0);
  await cluster.patch('pods', 'pod', { metadata: { finalizers: null } }, { type: 'merge' });
  assert.equal(await cluster.find('pods', 'pod'), undefined);
});

test('a pod that still has its grace period does not go when its last finalizer does', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod({ metadata: { finalizers: ['a.example/x'] } }));
  await bind(cluster);
  await cluster.delete('pods', 'pod');
  await cluster.patch('pods', 'pod', { metadata: { finalizers: null } }, { type: 'merge' });
  assert.equal((await cluster.get('pods', 'pod')).metadata.deletionGracePeriodSeconds, 30);
});

test('a delete in parallel with updates neither fails nor leaves anything behind', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap());
  const patches = Array.from({ length: 10 }, (_, index) =>
    cluster.patch('configmaps', 'config', { data: { [`k${index}`]: '' } }, { type: 'merge' }).catch(() => undefined),
  );
  await Promise.all([...patches, cluster.delete('configmaps', 'config')]);
  assert.equal(await cluster.find('configmaps', 'config'), undefined);
});

test('a collection goes by its selector, and the rest stays', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap({ metadata: { labels: { a: '1' } } }, 'x'));
  await cluster.create('configmaps', make.configMap({ metadata: { labels: { a: '1' } } }, 'y'));
  await cluster.create('configmaps', make.configMap({}, 'z'));
  const target = cluster.target('configmaps');
  const deleted = await cluster.registry.deleteCollection(target, { labelSelector: 'a=1' }, {});
  assert.equal(deleted.objects.length, 2);
  assert.deepEqual(await cluster.names('configmaps'), ['z']);
});

test('a namespace is told to go, takes nothing new, and goes when it is finalized', async () => {
  const cluster = await startRegistry();
  await cluster.create('namespaces', make.namespace());
  const going = await cluster.delete('namespaces', 'team');
  assert.equal(going.status.phase, 'Terminating');
  assert.deepEqual(going.spec.finalizers, ['kubernetes']);
  const error = await rejection(cluster.create('pods', make.pod(), { namespace: 'team' }), 'Forbidden');
  assert.equal(
    error.message,
    'pods "pod" is forbidden: unable to create new content in namespace team because it is being terminated',
  );
  assert.equal(error.details?.causes?.[0]?.reason, 'NamespaceTerminating');
  await cluster.update('namespaces', { metadata: { name: 'team' }, spec: {} });
  assert.ok(await cluster.find('namespaces', 'team'), 'only /finalize takes spec.finalizers away');
  await cluster.update(
    'namespaces',
    { metadata: { name: 'team' }, spec: { finalizers: [] } },
    { subresource: 'finalize' },
  );
  assert.equal(await cluster.find('namespaces', 'team'), undefined);
});

test('three namespaces stay for ever, and nothing is made in one that does not exist', async () => {
  const cluster = await startRegistry();
  for (const name of ['default', 'kube-system', 'kube-public']) {
    const error = await rejection(cluster.delete('namespaces', name), 'Forbidden');
    assert.equal(error.message, `namespaces "${name}" is forbidden: this namespace may not be deleted`);
  }
  const error = await rejection(cluster.create('pods', make.pod(), { namespace: 'nowhere' }), 'NotFound');
  assert.equal(error.message, 'namespaces "nowhere" not found');
});

test('planDelete is a pure decision', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const plain: Strategy = {};
  assert.deepEqual(planDelete(plain, { metadata: { name: 'a' } }, {}, nowMs), { kind: 'delete' });
  const pod = { metadata: { name: 'p' }, spec: { containers: [], nodeName: 'n', terminationGracePeriodSeconds: -5 } };
  const plan = planDelete(podStrategy, pod, {}, nowMs);
  assert.equal(plan.kind === 'mark' && plan.object.metadata?.deletionGracePeriodSeconds, 1);
});

test('the end of a grace period that finalizers outlast does not put the deletion off', () => {
  const deletionTimestamp = '2026-01-01T00:00:05Z';
  const metadata = {
    name: 'pod',
    deletionTimestamp,
    deletionGracePeriodSeconds: 5,
    finalizers: ['foregroundDeletion'],
  };
  const pod = { metadata, spec: { nodeName: 'n1', containers: [] } };
  const plan = planDelete(podStrategy, pod, { gracePeriodSeconds: 0 }, Date.UTC(2026, 0, 1, 0, 0, 9));
  assert.equal(plan.kind, 'mark');
  const marked = plan.kind === 'mark' ? plan.object.metadata : undefined;
  assert.equal(marked?.deletionTimestamp, deletionTimestamp);
  assert.equal(marked?.deletionGracePeriodSeconds, 0);
});
