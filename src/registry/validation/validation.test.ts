import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinSchema } from '../../api/schema/load.ts';
import { make, rejection, startRegistry, type TestRegistry } from '../testing.ts';
import { finalizerWarnings, validateMetadata } from './metadata.ts';
import { validateByTable } from './required-fields.ts';

/** The broken rules, without the prefix that every Invalid has. */
async function faults(cluster: TestRegistry, resource: string, body: object): Promise<string[]> {
  const error = await rejection(cluster.create(resource, body), 'Invalid');
  return (error.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);
}

const container = { name: 'main', image: 'i' };
const pod = (spec: object): object => make.pod({ spec });

test('metadata is checked for every kind', async () => {
  const cluster = await startRegistry();
  const broken = async (metadata: object) => faults(cluster, 'configmaps', { metadata: { name: 'x', ...metadata } });
  assert.deepEqual(await faults(cluster, 'configmaps', {}), [
    'metadata.name: Required value: name or generateName is required',
  ]);
  assert.match(
    (await broken({ name: 'Bad_Name' }))[0] ?? '',
    /^metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/,
  );
  assert.match(
    (await broken({ labels: { 'a b': 'c' } }))[0] ?? '',
    /^metadata\.labels: Invalid value: "a b": name part must consist/,
  );
  assert.match(
    (await broken({ labels: { a: 'b c' } }))[0] ?? '',
    /^metadata\.labels: Invalid value: "b c": a valid label must be/,
  );
  assert.deepEqual(await broken({ annotations: { a: 'x'.repeat(300_000) } }), [
    'metadata.annotations: Too long: may not be more than 262144 bytes',
  ]);
  assert.deepEqual(await broken({ finalizers: ['mine'] }), [
    'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ]);
  assert.match((await broken({ finalizers: ['orphan', 'foregroundDeletion'] }))[0] ?? '', /cannot be both set$/);
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', controller: true };
  assert.match(
    (await broken({ ownerReferences: [owner, { ...owner, name: 'q', uid: 'v' }] }))[0] ?? '',
    /Only one reference can have Controller set to true\. Found "true" in references for Pod\/p and Pod\/q$/,
  );
  assert.deepEqual(await broken({ ownerReferences: [{ ...owner, uid: '' }] }), [
    'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
  ]);
});

test('names follow each kind’s rule', async () => {
  const cluster = await startRegistry();
  assert.match((await faults(cluster, 'services', make.service({}, 'a_b')))[0] ?? '', /RFC 1123 label/);
  assert.match((await faults(cluster, 'namespaces', make.namespace({}, 'a.b')))[0] ?? '', /must not contain dots/);
  await cluster.create('clusterroles.rbac.authorization.k8s.io', { metadata: { name: 'system:any:Name' } });
});

test('several broken rules come together, in square brackets', async () => {
  const cluster = await startRegistry();
  const error = await rejection(cluster.create('pods', pod({ containers: [{}] })), 'Invalid');
  assert.equal(
    error.message,
    'Pod "pod" is invalid: [spec.containers[0].name: Required value, spec.containers[0].image: Required value]',
  );
});

test('the rules of workloads', async () => {
  const cluster = await startRegistry();
  const deployment = (spec: object) => faults(cluster, 'deployments.apps', make.deployment({ spec }));
  assert.deepEqual(await deployment({ selector: undefined }), [
    'spec.selector: Required value',
    'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
  ]);
  assert.match((await deployment({ selector: {} }))[0] ?? '', /empty selector is invalid for deployment$/);
  assert.deepEqual(await deployment({ replicas: -1 }), [
    'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  ]);
  assert.deepEqual(await deployment({ strategy: { type: 'Recreate', rollingUpdate: {} } }), [
    "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
  ]);
  assert.deepEqual(await deployment({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }), [
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
  ]);
  const always = { template: { spec: { containers: [container] } } };
  assert.deepEqual(await faults(cluster, 'jobs.batch', make.job({ spec: always })), [
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ]);
  assert.match(
    (await faults(cluster, 'cronjobs.batch', make.cronJob({ spec: { schedule: '* *' } })))[0] ?? '',
    /expected exactly 5 fields, found 2/,
  );
});

test('what a StatefulSet may change is listed', async () => {
  const cluster = await startRegistry();
  await cluster.create('statefulsets.apps', make.statefulSet());
  await cluster.patch('statefulsets.apps', 'db', { spec: { replicas: 2, minReadySeconds: 1 } });
  const error = await rejection(cluster.patch('statefulsets.apps', 'db', { spec: { serviceName: 'x' } }), 'Invalid');
  assert.match(
    error.message,
    /spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', /,
  );
});

test('the containers of a StatefulSet may mount its claims', async () => {
  const cluster = await startRegistry();
  const containers = [{ name: 'db', image: 'db', volumeMounts: [{ name: 'data', mountPath: '/data' }] }];
  const mounting = (claim: string) =>
    make.statefulSet({
      spec: {
        selector: { matchLabels: { app: 'db' } },
        template: { metadata: { labels: { app: 'db' } }, spec: { containers } },
        volumeClaimTemplates: [make.claim({}, claim)],
      },
    });
  await cluster.create('statefulsets.apps', mounting('data'));
  const error = await rejection(cluster.create('statefulsets.apps', mounting('other')), 'Invalid');
  assert.match(error.message, /spec\.template\.spec\.containers\[0\]\.volumeMounts\[0\]\.name: Not found: "data"/);
});

test('the rules of services, secrets, nodes and claims', async () => {
  const cluster = await startRegistry();
  const service = (spec: object) => faults(cluster, 'services', make.service({ spec }));
  assert.deepEqual(await service({ ports: [] }), ['spec.ports: Required value']);
  assert.deepEqual(await service({ ports: [{ port: 1 }, { port: 2 }] }), [
    'spec.ports[0].name: Required value',
    'spec.ports[1].name: Required value',
  ]);
  assert.deepEqual(await service({ type: 'Other' }), [
    'spec.type: Unsupported value: "Other": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ]);
  assert.deepEqual(await faults(cluster, 'secrets', make.secret({ type: 'kubernetes.io/tls' })), [
    'data[tls.crt]: Required value',
    'data[tls.key]: Required value',
  ]);
  assert.match(
    (await faults(cluster, 'secrets', make.secret({ data: { 'a/b': '' } })))[0] ?? '',
    /^data\[a\/b\]: Invalid value/,
  );
  assert.deepEqual(await faults(cluster, 'nodes', make.node({ spec: { taints: [{ key: 'a' }] } })), [
    'metadata.taints[0].effect: Required value',
  ]);
  assert.deepEqual(await faults(cluster, 'persistentvolumeclaims', make.claim({ spec: { accessModes: [] } })), [
    'spec.accessModes: Required value: at least 1 access mode is required',
  ]);
});

test('kinds without rules of their own are held to their table', () => {
  const type = builtinSchema().kind({ group: 'node.k8s.io', version: 'v1', kind: 'RuntimeClass' });
  assert.ok(type);
  const errors = validateByTable(type, { metadata: { name: 'r' } });
  assert.deepEqual(errors, [{ reason: 'FieldValueRequired', field: 'handler', message: 'Required value' }]);
});

test('metadata that the server owns cannot be changed', async () => {
  const cluster = await startRegistry();
  const created = await cluster.create('configmaps', make.configMap());
  const metadata = { ...created.metadata, creationTimestamp: '2020-01-01T00:00:00Z' };
  const updated = await cluster.update('configmaps', { ...created, metadata });
  assert.equal(updated.metadata.creationTimestamp, created.metadata.creationTimestamp);
  const fixed = { uid: 'x', deletionTimestamp: '2020-01-01T00:00:00Z' };
  const error = await rejection(cluster.patch('configmaps', 'config', { metadata: fixed }), 'Invalid');
  assert.equal(
    error.message,
    'ConfigMap "config" is invalid: [metadata.uid: Invalid value: "x": field is immutable, ' +
      'metadata.deletionTimestamp: Invalid value: "2020-01-01T00:00:00Z": field is immutable]',
  );
  await rejection(
    cluster.update('configmaps', { ...created, metadata: { ...created.metadata, uid: 'x' } }),
    'Conflict',
  );
});

test('data that is too large is a fault of the ConfigMap as a whole', async () => {
  const cluster = await startRegistry();
  const tooLarge = { metadata: { name: 'big' }, data: { a: 'x'.repeat(1024 * 1024 + 1) } };
  assert.deepEqual(await faults(cluster, 'configmaps', tooLarge), ['[]: Too long: may not be more than 1048576 bytes']);
});

test('a custom resource may call its finalizers anything, and is told of a better way', () => {
  const metadata = { name: 'x', finalizers: ['mine', 'mine.example', 'a.example/b', 'orphan'] };
  assert.deepEqual(validateMetadata(metadata, { namespaced: false, anyFinalizer: true }), []);
  assert.deepEqual(finalizerWarnings(metadata, { finalizers: [] }), [
    'metadata.finalizers: "mine": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers',
    'metadata.finalizers: "mine.example": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers',
  ]);
  assert.deepEqual(finalizerWarnings(metadata, metadata), []);
});

test('what stands twice in the causes is said once in the message', async () => {
  const cluster = await startRegistry();
  await cluster.create('nodes', { metadata: { name: 'n1' } });
  const patch = { spec: { taints: [{ key: 'a' }] } };
  const error = await rejection(cluster.patch('nodes', 'n1', patch, { type: 'merge' }), 'Invalid');
  assert.equal(error.message, 'Node "n1" is invalid: metadata.taints[0].effect: Required value');
  assert.equal(error.details?.causes?.length, 2);
});
