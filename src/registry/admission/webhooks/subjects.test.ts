/** What webhooks are asked about: operations, versions, subresources, streams; and how they see it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make, rejection } from '../../testing.ts';
import { addData, allow, denied, map, onMaps, rule, WebhookRegistry } from './testing.ts';

test('what a webhook is sent: the request, its user, the options, the object as it would be stored', async () => {
  const registry = await WebhookRegistry.start();
  await registry.validating('a', () => allow, onMaps);
  await registry.create('configmaps', map('m', { a: '1' }), { fieldManager: 'me', fieldValidation: 'Strict' });
  const { request, options } = registry.outside.calls[0] ?? assert.fail();
  const { uid, object, ...rest } = request;
  assert.match(uid, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    kind: { group: '', version: 'v1', kind: 'ConfigMap' },
    resource: { group: '', version: 'v1', resource: 'configmaps' },
    requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
    requestResource: { group: '', version: 'v1', resource: 'configmaps' },
    name: 'm',
    namespace: 'default',
    operation: 'CREATE',
    userInfo: { username: 'tester', groups: ['system:masters'] },
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me', fieldValidation: 'Strict' },
  });
  const stored = await registry.get('configmaps', 'm');
  const { resourceVersion: _version, ...metadata } = stored.metadata as unknown as Record<string, unknown>;
  assert.deepEqual(object, { ...stored, metadata });
  assert.deepEqual(options, { timeoutMs: 10_000, answerBytesMax: 6 * 1024 * 1024, tellsTimeout: true });
});

test('operations and objects of updates, patches and deletes', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('configmaps', map('m', { a: '1' }));
  await registry.mutating('a', () => allow, onMaps);
  await registry.update('configmaps', map('m', { a: '2' }));
  await registry.patch('configmaps', 'm', { data: { a: '3' } }, { type: 'merge', fieldManager: 'me' });
  await registry.delete('configmaps', 'm', { gracePeriodSeconds: 0 });
  const seen = registry.outside.calls.map(({ request }) => [
    request.operation,
    (request.options as { kind: string }).kind,
    (request.oldObject as { data?: object } | null)?.data,
    (request.object as { data?: object } | null)?.data,
  ]);
  assert.deepEqual(seen, [
    ['UPDATE', 'UpdateOptions', { a: '1' }, { a: '2' }],
    ['UPDATE', 'PatchOptions', { a: '2' }, { a: '3' }],
    ['DELETE', 'DeleteOptions', { a: '3' }, undefined],
  ]);
});

test('of a status a webhook sees the object, and what it changes beside the status has no effect', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('deployments.apps', make.deployment());
  const patch = [
    { op: 'replace', path: '/spec/replicas', value: 5 },
    { op: 'add', path: '/status/replicas', value: 3 },
  ];
  await registry.mutating('m', () => ({ allowed: true, patch }), {
    rules: [rule(['deployments/status'], { operations: ['UPDATE'] })],
  });
  const status = { status: { observedGeneration: 1 } };
  await registry.patch('deployments.apps', 'web', status, { type: 'merge', subresource: 'status' });
  const { spec, status: after, metadata } = await registry.get('deployments.apps', 'web');
  assert.deepEqual([spec.replicas, after, metadata.generation], [1, { observedGeneration: 1, replicas: 3 }, 1]);
});

test('who patches an object that is deleted is refused', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('configmaps', map('m'));
  await registry.mutating('m', () => addData('a', '1'), { rules: [rule(['configmaps'], { operations: ['DELETE'] })] });
  const error = await rejection(registry.delete('configmaps', 'm'), 'InternalError');
  const why =
    'admission webhook "m.example.com" attempted to modify the object, which is not supported for this operation';
  assert.equal(error.message, `Internal error occurred: ${why}`);
});

test('a webhook that asks for another version of the same objects is shown them in it, and may change them there', async () => {
  const registry = await WebhookRegistry.start();
  const v1Only = { rules: [rule(['horizontalpodautoscalers'], { apiVersions: ['v1'], apiGroups: ['autoscaling'] })] };
  await registry.mutating(
    'm',
    ({ object }) => {
      assert.equal(
        (object as { spec: { targetCPUUtilizationPercentage: number } }).spec.targetCPUUtilizationPercentage,
        50,
      );
      return { allowed: true, patch: [{ op: 'replace', path: '/spec/targetCPUUtilizationPercentage', value: 60 }] };
    },
    { ...v1Only, matchPolicy: 'Equivalent' },
  );
  await registry.mutating('exact', () => denied('never asked'), { ...v1Only, matchPolicy: 'Exact' });
  const resource = { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } };
  const scaler = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas: 1,
      maxReplicas: 3,
      metrics: [{ type: 'Resource', resource }],
    },
  };
  const made = await registry.create('horizontalpodautoscalers.v2.autoscaling', scaler);
  assert.equal(made.apiVersion, 'autoscaling/v2');
  assert.equal(made.spec.metrics['0'].resource.target.averageUtilization, 60);
  const { request } = registry.outside.calls[0] ?? assert.fail();
  assert.deepEqual([request.kind.version, request.requestKind?.version], ['v1', 'v2']);
  assert.deepEqual([request.resource.version, request.requestResource?.version], ['v1', 'v2']);
});

test('of /scale a webhook sees a Scale, and may change the number', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('deployments.apps', make.deployment());
  const patch = [{ op: 'replace', path: '/spec/replicas', value: 2 }];
  await registry.mutating('m', () => ({ allowed: true, patch }), {
    rules: [rule(['deployments/scale'], { operations: ['UPDATE'] })],
  });
  await registry.patch('deployments.apps', 'web', { spec: { replicas: 7 } }, { type: 'merge', subresource: 'scale' });
  const { request } = registry.outside.calls[0] ?? assert.fail();
  assert.deepEqual(request.kind, { group: 'autoscaling', version: 'v1', kind: 'Scale' });
  assert.equal(request.subResource, 'scale');
  assert.equal((request.oldObject as { spec: { replicas: number } }).spec.replicas, 1);
  assert.equal((await registry.get('deployments.apps', 'web')).spec.replicas, 2);
});

test('each object of a deleted collection is asked about', async () => {
  const registry = await WebhookRegistry.start();
  for (const name of ['a', 'b']) await registry.create('configmaps', map(name, {}, { labels: { own: 'true' } }));
  const rules = [rule(['configmaps'], { operations: ['DELETE'] })];
  await registry.validating('v', ({ name }) => ({ allowed: true, warnings: [`${name} goes`] }), { rules });
  const deleted = await registry.registry.deleteCollection(
    registry.target('configmaps'),
    { labelSelector: 'own=true' },
    {},
  );
  assert.deepEqual(
    registry.outside.calls.map(({ request }) => request.name),
    ['a', 'b'],
  );
  assert.deepEqual(deleted.warnings, ['a goes', 'b goes']);
  assert.deepEqual(
    deleted.objects.map(({ metadata }) => metadata?.name),
    ['a', 'b'],
  );
});

test('bindings and evictions are asked about as what they are; the pod that an eviction deletes is not', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('pods', make.pod());
  await registry.validating('v', () => allow, { rules: [rule(['*/*'], { operations: ['*'] })] });
  const bound = { metadata: { name: 'pod' }, target: { kind: 'Node', name: 'n' } };
  await registry.create(
    'pods',
    { apiVersion: 'v1', kind: 'Binding', ...bound },
    { name: 'pod', subresource: 'binding' },
  );
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'pod' } };
  await registry.create('pods', eviction, { name: 'pod', subresource: 'eviction' });
  const seen = registry.outside.calls.map(
    ({ request }) => `${request.operation} ${request.resource.resource}/${request.subResource} ${request.kind.kind}`,
  );
  assert.deepEqual(seen, ['CREATE pods/binding Binding', 'CREATE pods/eviction Eviction']);
});

test('a stream into a pod is asked about, with the options of the request', async () => {
  const registry = await WebhookRegistry.start();
  await registry.validating('v', ({ object }) => ((object as { tty?: boolean }).tty ? denied('no terminal') : allow), {
    rules: [rule(['pods/exec'], { operations: ['CONNECT'] })],
  });
  const target = registry.target('pods', { name: 'pod', subresource: 'exec' });
  const options = { command: ['ls'], stdout: true };
  await registry.registry.connect(target, options, {});
  const { request } = registry.outside.calls[0] ?? assert.fail();
  assert.equal(request.operation, 'CONNECT');
  assert.deepEqual(request.kind, { group: '', version: 'v1', kind: 'PodExecOptions' });
  assert.deepEqual(request.object, { kind: 'PodExecOptions', apiVersion: 'v1', ...options });
  assert.equal(request.options, null);
  const error = await rejection(registry.registry.connect(target, { tty: true }, {}), '' as 'Invalid');
  assert.equal(error.message, 'admission webhook "v.example.com" denied the request: no terminal');
});
