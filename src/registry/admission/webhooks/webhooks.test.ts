/** Who is asked, when, in which order, and what comes of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../api/object.ts';
import { make, rejection } from '../../testing.ts';
import { addData, allow, denied, hook, map, onMaps, onPods, rule, WebhookRegistry } from './testing.ts';

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

test('what a webhook changes is nobody’s, and what the client sent is the client’s', async () => {
  const registry = await WebhookRegistry.start();
  const patch = [
    { op: 'add', path: '/data/b', value: '2' },
    { op: 'add', path: '/metadata/managedFields/0/manager', value: 'webhook' },
    { op: 'remove', path: '/metadata/managedFields/0/fieldsType' },
  ];
  await registry.mutating('m', () => ({ allowed: true, patch }), onMaps);
  const made = await registry.create('configmaps', map('m', { a: '1' }), { fieldManager: 'me' });
  const { managedFields } = made.metadata as unknown as { managedFields: { manager: string; fieldsV1: object }[] };
  assert.deepEqual(
    managedFields.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [['me', { 'f:data': { '.': {}, 'f:a': {} } }]],
  );
  const { request } = registry.outside.calls[0] ?? assert.fail();
  assert.equal((request.object as { metadata: { managedFields: object[] } }).metadata.managedFields.length, 1);
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

test('without webhooks nothing is made for them', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('configmaps', map('m'));
  await registry.delete('configmaps', 'm');
  assert.deepEqual(registry.outside.calls, []);
  assert.ok(!registry.metrics.text().includes('webhook'));
});
