import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { limits } from '../lib/limits.ts';
import { DecodeError } from './decode-error.ts';
import { mayRepeatKeys, parseJson } from './decode-json.ts';
import { scanJson } from './json-scanner.ts';
import type { JsonValue } from './object.ts';

test('duplicate keys are told with their path, and the last one wins', () => {
  const { value, duplicates } = parseJson(
    '{"spec":{"a":1,"list":[{"b":1,"b":2}],"a":3},"x":{"y.z":1,"y.z":1,"y.z":2}}',
  );
  assert.deepEqual(value, { spec: { a: 3, list: [{ b: 2 }] }, x: { 'y.z': 2 } });
  assert.deepEqual(duplicates, [
    'duplicate field "spec.list[0].b"',
    'duplicate field "spec.a"',
    'duplicate field "x.y.z"',
  ]);
});

test('keys are the same when their escapes are', () => {
  assert.deepEqual(parseJson('{"a":1,"\\u0061":2}').duplicates, ['duplicate field "a"']);
});

test('at most a hundred duplicates are told', () => {
  const keys = Array.from({ length: 300 }, (_, index) => `"k${index}":1,"k${index}":2`);
  assert.equal(parseJson(`{${keys.join(',')}}`).duplicates.length, 100);
});

test('broken JSON is described as Go describes it', () => {
  const cases: [string, string][] = [
    ['', 'unexpected end of JSON input'],
    ['{"a":', 'unexpected end of JSON input'],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a":x}', "invalid character 'x' looking for beginning of value"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['[tru]', "invalid character ']' in literal true (expecting 'e')"],
    ['["\n"]', "invalid character '\\n' in string literal"],
    ['["\\q"]', "invalid character 'q' in string escape code"],
    ['[1.x]', "invalid character 'x' after decimal point in numeric literal"],
  ];
  for (const [text, message] of cases) assert.throws(() => parseJson(text), new DecodeError(message), text);
});

test('a document nests to the limit and no deeper', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  assert.ok(parseJson(nested(limits.nestingDepthMax)));
  assert.throws(() => parseJson(nested(limits.nestingDepthMax + 1)), DecodeError);
  assert.throws(() => parseJson('['.repeat(1_000_000)), DecodeError);
});

test('no document can reach a prototype: `__proto__` is a key like any other', () => {
  for (const text of ['{"__proto__":{"admin":true}}', '{"a":[{"__proto__":1}]}']) {
    const { value } = parseJson(text);
    assert.equal(JSON.stringify(value), text);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  }
  assert.equal(({} as { admin?: boolean }).admin, undefined);
});

test('a broken document is told as Go tells it, byte by byte', () => {
  assert.throws(() => parseJson('\ufeff{}'), { message: "invalid character 'ï' looking for beginning of value" });
  assert.throws(() => parseJson('{"a":é}'), { message: "invalid character 'Ã' looking for beginning of value" });
});

test('a number that is none is refused', () => {
  assert.throws(() => parseJson('{"a":1e999}'), /out of the range/);
});

test('any JSON comes back as it was, without duplicates', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value);
      const parsed = parseJson(Buffer.from(text));
      assert.equal(JSON.stringify(parsed.value), JSON.stringify(JSON.parse(text)));
      assert.deepEqual(parsed.duplicates, []);
    }),
  );
});

test('our scanner refuses just what the engine refuses', () => {
  const soup = fc.string({ unit: fc.constantFrom(...'{}[]":,0-1.eE+tfn\\u "a'.split('')) });
  fc.assert(
    fc.property(soup, (text) => {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      const read = (): unknown => parseJson(text).duplicates;
      if (valid) read();
      else assert.throws(read, (error) => error instanceof DecodeError && error.message !== 'invalid JSON', text);
    }),
    { numRuns: 2000 },
  );
});

test('what a type does not know stands among the duplicates, in the order of the text', () => {
  const document = parseJson('{"spec":{"a":1,"unknown":{"x":1,"x":2},"b":1,"b":2,"list":[{"other":1}]}}');
  assert.deepEqual(document.inOrder?.(['unknown field "spec.unknown"', 'unknown field "spec.list[0].other"']), [
    'unknown field "spec.unknown"',
    'duplicate field "spec.b"',
    'unknown field "spec.list[0].other"',
  ]);
});

const mayRepeat = (text: string): boolean => mayRepeatKeys(text, JSON.parse(text) as JsonValue);

test('a text is not scanned for duplicates where counting its keys tells that there are none', () => {
  assert.equal(mayRepeat('{"a":{"b" : 1},"c":["d:e",{"f"\n:"g"}],"__proto__":1}'), false);
  assert.equal(mayRepeat('{"a":1,"a" : 2}'), true);
  assert.equal(mayRepeat('{"a" : 1, "b": {"c":1, "c"\t:2}}'), true);
});

test('a repeated key is never missed, whatever stands in the strings and between the marks', () => {
  const name = fc.constantFrom('a', 'b', '"', '":', '\\"', ':', '__proto__', '');
  const space = fc.constantFrom('', ' ', '\n\t ', '\r\n');
  const { value } = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      name.map((each) => JSON.stringify(each)),
      fc.constant('1'),
      fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
      fc
        .array(fc.tuple(name, space, space, tie('value')), { maxLength: 4 })
        .map((pairs) => `{${pairs.map(([key, a, b, each]) => `${JSON.stringify(key)}${a}:${b}${each}`).join(',')}}`),
    ),
  }));
  fc.assert(
    fc.property(value, (text) => {
      assert.deepEqual(parseJson(text).duplicates, scanJson(text));
    }),
    { numRuns: 500 },
  );
});
