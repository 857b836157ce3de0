import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'protobufjs';
import type { CustomRow } from '../custom-rows.ts';
import { rowFor, rowsFor } from '../custom-rows-testing.ts';
import { OpenApi } from '../openapi.ts';
import { resourceTable } from '../resource-table.ts';
import { builtinSchema } from '../schema/load.ts';
import type { JSONSchemaProps } from '../schema/types/apiextensions-v1.ts';
import { customSchema } from './custom-schemas.ts';
import type { Json, OpenApiVersion } from './schemas.ts';

const options = { schema: builtinSchema(), version: 'v1.36.0' };
const builtin = new OpenApi({ ...options, resources: resourceTable() });

function openApiWith(rows: readonly CustomRow[], previous = builtin): OpenApi {
  return new OpenApi({ ...options, resources: resourceTable().withResources(rows), previous });
}

function parsed(document: { readonly json: Buffer } | undefined): Json {
  assert.ok(document);
  return JSON.parse(document.json.toString()) as Json;
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((found, name) => (found as Json | undefined)?.[name], value);
}

const meta = { object: { $ref: 'ObjectMeta' }, list: { $ref: 'ListMeta' } };

/** Without what every kind has: that it is there, another test says. */
function published(version: OpenApiVersion, schema: JSONSchemaProps | undefined): Json {
  const made = customSchema(rowFor(schema && { schema }), version, meta);
  const { 'x-kubernetes-group-version-kind': _, properties, ...rest } = made;
  if (properties === undefined) return rest;
  const { apiVersion, kind, metadata, ...own } = properties as Json;
  assert.deepEqual([at(apiVersion, 'type'), at(kind, 'type'), metadata !== undefined], ['string', 'string', true]);
  return { ...rest, properties: own };
}

const object = (properties: Record<string, JSONSchemaProps>, more: JSONSchemaProps = {}): JSONSchemaProps => ({
  type: 'object',
  properties,
  ...more,
});
const preserve = { 'x-kubernetes-preserve-unknown-fields': true } as const;
const intOrString = { 'x-kubernetes-int-or-string': true } as const;
const embedded = { 'x-kubernetes-embedded-resource': true } as const;
const either = { anyOf: [{ type: 'integer' }, { type: 'string' }] };

/** What upstream publishes, as its builder's tests have it: in version 2, a property of the root. */
const propertiesV2: readonly [string, JSONSchemaProps, Json][] = [
  [
    'what is usual stays',
    { type: 'string', description: 'A', pattern: '^a$', format: 'x', maxLength: 3 },
    { type: 'string', description: 'A', pattern: '^a$', format: 'x', maxLength: 3 },
  ],
  ['defaults go', { type: 'string', default: 'a' }, { type: 'string' }],
  ['alternatives go', { type: 'object', allOf: [{}], anyOf: [{}], oneOf: [{}], not: {} }, { type: 'object' }],
  [
    'what may be null has no type and no fields',
    { type: 'object', nullable: true, properties: { a: { type: 'string' } }, required: ['a'] },
    { required: ['a'] },
  ],
  ['a list that may be null has no items', { type: 'array', nullable: true, items: { type: 'string' } }, {}],
  [
    'open objects have no type and no fields',
    { type: 'object', ...preserve, properties: { a: { type: 'string' } } },
    { ...preserve },
  ],
  ['open values', { ...preserve }, { ...preserve }],
  ['lists without items have no type', { type: 'array' }, {}],
  [
    'elements are as all else',
    { type: 'array', items: { type: 'string', nullable: true } },
    { type: 'array', items: {} },
  ],
  [
    'so are values of maps',
    { type: 'object', additionalProperties: { type: 'integer', default: 1 } },
    { type: 'object', additionalProperties: { type: 'integer' } },
  ],
  ['maps of anything', { type: 'object', additionalProperties: true }, { type: 'object', additionalProperties: true }],
  [
    'nobody requires what may be null',
    object({ a: { type: 'string', nullable: true }, b: { type: 'string' } }, { required: ['a', 'b'] }),
    { type: 'object', properties: { a: {}, b: { type: 'string' } }, required: ['b'] },
  ],
  [
    'nor the last of them',
    object({ a: { type: 'string', nullable: true } }, { required: ['a'] }),
    { type: 'object', properties: { a: {} } },
  ],
  ['numbers or texts have no type', { ...intOrString, anyOf: either.anyOf }, { ...intOrString }],
  ['open objects inside', { type: 'object', ...embedded, ...preserve }, { ...embedded, ...preserve }],
  [
    'lists by keys',
    {
      type: 'array',
      items: object({ n: { type: 'string' } }),
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['n'],
    },
    {
      type: 'array',
      items: { type: 'object', properties: { n: { type: 'string' } } },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['n'],
    },
  ],
];
for (const [name, schema, expected] of propertiesV2) {
  test(`version 2: ${name}`, () => {
    assert.deepEqual(published('v2', object({ it: schema })), { type: 'object', properties: { it: expected } });
  });
}

const propertiesV3: readonly [string, JSONSchemaProps, Json][] = [
  [
    'everything is said',
    object({ a: { type: 'string', nullable: true, default: 'x' } }, { required: ['a'], oneOf: [{}] }),
    {
      type: 'object',
      properties: { a: { type: 'string', nullable: true, default: 'x' } },
      required: ['a'],
      oneOf: [{}],
    },
  ],
  ['int-or-string is spelled out', { ...intOrString }, { ...intOrString, ...either }],
  ['unless it was', { ...intOrString, ...either }, { ...intOrString, ...either }],
  [
    'or first among allOf',
    { ...intOrString, allOf: [either, { anyOf: [{ minimum: 42 }] }] },
    { ...intOrString, allOf: [either, { anyOf: [{ minimum: 42 }] }] },
  ],
  [
    'beside other alternatives',
    { ...intOrString, anyOf: [{ minimum: 42 }], allOf: [{ minimum: 1 }] },
    { ...intOrString, anyOf: [{ minimum: 42 }], allOf: [either, { minimum: 1 }] },
  ],
  [
    'deep inside',
    { type: 'array', items: { type: 'object', additionalProperties: { ...intOrString } } },
    { type: 'array', items: { type: 'object', additionalProperties: { ...intOrString, ...either } } },
  ],
];
for (const [name, schema, expected] of propertiesV3) {
  test(`version 3: ${name}`, () => {
    assert.deepEqual(published('v3', object({ it: schema })), { type: 'object', properties: { it: expected } });
  });
}

test('a kind without a schema, or open at its root in version 2, has no fields at all', () => {
  assert.deepEqual(published('v2', undefined), { type: 'object' });
  assert.deepEqual(published('v3', undefined), { type: 'object' });
  assert.deepEqual(published('v2', { type: 'object', ...preserve }), { type: 'object' });
  assert.deepEqual(published('v3', { type: 'object', ...preserve }), { type: 'object', ...preserve, properties: {} });
});

test('objects inside have their own type and metadata, both required', () => {
  const template = object({ spec: { type: 'object' } }, { ...embedded, required: ['spec', 'kind'] });
  for (const version of ['v2', 'v3'] as const) {
    const it = at(published(version, object({ template })), 'properties', 'template');
    assert.deepEqual(Object.keys(at(it, 'properties') as Json).sort(), ['apiVersion', 'kind', 'metadata', 'spec']);
    assert.deepEqual(at(it, 'required'), ['spec', 'kind', 'apiVersion']);
    const reference = at(it, 'properties', 'metadata', ...(version === 'v2' ? [] : ['allOf', '0']), '$ref');
    assert.equal(reference, 'ObjectMeta');
  }
});

test('what structural schemas have no use for is not told, and no reference leads out of the document', () => {
  const it = {
    type: 'object',
    $ref: '#/definitions/x',
    $schema: 's',
    id: 'i',
    definitions: {},
    description: 'D',
  } as const;
  for (const version of ['v2', 'v3'] as const) {
    const { properties } = published(version, object({ it }));
    assert.deepEqual(properties, { it: { type: 'object', description: 'D' } });
  }
});

test('a schema that needs no change is not copied', () => {
  const schema = object({ spec: object({ a: { type: 'string' } }) });
  const made = customSchema(rowFor({ schema }), 'v3', meta);
  assert.equal(at(made, 'properties', 'spec'), schema.properties?.['spec']);
});

test('what can be selected by is told of the kind and of its list', () => {
  const version = { selectableFields: [{ jsonPath: '.spec.color' }] };
  const document = parsed(openApiWith(rowsFor({ schema: object({}), version })).v3('apis/bar.k8s.io/v1'));
  for (const name of ['Foo', 'FooList']) {
    const schema = at(document, 'components', 'schemas', `io.k8s.bar.v1.${name}`);
    assert.deepEqual(at(schema, 'x-kubernetes-selectable-fields'), [{ fieldPath: 'spec.color' }]);
    assert.deepEqual(at(schema, 'x-kubernetes-group-version-kind'), [
      { group: 'bar.k8s.io', version: 'v1', kind: name },
    ]);
  }
});

const subresources = { status: {}, scale: { specReplicasPath: '.spec.r', statusReplicasPath: '.status.r' } };

test('the paths are upstream’s, with the operations that custom resources have', () => {
  const root = '/apis/bar.k8s.io/v1';
  const namespaced = `${root}/namespaces/{namespace}/foos`;
  const actions = (document: Json): Record<string, string[]> =>
    Object.fromEntries(
      Object.entries(document['paths'] as Json).map(([path, item]) => [
        path,
        Object.entries(item as Json)
          .filter(([method]) => method !== 'parameters')
          .map(([, operation]) => String(at(operation, 'x-kubernetes-action')))
          .sort(),
      ]),
    );
  const own = ['delete', 'get', 'patch', 'put'];
  const sub = ['get', 'patch', 'put'];
  const inNamespaces = parsed(openApiWith(rowsFor({ version: { subresources } })).v3('apis/bar.k8s.io/v1'));
  assert.deepEqual(actions(inNamespaces), {
    [`${root}/foos`]: ['list'],
    [namespaced]: ['deletecollection', 'list', 'post'],
    [`${namespaced}/{name}`]: own,
    [`${namespaced}/{name}/status`]: sub,
    [`${namespaced}/{name}/scale`]: sub,
  });
  const inCluster = parsed(openApiWith(rowsFor({ scope: 'Cluster' })).v3('apis/bar.k8s.io/v1'));
  assert.deepEqual(actions(inCluster), {
    [`${root}/foos`]: ['deletecollection', 'list', 'post'],
    [`${root}/foos/{name}`]: own,
  });
  const patch = at(inNamespaces, 'paths', `${namespaced}/{name}`, 'patch');
  assert.equal(at(patch, 'operationId'), 'patchBarV1NamespacedFoo');
  assert.deepEqual(Object.keys(at(patch, 'requestBody', 'content') as Json), [
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/apply-patch+yaml',
  ]);
  const scale = at(inNamespaces, 'paths', `${namespaced}/{name}/scale`, 'get');
  assert.match(JSON.stringify(at(scale, 'responses', '200')), /schemas\/io\.k8s\.api\.autoscaling\.v1\.Scale"/);
  assert.equal(at(scale, 'x-kubernetes-group-version-kind', 'kind'), 'Foo');
});

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    key === '$ref' && typeof child === 'string' ? [child] : references(child),
  );
}

test('the index names groups of custom kinds once, by version; every reference leads somewhere in both versions', () => {
  const openApi = openApiWith(
    rowsFor({ schema: object({ spec: object({ t: { ...embedded, type: 'object' } }) }), version: { subresources } }),
  );
  const paths = Object.keys(parsed(openApi.index())['paths'] as Json);
  assert.deepEqual(
    paths.filter((path) => path.includes('bar')),
    ['apis/bar.k8s.io/v1'],
  );
  assert.equal(openApi.v3('apis/bar.k8s.io'), undefined);
  const v3 = parsed(openApi.v3('apis/bar.k8s.io/v1'));
  for (const reference of references(v3)) {
    assert.ok(at(v3, 'components', 'schemas', reference.replace('#/components/schemas/', '')), reference);
  }
  const v2 = parsed(openApi.v2());
  for (const reference of references(v2)) {
    assert.ok((v2['definitions'] as Json)[reference.replace('#/definitions/', '')], reference);
  }
  assert.ok(at(v2, 'paths', '/apis/bar.k8s.io/v1/namespaces/{namespace}/foos', 'post'));
  assert.equal(at(v2, 'paths', '/apis/bar.k8s.io/'), undefined);
  assert.ok(at(v2, 'definitions', 'io.k8s.api.core.v1.Pod'));
});

test('version 2 in protobuf is the built-in message followed by those of the custom kinds, which is one message with all', () => {
  const openApi = openApiWith([
    ...rowsFor({ schema: object({ spec: { type: 'integer', maximum: 2 ** 63, maxLength: 2 ** 63 } }) }),
    ...rowsFor({ kind: 'Bar' }),
  ]);
  const { root } = parse(
    `syntax = "proto3"; message Document { string swagger = 1; Paths paths = 8; Definitions definitions = 9; }
     message Paths { repeated Named path = 2; } message Definitions { repeated Named additional_properties = 1; }
     message Named { string name = 1; }`,
    { keepCase: true },
  );
  const document = root.lookupType('Document').decode(openApi.v2().protobuf).toJSON();
  const json = parsed(openApi.v2());
  const names = (value: unknown): string[] => (value as { name: string }[]).map(({ name }) => name).sort();
  assert.equal(document['swagger'], '2.0');
  assert.deepEqual(names(at(document, 'paths', 'path')), Object.keys(json['paths'] as Json).sort());
  assert.deepEqual(
    names(at(document, 'definitions', 'additional_properties')),
    Object.keys(json['definitions'] as Json).sort(),
  );
  assert.ok(openApi.v3('apis/bar.k8s.io/v1')?.protobuf.length);
});

test('a change of one definition changes its hash, that of the index and of version 2, and nothing else', () => {
  const other = rowsFor({ group: 'other.example.com', uid: 'other' });
  const before = openApiWith([...rowsFor({ uid: 'one', generation: 1 }), ...other]);
  const known = before.v3('apis/other.example.com/v1');
  before.index();
  const after = openApiWith([...rowsFor({ uid: 'one', generation: 2 }), ...other], before);
  assert.equal(after.v3('apis/other.example.com/v1'), known);
  assert.equal(after.v3('apis/apps/v1'), before.v3('apis/apps/v1'));
  assert.notEqual(after.v3('apis/bar.k8s.io/v1')?.hash, before.v3('apis/bar.k8s.io/v1')?.hash);
  assert.notEqual(after.index().hash, before.index().hash);
  assert.notEqual(after.v2().hash, before.v2().hash);
  const again = openApiWith([...rowsFor({ uid: 'one', generation: 1 }), ...other]);
  assert.equal(again.v2().hash, before.v2().hash);
  assert.equal(openApiWith([], before).v2().hash, builtin.v2().hash);
});

test('the index and all hashes are made without a look at any schema', () => {
  let looks = 0;
  const [row] = rowsFor({ schema: object({}) });
  assert.ok(row);
  const definition = Object.create(row.definition, {
    version: {
      get: () => {
        looks++;
        return row.definition.version;
      },
    },
  }) as CustomRow['definition'];
  const openApi = openApiWith([{ ...row, definition }]);
  assert.ok(openApi.index().json.length + openApi.v2().hash.length > 0);
  assert.equal(looks, 0);
  assert.ok(openApi.v3('apis/bar.k8s.io/v1')?.json);
  assert.ok(looks > 0);
});

test('a field named as what JavaScript objects have anyway is a field like others', () => {
  const properties = JSON.parse(
    '{"__proto__":{"type":"string","nullable":true},"constructor":{"type":"string"}}',
  ) as Record<string, JSONSchemaProps>;
  const openApi = openApiWith(rowsFor({ schema: object({ spec: object(properties) }) }));
  for (const [document, ...path] of [
    [openApi.v2(), 'definitions'],
    [openApi.v3('apis/bar.k8s.io/v1'), 'components', 'schemas'],
  ] as const) {
    const spec = at(parsed(document), ...path, 'io.k8s.bar.v1.Foo', 'properties', 'spec', 'properties');
    assert.deepEqual(Object.getOwnPropertyNames(spec), ['__proto__', 'constructor']);
  }
});

test('many kinds of one group and version are one document, made with pauses once for all who ask meanwhile', async () => {
  const kinds = ['Foo', 'Bar', 'Baz'];
  const openApi = openApiWith(kinds.flatMap((kind) => rowsFor({ kind, schema: object({ spec: object({}) }) })));
  const document = openApi.v3('apis/bar.k8s.io/v1');
  assert.ok(document);
  let pauses = 0;
  const pause = async (): Promise<void> => void pauses++;
  const [first, second] = await Promise.all([document.read('json', pause), document.read('json', pause)]);
  assert.equal(first, second);
  assert.equal(pauses, 2);
  assert.equal(document.read('json', pause), first);
  const { components, paths } = JSON.parse(first.toString()) as Json;
  const names = Object.keys(at(components, 'schemas') as Json).filter((name) => name.startsWith('io.k8s.bar'));
  assert.deepEqual(
    names,
    kinds.flatMap((kind) => [`io.k8s.bar.v1.${kind}`, `io.k8s.bar.v1.${kind}List`]),
  );
  assert.equal(Object.keys(paths as Json).length, 3 * kinds.length);
  const other = openApiWith(kinds.flatMap((kind) => rowsFor({ kind, schema: object({ spec: object({}) }) })));
  assert.deepEqual(other.v3('apis/bar.k8s.io/v1')?.json, first);
});
