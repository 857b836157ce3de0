import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draftOf, sameJson } from './draft.ts';

test('a label that every object seems to have is a change like any other', () => {
  assert.equal(sameJson({ a: 'b' }, { a: 'b', constructor: 'x' }), false);
  assert.equal(sameJson({ a: 'b', constructor: 'x' }, { a: 'b' }), false);
  assert.equal(sameJson({ a: 'b' }, JSON.parse('{"a":"b","__proto__":"x"}')), false);
  assert.equal(sameJson(JSON.parse('{"__proto__":{}}'), {}), false);
  assert.equal(sameJson({ a: 'b' }, { a: 'b', c: undefined }), true);
});

test('a copy has the same keys, also one called __proto__', () => {
  const text = '{"__proto__":{"admin":true},"a":[{"__proto__":"x"}]}';
  const copy = draftOf(JSON.parse(text) as object);
  assert.equal(JSON.stringify(copy), text);
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
});
