/** Who owns which field after a write, through the registry: apply, update, subresources, versions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../api/object.ts';
import type { ManagedFieldsEntry } from '../api/schema/types/meta-v1.ts';
import type { ObjectResult } from './request.ts';
import { type Loose, make, rejection, startRegistry, type TestRegistry } from './testing.ts';

type Seen = { readonly metadata?: { readonly managedFields?: readonly ManagedFieldsEntry[] } };

const entriesOf = (object: Loose): readonly ManagedFieldsEntry[] =>
  (object as unknown as Seen).metadata?.managedFields ?? [];

/** `kubectl Apply`, `kubelet Update status`, …, in order. */
function owners(object: Loose): string[] {
  return entriesOf(object).map(({ manager, operation, subresource = '' }) =>
    `${manager} ${operation} ${subresource}`.trim(),
  );
}

function fieldsOf(object: Loose, owner: string): unknown {
  const index = owners(object).indexOf(owner);
  return JSON.parse(JSON.stringify(entriesOf(object)[index]?.fieldsV1 ?? null));
}

const deployment = (spec: object = {}) => ({ apiVersion: 'apps/v1', ...make.deployment({ spec }) });

async function applied(cluster: TestRegistry, body: object, fieldManager: string, force = false): Promise<Loose> {
  const { name } = (body as { metadata: { name: string } }).metadata;
  return cluster.patch('deployments.apps', name, body, { type: 'apply', fieldManager, ...(force && { force }) });
}

test('an apply creates what is not there, and again writes nothing', async () => {
  const cluster = await startRegistry();
  const target = cluster.target('deployments.apps', { name: 'web' });
  const apply = (): Promise<ObjectResult> =>
    cluster.registry.patch(target, 'application/apply-patch+yaml', deployment() as never, { fieldManager: 'me' });
  const first = await apply();
  assert.equal(first.created, true);
  await cluster.clock.advance(60_000);
  const second = await apply();
  assert.equal(second.created, false);
  assert.equal(second.object.metadata?.resourceVersion, first.object.metadata?.resourceVersion);
  const object = await cluster.get('deployments.apps', 'web');
  assert.deepEqual(owners(object), ['me Apply']);
  assert.equal(object.spec.replicas, 1, 'defaults are filled in, and nobody’s');
  assert.equal((fieldsOf(object, 'me Apply') as JsonObject)['f:spec'] !== undefined, true);
  assert.equal(JSON.stringify(fieldsOf(object, 'me Apply')).includes('f:replicas'), false);
});

test('two appliers of different values are a conflict, until one forces it', async () => {
  const cluster = await startRegistry();
  await applied(cluster, deployment({ replicas: 2 }), 'one');
  const error = await rejection(applied(cluster, deployment({ replicas: 3 }), 'two'), 'Conflict');
  assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "one": .spec.replicas');
  assert.equal(error.details?.causes?.[0]?.reason, 'FieldManagerConflict');
  const forced = await applied(cluster, deployment({ replicas: 3 }), 'two', true);
  assert.equal(forced.spec.replicas, 3);
  assert.equal(forced.metadata.generation, 2);
});

test('what an applier leaves out goes, unless another owns it', async () => {
  const cluster = await startRegistry();
  const labelled = (labels: object) => make.deployment({ apiVersion: 'apps/v1', metadata: { labels } });
  await applied(cluster, labelled({ a: '1', b: '1' }), 'one');
  await applied(cluster, labelled({ b: '1' }), 'two');
  const left = await applied(cluster, labelled({}), 'one');
  assert.deepEqual(JSON.parse(JSON.stringify(left.metadata.labels)), { b: '1' });
});

test('a configuration that is not of this kind, version or name is refused', async () => {
  const cluster = await startRegistry();
  const refused = async (body: object): Promise<string> =>
    (
      await rejection(
        cluster.patch('deployments.apps', 'web', body, { type: 'apply', fieldManager: 'm' }),
        'BadRequest',
      )
    ).message;
  assert.equal(
    await refused(make.deployment({ apiVersion: 'apps/v2' })),
    'Incorrect version specified in apply patch. Specified patch version: apps/v2, expected: apps/v1',
  );
  assert.match(await refused({ ...deployment(), kind: 'ReplicaSet' }), /does not match the expected kind/);
  assert.match(await refused({ ...deployment(), metadata: { name: 'x' } }), /does not match the name on the URL/);
  assert.match(await refused({ ...deployment(), foo: 1 }), /\.foo: field not declared in schema$/);
  const managedFields: readonly unknown[] = [];
  assert.equal(await refused(make.deployment({ metadata: { managedFields } })), 'metadata.managedFields must be nil');
  const other = await rejection(applied(cluster, make.deployment({ metadata: { uid: 'u' } }), 'm'), 'Conflict');
  assert.match(other.message, /uid mismatch: the provided object specified uid u, and no existing object was found$/);
});

test('who may not create does not create by an apply', async () => {
  const cluster = await startRegistry();
  const mayCreate = (): Promise<void> => Promise.reject(new Error('no'));
  const options = { type: 'apply', fieldManager: 'm', mayCreate } as const;
  await assert.rejects(cluster.patch('deployments.apps', 'web', deployment(), options), { message: 'no' });
  await cluster.create('deployments.apps', deployment());
  await cluster.patch('deployments.apps', 'web', deployment(), options);
});

test('every write is somebody’s: named, by the user agent, or unknown', async () => {
  const cluster = await startRegistry();
  await cluster.create('deployments.apps', deployment(), { fieldManager: 'named', defaultManager: 'agent' });
  await cluster.patch('deployments.apps', 'web', { spec: { replicas: 2 } }, { defaultManager: 'agent' });
  const object = await cluster.patch('deployments.apps', 'web', { spec: { paused: true } });
  assert.deepEqual(owners(object), ['agent Update', 'named Update', 'unknown Update']);
  assert.deepEqual(fieldsOf(object, 'agent Update'), { 'f:spec': { 'f:replicas': {} } });
});

test('a status is its writer’s alone, and nothing else becomes so', async () => {
  const cluster = await startRegistry();
  await cluster.create('deployments.apps', deployment(), { fieldManager: 'me' });
  const patch = { metadata: { labels: { no: 'body' } }, spec: { replicas: 7 }, status: { replicas: 1 } };
  const options = { subresource: 'status', fieldManager: 'loop' };
  const reported = await cluster.patch('deployments.apps', 'web', patch, options);
  assert.deepEqual(fieldsOf(reported, 'loop Update status'), { 'f:status': { 'f:replicas': {} } });
  const sent = { ...deployment({ replicas: 2 }), status: { replicas: 9 } };
  const changed = await cluster.update('deployments.apps', sent, { fieldManager: 'other' });
  assert.equal(JSON.stringify(fieldsOf(changed, 'other Update')).includes('f:status'), false);
  assert.deepEqual(fieldsOf(changed, 'loop Update status'), { 'f:status': { 'f:replicas': {} } });
});

test('a resize is its writer’s in what it may change, with the containers it is in', async () => {
  const cluster = await startRegistry();
  const main = { name: 'main', image: 'i', resources: { requests: { cpu: '100m' } } };
  await cluster.create('pods', make.pod({ spec: { containers: [main] } }), { fieldManager: 'me' });
  const bigger = { ...main, image: 'other', resources: { requests: { cpu: '200m' } } };
  const metadata = { name: 'pod', labels: { no: 'body' } };
  const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [bigger] } };
  const options = { subresource: 'resize', type: 'apply', fieldManager: 'sizer', force: true } as const;
  const pod = await cluster.patch('pods', 'pod', body, options);
  const resources = { 'f:requests': { 'f:cpu': {} } };
  const container = { 'k:{"name":"main"}': { '.': {}, 'f:resources': resources } };
  assert.deepEqual(fieldsOf(pod, 'sizer Apply resize'), { 'f:spec': { 'f:containers': container } });
});

test('an ephemeral container is its writer’s, and nothing beside it', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod(), { fieldManager: 'me' });
  const patch = { metadata: { labels: { no: 'body' } }, spec: { ephemeralContainers: [{ name: 'look', image: 'i' }] } };
  const options = { subresource: 'ephemeralcontainers', type: 'strategic', fieldManager: 'me too' } as const;
  const pod = await cluster.patch('pods', 'pod', patch, options);
  const fields = fieldsOf(pod, 'me too Update ephemeralcontainers') as {
    'f:spec': { 'f:ephemeralContainers': object };
  };
  assert.deepEqual(Object.keys(fields), ['f:spec']);
  assert.deepEqual(Object.keys(fields['f:spec']), ['f:ephemeralContainers']);
  const [item] = Object.entries(fields['f:spec']['f:ephemeralContainers']).filter(([key]) => key !== '.');
  assert.equal(item?.[0], 'k:{"name":"look"}');
  assert.equal('f:image' in item[1], true);
});

test('whoever scales owns the replicas, of the object as of its scale', async () => {
  const cluster = await startRegistry();
  await applied(cluster, deployment({ replicas: 2 }), 'me');
  const scale = { subresource: 'scale', fieldManager: 'scaler' };
  await cluster.patch('deployments.apps', 'web', { spec: { replicas: 5 } }, { ...scale, type: 'merge' });
  const scaled = await cluster.get('deployments.apps', 'web');
  assert.equal(scaled.spec.replicas, 5);
  assert.deepEqual(owners(scaled), ['me Apply', 'scaler Update scale']);
  assert.deepEqual(fieldsOf(scaled, 'scaler Update scale'), { 'f:spec': { 'f:replicas': {} } });
  assert.equal(JSON.stringify(fieldsOf(scaled, 'me Apply')).includes('f:replicas'), false);
  const conflict = await rejection(applied(cluster, deployment({ replicas: 2 }), 'me'), 'Conflict');
  assert.match(conflict.message, /conflict with "scaler" with subresource "scale" using apps\/v1: \.spec\.replicas$/);
  const body = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'web' }, spec: { replicas: 3 } };
  const apply = { subresource: 'scale', type: 'apply', fieldManager: 'me' } as const;
  await rejection(cluster.patch('deployments.apps', 'web', body, apply), 'Conflict');
  await cluster.patch('deployments.apps', 'web', body, { ...apply, force: true });
  const after = await cluster.get('deployments.apps', 'web');
  assert.equal(after.spec.replicas, 3);
  assert.deepEqual(owners(after), ['me Apply', 'me Apply scale']);
});

test('an owner in one version of the API is known in the other', async () => {
  const cluster = await startRegistry();
  const name = { name: 'h' };
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
  const first = { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', metadata: name };
  const spec = { maxReplicas: 3, scaleTargetRef };
  const options = { type: 'apply' } as const;
  const v1 = 'horizontalpodautoscalers.v1.autoscaling';
  await cluster.patch(v1, 'h', { ...first, spec }, { ...options, fieldManager: 'one' });
  const second = { ...first, apiVersion: 'autoscaling/v2', spec: { ...spec, maxReplicas: 4 } };
  const v2 = 'horizontalpodautoscalers.v2.autoscaling';
  const error = await rejection(cluster.patch(v2, 'h', second, { ...options, fieldManager: 'two' }), 'Conflict');
  assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "one": .spec.maxReplicas');
});

test('bindings, deletes and finalizers leave the entries as they are; a list of one empty entry takes them away', async () => {
  const cluster = await startRegistry();
  const pod = await cluster.create('pods', make.pod({ metadata: { finalizers: ['a.example/b'] } }), {
    fieldManager: 'me',
  });
  const binding = { metadata: { name: 'pod' }, target: { kind: 'Node', name: 'n' } };
  await cluster.create('pods', binding, { name: 'pod', subresource: 'binding', fieldManager: 'scheduler' });
  await cluster.delete('pods', 'pod');
  const marked = await cluster.get('pods', 'pod');
  assert.deepEqual(entriesOf(marked), entriesOf(pod));
  const reset = await cluster.patch('pods', 'pod', { metadata: { managedFields: [{}] } }, { type: 'merge' });
  assert.deepEqual(owners(reset), []);
});

test('an empty list belongs to who made the object with it, and stays where somebody sends it back', async () => {
  const cluster = await startRegistry();
  const role = { metadata: { name: 'r' }, rules: [] };
  const created = await cluster.create('roles.rbac.authorization.k8s.io', role, { fieldManager: 'maker' });
  assert.deepEqual(entriesOf(created)[0]?.fieldsV1, { 'f:rules': {} });
  const updated = await cluster.update('roles.rbac.authorization.k8s.io', created, { fieldManager: 'other' });
  assert.deepEqual(entriesOf(updated), entriesOf(created));
  const silent = { metadata: { name: 's', labels: { a: 'b' } } };
  const other = await cluster.create('roles.rbac.authorization.k8s.io', silent, { fieldManager: 'maker' });
  assert.equal(Object.hasOwn(entriesOf(other)[0]?.fieldsV1 ?? {}, 'f:rules'), false);
});

test('an object that is too large with its entries is written without them', async () => {
  const cluster = await startRegistry();
  const data = Object.fromEntries(Array.from({ length: 10_500 }, (_, index) => [`k${index}${'x'.repeat(70)}`, '']));
  const created = await cluster.create('configmaps', make.configMap({ data }), { fieldManager: 'me' });
  assert.deepEqual(owners(created), []);
});
