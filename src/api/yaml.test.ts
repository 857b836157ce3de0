import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { limits } from '../lib/limits.ts';
import { DecodeError } from './decode-error.ts';
import type { JsonObject, JsonValue } from './object.ts';
import { parseYaml, parseYamlDocuments, stringifyYaml } from './yaml.ts';

function scalar(text: string): JsonValue | undefined {
  return (parseYaml(`spec:\n  v: ${text}\n`).value as { spec: JsonObject }).spec['v'];
}

/** What kubectl 1.36 prints for each, as found by asking it. */
const truth: readonly (readonly [string, JsonValue])[] = [
  ...['yes', 'Yes', 'y', 'Y', 'on', 'true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['no', 'NO', 'off', 'n', 'false'].map((text) => [text, false] as const),
  ...['~', 'null', 'Null', ''].map((text) => [text, null] as const),
  ...[
    'oN',
    '1:30',
    '12:30:45',
    '2024-01-01',
    '2024-01-01T00:00:00Z',
    '=',
    '<<',
    '1e',
    '0x',
    '100m',
    '0777m',
    '1e400',
  ].map((text) => [text, text] as const),
  ['0777', 511],
  ['0o777', 511],
  ['0x1F', 31],
  ['0b101', 5],
  ['1_000', 1000],
  ['08', 8],
  ['0888', 888],
  ['1e3', 1000],
  ['.5', 0.5],
  ['1.', 1],
  ['1.10', 1.1],
  ['+5', 5],
  ['-0', 0],
  ['123456789012345678901234567890', 1.2345678901234568e29],
  ['"yes"', 'yes'],
  ["'0777'", '0777'],
  ['!!str 5', '5'],
  ['!!int "5"', 5],
  ['!!float 1', 1],
  ['!!binary aGVsbG8=', 'hello'],
  ['a #b', 'a'],
  ['&x 1', 1],
  ["'it''s'", "it's"],
  ['|\n    a\n    b', 'a\nb\n'],
  ['>-\n    a\n    b', 'a b'],
];

test('scalars mean what they mean to kubectl', () => {
  for (const [text, value] of truth) assert.deepEqual(scalar(text), value, JSON.stringify(text));
});

test('what kubectl refuses is refused', () => {
  const broken = [
    '.inf',
    '-.Inf',
    '.nan',
    '@x',
    '`x`',
    '%x',
    'a: b',
    '[1, 2',
    '{a: 1',
    '*x',
    '? a',
    '- a',
    '"a\\qb"',
    '!!int x',
  ];
  for (const text of broken) assert.throws(() => scalar(text), DecodeError, text);
});

test('a syntax error names its line', () => {
  assert.throws(() => parseYaml('a: 1\nb: @\n'), /^DecodeError: yaml: line 2: /);
});

test('keys become strings, the last of equal keys wins and is told with its path', () => {
  const { value, duplicates } = parseYaml('1: a\non: b\nspec:\n  l:\n  - x: 1\n    x: 2\n');
  assert.deepEqual(value, { 1: 'a', true: 'b', spec: { l: [{ x: 2 }] } });
  assert.deepEqual(duplicates, ['yaml: unmarshal errors:\n  line 6: key "x" already set in map']);
});

test('merge keys fill in what a map does not say itself', () => {
  const { value } = parseYaml('base: &b {x: 1, z: 2}\nmore: {<<: *b, z: 3}\nboth: {<<: [{x: 9}, *b]}\n');
  assert.deepEqual(value, { base: { x: 1, z: 2 }, more: { x: 1, z: 3 }, both: { x: 9, z: 2 } });
});

test('each alias is a copy of its own', () => {
  const { value } = parseYaml('a: &a {x: [1]}\nb: *a\n');
  const { a, b } = value as { a: JsonObject; b: JsonObject };
  assert.deepEqual(a, b);
  assert.notEqual(a, b);
});

test('documents are parted, and empty ones left out', () => {
  const documents = parseYamlDocuments('---\n# only a comment\n---\na: 1\n---\n---\nb: 2\n...\n');
  assert.deepEqual(
    documents.map(({ value }) => value),
    [{ a: 1 }, { b: 2 }],
  );
  assert.deepEqual(parseYaml('').value, null);
  assert.deepEqual(parseYaml('a: 1\n---\nb: 2\n').value, { a: 1 });
});

test('JSON is YAML, and its duplicates are told', () => {
  assert.deepEqual(parseYaml('{"a": 1, "a": "\\u00e9"}').value, { a: 'é' });
  assert.deepEqual(parseYaml('{"a": 1, "a": 2}').duplicates, ['duplicate field "a"']);
  assert.deepEqual(parseYaml('{a: yes}').value, { a: true });
});

test('a document that multiplies by aliases ends at the limit', () => {
  const lines = ['a0: &a0 [x]'];
  for (let index = 1; index < 30; index++) lines.push(`a${index}: &a${index} [${`*a${index - 1},`.repeat(9)}]`);
  assert.throws(() => parseYaml(lines.join('\n')), /excessive aliasing|nests deeper/);
});

test('a document that nests too deep, or in itself, ends in an error', () => {
  for (const text of ['['.repeat(300) + ']'.repeat(300), '- '.repeat(3000), 'a: &a [*a]', '{a: '.repeat(5000)]) {
    assert.throws(() => parseYaml(text), DecodeError, text.slice(0, 20));
  }
});

test('no document can reach a prototype: `__proto__` is a key like any other', () => {
  for (const text of [
    '__proto__: {admin: yes}',
    '__proto__:\n  admin: yes',
    'a: &a {__proto__: {admin: yes}}\n<<: *a',
  ]) {
    const { value } = parseYaml(text);
    assert.ok(JSON.stringify(value).includes('"__proto__":{"admin":true}'), text);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  }
});

test('a megabyte of anything but plain block style is refused, and of that is not', () => {
  const plain = 'a:\n' + '- one\n'.repeat(250_000);
  assert.equal((parseYaml(plain).value as { a: unknown[] }).a.length, 250_000);
  assert.throws(() => parseYaml(`${plain}b: &x 1\n`), /only plain block style is read/);
});

test('it is written as kubectl writes it', () => {
  const value = {
    spec: { list: [{ name: 'a', args: ['x'] }, []], empty: {}, 8080: 'http' },
    texts: [
      'yes',
      '0777',
      '1:30',
      '2024-01-01',
      '*x',
      'a: b',
      'a #b',
      "it's",
      '',
      ' x',
      '- x',
      'plain text',
      'a,b',
      'y',
    ],
    lines: 'one\ntwo\n',
    rest: 'one\ntwo',
    number: 1.5,
    nothing: null,
    left: undefined,
  };
  assert.equal(
    stringifyYaml(value),
    `spec:
  "8080": http
  list:
  - name: a
    args:
    - x
  - []
  empty: {}
texts:
- "yes"
- "0777"
- "1:30"
- "2024-01-01"
- '*x'
- 'a: b'
- 'a #b'
- it's
- ""
- ' x'
- '- x'
- plain text
- a,b
- "y"
lines: |
  one
  two
rest: |-
  one
  two
number: 1.5
nothing: null
`,
  );
});

test('keys are sorted on request', () => {
  assert.equal(stringifyYaml({ b: { d: 1, c: 2 }, a: [] }, { sortKeys: true }), 'a: []\nb:\n  c: 2\n  d: 1\n');
});

test('what is written reads back the same', () => {
  const key = fc
    .oneof(fc.string(), fc.constantFrom('on', '1', 'a b', '<<', '~'))
    .filter((name) => name !== '__proto__');
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: fc.constantFrom(...' \n\t-:#\'"yn1.e[]{}&*!|>%@`a?,\\'.split('')) }),
  );
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.oneof(
        text,
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
        fc.boolean(),
        fc.constant(null),
      ),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value'), { maxKeys: 3 }).map((entries) => ({ ...entries })),
    ),
  }));
  fc.assert(
    fc.property(value, (input) => {
      assert.deepEqual(parseYaml(stringifyYaml({ v: input })).value, { v: input });
    }),
    { numRuns: 1000 },
  );
});

test('a document of mistakes costs no more than its first', () => {
  const start = process.threadCpuUsage();
  for (const mistake of ['&a ', '] ']) {
    const text = `x: ${mistake.repeat(Math.floor((limits.yamlCharactersMax - 3) / mistake.length))}`;
    assert.throws(() => parseYaml(text), /^DecodeError: yaml: line 1: /, mistake);
  }
  // Minutes, if each mistake is told: work is counted, and not time, which others on the machine take, too.
  assert.ok(process.threadCpuUsage(start).user < 10_000_000);
});

test('a document that nests without an end is refused where it is too deep', () => {
  for (const opening of ['[', '{"a":', '- ', '? ', '&a [']) {
    assert.throws(() => parseYaml(opening.repeat(50_000)), /nests deeper than/, opening);
  }
});

test('what aliases repeat is counted in characters, too', () => {
  const repeated = (times: number): string => `a: &x ${'y'.repeat(1024)}\nb: [${'*x ,'.repeat(times)}]\n`;
  const { value } = parseYaml(repeated(limits.yamlAliasedCharactersMax / 1024));
  assert.equal((value as { b: JsonValue[] }).b.length, limits.yamlAliasedCharactersMax / 1024);
  assert.throws(() => parseYaml(repeated(limits.yamlAliasedCharactersMax / 1024 + 1)), /excessive aliasing/);
});
