/** Webhooks that hang, loop, or say too much; and what goes on beside them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../api/object.ts';
import { limits } from '../../../lib/limits.ts';
import { rejection } from '../../testing.ts';
import { allow, denied, map, onMaps, rule, WebhookRegistry } from './testing.ts';

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'beside' } };

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

const hangs = () => new Promise<typeof allow>(() => {});

test('a webhook that hangs holds up nothing that it is not asked about', async () => {
  const registry = await WebhookRegistry.start();
  await registry.validating('a', hangs, onMaps);
  void registry.create('configmaps', map('m')).catch(() => {});
  await registry.create('namespaces', namespace);
  await registry.patch('namespaces', 'beside', { metadata: { labels: { a: '1' } } }, { type: 'merge' });
  assert.equal(registry.outside.calls.length, 1);
});

test('a hundred webhooks that are not concerned are shown nothing: no object is made for them', async () => {
  const registry = await WebhookRegistry.start();
  for (let index = 0; index < 50; index++) {
    await registry.validating(`v${index}`, hangs, { ...onMaps, matchConditions: [{ name: 'a', expression: 'true' }] });
    await registry.mutating(`m${index}`, hangs, onMaps);
  }
  await registry.create('namespaces', namespace);
  assert.deepEqual(registry.outside.calls, []);
  assert.ok(!registry.metrics.text().includes('match_condition'));
});

test('a status report of the same object does not wait for a webhook that hangs over another change of it', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('namespaces', namespace);
  let asked = 0;
  // Somebody else changes the object while the webhook is asked, so that the change has to be made again, in its turn.
  const hook = async (): Promise<typeof allow> => {
    if (++asked > 1) return hangs();
    await registry.patch(
      'namespaces',
      'beside',
      { metadata: { annotations: { a: '1' } } },
      { type: 'merge', subresource: 'status' },
    );
    return allow;
  };
  await registry.validating('a', hook, { rules: [rule(['namespaces'], { operations: ['UPDATE'] })] });
  void registry.patch('namespaces', 'beside', { metadata: { labels: { a: '1' } } }, { type: 'merge' });
  await until(() => asked === 2);
  const status = { status: { conditions: [{ type: 'Seen', status: 'True', reason: 'So', message: '' }] } };
  await registry.patch('namespaces', 'beside', status, { type: 'merge', subresource: 'status' });
});

test('a webhook may write the object that it is asked about: the change is then made on what stands there', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('configmaps', map('m', { a: '1' }));
  const own = { type: 'merge', fieldManager: 'webhook' } as const;
  let wrote = 0;
  await registry.validating(
    'a',
    async ({ object, options }) => {
      const isOwn = (options as { fieldManager?: string }).fieldManager === 'webhook';
      if (isOwn || (object as { data: Record<string, string> }).data['seen'] !== undefined) return allow;
      wrote++;
      await registry.patch('configmaps', 'm', { data: { seen: 'true' } }, own);
      return allow;
    },
    onMaps,
  );
  await registry.patch('configmaps', 'm', { data: { a: '2' } }, { type: 'merge' });
  assert.deepEqual((await registry.get('configmaps', 'm')).data, { a: '2', seen: 'true' });
  assert.equal(wrote, 1);
});

test('a webhook that always writes the object that it is asked about lets no change through, and the change ends', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('configmaps', map('m', { a: '1' }));
  let wrote = 0;
  const hook = async ({ options }: { readonly options?: unknown }): Promise<typeof allow> => {
    if ((options as { fieldManager?: string }).fieldManager === 'webhook') return allow;
    // Each question takes a while.
    await registry.clock.advance(5_000);
    await registry.patch(
      'configmaps',
      'm',
      { data: { count: String(++wrote) } },
      { type: 'merge', fieldManager: 'webhook' },
    );
    return allow;
  };
  await registry.validating('a', hook, onMaps);
  const change = registry.patch('configmaps', 'm', { data: { a: '2' } }, { type: 'merge' });
  await rejection(change, 'Conflict');
  assert.ok(wrote < 20, `${wrote} writes`);
});

test('a request that asks many slow webhooks is over after a minute', async () => {
  const registry = await WebhookRegistry.start();
  const slow = async (): Promise<typeof allow> => {
    await registry.clock.advance(25_000);
    return allow;
  };
  for (const name of ['a', 'b', 'c', 'd']) await registry.mutating(name, slow, { ...onMaps, timeoutSeconds: 30 });
  const error = await rejection(registry.create('configmaps', map('m')), 'Timeout');
  assert.equal(error.message, 'Timeout: request did not complete within requested timeout');
  assert.equal(error.code, 504);
  const given = registry.outside.calls.map(({ options }) => options.timeoutMs);
  assert.deepEqual(given, [30_000, 30_000, 10_000]);
  assert.equal(await registry.find('configmaps', 'm'), undefined);
});

test('while the cluster starts nobody is asked, so that no webhook keeps it from starting', async () => {
  const registry = await WebhookRegistry.start();
  await registry.mutating('m', () => denied('no'), onMaps);
  await registry.validating('v', () => denied('no'), onMaps);
  registry.outside.isOpen = false;
  await registry.create('configmaps', map('m'));
  assert.deepEqual(registry.outside.calls, []);
  registry.outside.isOpen = true;
  await rejection(registry.create('configmaps', map('n')), '' as 'Invalid');
});

test('a patch that is too long, or has too many operations, is not applied', async () => {
  const registry = await WebhookRegistry.start();
  let patch: JsonObject[] = [];
  await registry.mutating('a', () => ({ allowed: true, patch }), onMaps);
  patch = [{ op: 'add', path: '/data/a', value: 'x'.repeat(limits.requestBodyBytesMax) }];
  const long = await rejection(registry.create('configmaps', map('m')), 'InternalError');
  assert.match(long.message, /received undecodable patch in webhook response: it has more than/);
  patch = Array.from({ length: limits.jsonPatchOperationsMax + 1 }, () => ({ op: 'add', path: '/data/a', value: 'x' }));
  const many = await rejection(registry.create('configmaps', map('m')), 'InternalError');
  assert.match(many.message, /The allowed maximum operations in a JSON patch is 10000, got 10001/);
});

test('annotations for the audit log are bounded, and their keys are names', async () => {
  const registry = await WebhookRegistry.start();
  const notes: string[] = [];
  const annotate = (key: string, value: string): void => void notes.push(`${key}=${value}`);
  let auditAnnotations: Record<string, string> = { good: '1', 'not a name': '2', 'a/b': '3' };
  await registry.validating('a', () => ({ allowed: true, auditAnnotations }), onMaps);
  await registry.create('configmaps', map('m'), { annotate });
  assert.deepEqual(notes, ['a.example.com/good=1']);
  auditAnnotations = { good: 'x'.repeat(limits.webhookAnnotationsCharactersMax) };
  await registry.create('configmaps', map('n'), { annotate });
  assert.equal(notes.length, 1);
});

test('a refusal with a code that is none, or of success, is 400', async () => {
  const registry = await WebhookRegistry.start();
  for (const code of [200, 302, -1, 99_999]) {
    await registry.validating(
      `a${Math.abs(code)}`,
      () => ({ allowed: false, status: { code, message: 'no' } }),
      onMaps,
    );
    const error = await rejection(registry.create('configmaps', map('m')), '' as 'Invalid');
    assert.equal(error.code, 400, String(code));
    await registry.delete('validatingwebhookconfigurations.admissionregistration.k8s.io', `a${Math.abs(code)}`);
  }
});
