import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { resourceTable } from '../api/resource-table.ts';
import type { ListResult } from '../registry/request.ts';
import type { Transform } from './negotiation.ts';
import { checkTransform, type TransformRequest, tableRequest, transformList, transformObject } from './transform.ts';

const pods = resourceTable().find('', 'v1', 'pods');
assert.ok(pods);
const pod: KubeObject = { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a', resourceVersion: '7' } };
const list = {
  objects: [pod],
  entries: [],
  resourceVersion: '9',
  continue: 'more',
  remainingItemCount: 3,
} as ListResult;

function request(as: Transform, query = '', metaVersion = 'v1'): TransformRequest {
  const table = tableRequest(new URLSearchParams(query), '', 0);
  return { encoding: 'json', as, metaVersion, pretty: false, table };
}

test('a table and the metadata in its rows have the version that was asked for', () => {
  for (const version of ['v1', 'v1beta1']) {
    const table = transformList(pods, list, request('Table', '', version)) as {
      apiVersion: string;
      metadata: object;
      rows: readonly { object: KubeObject }[];
    };
    assert.equal(table.apiVersion, `meta.k8s.io/${version}`);
    assert.deepEqual(table.metadata, { resourceVersion: '9', continue: 'more', remainingItemCount: 3 });
    assert.deepEqual(table.rows[0]?.object, {
      kind: 'PartialObjectMetadata',
      apiVersion: `meta.k8s.io/${version}`,
      metadata: pod.metadata,
    });
  }
});

test('the bookmark that ends the initial events keeps its metadata', () => {
  const marked = { ...pod, metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } };
  const asked = request('Table', 'includeObject=None');
  const objectOf = (object: KubeObject) =>
    (transformObject(pods, object, asked) as { rows: { object: object | null }[] }).rows[0]?.object;
  assert.equal(objectOf(pod), null);
  assert.notEqual(objectOf(marked), null);
});

test('what rows carry is checked where a table is asked for', () => {
  const message = `Unable to convert to Table as requested: includeObject: Invalid value: "All": must be 'Metadata', 'Object', 'None', or empty`;
  assert.throws(() => checkTransform(request('Table', 'includeObject=All')), { code: 400, message });
  assert.throws(() => transformList(pods, list, request('Table', 'includeObject=All')), { code: 400, message });
  assert.doesNotThrow(() => checkTransform(request('PartialObjectMetadata', 'includeObject=All')));
});

test('metadata of one and metadata of many are not taken for each other', () => {
  assert.deepEqual(transformObject(pods, pod, request('PartialObjectMetadata', '', 'v1beta1')), {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1beta1',
    metadata: pod.metadata,
  });
  assert.throws(() => transformObject(pods, pod, request('PartialObjectMetadataList')), {
    code: 406,
    message: 'you requested PartialObjectMetadataList, but the requested object is not a list (*core.Pod)',
  });
  assert.throws(() => transformList(pods, list, request('PartialObjectMetadata')), {
    code: 406,
    message: 'you requested PartialObjectMetadata, but the requested object is a list (*core.PodList)',
  });
});

test('a Status is answered as it is', () => {
  const status = { kind: 'Status', apiVersion: 'v1' } as KubeObject;
  for (const as of ['Table', 'PartialObjectMetadata'] as const)
    assert.equal(transformObject(pods, status, request(as)), status);
});
