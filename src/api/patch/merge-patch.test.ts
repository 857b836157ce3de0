import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { JsonObject, JsonValue } from '../object.ts';
import { applyMergePatch } from './merge-patch.ts';

const cases: readonly (readonly [string, JsonObject, JsonObject, JsonObject])[] = [
  ['replaces', { a: 'b' }, { a: 'c' }, { a: 'c' }],
  ['adds', { a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  ['deletes', { a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  ['deletes what is not there', { a: 'b' }, { z: null }, { a: 'b' }],
  ['replaces lists', { a: ['b'] }, { a: 'c' }, { a: 'c' }],
  ['makes objects of scalars', { a: 'c' }, { a: { b: 'c', d: null } }, { a: { b: 'c' } }],
  ['goes down', { a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  ['keeps null in lists', { e: null }, { a: [null, 1] }, { e: null, a: [null, 1] }],
  ['drops null members of objects in lists', { a: 1 }, { a: [{ b: null, c: 1 }] }, { a: [{ c: 1 }] }],
];

for (const [name, document, patch, result] of cases) {
  test(`merge patch ${name}`, () => {
    const [documentBefore, patchBefore] = [structuredClone(document), structuredClone(patch)];
    assert.deepEqual(applyMergePatch(document, patch), result);
    assert.deepEqual([document, patch], [documentBefore, patchBefore]);
  });
}

test('a merge patch applied twice is the same as once', () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue() as fc.Arbitrary<JsonValue>);
  fc.assert(
    fc.property(object, object, (document, patch) => {
      const once = applyMergePatch(document, patch);
      assert.deepEqual(applyMergePatch(once, patch), once);
    }),
    { numRuns: 200 },
  );
});

test('treats __proto__ as a key like any other', () => {
  const patch = JSON.parse('{"__proto__":{"polluted":"yes"}}') as JsonObject;
  assert.equal(JSON.stringify(applyMergePatch({ a: 1 }, patch)), '{"a":1,"__proto__":{"polluted":"yes"}}');
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

test('refuses a patch that is no object', () => {
  assert.throws(() => applyMergePatch({}, 'x'), { code: 400, reason: 'BadRequest' });
});
