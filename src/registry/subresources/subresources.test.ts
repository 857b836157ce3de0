import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make, rejection, requestPem, startRegistry, TestRegistry } from '../testing.ts';

const binding = (name: string, node = 'n1') => ({ metadata: { name }, target: { kind: 'Node', name: node } });

test('a binding gives a pod its node and says when it was scheduled', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  const body = { ...binding('pod'), metadata: { name: 'pod', annotations: { a: 'b' } } };
  const status = await cluster.create('pods', body, { name: 'pod', subresource: 'binding' });
  assert.equal(status.kind, 'Status');
  const pod = await cluster.get('pods', 'pod');
  assert.equal(pod.spec.nodeName, 'n1');
  assert.equal(pod.metadata.annotations.a, 'b');
  assert.deepEqual(pod.status.conditions, [
    { type: 'PodScheduled', observedGeneration: 1, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ]);
});

test('a pod is bound once, and not when it is going', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  await cluster.create('bindings', binding('pod'));
  const error = await rejection(cluster.create('bindings', binding('pod', 'n2')), 'Conflict');
  assert.equal(
    error.message,
    'Operation cannot be fulfilled on pods/binding "pod": pod pod is already assigned to node "n1"',
  );
  await rejection(cluster.create('bindings', binding('none')), 'NotFound');
  await cluster.create('pods', make.pod({ metadata: { finalizers: ['a.example/x'] } }, 'going'));
  await cluster.delete('pods', 'going');
  await rejection(cluster.create('bindings', binding('going')), 'Conflict');
  await rejection(cluster.create('bindings', { metadata: { name: 'pod' }, target: {} }), 'Invalid');
});

test('of two bindings at the same moment one wins', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  const outcomes = await Promise.allSettled([
    cluster.create('bindings', binding('pod', 'n1')),
    cluster.create('bindings', binding('pod', 'n2')),
  ]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('scale reads and writes one number, and counts as a change of the spec', async () => {
  const cluster = await startRegistry();
  await cluster.create('deployments.apps', make.deployment());
  const scale = await cluster.get('deployments.apps', 'web', { subresource: 'scale' });
  assert.equal(scale.kind, 'Scale');
  assert.equal(scale.apiVersion, 'autoscaling/v1');
  assert.deepEqual(scale.spec, { replicas: 1 });
  assert.deepEqual(scale.status, { replicas: 0, selector: 'app=web' });
  const written = await cluster.update(
    'deployments.apps',
    { ...scale, spec: { replicas: 4 } },
    { subresource: 'scale' },
  );
  assert.equal(written.spec.replicas, 4);
  const deployment = await cluster.get('deployments.apps', 'web');
  assert.equal(deployment.spec.replicas, 4);
  assert.equal(deployment.metadata.generation, 2);
  await rejection(
    cluster.update('deployments.apps', { ...scale, spec: { replicas: 5 } }, { subresource: 'scale' }),
    'Conflict',
  );
});

test('scale takes patches, an update without a version, and zero, but nothing below', async () => {
  const cluster = await startRegistry();
  await cluster.create('statefulsets.apps', make.statefulSet());
  const place = { subresource: 'scale' };
  const patched = await cluster.patch(
    'statefulsets.apps',
    'db',
    { spec: { replicas: 3 } },
    { ...place, type: 'merge' },
  );
  assert.equal(patched.spec.replicas, 3);
  await cluster.update('statefulsets.apps', { metadata: { name: 'db' }, spec: { replicas: 0 } }, place);
  assert.equal((await cluster.get('statefulsets.apps', 'db')).spec.replicas, 0);
  const error = await rejection(
    cluster.patch('statefulsets.apps', 'db', { spec: { replicas: -1 } }, { ...place, type: 'merge' }),
    'Invalid',
  );
  assert.equal(
    error.message,
    'Scale.autoscaling "db" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  );
});

test('a replication controller shows its plain selector in scale', async () => {
  const cluster = await startRegistry();
  const template = { metadata: { labels: { b: '2', a: '1' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  await cluster.create('replicationcontrollers', { metadata: { name: 'rc' }, spec: { replicas: 2, template } });
  const scale = await cluster.get('replicationcontrollers', 'rc', { subresource: 'scale' });
  assert.equal(scale.status.selector, 'a=1,b=2');
});

test('an eviction deletes with its options', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  await cluster.create('bindings', binding('pod'));
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'pod' },
    deleteOptions: { gracePeriodSeconds: 7 },
  };
  await cluster.create('pods', eviction, { name: 'pod', subresource: 'eviction' });
  assert.equal((await cluster.get('pods', 'pod')).metadata.deletionGracePeriodSeconds, 7);
});

test('ephemeral containers are added with defaults, and neither changed nor removed', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  const place = { subresource: 'ephemeralcontainers' };
  const patch = {
    spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox' }], containers: [{ name: 'main', image: 'x' }] },
  };
  const pod = await cluster.patch('pods', 'pod', patch, place);
  assert.equal(pod.spec.ephemeralContainers[0].imagePullPolicy, 'Always');
  assert.equal(pod.spec.containers[0].image, 'registry.example/app:1', 'only the ephemeral ones change');
  assert.equal(pod.metadata.generation, 2);
  const changed = { spec: { ephemeralContainers: [{ name: 'debug', image: 'other' }] } };
  assert.match(
    (await rejection(cluster.patch('pods', 'pod', changed, place), 'Invalid')).message,
    /may not be changed/,
  );
  const removed = { spec: { ephemeralContainers: [] } };
  const error = await rejection(cluster.patch('pods', 'pod', removed, { ...place, type: 'merge' }), 'Invalid');
  assert.match(error.message, /may not be removed/);
});

test('resize changes resources only, and not the quality of service', async () => {
  const cluster = await startRegistry();
  const resources = { requests: { cpu: '100m' }, limits: { cpu: '200m' } };
  await cluster.create('pods', make.pod({ spec: { containers: [{ name: 'main', image: 'i', resources }] } }));
  const bigger = { requests: { cpu: '150m' }, limits: { cpu: '1' } };
  const patch = { spec: { containers: [{ name: 'main', image: 'other', resources: bigger }] } };
  const pod = await cluster.patch('pods', 'pod', patch, { subresource: 'resize' });
  assert.deepEqual(
    pod.spec.containers[0].resources,
    bigger.limits ? { limits: { cpu: '1' }, requests: { cpu: '150m' } } : {},
  );
  assert.equal(pod.spec.containers[0].image, 'i');
  const none = { spec: { containers: [{ name: 'main', resources: { requests: null, limits: null } }] } };
  await rejection(cluster.patch('pods', 'pod', none, { subresource: 'resize' }), 'Invalid');
});

test('approving a certificate request changes its conditions; its status cannot', async () => {
  const cluster = await startRegistry();
  const name = 'certificatesigningrequests.certificates.k8s.io';
  await cluster.create(name, {
    metadata: { name: 'csr' },
    spec: { request: requestPem, signerName: 'a.b/c', usages: ['client auth'], username: 'forged' },
  });
  assert.equal(((await cluster.get(name, 'csr')) as unknown as { spec: { username: string } }).spec.username, 'tester');
  const conditions = [{ type: 'Approved', status: 'True', reason: 'test' }];
  await cluster.patch(name, 'csr', { status: { conditions } }, { subresource: 'status', type: 'merge' });
  assert.deepEqual((await cluster.get(name, 'csr')).status, {});
  await cluster.patch(name, 'csr', { status: { conditions } }, { subresource: 'approval', type: 'merge' });
  assert.equal((await cluster.get(name, 'csr')).status.conditions[0].type, 'Approved');
});

test('subresources that nobody serves here are refused', async () => {
  const cluster = await startRegistry();
  await cluster.create('serviceaccounts', { metadata: { name: 'sa' } });
  const error = await rejection(
    cluster.create('serviceaccounts', {}, { name: 'sa', subresource: 'token' }),
    'MethodNotAllowed',
  );
  assert.equal(error.message, 'create is not supported on resources of kind "serviceaccounts/token"');
  await rejection(cluster.get('configmaps', 'x', { subresource: 'status' }), 'MethodNotAllowed');
  await rejection(cluster.create('tokenreviews.authentication.k8s.io', {}), 'MethodNotAllowed');
});

test('a virtual resource answers without storing anything', async () => {
  const answer = { object: { kind: 'TokenReview' }, created: true, warnings: [] };
  const review = { create: async () => answer };
  const cluster = new TestRegistry(undefined, new Map([['tokenreviews.authentication.k8s.io', review]]));
  await cluster.store.start();
  const before = cluster.store.revision;
  assert.equal((await cluster.create('tokenreviews.authentication.k8s.io', {})).kind, 'TokenReview');
  assert.equal(cluster.store.revision, before);
});
