/** What webhooks answer: refusals, patches, and answers that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../api/object.ts';
import { make, rejection } from '../../testing.ts';
import { allow, denied, map, onMaps, onPods, WebhookRegistry } from './testing.ts';

const uidOf = (review: unknown): string => (review as { request: { uid: string } }).request.uid;

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');

const v1 = (response: object) => ({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response }) as never;

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
