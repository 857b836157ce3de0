/** Values and errors as upstream's own tests of its validator have them. Their order hangs on Go's maps there: compared is what is said. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../../object.ts';
import { listOf, problems, type Schema, struct, text } from '../testing.ts';

interface Row {
  /** Of `field`. */
  readonly schema: Schema;
  readonly good?: readonly JsonValue[];
  readonly bad?: readonly (readonly [JsonValue, ...string[]])[];
}

const either: Schema = { 'x-kubernetes-int-or-string': true };
const anyOf = [{ type: 'integer' }, { type: 'string' }] as const;

const notOfType = (type: string, found: string): string =>
  `field: Invalid value: "${found}": field in body must be of type ${type}: "${found}"`;
const whole = (said: string): string => `<nil>: Invalid value: "": ${said}`;
const noneOfAny = whole('"field" must validate at least one schema (anyOf)');
const notAll = whole('"field" must validate all the schemas (allOf). None validated');
const noInteger = whole('Checked value must be of type integer (default format) in field');

const ofEachType: readonly (readonly [JsonValue, string])[] = [
  ['foo', 'string'],
  [42, 'integer'],
  [true, 'boolean'],
  [1.2, 'number'],
  [[], 'array'],
];

const rows: Readonly<Record<string, Row>> = {
  'not nullable': {
    schema: { type: 'object' },
    good: [{}],
    bad: [...ofEachType, [null, 'null'] as const].map(([value, found]) => [value, notOfType('object', found)]),
  },
  nullable: {
    schema: { type: 'object', nullable: true },
    good: [{}, null],
    bad: ofEachType.map(([value, found]) => [value, notOfType('object', found)]),
  },
  'nullable and no type': {
    schema: { nullable: true },
    good: [{}, null, ...ofEachType.map(([value]) => value)],
  },
  'int-or-string': {
    schema: either,
    good: [42, 'foo'],
    bad: [
      [null, notOfType('integer,string', 'null')],
      [true, notOfType('integer,string', 'boolean')],
      [1.2, notOfType('integer,string', 'number')],
      [{}, notOfType('integer,string', 'object')],
      [[], notOfType('integer,string', 'array')],
    ],
  },
  'int-or-string with anyOf': {
    schema: { ...either, nullable: true, anyOf },
    good: [null, 42, 'foo'],
    bad: [
      [true, noneOfAny, notOfType('integer,string', 'boolean'), notOfType('integer', 'boolean')],
      [1.2, noneOfAny, notOfType('integer,string', 'number'), notOfType('integer', 'number'), noInteger],
      [{}, noneOfAny, notOfType('integer,string', 'object'), notOfType('integer', 'object')],
      [[], noneOfAny, notOfType('integer,string', 'array'), notOfType('integer', 'array')],
    ],
  },
  'int-or-string with anyOf in allOf': {
    schema: { ...either, nullable: true, allOf: [{ anyOf }] },
    good: [null, 42, 'foo'],
    bad: [
      [true, notAll, noneOfAny, notOfType('integer,string', 'boolean'), notOfType('integer', 'boolean')],
      [1.2, notAll, noneOfAny, notOfType('integer,string', 'number'), notOfType('integer', 'number'), noInteger],
      [{}, notAll, noneOfAny, notOfType('integer,string', 'object'), notOfType('integer', 'object')],
    ],
  },
  'a pattern that is none': {
    schema: { ...text, pattern: '+' },
    bad: [
      [
        'foo',
        `field: Invalid value: "foo": field in body should match '+, but pattern is invalid: error parsing regexp: missing argument to repetition operator: \`+\`'`,
      ],
    ],
  },
  'required fields': {
    schema: struct({ nested: {} }, { required: ['nested'] }),
    good: [{ nested: 1 }],
    bad: [[{}, 'field.nested: Required value']],
  },
  enums: {
    schema: struct(
      { i: { type: 'integer', enum: [1, 2] }, s: { ...text, enum: ['a', 'b'] } },
      { required: ['i', 's'] },
    ),
    bad: [
      [{}, 'field.i: Required value', 'field.s: Required value'],
      [
        { i: 'x', s: true },
        'field.i: Invalid value: "string": field.i in body must be of type integer: "string"',
        'field.i: Unsupported value: "x": supported values: "1", "2"',
        'field.s: Invalid value: "boolean": field.s in body must be of type string: "boolean"',
        'field.s: Unsupported value: true: supported values: "a", "b"',
      ],
    ],
  },
  'int32, from end to end': {
    schema: { type: 'integer', format: 'int32' },
    good: [-(2 ** 31), 0, 2 ** 31 - 1],
    bad: [
      [2 ** 31, whole('Checked value must be of type integer with format int32 in field')],
      [-(2 ** 31) - 1, whole('Checked value must be of type integer with format int32 in field')],
    ],
  },
  'int64, from end to end': {
    schema: { type: 'integer', format: 'int64' },
    good: [-(2 ** 63), 0, 2 ** 63 - 1024],
    bad: [
      [
        2 ** 63 * 1.1,
        'field: Invalid value: "float64": field in body must be of type int64: "float64"',
        whole('Checked value must be of type integer with format int64 in field'),
      ],
    ],
  },
  'float, from end to end': {
    schema: { type: 'number', format: 'float' },
    good: [3.4028234663852886e38, -3.4028234663852886e38, 0],
    bad: [[3.5e38, whole('Checked value must be of type number with format float in field')]],
  },
  double: { schema: { type: 'number', format: 'double' }, good: [Number.MAX_VALUE, -Number.MAX_VALUE] },
  'names of Kubernetes': {
    schema: struct({ s: { ...text, format: 'k8s-short-name' }, l: { ...text, format: 'k8s-long-name' } }),
    good: [{ s: 'a-b', l: 'a.b' }],
    bad: [
      [{ s: 'a-' }, 'field.s: Invalid value: "a-": field.s in body must be of type k8s-short-name: "a-"'],
      [{ l: 'a.-' }, 'field.l: Invalid value: "a.-": field.l in body must be of type k8s-long-name: "a.-"'],
    ],
  },
  'too many fields': {
    schema: { type: 'object', maxProperties: 2 },
    bad: [[{ a: true, b: true, c: true }, 'field: Too many: 3: must have at most 2 items']],
  },
  'too many items': {
    schema: listOf({}, { maxItems: 2 }),
    bad: [[['a', 'b', 'c'], 'field: Too many: 3: must have at most 2 items']],
  },
};

for (const [name, { schema, good = [], bad = [] }] of Object.entries(rows)) {
  test(`as upstream: ${name}`, () => {
    const said = (value: JsonValue): string[] => problems(struct({ field: schema }), { field: value }).sort();
    for (const value of good) deepEqual(said(value), [], JSON.stringify(value));
    for (const [value, ...expected] of bad) deepEqual(said(value), expected.sort(), JSON.stringify(value));
  });
}
