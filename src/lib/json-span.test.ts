import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { endOfObject, memberOf } from './json-span.ts';

test('a member is found wherever it stands, and is what decoding finds', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), fc.string(), (others, wanted, last) => {
      const object = { ...others, wanted, [`wanted${last}`]: 1 };
      const json = JSON.stringify(object);
      const found = memberOf(Buffer.from(json), 'wanted');
      const value: unknown = (JSON.parse(json) as typeof object).wanted;
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      assert.deepEqual(found && JSON.parse(found.toString()), isObject ? value : undefined);
    }),
  );
});

test('the end of an object is behind its closing brace, whatever stands in its texts', () => {
  fc.assert(
    fc.property(fc.string(), fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (before, object, after) => {
      const json = Buffer.from(JSON.stringify(object));
      const start = Buffer.byteLength(before);
      const all = Buffer.concat([Buffer.from(before), json, Buffer.from(after)]);
      assert.equal(endOfObject(all, start), start + json.length);
    }),
  );
});

test('what ends too early is told, and an absent member is absent', () => {
  for (const json of ['{"a":{"b":1}', '{"a":"b', '{"a":{"}"']) {
    assert.throws(() => endOfObject(Buffer.from(json), 0), /JSON ends within an object/);
  }
  assert.throws(() => memberOf(Buffer.from('{"a":[1,2'), 'b'), /JSON ends/);
  assert.equal(memberOf(Buffer.from('{}'), 'a'), undefined);
  assert.equal(memberOf(Buffer.from('{"b":{"a":{}}}'), 'a'), undefined);
  assert.equal(memberOf(Buffer.from('{"a":[{}],"b":-1e9}'), 'a'), undefined);
});
