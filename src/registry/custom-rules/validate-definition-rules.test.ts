import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JSONSchemaProps } from '../../api/schema/types/apiextensions-v1.ts';
import { validateSchema } from '../validation/custom-resource-schema.ts';
import { validateRulesSize } from './rules-size.ts';

const string = { type: 'string' };
const integer = { type: 'integer' };

const rulesOf = (...rules: (string | object)[]): object => ({
  'x-kubernetes-validations': rules.map((rule) => (typeof rule === 'string' ? { rule } : rule)),
});
const object = (properties: object, ...rules: (string | object)[]): object => ({
  type: 'object',
  properties,
  ...(rules.length > 0 && rulesOf(...rules)),
});
const spec = (properties: object, ...rules: (string | object)[]): object =>
  object({ spec: object(properties, ...rules) });

function told(schema: object): string[] {
  return validateSchema('s', schema, false).map(({ field, message }) => `${field}: ${message}`);
}

const at = (index: number, field = 'rule'): string => `s.properties[spec].x-kubernetes-validations[${index}].${field}`;
const shown = (rule: string, message = ''): string =>
  JSON.stringify({
    Rule: rule,
    Message: '',
    MessageExpression: message,
    Reason: null,
    FieldPath: '',
    OptionalOldSelf: null,
  });

test('rules must compile, and give what they have to', () => {
  const rows: readonly (readonly [string | object, string])[] = [
    [
      'self.x > 1',
      `${at(0)}: Invalid value: ${shown('self.x \\u003e 1').replaceAll('\\\\', '\\')}: compilation failed: ERROR: <input>:1:5: undefined field 'x'\n | self.x > 1\n | ....^`,
    ],
    ['self.a', `${at(0)}: Invalid value: ${shown('self.a')}: cel expression must evaluate to a bool`],
    [
      { rule: 'true', messageExpression: '1' },
      `${at(0, 'messageExpression')}: Invalid value: ${shown('true', '1')}: messageExpression must evaluate to a string`,
    ],
    [
      { rule: 'true', optionalOldSelf: true },
      `${at(0, 'optionalOldSelf')}: Invalid value: true: may not be set if oldSelf is not used in rule`,
    ],
    [{ rule: 'true', fieldPath: '.nothing' }, `${at(0, 'fieldPath')}: Invalid value: ".nothing": must be a valid path`],
  ];
  for (const [rule, wanted] of rows) assert.deepEqual(told(spec({ a: integer }, rule)), [wanted]);
  const [problem = ''] = told(spec({ a: integer }, { rule: 'true', messageExpression: 'self.' }));
  assert.match(
    problem,
    /messageExpression: Invalid value: .*: messageExpression compilation failed: ERROR: <input>:1:/s,
  );
  assert.deepEqual(told(spec({ a: integer }, 'self.a > 1 && self.a != oldSelf.a')), []);
});

test('fields that the schema does not describe are not there for rules', () => {
  const any = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const open = { 'x-kubernetes-preserve-unknown-fields': true };
  assert.match(told(spec({ any }, 'has(self.any.x)'))[0] ?? '', /undefined field 'x'/);
  assert.match(told(spec({ open }, 'has(self.open)'))[0] ?? '', /undefined field 'open'/);
  assert.match(told(spec({ l: { type: 'array', items: open } }, 'has(self.l)'))[0] ?? '', /undefined field 'l'/);
  assert.match(told(object({}, 'has(self.metadata.labels)'))[0] ?? '', /undefined field 'labels'/);
  assert.deepEqual(told(object({}, 'self.metadata.generateName != "x" && self.kind != "y"')), []);
  const port = { 'x-kubernetes-int-or-string': true };
  assert.deepEqual(told(spec({ port }, 'type(self.port) == int ? self.port > 0 : isQuantity(self.port)')), []);
});

test('oldSelf is for what can be found again after an update', () => {
  const item = { ...integer, ...rulesOf('self >= oldSelf') };
  const within = 's.properties[spec].properties[l]';
  const refused = `${within}.items.x-kubernetes-validations[0].rule: Invalid value: "self >= oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${within}`;
  const list = { type: 'array', maxItems: 3, items: item };
  assert.deepEqual(told(spec({ l: list })), [refused.replace(/>/g, '>')]);
  assert.deepEqual(told(spec({ l: { ...list, 'x-kubernetes-list-type': 'set' } })), [refused]);
  const entry = { ...object({ key: string, n: item }), required: ['key'] };
  const keyed = { type: 'array', maxItems: 3, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['key'] };
  assert.deepEqual(told(spec({ l: { ...keyed, items: entry } })), []);
  assert.deepEqual(told(spec({ m: { type: 'object', maxProperties: 3, additionalProperties: item } })), []);
});

const lists = (bounds: object): object => ({ type: 'array', items: { ...string, ...bounds }, ...bounds });
const advice =
  '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';

test('a rule that may cost too much is refused, until the schema bounds what it goes through', () => {
  const nested = 'self.a.all(x, self.a.all(y, x == y))';
  const total = `s: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${advice}`;
  assert.deepEqual(told(spec({ a: lists({}) }, nested)), [
    `${at(0)}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${advice}`,
    `${at(0)}: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
    total,
  ]);
  assert.deepEqual(told(spec({ a: lists({ maxItems: 50, maxLength: 50 }) }, nested)), []);
});

test('how often a rule is asked counts as well: for each item, each value of a map, as many as fit where nothing bounds them', () => {
  const inner = { ...string, maxLength: 100, ...rulesOf("self.contains('x')") };
  const [problem = ''] = told(spec({ m: { type: 'object', additionalProperties: { type: 'array', items: inner } } }));
  assert.match(problem, /estimated rule cost exceeds budget by factor of [0-9.]+x/);
  assert.deepEqual(
    told(
      spec({
        m: { type: 'object', maxProperties: 10, additionalProperties: { type: 'array', maxItems: 10, items: inner } },
      }),
    ),
    [],
  );
});

test('rules that are cheap one by one may cost too much together', () => {
  const rule = 'self.a.all(x, x.size() > 0 && self.a.exists(y, x == y))';
  const bounds = { maxItems: 260, maxLength: 200 };
  const rules = Array.from({ length: 30 }, (_, index) => `${rule} || ${index} == 99`);
  const errors = told(spec({ a: lists(bounds) }, ...rules));
  assert.equal(errors.filter((text) => text.includes('contributed to estimated rule cost total')).length, 4);
  assert.match(
    errors.at(-1) ?? '',
    /^s: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of \d\.\dx/,
  );
  assert.equal(errors.length, 5);
  assert.deepEqual(told(spec({ a: lists(bounds) }, rule)), []);
});

test('where the schema is broken, rules above it are left alone, others are not', () => {
  const broken = { type: 'string', maxLength: 5, 'x-kubernetes-validations': [{ rule: '' }] };
  const schema = object({ a: object({ b: broken }, 'self.nothing'), c: object({}, 'self.nothing') });
  const errors = told(schema);
  assert.equal(errors.length, 2);
  assert.match(
    errors[0] ?? '',
    /^s\.properties\[a\]\.properties\[b\]\.x-kubernetes-validations\[0\]\.rule: Required value: rule is not specified/,
  );
  assert.match(
    errors[1] ?? '',
    /^s\.properties\[c\]\.x-kubernetes-validations\[0\]\.rule: .*undefined field 'nothing'/s,
  );
});

test('a default must satisfy the rules beside it', () => {
  const size = { ...integer, default: 1, ...rulesOf('self > 2') };
  assert.deepEqual(told(spec({ size })), [
    's.properties[spec].properties[size].default: Invalid value: 1: failed rule: self > 2',
  ]);
  assert.deepEqual(told(spec({ size: { ...size, default: 3 } })), []);
  const first = { rule: 'oldSelf.hasValue() || self > 2', optionalOldSelf: true };
  const [problem = ''] = told(spec({ size: { ...integer, default: 1, ...rulesOf(first) } }));
  assert.match(problem, /default: Invalid value: 1: failed rule: oldSelf.hasValue/, 'as what is new, too');
});

test('more rules than can be compiled while others wait are refused as a whole', () => {
  const rules = Array.from({ length: 1_500 }, (_, index) => `self.nothing${index}`);
  const openAPIV3Schema = spec({ a: { ...integer, default: 1, ...rulesOf(...rules) } }) as JSONSchemaProps;
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } };
  assert.deepEqual(validateRulesSize('spec.versions', [version]), []);
  assert.deepEqual(
    validateRulesSize('spec.versions', [version, { ...version, name: 'v2' }]).map(({ message }) => message),
    [
      'Forbidden: x-kubernetes-validations may have at most 262144 characters in all, where each rule counts for 100 more',
    ],
  );
});

test('expressions beyond all bounds are refused quickly', () => {
  const deep = `${'('.repeat(5_000)}true${')'.repeat(5_000)}`;
  const wide = Array.from({ length: 20_000 }, () => 'true').join(' && ');
  const long = `'${'x'.repeat(70_000)}' == 'y'`;
  for (const rule of [deep, wide, long]) assert.match(told(spec({}, rule))[0] ?? '', /compilation failed/);
  assert.match(
    told(spec({ a: string }, "self.a.matches('(')"))[0] ?? '',
    /compilation failed: ERROR: <input>:1:16: invalid matches argument/,
  );
});
