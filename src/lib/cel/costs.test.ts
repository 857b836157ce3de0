import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CelProgram, type CelVariables, celEnvironment } from './environment.ts';
import { celValue } from './json-values.ts';
import { type CelType, celTypes } from './types.ts';

const { int, string, bool, list, map, dyn } = celTypes;
const record = celTypes.object('Record', { number: int, name: string });

function compiled(expression: string, variables: Readonly<Record<string, CelType>>): CelProgram {
  const types = (name: string): CelType | undefined => (name === 'Record' ? record : undefined);
  const outcome = celEnvironment({ variables, types }).compile(expression);
  return outcome.kind === 'program' ? outcome.program : assert.fail(outcome.error.text);
}

const text500 = 'x'.repeat(500);
const variables: Readonly<Record<string, CelType>> = {
  list: list(record),
  nested: list(list(record)),
  text: string,
  other: string,
  bytes: celTypes.bytes,
  record,
  map: map(string, record),
  nestedMap: map(string, map(string, record)),
  ints: list(int),
  a: bool,
  b: bool,
  x: int,
  any: dyn,
};
const records = [{ number: 1, name: 'one' }];
const values: CelVariables = {
  list: celValue(list(record), records),
  nested: [],
  text: text500,
  other: text500,
  bytes: new Uint8Array(500),
  record: celValue(record, records[0]),
  map: celValue(map(string, record), { val: { number: 0 } }),
  nestedMap: celValue(map(string, map(string, record)), {}),
  ints: [],
  a: false,
  b: true,
  x: 1n,
  any: celValue(dyn, { a: [1], b: 'b' }),
};

/** By cel-go's counting (`interpreter/runtimecost`), constants made beforehand. */
const actual: readonly (readonly [string, number])[] = [
  ['"Hello World!"', 0],
  ['list', 1],
  ["map['val']", 2],
  ['list[0]', 2],
  ['record.number', 2],
  ["map['va' + 'l']", 3],
  ['list[3-3]', 3],
  ['has(record.number)', 1],
  ['has(any.b.c) || true', 2],
  ['[1, 2, 3]', 0],
  ['[1, 2, x]', 11],
  ["Record{number: 1, name: 'str'}", 40],
  ['{"a": 1, "b": 2, "c": 3}', 0],
  ['{"a": x}', 31],
  ['nested.all(x, true)', 2],
  ['nested.all(x, x.all(y, true))', 2],
  ['[1, 2, 3].all(x, true)', 10],
  ["text.matches('[0-9]')", 103],
  ["'123'.matches('[0-9]')", 2],
  ['false || false', 0],
  ['a || a || a || a', 4],
  ['b && b && b && b', 4],
  ['b || a', 1],
  ['1 < 2', 1],
  ['1 == 2', 1],
  ['2 in [1, 2, 3]', 0],
  ['x in [1, 2, 3]', 1],
  ['2 in [1, 2, x]', 14],
  ['true ? 1 : 2', 0],
  ['size("123")', 1],
  ["'12345678901234567890' == '123456789012345678901234567890'", 2],
  ['string(bytes) == text', 102],
  ['bytes(text)', 51],
  ['string(1)', 0],
  ['string(x)', 2],
  ['text.contains(other)', 2502],
  ["text.startsWith('idc')", 2],
  ['text.size()', 2],
  ['(x > 2 ? list : list).all(y, true)', 6],
  ['true ? false : 1 > 3', 0],
  ['false ? false : 1 > 3', 1],
  ['map.all(k, map[k].number > 3)', 9],
  ['nestedMap.all(k, k.contains(k))', 2],
  ['(ints + ints).all(x, true)', 4],
  ["'abcdefg'.contains('val1' + 'val2222222')", 4],
  ['(1 > 2 ? 5 : 3) > 1', 2],
  ['(1 > 2 || 2 > 1) == true', 3],
  ["[{'k1': 1}, {'k2': 2}].all(x, true)", 7],
  ['any.a[0] + 1', 4],
  ['[1, 2].map(x, x)', 27],
  ['[1, 2].exists(x, x == 1)', 10],
  ['cel.bind(a, 1, a + a)', 3],
  ['any.?b.orValue(text) == text', 4],
  ['any.?zz.orValue(1) == 1', 2],
];

test('an evaluation costs what cel-go counts', () => {
  const differing = actual.flatMap(([expression, cost]) => {
    const result = compiled(expression, variables).evaluate(values);
    return result.cost === cost ? [] : [`${expression}: ${result.cost}, not ${cost}`];
  });
  assert.deepEqual(differing, []);
});

const sized = (type: CelType, maxSize: number): CelType => ({ ...type, maxSize }) as CelType;
const textOf = (maxSize: number): CelType => ({ kind: 'string', maxSize });
const mapOf = (key: CelType, value: CelType, maxSize: number): CelType => ({ kind: 'map', key, value, maxSize });
const unlimited = Number.POSITIVE_INFINITY;

/** By cel-go's estimate: `checker/cost`. */
const estimates: readonly (readonly [string, number, number, Readonly<Record<string, CelType>>?])[] = [
  ['"Hello World!"', 0, 0],
  ['list', 1, 1],
  ["map['key']", 2, 2],
  ['record.number', 2, 2],
  ['has(record.number)', 1, 1],
  ['[1, 2, 3]', 10, 10],
  ["Record{number: 1, name: 'str'}", 40, 40],
  ['{"a": 1}', 30, 30],
  ['input.all(x, true)', 2, 302, { input: sized(list(record), 100) }],
  ['input.all(x, x.all(y, true))', 2, 1752, { input: sized(list(sized(list(record), 10)), 50) }],
  ['[1, 2, 3].all(x, true)', 20, 20],
  ["input.matches('[0-9]')", 3, 103, { input: textOf(500) }],
  ["'123'.matches('[0-9]')", 2, 2],
  ['true || false', 0, 0],
  ['1 < 2', 1, 1],
  ['2 in [1, 2, 3]', 13, 13],
  ['true ? 1 : 2', 0, 0],
  ['bytes(input)', 1, 51, { input: textOf(500) }],
  ['input.contains(arg)', 2, 2502, { input: textOf(500), arg: textOf(500) }],
  ['input.startsWith(arg)', 2, 52, { input: string, arg: textOf(500) }],
  ['input.size()', 2, 2, { input: string }],
  ['(x > 2 ? one : two).all(y, true)', 4, 7, { x: int, one: sized(list(record), 1), two: sized(list(record), 1) }],
  ['input.all(k, input[k].number > 3)', 2, 82, { input: mapOf(string, record, 10) }],
  ['input.all(k, input[k].all(x, true))', 2, 187, { input: mapOf(string, mapOf(string, record, 10), 5) }],
  ['input.all(k, k.contains(k))', 2, 32, { input: mapOf(textOf(10), record, 5) }],
  [
    'input.all(k, input[k].all(k, true) && k.contains(k))',
    2,
    34,
    { input: mapOf(textOf(5), mapOf(string, record, 2), 2) },
  ],
  ['(one + two).all(x, true)', 4, 64, { one: sized(list(int), 10), two: sized(list(int), 10) }],
  ["'abcdefg'.contains(one + two)", 2, 6, { one: textOf(10), two: textOf(10) }],
  ['input.all(x, true)', 2, unlimited, { input: list(record) }],
  ['input.map(x, x)', 12, 12 + 13 * 100, { input: sized(list(int), 100) }],
  ["input.split(',')", 1, 21, { input: textOf(100) }],
  ["input.split(',').all(p, p == 'a')", 2, 522, { input: textOf(100) }],
  ['input.lowerAscii() == input', 3, 22, { input: textOf(100) }],
  ["input.replace('a', 'bb').size()", 2, 22, { input: textOf(100) }],
  ['input.join() == text', 3, unlimited, { input: list(string), text: string }],
  ["input.join('-')", 1, 111, { input: sized(list(textOf(10)), 100) }],
  ['sets.contains(input, [1])', 12, 112, { input: sized(list(int), 100) }],
  ['input.sort()', 12, 20_012, { input: sized(list(int), 100) }],
  ['cel.bind(l, input, l.all(x, true))', 13, 313, { input: sized(list(int), 100) }],
  ['dyn(input) == 1', 2, 2, { input: int }],
];

test('what an expression may cost is known beforehand, as cel-go estimates it', () => {
  const differing = estimates.flatMap(([expression, min, max, declared]) => {
    const cost = compiled(expression, { ...variables, ...declared }).cost();
    return cost.min === min && cost.max === max
      ? []
      : [`${expression}: ${cost.min} to ${cost.max}, not ${min} to ${max}`];
  });
  assert.deepEqual(differing, []);
});

test('no evaluation costs more than its limit, in any macro', () => {
  const numbers = Array.from({ length: 300 }, (_, index) => BigInt(index));
  const nested = (macro: string, end: string): string =>
    `ints.${macro}(a, ints.${macro}(b, ints.${macro}(c, ${end}) == ints.${macro}(d, true)) == ints.${macro}(e, true))`;
  const texts = [
    'ints.all(a, ints.all(b, ints.all(c, a >= 0)))',
    'ints.exists(a, ints.exists(b, ints.exists(c, a < 0)))',
    'ints.map(a, ints.map(b, ints.map(c, c)))',
    'ints.exists_one(a, ints.exists_one(b, ints.exists_one(c, true)))',
    'ints.all(a, ints.all(b, ints.all(c, a / 0 == 1)))',
    'ints.transformMap(k, v, ints.transformMap(l, w, ints.transformMap(m, x, x)))',
    nested('filter', 'true'),
  ];
  for (const text of texts) {
    const result = compiled(text, variables).evaluate({ ...values, ints: numbers });
    assert.equal(result.kind === 'error' && result.isCostExceeded, true, text);
    assert.equal(result.kind === 'error' && result.message, 'operation cancelled: actual cost limit exceeded');
  }
  const doubling = Array.from({ length: 40 }).reduce<string>(
    (text, _, index) => `cel.bind(x${index}, x${index + 1} + x${index + 1}, ${text})`,
    'x0',
  );
  const doubled = compiled(`cel.bind(x40, text, ${doubling})`, variables).evaluate(values);
  assert.equal(doubled.kind === 'error' && doubled.isCostExceeded, true);
});

test('a limit is what may be spent, not more', () => {
  const program = compiled("'abcdefg'.contains('val1' + 'val2222222')", variables);
  assert.equal(program.evaluate(values, { costLimit: 4 }).kind, 'value');
  assert.deepEqual(program.evaluate(values, { costLimit: 3 }), {
    kind: 'error',
    message: 'operation cancelled: actual cost limit exceeded',
    isCostExceeded: true,
    cost: 4,
  });
  assert.equal(compiled('a || text.contains(other)', variables).evaluate(values, { costLimit: 100 }).kind, 'error');
});
