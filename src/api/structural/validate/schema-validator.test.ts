import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../lib/limits.ts';
import type { JsonValue } from '../../object.ts';
import { integer, listOf, mapOf, problems, type Schema, struct, text } from '../testing.ts';

/** What stands at `a`, by this schema, and what is said of it. */
type Row = readonly [schema: Schema, value: JsonValue, ...problems: string[]];

const number: Schema = { type: 'number' };
const boolean: Schema = { type: 'boolean' };
const either: Schema = { 'x-kubernetes-int-or-string': true };

const rows: Readonly<Record<string, Row>> = {
  'a text is a text': [text, 'x'],
  'a number is no text': [text, 1, 'a: Invalid value: "integer": a in body must be of type string: "integer"'],
  'a text is no integer': [integer, '1', 'a: Invalid value: "string": a in body must be of type integer: "string"'],
  'a whole number is an integer': [integer, 1],
  'a fraction is no integer, which is told twice': [
    integer,
    1.5,
    'a: Invalid value: "number": a in body must be of type integer: "number"',
    '<nil>: Invalid value: "": Checked value must be of type integer (default format) in a',
  ],
  'an integer is a number': [number, 1],
  'a fraction is a number': [number, 1.5],
  'an object is no list': [listOf(text), {}, 'a: Invalid value: "object": a in body must be of type array: "object"'],
  'a list is no object': [struct({}), [], 'a: Invalid value: "array": a in body must be of type object: "array"'],
  'a text is no boolean': [boolean, 'true', 'a: Invalid value: "string": a in body must be of type boolean: "string"'],
  'null is of no type': [text, null, 'a: Invalid value: "null": a in body must be of type string: "null"'],
  'null is what is nullable': [{ ...text, nullable: true }, null],
  'a schema without a type takes anything': [{ 'x-kubernetes-preserve-unknown-fields': true }, [1, 'x']],
  'int-or-string takes an integer': [either, 1],
  'int-or-string takes a text': [either, '1'],
  'int-or-string takes nothing else': [
    either,
    true,
    'a: Invalid value: "boolean": a in body must be of type integer,string: "boolean"',
  ],
  'an enum lists what is allowed': [
    { ...text, enum: ['p', 'q'] },
    'r',
    'a: Unsupported value: "r": supported values: "p", "q"',
  ],
  'an enum may list objects': [
    { type: 'object', enum: [{ b: 1 }], 'x-kubernetes-preserve-unknown-fields': true },
    { b: 2 },
    'a: Unsupported value: {"b":2}: supported values: "{\\"b\\":1}"',
  ],
  'an object of an enum is known by its fields': [
    { type: 'object', enum: [{ b: 1, c: [2] }], 'x-kubernetes-preserve-unknown-fields': true },
    { c: [2], b: 1 },
  ],
  'null is in no enum': [
    { ...text, nullable: true, enum: ['p', null] },
    null,
    'a: Unsupported value: null: supported values: "p", "null"',
  ],
  'a text may be too long': [{ ...text, maxLength: 3 }, 'abcd', 'a: Too long: may not be more than 3 bytes'],
  'characters are counted, not halves of them': [{ ...text, maxLength: 2, minLength: 2 }, '😀é'],
  'a text may be too short': [
    { ...text, minLength: 3 },
    'ab',
    'a: Invalid value: "ab": a in body should be at least 3 chars long',
  ],
  'a text may not match': [{ ...text, pattern: '^x+$' }, 'y', `a: Invalid value: "y": a in body should match '^x+$'`],
  'a pattern matches anywhere': [{ ...text, pattern: 'x' }, 'axb'],
  'of a text, the first broken rule is told': [
    { ...text, maxLength: 1, pattern: '^x' },
    'yy',
    'a: Too long: may not be more than 1 byte',
  ],
  'a number may be too large': [
    { ...number, maximum: 5 },
    6,
    'a: Invalid value: 6: a in body should be less than or equal to 5',
  ],
  'a bound is no part of what is below it': [
    { ...number, maximum: 5, exclusiveMaximum: true },
    5,
    'a: Invalid value: 5: a in body should be less than 5',
  ],
  'a number may be too small': [
    { ...integer, minimum: 1 },
    0,
    'a: Invalid value: 0: a in body should be greater than or equal to 1',
  ],
  'a bound is no part of what is above it': [
    { ...integer, minimum: 1, exclusiveMinimum: true },
    1,
    'a: Invalid value: 1: a in body should be greater than 1',
  ],
  'fractions have bounds': [
    { ...number, maximum: 1.5 },
    1.75,
    'a: Invalid value: 1.75: a in body should be less than or equal to 1.5',
  ],
  'a number has to be a multiple': [
    { ...integer, multipleOf: 3 },
    7,
    'a: Invalid value: 7: a in body should be a multiple of 3',
  ],
  'a fraction can be a multiple of one': [{ ...number, multipleOf: 0.1 }, 0.3],
  'int32 has a range': [
    { ...integer, format: 'int32' },
    2 ** 31,
    '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in a',
  ],
  'int32 takes its greatest and its least': [listOf({ ...integer, format: 'int32' }), [2 ** 31 - 1, -(2 ** 31)]],
  'a format that is no number’s own is told by its name': [
    { ...integer, format: 'int32' },
    true,
    'a: Invalid value: "": a in body must be of type int32: ""',
  ],
  'a text has a format': [
    { ...text, format: 'date' },
    '2024-02-30',
    'a: Invalid value: "2024-02-30": a in body must be of type date: "2024-02-30"',
  ],
  'a format that nobody knows is not looked at': [{ ...text, format: 'int-or-thing' }, 'x'],
  'a list may be too long': [listOf(text, { maxItems: 1 }), ['x', 'y'], 'a: Too many: 2: must have at most 1 item'],
  'a list may be too short': [
    listOf(text, { minItems: 1 }),
    [],
    'a: Invalid value: 0: a in body should have at least 1 items',
  ],
  'items are told by their place': [
    listOf(struct({ b: integer })),
    [{ b: 1 }, { b: 'x' }],
    'a[1].b: Invalid value: "string": a[1].b in body must be of type integer: "string"',
  ],
  'a list may hold an item once': [
    listOf(text, { uniqueItems: true }),
    ['x', 'y', 'x'],
    `a: Invalid value: "": a in body shouldn't contain duplicates`,
  ],
  'an object may have too many fields': [
    mapOf(text, { maxProperties: 1 }),
    { b: 'x', c: 'y' },
    'a: Too many: 2: must have at most 1 item',
  ],
  'an object may have too few fields': [
    mapOf(text, { minProperties: 2 }),
    { b: 'x' },
    'a: Invalid value: 1: a in body should have at least 2 properties',
  ],
  'values of a map are told by their key': [
    mapOf(integer),
    { b: 'x' },
    'a.b: Invalid value: "string": a.b in body must be of type integer: "string"',
  ],
  'fields that are required': [
    struct({ b: text, c: text }, { required: ['b', 'c'] }),
    { c: 'x' },
    'a.b: Required value',
  ],
  'a field that is not allowed': [
    { type: 'object', additionalProperties: false },
    { b: 'x' },
    'a: Invalid value: "b": a.b in body is a forbidden property',
  ],
  'anyOf: one is enough': [{ ...text, anyOf: [{ pattern: '^x' }, { pattern: '^y' }] }, 'yes'],
  'anyOf: of those that fail, the nearest is told': [
    struct({ b: text, c: text }, { anyOf: [{ required: ['b', 'c'] }, { required: ['b'] }] }),
    {},
    '<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)',
    'a.b: Required value',
    'a.c: Required value',
  ],
  'oneOf: none': [
    struct({ b: text, c: text }, { oneOf: [{ required: ['b'] }, { required: ['c'] }] }),
    {},
    '<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found none valid',
    'a.b: Required value',
  ],
  'oneOf: more than one': [
    struct({ b: text, c: text }, { oneOf: [{ required: ['b'] }, { required: ['c'] }] }),
    { b: 'x', c: 'y' },
    '<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ],
  'oneOf: exactly one': [
    struct({ b: text, c: text }, { oneOf: [{ required: ['b'] }, { required: ['c'] }] }),
    { c: 'y' },
  ],
  'allOf: each is told': [
    { ...text, allOf: [{ pattern: '^x' }, { maxLength: 2 }] },
    'yyy',
    `a: Invalid value: "yyy": a in body should match '^x'`,
    'a: Too long: may not be more than 2 bytes',
    '<nil>: Invalid value: "": "a" must validate all the schemas (allOf). None validated',
  ],
  'allOf: some hold': [
    { ...text, allOf: [{ pattern: '^y' }, { maxLength: 2 }] },
    'yyy',
    'a: Too long: may not be more than 2 bytes',
    '<nil>: Invalid value: "": "a" must validate all the schemas (allOf)',
  ],
  'not: what must not hold': [
    { ...text, not: { pattern: '^x' } },
    'x',
    '<nil>: Invalid value: "": "a" must not validate the schema (not)',
  ],
  'the same is told once': [
    struct({ b: text }, { allOf: [{ required: ['b'] }], required: ['b'] }),
    {},
    'a.b: Required value',
    '<nil>: Invalid value: "": "a" must validate all the schemas (allOf). None validated',
  ],
};

for (const [name, [schema, value, ...expected]] of Object.entries(rows)) {
  test(name, () => deepEqual(problems(struct({ a: schema }), { a: value }), expected));
}

test('at the root, fields have no dot before them', () => {
  deepEqual(problems(struct({ spec: text }, { required: ['spec', 'status'], minProperties: 1 }), {}), [
    '<nil>: Invalid value: 0:  in body should have at least 1 properties',
    'spec: Required value',
    'status: Required value',
  ]);
});

test('of many problems no more are kept than an answer tells', () => {
  const many = Array.from({ length: limits.fieldErrorsMax * 3 }, () => 'x');
  equal(problems(struct({ a: listOf(integer) }), { a: many }).length, limits.fieldErrorsMax);
});

test('a schema with branches within branches is as deep as its document', () => {
  let schema: Schema = { pattern: '^x' };
  for (let depth = 0; depth < limits.nestingDepthMax; depth++) schema = { allOf: [schema] };
  ok(problems(struct({ a: schema }), { a: 'y' }).length > 0);
});
