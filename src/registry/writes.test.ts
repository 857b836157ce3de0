/** What writes say to clients that ask for the wrong thing, or for the right one in an old or a rare way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectResult } from './request.ts';
import { make, rejection, startRegistry, text } from './testing.ts';

const owner = (uid: string) => ({ apiVersion: 'v1', kind: 'Pod', name: 'p', uid });

test('a version that is no number is a fault of the object, 0 is none', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap());
  const error = await rejection(
    cluster.update('configmaps', make.configMap({ metadata: { resourceVersion: 'x' } })),
    'Invalid',
  );
  assert.equal(
    error.message,
    'ConfigMap "config" is invalid: metadata.resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
  );
  const patch = { metadata: { resourceVersion: '99999999999999999999' } };
  assert.match((await rejection(cluster.patch('configmaps', 'config', patch), 'Invalid')).message, /out of range$/);
  const unpinned = make.configMap({ metadata: { resourceVersion: '0' }, data: { a: 'b' } });
  assert.equal((await cluster.update('configmaps', unpinned)).data.a, 'b');
});

test('a PUT may create a lease, though a change of one must name its version', async () => {
  const cluster = await startRegistry();
  const lease = { metadata: { name: 'l' }, spec: { holderIdentity: 'me' } };
  const target = cluster.target('leases.coordination.k8s.io', { name: 'l' });
  assert.equal((await cluster.registry.update(target, lease, {})).created, true);
  const error = await rejection(cluster.registry.update(target, lease, {}), 'Invalid');
  assert.equal(
    error.message,
    'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
  );
  const unpinned = { metadata: { resourceVersion: null }, spec: { holderIdentity: 'you' } };
  await rejection(cluster.patch('leases.coordination.k8s.io', 'l', unpinned, { type: 'merge' }), 'Invalid');
});

test('who may only update creates nothing by it', async () => {
  const cluster = await startRegistry();
  let asked = 0;
  const mayCreate = async (): Promise<void> => {
    asked++;
    throw new Error('no');
  };
  const target = cluster.target('leases.coordination.k8s.io', { name: 'l' });
  await assert.rejects(cluster.registry.update(target, { metadata: { name: 'l' } }, { mayCreate }), { message: 'no' });
  await cluster.create('leases.coordination.k8s.io', { metadata: { name: 'l' } });
  await cluster.patch('leases.coordination.k8s.io', 'l', { metadata: { labels: { a: 'b' } } }, { mayCreate });
  assert.equal(asked, 1);
});

test('a uid is a precondition of a PUT, and immutable for a patch', async () => {
  const cluster = await startRegistry();
  const { uid } = (await cluster.create('configmaps', make.configMap())).metadata;
  const conflict = await rejection(
    cluster.update('configmaps', make.configMap({ metadata: { uid: 'x' } })),
    'Conflict',
  );
  assert.match(
    conflict.message,
    new RegExp(`Precondition failed: UID in precondition: x, UID in object meta: ${text(uid)}$`),
  );
  const fixed = await rejection(cluster.patch('configmaps', 'config', { metadata: { uid: 'x' } }), 'Invalid');
  assert.equal(fixed.message, 'ConfigMap "config" is invalid: metadata.uid: Invalid value: "x": field is immutable');
});

test('what stands outside of namespaces loses the one that was sent', async () => {
  const cluster = await startRegistry();
  const node = await cluster.create('nodes', make.node({ metadata: { namespace: 'default' } }));
  assert.equal(node.metadata.namespace, undefined);
});

test('owners that stand twice are told, and stand once', async () => {
  const cluster = await startRegistry();
  const ownerReferences = [owner('u'), owner('v'), owner('u')];
  const created = await cluster.createResult('configmaps', make.configMap({ metadata: { ownerReferences } }));
  assert.deepEqual(created.object.metadata?.ownerReferences, [owner('u'), owner('v')]);
  assert.match(created.warnings[0] ?? '', /^\.metadata\.ownerReferences contains duplicate entries; .* observed: u$/);
  const target = cluster.target('configmaps', { name: 'config' });
  const patch = { metadata: { ownerReferences: [owner('w'), owner('w')] } };
  const patched = await cluster.registry.patch(target, 'application/merge-patch+json', patch, {});
  assert.match(
    patched.warnings[0] ?? '',
    /contains duplicate entries after mutating admission happens; .* observed: w$/,
  );
});

test('a name that cannot be made unique is said to be so', async () => {
  const cluster = await startRegistry();
  const body = { metadata: { generateName: 'a-', name: 'a-1' } };
  await cluster.create('configmaps', body);
  const error = await rejection(cluster.create('configmaps', body), 'AlreadyExists');
  assert.equal(
    error.message,
    'configmaps "a-1" already exists, the server was not able to generate a unique name for the object',
  );
  assert.equal(error.details?.retryAfterSeconds, 1);
});

test('preconditions of a delete name the kind, and what stands there', async () => {
  const cluster = await startRegistry();
  const { uid, resourceVersion } = (await cluster.create('configmaps', make.configMap())).metadata;
  const message = async (preconditions: object): Promise<string> =>
    (await rejection(cluster.delete('configmaps', 'config', { preconditions }), 'Conflict')).message;
  assert.equal(
    await message({ uid: 'x' }),
    `Operation cannot be fulfilled on ConfigMap "config": the UID in the precondition (x) does not match the UID in record (${text(uid)}). The object might have been deleted and then recreated`,
  );
  assert.match(
    await message({ resourceVersion: '1' }),
    new RegExp(
      `the ResourceVersion in the precondition \\(1\\) .* in record \\(${text(resourceVersion)}\\)\\. The object might have been modified$`,
    ),
  );
});

test('jobs leave their pods alone unless told, and say so; 202 answers the old way to ask', async () => {
  const cluster = await startRegistry();
  const remove = (name: string, options: object): Promise<ObjectResult> =>
    cluster.registry.delete(cluster.target('jobs.batch', { name }), options);
  for (const name of ['a', 'b', 'c']) await cluster.create('jobs.batch', make.job({}, name));
  const silent = await remove('a', {});
  assert.deepEqual(silent.object.metadata?.finalizers, ['orphan']);
  assert.match(silent.warnings[0] ?? '', /^child pods are preserved by default when jobs are deleted;/);
  const told = await remove('b', { propagationPolicy: 'Background' });
  assert.deepEqual([told.object.kind, told.warnings], ['Status', []]);
  await cluster.patch('jobs.batch', 'c', { metadata: { finalizers: ['a.example/b'] } });
  assert.equal((await remove('c', { orphanDependents: false })).accepted, true);
});

test('a negative grace period is a second, and none is moved into the past', async () => {
  const cluster = await startRegistry();
  const pod = make.pod({ spec: { nodeName: 'n', terminationGracePeriodSeconds: 30 } });
  await cluster.create('pods', pod);
  await cluster.delete('pods', 'pod');
  await cluster.clock.advance(10_000);
  const hurried = await cluster.delete('pods', 'pod', { gracePeriodSeconds: 2 });
  assert.deepEqual(
    [hurried.metadata.deletionTimestamp, hurried.metadata.deletionGracePeriodSeconds],
    ['2026-01-01T00:00:10Z', 1],
  );
  await cluster.create('pods', { ...pod, metadata: { name: 'other' } });
  assert.equal(
    (await cluster.delete('pods', 'other', { gracePeriodSeconds: -5 })).metadata.deletionGracePeriodSeconds,
    1,
  );
});

test('what a patch carries too much is told as upstream tells it', async () => {
  const cluster = await startRegistry();
  await cluster.create('deployments.apps', make.deployment());
  const operations = [{ op: 'add', path: '/spec/foo', value: 1, bar: 2 }];
  const duplicateFields = ['duplicate field "[0].path"'];
  const json = await rejection(
    cluster.patch('deployments.apps', 'web', operations, { type: 'json', fieldValidation: 'Strict', duplicateFields }),
    'Invalid',
  );
  assert.match(json.message, /^ "" is invalid: patch: Invalid value: "\{\\"/);
  assert.match(
    json.message,
    /: strict decoding error: json patch unknown field "\[0\]\.bar", json patch duplicate field "\[0\]\.path", unknown field "spec\.foo"$/,
  );
  const strategic = await rejection(
    cluster.patch('deployments.apps', 'web', { spec: { foo: 1, replicas: null } }, { fieldValidation: 'Strict' }),
    'Invalid',
  );
  assert.equal(
    strategic.message,
    ' "" is invalid: patch: Invalid value: "map[spec:map[foo:1 replicas:<nil>]]": strict decoding error: unknown field "spec.foo"',
  );
});

test('repeated keys of YAML are told a line each', async () => {
  const cluster = await startRegistry();
  const duplicateFields = [
    'yaml: unmarshal errors:\n  line 3: key "a" already set in map\n  line 4: key "b" already set in map',
  ];
  const warned = await cluster.createResult('configmaps', make.configMap(), { duplicateFields });
  assert.deepEqual(warned.warnings, ['line 3: key "a" already set in map', 'line 4: key "b" already set in map']);
  const options = { duplicateFields, fieldValidation: 'Strict' } as const;
  const refused = await rejection(cluster.create('configmaps', make.configMap(), options), 'BadRequest');
  assert.match(refused.message, /: strict decoding error: yaml: unmarshal errors:\n {2}line 3: key "a" already set/);
});
