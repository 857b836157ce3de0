import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../limits.ts';
import { fixedCost } from './costs.ts';
import type { CelLibrary } from './declarations.ts';
import { type CelError, type CelProgram, celEnvironment } from './environment.ts';
import { celValue } from './json-values.ts';
import { nameOfType } from './type-names.ts';
import { celTypes } from './types.ts';
import { CelOpaque, CelOptional, CelRecord, type CelValue, fault } from './values.ts';

const { int, bool, string, dyn, list, map, object, opaque } = celTypes;
const self = object('Self', { replicas: int, name: string, any: dyn, labels: map(string, string) });
const environment = celEnvironment({ variables: { self, claims: map(string, dyn) }, escapedNames: true });

function compiled(expression: string, within = environment): CelProgram {
  const outcome = within.compile(expression);
  return outcome.kind === 'program' ? outcome.program : assert.fail(outcome.error.text);
}

function errorOf(expression: string, within = environment): CelError {
  const outcome = within.compile(expression);
  return outcome.kind === 'error' ? outcome.error : assert.fail(`${expression} compiles`);
}

test('a fault in the text tells what and where, as cel-go prints it', () => {
  assert.deepEqual(errorOf('1 +\n  foo'), {
    message: "undeclared reference to 'foo' (in container '')",
    line: 2,
    column: 3,
    text: "ERROR: <input>:2:3: undeclared reference to 'foo' (in container '')\n |   foo\n | ..^",
  });
  const places: readonly (readonly [string, number])[] = [
    ['self.x', 5],
    ["self.replicas + 'a'", 15],
    ["'😀' + self.nope", 11],
    ['size(1)', 5],
    ["'a'.matches(1)", 12],
    ["self.labels[2] == 'a'", 12],
    ['self.replicas > 1 ? 1 : "a"', 19],
    ['!self.name', 1],
    ["{'a': 1, 'b': 'c'}", 15],
    ["['a', 1]", 7],
    ['1.all(2, 3)', 7],
    ['x.all(y, true)', 1],
    ['foo(1)', 4],
    ["'a'.matches('(')", 13],
    ['self.name.', 11],
    ['self..name', 6],
    ['[1, 2', 6],
    ['for', 1],
  ];
  for (const [expression, column] of places) assert.equal(errorOf(expression).column, column, expression);
});

test('several faults are told in the order of their places', () => {
  const error = errorOf('self.b == self.a && foo');
  assert.equal(
    error.text,
    [
      "ERROR: <input>:1:5: undefined field 'b'",
      ' | self.b == self.a && foo',
      ' | ....^',
      "ERROR: <input>:1:15: undefined field 'a'",
      ' | self.b == self.a && foo',
      ' | ..............^',
      "ERROR: <input>:1:21: undeclared reference to 'foo' (in container '')",
      ' | self.b == self.a && foo',
      ' | ....................^',
    ].join('\n'),
  );
  assert.equal(error.message, "undefined field 'b'");
});

test('text, depth and nodes are bounded', () => {
  const { celExpressionCharactersMax: characters, celDepthMax: depth } = limits;
  assert.match(errorOf(' '.repeat(characters + 1)).message, /exceeds 65536 characters/);
  const tooDeep = [
    `${'('.repeat(depth + 50)}1${')'.repeat(depth + 50)}`,
    `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
    `self.any${'.x'.repeat(depth + 50)}`,
    `1${' + 1'.repeat(depth + 50)}`,
    `1${' == 1'.repeat(depth + 50)}`,
    `${'true ? true : '.repeat(depth + 50)}false`,
    `${'{1: '.repeat(depth + 50)}1${'}'.repeat(depth + 50)}`,
    `self.any${'.optMap(x, x)'.repeat(depth + 50)}`,
  ];
  for (const text of tooDeep) assert.match(errorOf(text).message, /recursion limit exceeded: 250/, text.slice(0, 20));
  assert.match(errorOf(`[${'1, '.repeat(limits.celNodesMax)}1]`).message, /exceeds 10000 nodes/);
  assert.equal(compiled(`${'true && '.repeat(2_000)}true`).evaluate({}).kind, 'value');
});

test('a macro that looks at its target twice does not make expressions grow', () => {
  const chain = `optional.of(1)${'.optMap(x, x + 1)'.repeat(200)}`;
  const program = compiled(chain);
  assert.equal(nameOfType(program.type), 'optional_type(int)');
  assert.equal(program.cost().max < 1e4, true);
  const result = program.evaluate({});
  assert.equal(result.kind === 'value' && result.value instanceof CelOptional && result.value.value, 201n);
});

test('what an expression gives can be demanded', () => {
  const demand = (expression: string, ...returns: readonly (typeof bool | typeof string)[]) => {
    const outcome = environment.compile(expression, { returns });
    return outcome.kind === 'error' ? [outcome.error.text, outcome.error.isReturnType] : 'program';
  };
  assert.equal(demand('true', bool), 'program');
  assert.equal(demand('self.any', bool), 'program');
  assert.deepEqual(demand('1', bool), ['must evaluate to bool', true]);
  assert.deepEqual(demand('1', bool, string), ['must evaluate to one of [bool string]', true]);
});

test('which variables and fields an expression reads is known', () => {
  const reader = compiled("claims.?email.orValue('') + self.any.email_verified");
  assert.ok(reader.selects('claims', 'email') && reader.selects('self', 'any') && reader.reads('claims'));
  assert.ok(!reader.selects('claims', 'email_verified') && !compiled('self.name').reads('claims'));
});

test('fields of maps are named as Kubernetes escapes what is no identifier', () => {
  const claims = celValue(map(string, dyn), { 'dotted.name': 'v', nested: { 'a/b': [{ in: 1 }] } });
  for (const expression of [
    "claims.dotted__dot__name == 'v' && claims['dotted.name'] == 'v'",
    'claims.nested.a__slash__b[0].__in__ == 1',
    'has(claims.nested.a__slash__b) && !has(claims.a__dash__b)',
    "claims.?dotted__dot__name.orValue('') == 'v'",
  ]) {
    const result = compiled(expression).evaluate({ claims });
    assert.equal(result.kind === 'value' && result.value, true, expression);
  }
});

test('a variable that is a function is asked once, when it is read, and not else', () => {
  let asked = 0;
  const lazy = (): CelValue => {
    asked++;
    return null;
  };
  const within = celEnvironment({ variables: { claims: dyn } });
  assert.equal(compiled('true || claims == null', within).evaluate({ claims: lazy }).kind, 'value');
  assert.equal(asked, 0);
  assert.equal(compiled('claims == null && claims == null', within).evaluate({ claims: lazy }).kind, 'value');
  assert.equal(asked, 1);
  const failing = compiled('claims.x == 1 || true').evaluate({ claims: () => fault('not there') });
  assert.equal(failing.kind === 'value' && failing.value, true);
  const missing = compiled('claims.x').evaluate({});
  assert.equal(missing.kind === 'error' && missing.message, 'no such attribute(s): claims');
});

test('each evaluation makes its own lists and maps', () => {
  for (const expression of ['[1].transformMap(i, v, v).size() == 1', '[1].map(x, x).size() == 1']) {
    const program = compiled(expression);
    for (let round = 0; round < 2; round++) {
      const result = program.evaluate({});
      assert.equal(result.kind === 'value' && result.value, true, expression);
    }
  }
});

class Colour extends CelOpaque {
  readonly typeName = 'paint.Colour';
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }

  equals(other: this): boolean {
    return this.name === other.name;
  }
}

const paints: CelLibrary = {
  name: 'paints',
  types: ['paint.Colour'],
  functions: {
    'colour(string): paint.Colour': { run: (name: string) => new Colour(name), cost: fixedCost(7) },
    'paint.Colour.mixed(paint.Colour): paint.Colour': (a: Colour, b: Colour) => new Colour(a.name + b.name),
    'paint.names(list<T>, T): list<string>': (all: readonly CelValue[], one: CelValue) =>
      all.includes(one) ? ['in'] : ['out'],
  },
  constants: { 'paint.best': { type: string, value: 'blue' } },
};

test('libraries bring types, functions, methods and constants', () => {
  const painted = celEnvironment({ variables: { c: opaque('paint.Colour') }, libraries: [paints] });
  const rows: readonly (readonly [string, unknown])[] = [
    ["colour('a').mixed(colour('b')) == colour('ab')", true],
    ["colour('a') != colour('b')", true],
    ['type(c) == paint.Colour', true],
    ["paint.names([1, 2], 2)[0] + ' ' + paint.best", 'in blue'],
    ["[c].exists(x, x == colour('red'))", true],
  ];
  for (const [expression, value] of rows) {
    const result = compiled(expression, painted).evaluate({ c: new Colour('red') });
    assert.deepEqual(result.kind === 'value' && result.value, value, expression);
  }
  assert.equal(compiled("colour('a')", painted).evaluate({ c: null }).cost, 7);
  assert.match(errorOf("colour('a') + 1", painted).message, /applied to '\(paint\.Colour, int\)'/);
  assert.match(
    errorOf("paint.names([1], 'a')", painted).message,
    /'paint\.names' applied to '\(list\(int\), string\)'/,
  );
});

class Variables extends CelRecord {
  readonly typeName = 'Variables';

  get(field: string): CelValue | undefined {
    return field === 'fails' ? fault('it cannot be made') : field.toUpperCase();
  }

  fieldNames(): Iterable<string> {
    return [];
  }
}

test('a record may make its fields when they are read', () => {
  const variables = object('Variables', { one: string, fails: string });
  const within = celEnvironment({ variables: { variables } });
  const result = compiled("variables.one == 'ONE' || variables.fails == ''", within).evaluate({
    variables: new Variables(),
  });
  assert.equal(result.kind === 'value' && result.value, true);
  const failing = compiled('variables.fails', within).evaluate({ variables: new Variables() });
  assert.equal(failing.kind === 'error' && failing.message, 'it cannot be made');
});

test('JSON that does not fit its declared type is a fault of the expression that reads it', () => {
  const json = { replicas: 'three', name: 5, labels: ['x'] };
  const rows: readonly (readonly [string, RegExp])[] = [
    ['self.replicas > 1', /expected int, got string/],
    ["self.name == ''", /expected string, got number/],
    ["self.labels.a == ''", /expected a map for the provided schema with type=object/],
  ];
  for (const [expression, message] of rows) {
    const result = compiled(expression).evaluate({ self: celValue(self, json) });
    assert.match(result.kind === 'error' ? result.message : 'a value', message, expression);
  }
});

test('what an expression makes is bounded beside its cost', () => {
  const within = celEnvironment({ variables: { l: list(int), s: string } });
  const doubled = (count: number, from: string): string =>
    Array.from({ length: count })
      .reduce<string>((text, _, index) => `cel.bind(x${index}, x${index + 1} + x${index + 1}, ${text})`, 'x0')
      .replace(/^/, `cel.bind(x${count}, ${from}, `)
      .concat(')');
  const values = { l: Array.from({ length: 1000 }, () => 1n), s: 'x'.repeat(100_000) };
  for (const expression of [
    doubled(30, 'l'),
    'lists.range(9000000)',
    "s.replace('', s)",
    "lists.range(1000).map(x, s).join('')",
    '[lists.range(100000)].map(x, [x, x, x, x, x, x, x, x, x, x, x, x]).flatten().flatten()',
    "'%s%s%s'.format([dyn(lists.range(60).map(x, [s, s, s, s])), '', ''])",
    'cel.bind(a, lists.range(2000), sets.contains(a, a))',
  ]) {
    const result = compiled(expression, within).evaluate(values);
    assert.equal(result.kind === 'error' && result.isCostExceeded, true, expression.slice(0, 60));
  }
  const same = Array.from({ length: 40 }).reduce<string>((text) => `[${text}].map(x, [x, x])[0]`, '[1]');
  const compared = compiled(`${same} == ${same}`, within).evaluate(values);
  assert.equal(compared.kind === 'error' && compared.isCostExceeded, true);
});
