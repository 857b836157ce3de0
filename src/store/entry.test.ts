import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { makeEntry, StoredEntry } from './entry.ts';

const key = { collection: 'configmaps', namespace: 'n', name: 'a' };

test('the version of a new object stands behind what names it, and later stays where it is', () => {
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', uid: 'u', labels: { a: 'b' } } };
  const first = makeEntry(key, 7, object);
  const metadata = '{"name":"a","uid":"u","resourceVersion":"7","labels":{"a":"b"}}';
  assert.equal(first.json().toString(), `{"kind":"ConfigMap","apiVersion":"v1","metadata":${metadata}}`);
  const second = makeEntry(key, 8, first.object);
  assert.equal(second.json().toString(), first.json().toString().replace('"7"', '"8"'));
});

const large = {
  kind: 'ConfigMap',
  metadata: { name: 'a' },
  data: { text: 'what schemas say again and again '.repeat(4_000) },
};

test('what is large is packed, and read as before by each who asks', () => {
  const entry = makeEntry(key, 7, large);
  const [json, object, { bytes }] = [entry.json(), entry.object, entry];
  assert.equal(entry.isLarge, true);
  entry.pack();
  assert.deepEqual(entry.json(), json);
  assert.notEqual(entry.json(), entry.json());
  assert.equal(entry.bytes, bytes);
  // While somebody holds the object, it is the one that there is.
  assert.equal(entry.object, object);
  assert.ok(Object.isFrozen(entry.object));
  entry.pack();
  assert.deepEqual(entry.json(), json);
});

test('a packed entry that came from disk is decoded anew, and frozen', () => {
  const json = makeEntry(key, 7, large).json();
  const entry = new StoredEntry(key, 7, json);
  entry.pack();
  assert.deepEqual(entry.object, JSON.parse(json.toString()));
  assert.ok(Object.isFrozen(entry.object.metadata));
});

test('a packed entry takes no more memory than what was packed', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const bytesIn = (): number => {
    collectGarbage();
    return process.memoryUsage().arrayBuffers;
  };
  const before = bytesIn();
  const entries = Array.from({ length: 50 }, (_, index) => makeEntry(key, index, large));
  for (const entry of entries) entry.pack();
  const each = (bytesIn() - before) / entries.length;
  assert.ok(each < 4_096, `${each} bytes are kept of each`);
  assert.ok(entries.every(({ isLarge }) => isLarge));
});
