/** Webhooks that are asked about custom resources: in the version that they name, with its schema. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../api/object.ts';
import { type CustomRegistry, makeDefinition, makeWidget, startCustomRegistry } from '../../custom/testing.ts';
import { rejection } from '../../testing.ts';
import { FakeOutside, hook, rule, type Webhook } from './testing.ts';

const size = (type: string, fields: object = {}) => ({
  schema: {
    openAPIV3Schema: {
      type: 'object',
      properties: {
        spec: { type: 'object', properties: { [type]: { type: 'integer', ...fields }, text: { type: 'string' } } },
      },
    },
  },
});

/** `v1` has `size`, `v2` has `length`; a webhook named `convert` knows both. */
const twoVersions = makeDefinition({
  versions: [
    { name: 'v1', ...size('size', { default: 1 }) },
    { name: 'v2', storage: false, ...size('length') },
  ],
  conversion: {
    strategy: 'Webhook',
    webhook: { clientConfig: { url: 'https://convert.test/' }, conversionReviewVersions: ['v1'] },
  },
});

interface Widget extends JsonObject {
  apiVersion: string;
  spec: { size?: number; length?: number } & JsonObject;
}

function convert(review: JsonObject): JsonObject {
  const { uid, desiredAPIVersion, objects } = review['request'] as unknown as {
    uid: string;
    desiredAPIVersion: string;
    objects: Widget[];
  };
  const convertedObjects = objects.map((object) => {
    const { size: before, length, ...spec } = object.spec;
    const value = before ?? length ?? 0;
    const named = desiredAPIVersion.endsWith('v1') ? { size: value } : { length: value };
    return { ...object, apiVersion: desiredAPIVersion, spec: { ...spec, ...named } };
  });
  const response = { uid, result: { status: 'Success' }, convertedObjects };
  return { kind: 'ConversionReview', apiVersion: review['apiVersion'] as string, response };
}

interface World {
  readonly registry: CustomRegistry;
  readonly outside: FakeOutside;
  mutating(name: string, webhook: Webhook, fields: object): Promise<void>;
}

async function start(definition: object = makeDefinition()): Promise<World> {
  const outside = new FakeOutside();
  outside.raw.set('convert', convert);
  const registry = await startCustomRegistry(outside);
  await registry.define(definition);
  return {
    registry,
    outside,
    async mutating(name, webhook, fields) {
      outside.webhooks.set(name, webhook);
      const webhooks = [hook(name, fields)];
      const metadata = { name };
      await registry.create('mutatingwebhookconfigurations.admissionregistration.k8s.io', { metadata, webhooks });
    },
  };
}

const onWidgets = (version: string) => ({
  rules: [rule(['widgets'], { apiGroups: ['example.com'], apiVersions: [version], operations: ['*'] })],
});

test('a webhook sees the version that its rules name, converted, and what it changes comes back converted', async () => {
  const { registry, outside, mutating } = await start(twoVersions);
  const seen: unknown[] = [];
  await mutating(
    'm',
    ({ object, oldObject }) => {
      seen.push([
        (object as Widget).apiVersion,
        (object as Widget).spec.length,
        (oldObject as Widget | null)?.spec.length,
      ]);
      return { allowed: true, patch: [{ op: 'replace', path: '/spec/length', value: 7 }] };
    },
    onWidgets('v2'),
  );
  const made = await registry.create('widgets.v1.example.com', makeWidget('w', { spec: { size: 3 } }));
  assert.deepEqual([made.apiVersion, made.spec], ['example.com/v1', { size: 7 }]);
  await registry.patch('widgets.v1.example.com', 'w', { spec: { size: 4 } }, { type: 'merge' });
  assert.deepEqual(seen, [
    ['example.com/v2', 3, undefined],
    ['example.com/v2', 4, 7],
  ]);
  assert.deepEqual((await registry.get('widgets.v2.example.com', 'w')).spec, { length: 7 });
  const { request } = outside.calls.find(({ webhook }) => webhook === 'm') ?? assert.fail();
  assert.deepEqual([request.kind.version, request.requestKind.version], ['v2', 'v1']);
  await registry.close();
});

test('what a webhook makes of a custom resource is pruned, gets its defaults and is validated', async () => {
  const { registry, mutating } = await start(makeDefinition({ versions: [size('size', { default: 1, maximum: 9 })] }));
  let patch: JsonObject[] = [{ op: 'replace', path: '/spec', value: { text: 'a', unknown: true } }];
  await mutating('m', () => ({ allowed: true, patch }), onWidgets('v1'));
  const made = await registry.create('widgets.example.com', makeWidget('w', { spec: { size: 5 } }));
  assert.deepEqual(made.spec, { text: 'a', size: 1 });
  patch = [{ op: 'replace', path: '/spec/size', value: 10 }];
  const error = await rejection(
    registry.create('widgets.example.com', makeWidget('x', { spec: { size: 1 } })),
    'Invalid',
  );
  assert.match(
    error.message,
    /Widget\.example\.com "x" is invalid: spec\.size: Invalid value: 10: .*less than or equal to 9/,
  );
  await registry.close();
});

test('a webhook that cannot be shown the version that it wants fails the request', async () => {
  const { registry, outside, mutating } = await start(twoVersions);
  await mutating('m', () => ({ allowed: true }), onWidgets('v2'));
  outside.raw.set('convert', () => ({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1' }));
  const error = await rejection(registry.create('widgets.v1.example.com', makeWidget('w')), 'InternalError');
  assert.match(error.message, /conversion webhook for example\.com\/v1, Kind=Widget failed/);
  assert.equal(outside.calls.filter(({ webhook }) => webhook === 'm').length, 0);
  await registry.close();
});

test('of a deleted custom resource the old object is shown in the version wanted', async () => {
  const { registry, outside, mutating } = await start(twoVersions);
  await registry.create('widgets.v1.example.com', makeWidget('w', { spec: { size: 3 } }));
  await mutating('m', () => ({ allowed: true }), onWidgets('v2'));
  await registry.delete('widgets.v1.example.com', 'w');
  const { request } = outside.calls.find(({ webhook }) => webhook === 'm') ?? assert.fail();
  assert.deepEqual((request.oldObject as Widget).spec, { length: 3 });
  await registry.close();
});
