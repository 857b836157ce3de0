import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../../api/object.ts';
import { structuralOf } from '../../api/structural/structural-of.ts';
import { evaluateRules, type RuleContext } from './evaluate-rules.ts';

const string = { type: 'string' };
const integer = { type: 'integer' };

function object(properties: Record<string, object>, ...rules: (string | object)[]): object {
  return { type: 'object', properties, ...rulesOf(rules) };
}

const rulesOf = (rules: readonly (string | object)[]): object => ({
  'x-kubernetes-validations': rules.map((rule) => (typeof rule === 'string' ? { rule } : rule)),
});

interface Asked extends RuleContext {
  readonly old?: JsonValue;
}

function told(schema: object, value: JsonValue, { old, ...context }: Asked = {}): string[] {
  const errors = evaluateRules(structuralOf(schema), value, old, { isRoot: false, ...context });
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

test('a rule that does not hold is told at its node, with its text, its message or what its expression makes', () => {
  const size = (rule: object) => object({ spec: object({ size: { ...integer, ...rulesOf([rule]) } }) });
  const value = { spec: { size: 3 } };
  const rows: readonly (readonly [object, string])[] = [
    [{ rule: 'self > 4' }, 'spec.size: Invalid value: 3: failed rule: self > 4'],
    [{ rule: 'self > 4', message: ' too small ' }, 'spec.size: Invalid value: 3: too small'],
    [
      { rule: 'self > 4', messageExpression: "'%d is too small'.format([self])" },
      'spec.size: Invalid value: 3: 3 is too small',
    ],
    [{ rule: 'self > 4', message: 'm', messageExpression: "''" }, 'spec.size: Invalid value: 3: m'],
    [{ rule: 'self > 4', message: 'm', messageExpression: "'a\\nb'" }, 'spec.size: Invalid value: 3: m'],
    [{ rule: 'self > 4', messageExpression: 'string(1 / 0)' }, 'spec.size: Invalid value: 3: failed rule: self > 4'],
    [{ rule: 'self > 4', reason: 'FieldValueForbidden' }, 'spec.size: Forbidden: failed rule: self > 4'],
    [{ rule: 'self > 4', reason: 'FieldValueRequired', message: 'm' }, 'spec.size: Required value: m'],
    [{ rule: 'self > 4', reason: 'FieldValueDuplicate' }, 'spec.size: Duplicate value: 3'],
    [{ rule: 'self > 4', reason: 'FieldValueInvalid' }, 'spec.size: Invalid value: 3: failed rule: self > 4'],
    [
      { rule: '1 / (self - 3) > 1' },
      'spec.size: Invalid value: "integer": division by zero evaluating rule: 1 / (self - 3) > 1',
    ],
  ];
  for (const [rule, wanted] of rows) assert.deepEqual(told(size(rule), value), [wanted]);
  assert.deepEqual(told(size({ rule: 'self == 3' }), value), []);
});

test('at an object the value is not shown; a field path says which part is meant; the whole object has no path', () => {
  const fields = { a: integer, b: object({ 'x.y': integer }) };
  const named = { rule: 'self.a > 4', fieldPath: ".b['x.y']", message: 'm', reason: 'FieldValueDuplicate' };
  const schema = object({ spec: object(fields, 'self.a > 4', named) }, 'has(self.spec.b)');
  const value = { spec: { a: 1 } };
  assert.deepEqual(told(schema, value), [
    '<nil>: Invalid value: failed rule: has(self.spec.b)',
    'spec: Invalid value: failed rule: self.a > 4',
    'spec.b.x.y: Duplicate value',
  ]);
});

test('items, map values and fields are gone through, nulls are left to what is above them', () => {
  const short = { ...string, nullable: true, ...rulesOf(['self.size() < 3']) };
  const schema = object({
    list: { type: 'array', items: short },
    map: { type: 'object', additionalProperties: short },
    field: short,
  });
  const value = { list: ['ab', null, 'long'], map: { 'a.b': 'long', c: null, d: 'x' }, field: null };
  assert.deepEqual(told(schema, value), [
    'list[2]: Invalid value: "long": failed rule: self.size() < 3',
    'map[a.b]: Invalid value: "long": failed rule: self.size() < 3',
  ]);
});

test('whole objects have their type and name, also inside, and of their metadata nothing else', () => {
  const inner = {
    type: 'object',
    'x-kubernetes-embedded-resource': true,
    'x-kubernetes-preserve-unknown-fields': true,
    ...rulesOf(["self.kind == 'Pod' && self.metadata.name.startsWith('web')", 'has(self.metadata.labels)']),
  };
  const schema = object(
    { template: inner },
    "self.apiVersion + '/' + self.kind == 'v1/Widget' && self.metadata.name == 'one'",
  );
  const value = {
    apiVersion: 'v1',
    kind: 'Widget',
    metadata: { name: 'one' },
    template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'db' } },
  };
  const [first, second = '', ...more] = told(schema, value, { isRoot: true });
  assert.match(first ?? '', /^template: Invalid value: failed rule: self.kind/);
  assert.match(second, /^template: Invalid value: "object": rule compile error: .*undefined field 'labels'/s);
  assert.deepEqual(more, []);
});

test('rules on oldSelf are asked of updates of what can be found again', () => {
  const same = rulesOf([{ rule: 'self == oldSelf', message: 'is immutable' }]);
  const item = object({ name: string, port: { ...integer, ...same } });
  const keyed = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: item };
  const schema = object({
    size: { ...integer, ...same },
    keyed,
    map: { type: 'object', additionalProperties: { ...string, ...same } },
  });
  const old = {
    size: 1,
    keyed: [
      { name: 'a', port: 1 },
      { name: 'b', port: 2 },
    ],
    map: { x: '1' },
  };
  const value = {
    size: 2,
    keyed: [
      { name: 'b', port: 3 },
      { name: 'c', port: 9 },
      { name: 'a', port: 1 },
    ],
    map: { x: '2', y: '1' },
  };
  assert.deepEqual(told(schema, value), []);
  assert.deepEqual(told(schema, value, { old }), [
    'size: Invalid value: 2: is immutable',
    'keyed[0].port: Invalid value: 3: is immutable',
    'map[x]: Invalid value: "2": is immutable',
  ]);
  assert.deepEqual(told(schema, value, { old: { size: null } }), [], 'a null is no old value');
});

test('an optional oldSelf is asked for new values, too', () => {
  const grows = { rule: 'self >= 10 || (oldSelf.hasValue() && oldSelf.value() <= self)', optionalOldSelf: true };
  const schema = { ...integer, ...rulesOf([grows]) };
  assert.deepEqual(told(schema, 10, { path: 'n' }), []);
  assert.deepEqual(told(schema, 9, { path: 'n' }).length, 1);
  assert.deepEqual(told(schema, 9, { path: 'n', old: 8 }), []);
  assert.deepEqual(told(schema, 7, { path: 'n', old: 8 }).length, 1);
});

test('what did not change is warned of and let pass, unless the rule compares with what was', () => {
  const even = { ...integer, ...rulesOf([{ rule: 'self % 2 == 0', message: 'must be even' }]) };
  const moves = { ...integer, ...rulesOf([{ rule: 'self != oldSelf', message: 'must move' }]) };
  const schema = object({ a: even, b: even, list: { type: 'array', items: even }, c: moves });
  const warnings: string[] = [];
  const old = { a: 1, b: 1, list: [1, 2], c: 1 };
  const warn = (text: string): unknown => warnings.push(text);
  assert.deepEqual(told(schema, { a: 1, b: 3, list: [1, 2], c: 1 }, { old, warn }), [
    'b: Invalid value: 3: must be even',
    'c: Invalid value: 1: must move',
  ]);
  assert.deepEqual(warnings, ['a: Invalid value: 1: must be even', 'list[0]: Invalid value: 1: must be even']);
  assert.deepEqual(told(schema, { list: [1, 2, 4] }, { old }), ['list[0]: Invalid value: 1: must be even']);
});

const many = (count: number): JsonValue => Array.from({ length: count }, () => 'x'.repeat(60));
const lines = { type: 'array', items: string };
const pairs = 'self.lines.all(a, self.lines.all(b, self.lines.all(c, a.contains(b) && b.contains(c))))';

test('an expression that costs too much ends the evaluation, and one object has a budget for all', () => {
  const schema = object({ lines }, pairs, 'false');
  const limit = 'operation cancelled: actual cost limit exceeded';
  const why = `'${limit}': no further validation rules will be run due to call cost exceeds limit for rule: ${pairs}`;
  assert.deepEqual(told(schema, { lines: many(200) }), [`<nil>: Invalid value: "object": ${why}`]);
  const cheap = 'self.lines.all(line, line.size() == 60)';
  const poor = told(object({ lines }, cheap, cheap), { lines: many(100) }, { budget: { left: 1_000 } });
  const ended = 'validation failed due to running out of cost budget, no further validation rules will be run';
  assert.deepEqual(poor, [`<nil>: Invalid value: "object": ${ended}`]);
  const first = object({ lines: { ...lines, items: { ...string, ...rulesOf(['self.size() == 60']) } } });
  const budget = { left: 50 };
  assert.deepEqual(told(first, { lines: many(100) }, { budget }).length, 1, 'told once, not for each item');
  assert.ok(budget.left < 0);
});

test('a message that costs too much is told instead', () => {
  const message = 'self.lines.map(a, self.lines.map(b, self.lines.map(c, a + b + c)[0])[0])[0]';
  const rule = { rule: 'false', messageExpression: message };
  const [text = '', ...more] = told(object({ lines }, rule, 'false'), { lines: many(100) });
  assert.match(
    text,
    /no further validation rules will be run due to call cost exceeds limit for messageExpression: "self/,
  );
  assert.deepEqual(more, []);
});

test('a pattern that other engines try for ever is answered', () => {
  const schema = { ...string, ...rulesOf(["self.matches('^(a+)+$')", "self.find('(a|aa)+$') == ''"]) };
  assert.deepEqual(told(schema, `${'a'.repeat(5_000)}!`, { path: 'x' }).length, 1);
});

test('a schema without rules costs nothing, and an empty rule says nothing', () => {
  assert.deepEqual(told(object({ a: string }), { a: 'x' }), []);
  assert.deepEqual(told(object({ a: string }, ' '), { a: 'x' }), []);
});

test('escaped, reserved and unwritable names', () => {
  const fields = {
    'a.b': integer,
    'c-d': integer,
    'e/f': integer,
    g__h: integer,
    namespace: integer,
    'no name': integer,
  };
  const schema = (rule: string): object => object(fields, rule);
  const value = { 'a.b': 1, 'c-d': 2, 'e/f': 3, g__h: 4, namespace: 5, 'no name': 6 };
  const sum = 'self.a__dot__b + self.c__dash__d + self.e__slash__f + self.g__underscores__h + self.__namespace__ == 15';
  assert.deepEqual(told(schema(sum), value), []);
  assert.deepEqual(told(schema('self.namespace == 5 && has(self.__namespace__)'), value), []);
  assert.match(told(schema('self.g__h == 4'), value)[0] ?? '', /undefined field 'g__h'/);
  const [same] = told(schema('self == oldSelf'), { ...value, 'no name': 7 }, { old: value });
  assert.equal(
    same,
    '<nil>: Invalid value: failed rule: self == oldSelf',
    'what cannot be named is compared all the same',
  );
});
