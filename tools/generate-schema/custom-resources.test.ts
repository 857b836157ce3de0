/** CustomResourceDefinitions as tables: what is taken of a schema, and what is refused. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { customModels } from './custom-resources.ts';
import { tableText } from './emit-tables.ts';

function models(context: TestContext, properties: object, versions: object[] = [{ name: 'v1', served: true }]) {
  const folder = mkdtempSync(join(os.tmpdir(), 'naru-crd-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const openAPIV3Schema = {
    type: 'object',
    required: ['spec'],
    properties: { apiVersion: {}, kind: {}, metadata: {}, spec: { description: 'prose', type: 'object', properties } },
  };
  const definition = {
    kind: 'CustomResourceDefinition',
    spec: {
      group: 'gateway.networking.k8s.io',
      names: { kind: 'HTTPRoute' },
      versions: versions.map((version) => ({ ...version, schema: { openAPIV3Schema } })),
    },
  };
  writeFileSync(join(folder, 'a.yaml'), `${stringify(definition)}---\n${stringify({ kind: 'Other' })}`);
  return customModels(folder);
}

test('fields keep type, default, list keys and bounds, and lose prose', (context) => {
  const [model] = models(context, {
    names: {
      type: 'array',
      items: { type: 'string', description: 'prose', maxLength: 3, enum: ['a', 'b'] },
      'x-kubernetes-list-type': 'set',
      maxItems: 2,
    },
    port: { type: 'integer', format: 'int32', default: 80, minimum: 1 },
    mode: { type: 'string', enum: ['On', 'Off'] },
    since: { type: 'string', format: 'date-time' },
    options: { type: 'object', additionalProperties: { type: 'string', minLength: 1 }, maxProperties: 8 },
  });
  assert.ok(model);
  const text = tableText(model);
  assert.deepEqual(JSON.parse(text).types.HTTPRouteSpec, [
    {
      name: 'names',
      type: '[]string',
      pointer: true,
      listType: 'set',
      rules: { maxItems: 2, each: { maxLength: 3, enum: ['a', 'b'] } },
    },
    { name: 'port', type: 'int32', pointer: true, default: 80, rules: { minimum: 1 } },
    { name: 'mode', type: 'string', pointer: true, enum: ['On', 'Off'] },
    { name: 'since', type: 'time', pointer: true },
    { name: 'options', type: '{}string', pointer: true, rules: { maxProperties: 8, each: { minLength: 1 } } },
  ]);
  assert.doesNotMatch(text, /prose/);
  assert.deepEqual(model.kinds, ['HTTPRoute', 'HTTPRouteList']);
  assert.equal(model.openapiPackage, 'io.k8s.networking.gateway.v1');
});

test('versions that are not served are left out', (context) => {
  const versions = [
    { name: 'v1', served: true },
    { name: 'v1alpha2', served: false },
  ];
  assert.deepEqual(
    models(context, {}, versions).map(({ version }) => version),
    ['v1'],
  );
});

test('a structure without a name, or of a type that no table holds, is an error that says where', (context) => {
  const nameless = { odd: { type: 'object', properties: { a: { type: 'string' } } } };
  assert.throws(() => models(context, nameless), /The structure HTTPRoute\.spec\.odd has no name/);
  assert.throws(() => models(context, { odd: { type: 'number' } }), /HTTPRoute\.spec\.odd has the type number/);
});
