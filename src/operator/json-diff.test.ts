import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as assertProperty, dictionary, jsonValue, property, string } from 'fast-check';
import type { JsonObject, JsonValue } from '../api/object.ts';
import { applyJsonPatch } from '../api/patch/json-patch.ts';
import { jsonDiff } from './json-diff.ts';

test('what differs is added, replaced or removed, and nothing else is named', () => {
  const before = { a: 1, b: { c: [1], 'd/e~f': 'x' }, gone: true };
  const after = { a: 1, b: { c: [1, 2], 'd/e~f': 'y', new: {} } };
  assert.deepEqual(jsonDiff(before, after), [
    { op: 'replace', path: '/b/c', value: [1, 2] },
    { op: 'replace', path: '/b/d~1e~0f', value: 'y' },
    { op: 'add', path: '/b/new', value: {} },
    { op: 'remove', path: '/gone' },
  ]);
});

test('the patch makes one object of the other, whatever they are', () => {
  const object = dictionary(
    string().filter((name) => name !== '__proto__'),
    jsonValue(),
  );
  assertProperty(
    property(object, object, (before, after) => {
      const wanted = JSON.parse(JSON.stringify(after)) as JsonObject;
      const from = JSON.parse(JSON.stringify(before)) as JsonObject;
      assert.deepEqual(applyJsonPatch(from, jsonDiff(from, wanted) as unknown as JsonValue), wanted);
    }),
  );
});
