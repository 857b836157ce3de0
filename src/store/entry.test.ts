import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeEntry } from './entry.ts';

const key = { collection: 'configmaps', namespace: 'n', name: 'a' };

test('the version of a new object stands behind what names it, and later stays where it is', () => {
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', uid: 'u', labels: { a: 'b' } } };
  const first = makeEntry(key, 7, object);
  const metadata = '{"name":"a","uid":"u","resourceVersion":"7","labels":{"a":"b"}}';
  assert.equal(first.json().toString(), `{"kind":"ConfigMap","apiVersion":"v1","metadata":${metadata}}`);
  const second = makeEntry(key, 8, first.object);
  assert.equal(second.json().toString(), first.json().toString().replace('"7"', '"8"'));
});
