import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RemoteApi } from './api-service-index.ts';
import { besides, contentOf, urlIn } from './remote-openapi-documents.ts';

const api = { group: 'g.io', version: 'v1' } as RemoteApi;
const ref = (name: string) => ({ $ref: `#/definitions/${name}` });
const operation = (name: string) => ({ get: { responses: { 200: { description: 'OK', schema: ref(name) } } } });
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

const document = {
  swagger: '2.0',
  paths: { '/apis/g.io/v1/things': operation('g.Thing'), '/apis/g.io/v10/things': operation('g.Other'), '/x': {} },
  definitions: {
    'g.Thing': { type: 'object', properties: { metadata: ref(meta), parts: { type: 'array', items: ref('g.Thing') } } },
    'g.Other': { type: 'object' },
    [meta]: { type: 'object', description: 'older' },
  },
};

test('paths of the group-version are taken, and the definitions that they lead to', () => {
  const content = contentOf(document, api);
  assert.deepEqual(Object.keys(content?.paths ?? {}), ['/apis/g.io/v1/things']);
  assert.deepEqual(Object.keys(content?.schemas ?? {}).toSorted(), ['g.Thing', meta]);
  assert.equal(contentOf(document, { ...api, version: 'v2' }), undefined);
});

test('names that are taken: Kubernetes’ own mean the same, all others are renamed wherever they stand', () => {
  const content = contentOf(document, api);
  assert.ok(content !== undefined);
  assert.deepEqual(besides(content, new Set(['other'])), content);
  const { paths, schemas } = besides(content, new Set([meta, 'g.Thing']));
  assert.deepEqual(Object.keys(schemas), ['g.Thing_v2']);
  assert.deepEqual(paths['/apis/g.io/v1/things'], operation('g.Thing_v2'));
  const { properties } = schemas['g.Thing_v2'] as Record<string, Record<string, unknown>>;
  assert.deepEqual(properties, { metadata: ref(meta), parts: { type: 'array', items: ref('g.Thing_v2') } });
});

test('a document that is none adds nothing', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`) as object;
  const documents = [
    undefined,
    7,
    [],
    {},
    { paths: 7 },
    { paths: { '/apis/g.io/v1/x': 7 } },
    { paths: { '/apis/g.io/v1/x': { get: [] } } },
  ];
  for (const odd of documents) assert.doesNotThrow(() => contentOf(odd, api));
  assert.equal(contentOf({ paths: { '/apis/g.io/v1/x': { get: 7 } } }, api), undefined, 'it has no protobuf form');
  assert.doesNotThrow(() => contentOf({ paths: { '/apis/g.io/v1/x': { 'x-deep': deep } } }, api));
});

test('where a document of version 3 stands must be its own place', () => {
  const index = (url: unknown) => ({ paths: { 'apis/g.io/v1': { serverRelativeURL: url } } });
  assert.equal(urlIn(index('/openapi/v3/apis/g.io/v1?hash=A'), api), '/openapi/v3/apis/g.io/v1?hash=A');
  for (const url of ['https://example.com/', '/api/v1/secrets', 7, undefined])
    assert.equal(urlIn(index(url), api), undefined);
});
