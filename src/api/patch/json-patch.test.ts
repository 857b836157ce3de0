import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import fastJsonPatch from 'fast-json-patch';
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import { applyJsonPatch } from './json-patch.ts';

const cases: readonly (readonly [string, JsonObject, JsonArray, JsonObject])[] = [
  ['adds a member', { a: 1 }, [{ op: 'add', path: '/b', value: [1] }], { a: 1, b: [1] }],
  ['inserts into a list', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
  ['appends at -', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
  ['appends at the length', { a: [1] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2] }],
  ['counts from the end', { a: [1, 2] }, [{ op: 'replace', path: '/a/-1', value: 9 }], { a: [1, 9] }],
  [
    'removes',
    { a: [1, 2], b: 1 },
    [
      { op: 'remove', path: '/a/0' },
      { op: 'remove', path: '/b' },
    ],
    { a: [2] },
  ],
  ['replaces what is not there', { a: 1 }, [{ op: 'replace', path: '/b', value: 2 }], { a: 1, b: 2 }],
  ['replaces the document', { a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }], { b: 2 }],
  ['moves', { a: { b: 1 }, c: [] }, [{ op: 'move', from: '/a/b', path: '/c/0' }], { a: {}, c: [1] }],
  [
    'unescapes ~0 and ~1 once',
    { 'a/b': 1, '~1': 2 },
    [
      { op: 'remove', path: '/a~1b' },
      { op: 'replace', path: '/~01', value: 3 },
    ],
    { '~1': 3 },
  ],
  [
    'tests deep equality without order',
    { a: { x: 1, y: [2] } },
    [{ op: 'test', path: '/a', value: { y: [2], x: 1 } }],
    { a: { x: 1, y: [2] } },
  ],
  ['tests what is not there against null', { a: 1 }, [{ op: 'test', path: '/z', value: null }], { a: 1 }],
  ['takes an absent value for null', { a: 1 }, [{ op: 'add', path: '/b' }], { a: 1, b: null }],
];

for (const [name, document, patch, result] of cases) {
  test(`json patch ${name}`, () => {
    const before = structuredClone([document, patch]);
    assert.deepEqual(applyJsonPatch(document, patch), result);
    assert.deepEqual([document, patch], before);
  });
}

test('what is copied can be changed without changing the original', () => {
  const patch = [
    { op: 'copy', from: '/a', path: '/b' },
    { op: 'add', path: '/b/x', value: 2 },
    { op: 'add', path: '/a/y', value: 3 },
  ];
  assert.deepEqual(applyJsonPatch({ a: { z: 1 } }, patch), { a: { z: 1, y: 3 }, b: { z: 1, x: 2 } });
});

const failures: readonly (readonly [string, JsonValue, number, string])[] = [
  ['a failed test', [{ op: 'test', path: '/a', value: 2 }], 422, 'testing value /a failed: test failed'],
  [
    'a missing parent',
    [{ op: 'add', path: '/x/y', value: 2 }],
    422,
    'add operation does not apply: doc is missing path: "/x/y": missing value',
  ],
  [
    'a missing key',
    [{ op: 'remove', path: '/x' }],
    422,
    "error in remove for path: '/x': Unable to remove nonexistent key: x: missing value",
  ],
  [
    'an index beyond the list',
    [{ op: 'add', path: '/l/9', value: 2 }],
    422,
    "error in add for path: '/l/9': Unable to access invalid index: 9: invalid index referenced",
  ],
  [
    'a word for an index',
    [{ op: 'add', path: '/l/x', value: 2 }],
    422,
    `error in add for path: '/l/x': value was not a proper array index: 'x': strconv.Atoi: parsing "x": invalid syntax`,
  ],
  ['an unknown operation', [{ op: 'frob', path: '/a' }], 422, 'Unexpected kind: frob'],
  ['a missing path', [{ op: 'add', value: 1 }], 422, 'add operation failed to decode path: missing value'],
  [
    'a move into itself',
    [{ op: 'move', from: '/o', path: '/o/p' }],
    422,
    'move operation does not apply: doc is missing destination path: /o/p: missing value',
  ],
  ['an object for the list', { op: 'add' }, 400, 'json: cannot unmarshal object into Go value of type jsonpatch.Patch'],
  ['a number for an operation', [1], 400, 'json: cannot unmarshal number into Go value of type jsonpatch.Operation'],
];

for (const [name, patch, code, message] of failures) {
  test(`json patch refuses ${name}`, () => {
    assert.throws(() => applyJsonPatch({ a: 1, l: [1], o: {} }, patch), { code, message });
  });
}

test('json patch refuses more than ten thousand operations', () => {
  const patch = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: 1 }));
  assert.throws(() => applyJsonPatch({ a: 1 }, patch), { code: 413, reason: 'RequestEntityTooLarge' });
});

test('json patch stops a document that doubles itself', () => {
  const patch = Array.from({ length: 40 }, (_, index) => ({ op: 'copy', from: '', path: `/a/${index}` }));
  const doubling = patch.map((_, index) => ({ op: 'copy', from: '/a', path: `/a/k${index}` }));
  assert.throws(() => applyJsonPatch({ a: { text: 'x'.repeat(1000) } }, doubling), {
    code: 422,
    message: /accumulated size/,
  });
});

test('treats __proto__ as a key like any other', () => {
  const patch = JSON.parse(
    '[{"op":"add","path":"/__proto__/polluted","value":1},{"op":"add","path":"/constructor/prototype","value":1}]',
  ) as JsonArray;
  for (const operation of patch) assert.throws(() => applyJsonPatch({}, [operation]), { code: 422 });
  const own = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: 1 } }]);
  assert.equal(JSON.stringify(own), '{"__proto__":{"polluted":1}}');
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

/** Small documents and operations that often meet. */
const key = fc.constantFrom('a', 'b', '0', '1', '-', 'x~y', 'x/y');
const leaf = fc.constantFrom<JsonValue>(0, 1, 'text', true);
const value = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const pointer = fc
  .array(key, { minLength: 1, maxLength: 3 })
  .map((parts) => parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''));
const operation: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({ op: fc.constantFrom('add', 'test'), path: pointer, value }),
  fc.record({ op: fc.constant('remove'), path: pointer }),
  fc.record({ op: fc.constantFrom('move', 'copy'), from: pointer, path: pointer }),
);

test('agrees with fast-json-patch wherever that accepts a patch', () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true }),
      fc.array(operation, { maxLength: 4 }),
      (document, patch) => {
        let expected: JsonValue;
        try {
          expected = fastJsonPatch.applyPatch(
            structuredClone(document),
            structuredClone(patch) as never,
            true,
          ).newDocument;
        } catch {
          return;
        }
        accepted++;
        assert.deepEqual(applyJsonPatch(document, patch), expected);
      },
    ),
    { numRuns: 2000, seed: 7 },
  );
  assert.ok(accepted > 200, `only ${accepted} patches were accepted`);
});

test('a patch that moves long lists about over and over is refused, one that appends is not', () => {
  const document: JsonObject = { a: Array.from({ length: 100_000 }, () => 0) };
  const adds = (path: string): JsonArray => Array.from({ length: 10_000 }, () => ({ op: 'add', path, value: 1 }));
  assert.throws(() => applyJsonPatch(document, adds('/a/0')), { code: 413, reason: 'RequestEntityTooLarge' });
  assert.equal((applyJsonPatch(document, adds('/a/-'))['a'] as JsonArray).length, 110_000);
});
