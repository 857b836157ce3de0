import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../api/object.ts';
import { make, rejection } from '../../testing.ts';
import { allow, hook, rule, WebhookRegistry } from './testing.ts';

const denied = (message: string) => ({ allowed: false, status: { message } });
const onPods = { rules: [rule(['pods'], { operations: ['CREATE', 'UPDATE'] })] };
const onMaps = { rules: [rule(['configmaps'], { operations: ['*'] })] };

const map = (name: string, data: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

const addData = (key: string, value: string) => ({
  allowed: true,
  patch: [{ op: 'add', path: `/data/${key}`, value }],
});

test('a webhook that denies a request says why, with a code and a reason of its own', async () => {
  const registry = await WebhookRegistry.start();
  await registry.validating('a', () => denied('not this one'), onPods);
  const error = await rejection(registry.create('pods', make.pod()), '' as 'Invalid');
  assert.equal(error.message, 'admission webhook "a.example.com" denied the request: not this one');
  assert.equal(error.code, 400);
  registry.outside.webhooks.set('a', () => ({ allowed: false }));
  const silent = await rejection(registry.create('pods', make.pod()), '' as 'Invalid');
  assert.equal(silent.message, 'admission webhook "a.example.com" denied the request without explanation');
  registry.outside.webhooks.set('a', () => ({ allowed: false, status: { code: 403, reason: 'Forbidden' } }));
  const forbidden = await rejection(registry.create('pods', make.pod()), 'Forbidden');
  assert.equal(forbidden.message, 'admission webhook "a.example.com" denied the request: Forbidden');
  assert.equal(forbidden.code, 403);
  assert.equal(await registry.find('pods', 'pod'), undefined);
});

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

test('patches are applied one after another, and the result gets its defaults', async () => {
  const registry = await WebhookRegistry.start();
  const init = { name: 'init', image: 'busybox' };
  const add = { allowed: true, patch: [{ op: 'add', path: '/spec/initContainers', value: [init] }] };
  await registry.mutating('a', () => add, onPods);
  await registry.mutating(
    'b',
    ({ object }) => {
      const [container] = (object as { spec: { initContainers: { terminationMessagePath: string }[] } }).spec
        .initContainers;
      // The defaults of what the first one added are there.
      assert.equal(container?.terminationMessagePath, '/dev/termination-log');
      return { allowed: true, patch: [{ op: 'add', path: '/metadata/labels', value: { seen: 'true' } }] };
    },
    onPods,
  );
  const pod = await registry.create('pods', make.pod());
  assert.deepEqual(pod.metadata.labels, { seen: 'true' });
  assert.equal(pod.spec.initContainers['0'].imagePullPolicy, 'Always');
  assert.equal(pod.spec.initContainers['0'].name, 'init');
});

test('a webhook that wants it is asked once more where somebody after it changed the object, and nobody else is', async () => {
  const registry = await WebhookRegistry.start();
  const seen: string[] = [];
  const noting =
    (name: string, answer: typeof allow) =>
    ({ object }: { object?: unknown }) => {
      seen.push(`${name} ${Object.keys((object as { data?: object }).data ?? {}).join('')}`);
      return answer;
    };
  await registry.mutating('a', noting('a', allow), { ...onMaps, reinvocationPolicy: 'IfNeeded' });
  await registry.mutating('b', noting('b', addData('b', '1')), onMaps);
  await registry.mutating('c', noting('c', allow), { ...onMaps, reinvocationPolicy: 'IfNeeded' });
  await registry.create('configmaps', map('m', { x: '1' }));
  assert.deepEqual(seen, ['a x', 'b x', 'c bx', 'a bx']);
});

test('a patch that changes nothing asks nobody again', async () => {
  const registry = await WebhookRegistry.start();
  await registry.mutating('a', () => allow, { ...onMaps, reinvocationPolicy: 'IfNeeded' });
  await registry.mutating('b', () => addData('x', '1'), onMaps);
  await registry.create('configmaps', map('m', { x: '1' }));
  assert.equal(registry.outside.calls.length, 2);
});

test('built-in plugins see what webhooks made', async () => {
  const registry = await WebhookRegistry.start();
  const patch = [{ op: 'add', path: '/spec/priorityClassName', value: 'system-node-critical' }];
  await registry.mutating('a', () => ({ allowed: true, patch }), onPods);
  // In round two the plugin Priority refuses what the webhook's class does not go with.
  const error = await rejection(registry.create('pods', make.pod()), 'Forbidden');
  assert.match(error.message, /the integer value of priority \(0\) must not be provided in pod spec/);
});

test('a webhook that cannot be called fails the request, or lets it pass, as it says', async () => {
  const registry = await WebhookRegistry.start();
  await registry.validating('a', () => allow, onMaps);
  registry.outside.webhooks.delete('a');
  const error = await rejection(registry.create('configmaps', map('m')), 'InternalError');
  const dial = 'Post "https://a.test/?timeout=10s": dial tcp 127.0.0.1:443: connect: connection refused';
  const text = `failed calling webhook "a.example.com": failed to call webhook: ${dial}`;
  assert.equal(error.message, `Internal error occurred: ${text}`);
  const change = [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }];
  const configurations = 'validatingwebhookconfigurations.admissionregistration.k8s.io';
  await registry.patch(configurations, 'a', change, { type: 'json' });
  await registry.create('configmaps', map('m'));
  const metrics = registry.metrics.text();
  const labels = 'name="a.example.com",type="validating"';
  assert.ok(metrics.includes(`apiserver_admission_webhook_fail_open_count{${labels}} 1`), metrics);
  const rejected = `apiserver_admission_webhook_rejection_count{${labels},operation="CREATE",error_type="calling_webhook_error",rejection_code="503"} 1`;
  assert.ok(metrics.includes(rejected), metrics);
  const asked = `apiserver_admission_webhook_request_total{${labels},operation="CREATE",code="503",rejected="true"} 1`;
  assert.ok(metrics.includes(asked), metrics);
});

test('answers that hold for nothing are no answers', async () => {
  const registry = await WebhookRegistry.start();
  await registry.validating('v', () => allow, onMaps);
  await registry.mutating('m', () => allow, onMaps);
  const rows: readonly (readonly [webhook: 'v' | 'm', answer: (uid: string) => object, why: string | RegExp])[] = [
    ['v', () => ({}), 'received invalid webhook response: webhook response was absent'],
    [
      'v',
      (uid) => ({ kind: 'Pod', apiVersion: 'v1', response: { uid, allowed: true } }),
      'received invalid webhook response: webhook response was absent',
    ],
    [
      'v',
      (uid) => ({ response: { uid, allowed: true } }),
      'received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=',
    ],
    [
      'v',
      (uid) => v1({ uid, allowed: true, patch: 'W10=' }),
      'received invalid webhook response: validating webhook may not return response.patch',
    ],
    [
      'v',
      (uid) => v1({ uid, allowed: true, patchType: 'JSONPatch' }),
      'received invalid webhook response: validating webhook may not return response.patchType',
    ],
    [
      'm',
      (uid) => v1({ uid, allowed: true, patch: 'W10=' }),
      'received invalid webhook response: webhook returned response.patch but not response.patchType',
    ],
    [
      'm',
      (uid) => v1({ uid, allowed: true, patchType: 'JSONPatch' }),
      'received invalid webhook response: webhook returned response.patchType but not response.patch',
    ],
    [
      'm',
      (uid) => v1({ uid, allowed: true, patch: 'W10=', patchType: '' }),
      'received invalid webhook response: webhook returned invalid response.patchType of ""',
    ],
    [
      'm',
      (uid) => v1({ uid, allowed: true, patch: base64([{ op: 'x' }]), patchType: 'Merge' }),
      'unsupported patch type "Merge"',
    ],
    [
      'm',
      (uid) => v1({ uid, allowed: true, patch: 'Z2FyYmFnZQ==', patchType: 'JSONPatch' }),
      /^received undecodable patch in webhook response: /,
    ],
    [
      'm',
      (uid) => v1({ uid, allowed: true, patch: base64({ a: 1 }), patchType: 'JSONPatch' }),
      /^received undecodable patch in webhook response: /,
    ],
    [
      'm',
      (uid) => v1({ uid, allowed: 'yes' }),
      /^failed to call webhook: json: cannot unmarshal string into Go struct field/,
    ],
    [
      'm',
      (uid) => v1({ uid, allowed: true, patch: '!', patchType: 'JSONPatch' }),
      /^failed to call webhook: illegal base64 data/,
    ],
  ];
  for (const [webhook, answer, why] of rows) {
    registry.outside.raw.clear();
    registry.outside.raw.set(webhook, (review) => answer(uidOf(review)) as never);
    const { message } = await rejection(registry.create('configmaps', map('m')), 'InternalError');
    const start = `Internal error occurred: failed calling webhook "${webhook}.example.com": `;
    assert.ok(message.startsWith(start), message);
    if (typeof why === 'string') assert.equal(message.slice(start.length), why);
    else assert.match(message.slice(start.length), why);
  }
  registry.outside.raw.set('m', () => v1({ uid: 'another', allowed: true }));
  const { message } = await rejection(registry.create('configmaps', map('m')), 'InternalError');
  assert.match(message, /received invalid webhook response: expected response\.uid="[0-9a-f-]{36}", got "another"$/);
});

const uidOf = (review: unknown): string => (review as { request: { uid: string } }).request.uid;
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
const v1 = (response: object) => ({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response }) as never;

test('a patch that cannot be read is told in Go’s words, and what failed and passed is noted', async () => {
  const registry = await WebhookRegistry.start();
  const notes: string[] = [];
  const annotate = (key: string, value: string): void => void notes.push(`${key}=${value}`);
  await registry.mutating('m', () => allow, onMaps);
  for (const [text, why] of [
    ['[{', 'unexpected end of JSON input'],
    ['[{"op": "add", "CORRUPTED_KEY":}]', "invalid character '}' looking for beginning of value"],
  ] as const) {
    const patch = Buffer.from(text).toString('base64');
    registry.outside.raw.set('m', (review) => v1({ uid: uidOf(review), allowed: true, patch, patchType: 'JSONPatch' }));
    const { message } = await rejection(registry.create('configmaps', map('m'), { annotate }), 'InternalError');
    const start = 'Internal error occurred: failed calling webhook "m.example.com": ';
    assert.equal(message, `${start}received undecodable patch in webhook response: ${why}`);
  }
  const mutation = JSON.stringify({ configuration: 'm', webhook: 'm.example.com', mutated: false });
  const noted = `mutation.webhook.admission.k8s.io/round_0_index_0=${mutation}`;
  assert.deepEqual(notes.splice(0), [noted, noted]);
  const ignore = [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }];
  await registry.patch('mutatingwebhookconfigurations.admissionregistration.k8s.io', 'm', ignore, { type: 'json' });
  await registry.create('configmaps', map('m'), { annotate });
  assert.deepEqual(notes.splice(0), [
    'failed-open.mutation.webhook.admission.k8s.io/round_0_index_0=m.example.com',
    noted,
  ]);
  await registry.validating('v', () => allow, { ...onMaps, failurePolicy: 'Ignore' });
  registry.outside.webhooks.delete('v');
  await registry.create('configmaps', map('n'), { annotate });
  assert.ok(notes.includes('failed-open.validating.webhook.admission.k8s.io/round_0_index_0=v.example.com'));
});

test('who is asked depends on what those before made of the object', async () => {
  const registry = await WebhookRegistry.start();
  const labelled = { ...onMaps, objectSelector: { matchLabels: { remove: 'me' } } };
  const patch = [{ op: 'remove', path: '/metadata/labels/remove' }];
  await registry.mutating('a', () => ({ allowed: true, patch }), labelled);
  await registry.mutating('b', () => denied('never asked'), labelled);
  await registry.create('configmaps', map('m', {}, { labels: { remove: 'me' } }));
  assert.deepEqual(registry.outside.asked, ['a: CREATE configmaps']);
});

test('webhooks are asked in the order of their configurations’ names, and of each as they stand there', async () => {
  const registry = await WebhookRegistry.start();
  for (const [name, hooks] of [
    ['b', ['b1', 'b0']],
    ['a', ['a0']],
  ] as const) {
    const webhooks = hooks.map((each) => hook(each, onMaps));
    for (const each of hooks) registry.outside.webhooks.set(each, () => allow);
    const metadata = { name };
    await registry.create('mutatingwebhookconfigurations.admissionregistration.k8s.io', { metadata, webhooks });
  }
  await registry.create('configmaps', map('m'));
  assert.deepEqual(
    registry.outside.calls.map(({ webhook }) => webhook),
    ['a0', 'b1', 'b0'],
  );
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

test('what a webhook changes is nobody’s, and what the client sent is the client’s', async () => {
  const registry = await WebhookRegistry.start();
  await registry.mutating('m', () => addData('b', '2'), onMaps);
  const made = await registry.create('configmaps', map('m', { a: '1' }), { fieldManager: 'me' });
  const { managedFields } = made.metadata as unknown as { managedFields: { manager: string; fieldsV1: object }[] };
  assert.deepEqual(
    managedFields.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [['me', { 'f:data': { '.': {}, 'f:a': {} } }]],
  );
  const { request } = registry.outside.calls[0] ?? assert.fail();
  assert.equal((request.object as { metadata: { managedFields: object[] } }).metadata.managedFields.length, 1);
});

test('v1beta1: neither uid nor version has to be right, and a patch needs no type', async () => {
  const registry = await WebhookRegistry.start();
  await registry.mutating('m', () => allow, { ...onMaps, admissionReviewVersions: ['v2', 'v1beta1', 'v1'] });
  registry.outside.raw.set('m', (review) => {
    assert.equal(review['apiVersion'], 'admission.k8s.io/v1beta1');
    return { response: { allowed: true, patch: base64([{ op: 'add', path: '/data/b', value: '2' }]) } };
  });
  const made = await registry.create('configmaps', map('m', { a: '1' }));
  assert.deepEqual(made.data, { a: '1', b: '2' });
});

test('a patch that does not apply, or makes no such object, is the webhook’s fault and not the client’s', async () => {
  const registry = await WebhookRegistry.start();
  let patch: JsonObject[] = [];
  await registry.mutating('m', () => ({ allowed: true, patch: patch }), onMaps);
  const rows: readonly (readonly [JsonObject[], RegExp])[] = [
    [[{ op: 'remove', path: '/data/none' }], /^Internal error occurred: .*Unable to remove nonexistent key: none/],
    [
      [{ op: 'replace', path: '/data', value: 'text' }],
      /^Internal error occurred: .*json: cannot unmarshal string into Go struct field/,
    ],
    [[{ op: 'replace', path: '/kind', value: 'Secret' }], /^Internal error occurred: .*Secret/],
  ];
  for (const [given, message] of rows) {
    patch = given;
    const error = await rejection(registry.create('configmaps', map('m', { a: '1' })), 'InternalError');
    assert.match(error.message, message);
  }
  patch = [{ op: 'replace', path: '/metadata/namespace', value: 'kube-system' }];
  const error = await rejection(registry.create('configmaps', map('m')), 'BadRequest');
  assert.equal(error.message, 'the namespace of the provided object does not match the namespace sent on the request');
});

test('a changed object keeps its name, its uid and its namespace, whatever a webhook says', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('configmaps', map('m', { a: '1' }));
  let patch: JsonObject[] = [];
  await registry.mutating('m', () => ({ allowed: true, patch: patch }), onMaps);
  for (const field of ['name', 'uid']) {
    patch = [{ op: 'replace', path: `/metadata/${field}`, value: 'other' }];
    const error = await rejection(registry.update('configmaps', map('m', { a: '2' })), 'Invalid');
    assert.match(error.message, new RegExp(`metadata.${field}: Invalid value: "other": field is immutable`));
  }
  assert.deepEqual((await registry.get('configmaps', 'm')).data, { a: '1' });
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

test('a dry run asks only webhooks that have no side effects then', async () => {
  const registry = await WebhookRegistry.start();
  await registry.validating('a', () => allow, { ...onMaps, sideEffects: 'NoneOnDryRun' });
  await registry.create('configmaps', map('m'), { dryRun: true });
  assert.equal(registry.outside.calls[0]?.request.dryRun, true);
  assert.deepEqual((registry.outside.calls[0]?.request.options as { dryRun: string[] } | undefined)?.dryRun, ['All']);
  // Written by an older version, which took any.
  const key = { collection: 'validatingwebhookconfigurations.admissionregistration.k8s.io', namespace: '', name: 'a' };
  const entry = registry.store.get(key) ?? assert.fail();
  const object = { ...entry.object, webhooks: [hook('a', { ...onMaps, sideEffects: 'Some' })] };
  await registry.store.write({ kind: 'put', key, object, expectedRevision: entry.revision });
  const error = await rejection(registry.create('configmaps', map('m'), { dryRun: true }), 'BadRequest');
  assert.equal(error.message, 'admission webhook "a.example.com" does not support dry run');
});

test('warnings reach the client also where the request is refused, and annotations the audit log', async () => {
  const registry = await WebhookRegistry.start();
  const notes: string[] = [];
  const annotate = (key: string, value: string, level = ''): void => void notes.push(`${key}=${value}${level}`);
  const answer = { ...addData('b', '2'), warnings: ['mind that'], auditAnnotations: { why: 'so' } };
  await registry.mutating('m', () => answer, onMaps);
  const { warnings } = await registry.createResult('configmaps', map('m', { a: '1' }), { annotate });
  assert.deepEqual(warnings, ['mind that']);
  const place = { configuration: 'm', webhook: 'm.example.com' };
  assert.deepEqual(notes, [
    'm.example.com/why=so',
    `patch.webhook.admission.k8s.io/round_0_index_0=${JSON.stringify({ ...place, patch: answer.patch, patchType: 'JSONPatch' })}Request`,
    `mutation.webhook.admission.k8s.io/round_0_index_0=${JSON.stringify({ ...place, mutated: true })}`,
  ]);
  await registry.validating('v', () => ({ allowed: false, warnings: ['and that'] }), onMaps);
  const error = await rejection(registry.create('configmaps', map('n', { a: '1' })), '' as 'Invalid');
  assert.deepEqual(error.warnings, ['mind that', 'and that']);
});

test('validating webhooks are asked at once, and the first refusal in their order is told', async () => {
  const registry = await WebhookRegistry.start();
  const open = new Map<string, () => void>();
  const waiting = (name: string) => () =>
    new Promise<ReturnType<typeof denied>>((resolve) => open.set(name, () => resolve(denied(`no, says ${name}`))));
  await registry.validating('a', waiting('a'), onMaps);
  await registry.validating('b', waiting('b'), onMaps);
  const work = rejection(registry.create('configmaps', map('m')), '' as 'Invalid');
  while (open.size < 2) await new Promise(setImmediate);
  open.get('b')?.();
  open.get('a')?.();
  assert.match((await work).message, /no, says a$/);
});

test('webhook configurations are never asked about, so that they can always be taken back', async () => {
  const registry = await WebhookRegistry.start();
  const everything = { rules: [rule(['*/*'], { operations: ['*'] })] };
  await registry.mutating('m', () => denied('no'), everything);
  await registry.validating('v', () => denied('no'), everything);
  assert.deepEqual(registry.outside.calls, []);
  await rejection(registry.create('configmaps', map('m')), '' as 'Invalid');
  await registry.delete('validatingwebhookconfigurations.admissionregistration.k8s.io', 'v');
  await registry.delete('mutatingwebhookconfigurations.admissionregistration.k8s.io', 'm');
  await registry.create('configmaps', map('m'));
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
  await registry.validating('v', () => allow, { rules: [rule(['configmaps'], { operations: ['DELETE'] })] });
  await registry.registry.deleteCollection(registry.target('configmaps'), { labelSelector: 'own=true' }, {});
  assert.deepEqual(
    registry.outside.calls.map(({ request }) => request.name),
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

test('without webhooks nothing is made for them', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('configmaps', map('m'));
  await registry.delete('configmaps', 'm');
  assert.deepEqual(registry.outside.calls, []);
  assert.ok(!registry.metrics.text().includes('webhook'));
});
