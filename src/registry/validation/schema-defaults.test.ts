import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../../api/object.ts';
import { anyObject, embedded, integer, listOf, type Schema, struct, text } from '../../api/structural/testing.ts';
import { validateSchemaDefaults } from './schema-defaults.ts';

/** What is said of this default of the field `a`; `@` stands for where it is. */
type Row = readonly [schema: Schema, value: JsonValue, ...said: string[]];

const pod = embedded({}, { 'x-kubernetes-preserve-unknown-fields': true });

const rows: Readonly<Record<string, Row>> = {
  'a value that the schema takes': [struct({ b: integer }), { b: 1 }],
  'a value of another type': [integer, 'x', '@: Invalid value: "string":  in body must be of type integer: "string"'],
  'a value of another type further in': [
    struct({ b: listOf(integer) }),
    { b: [1, 'x'] },
    '@.b[1]: Invalid value: "string": b[1] in body must be of type integer: "string"',
  ],
  'a value that its pattern does not take': [
    { ...text, pattern: '^x' },
    'y',
    `@: Invalid value: "y":  in body should match '^x'`,
  ],
  'fields that are not known': [
    struct({ b: integer }),
    { b: 1, c: 2 },
    '@: Invalid value: {"b":1,"c":2}: must not have unknown fields',
  ],
  'fields that are called as those of every object': [
    struct({ b: integer }),
    { kind: 'x' },
    '@: Invalid value: {"kind":"x"}: must not have unknown fields',
  ],
  'fields of any kind where these stay': [anyObject, { any: [1] }],
  'an object inside': [pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } }],
  'an object inside of no kind': [pod, {}, '@.apiVersion: Required value', '@.kind: Required value'],
  'an object inside with a kind that is no text': [
    pod,
    { apiVersion: 'v1', kind: 1 },
    '@.kind: Invalid value: 1: must be a string',
  ],
  'metadata of another form': [
    pod,
    { apiVersion: 'v1', kind: 'Pod', metadata: { labels: 1 } },
    '@.metadata: Invalid value: {"labels":1}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type map[string]string',
  ],
};

for (const [name, [schema, value, ...said]] of Object.entries(rows)) {
  test(`default: ${name}`, () => {
    const whole = struct({ spec: struct({ a: { ...schema, default: value } }) });
    deepEqual(
      found(whole),
      said.map((each) => each.replace('@', 'properties[spec].properties[a].default')),
    );
  });
}

function found(schema: Schema): string[] {
  return validateSchemaDefaults('', schema).map(({ field, message }) => `${field.slice(1)}: ${message}`);
}

const at = 'properties[pod].properties[metadata].properties';

test('what stands in metadata of an object inside must make metadata of it', () => {
  const metadata = (fields: Readonly<Record<string, Schema>>): Schema =>
    struct({ pod: embedded({ metadata: struct(fields) }) });
  deepEqual(found(metadata({ name: { ...text, default: 'x' } })), []);
  deepEqual(found(metadata({ name: { ...text, default: 'a/b' } })), [
    `${at}[name].default: Invalid value: "a/b": must result in valid metadata: metadata.name: Invalid value: "a/b": may not contain '/'`,
  ]);
  deepEqual(found(metadata({ finalizers: listOf({ ...text, default: '' }) })).length, 1);
  deepEqual(found(metadata({ labels: { type: 'object', default: 'x' } })), [
    `${at}[labels].default: Invalid value: "x": must result in valid metadata: metadata: Invalid value: {"labels":"x"}: ` +
      'json: cannot unmarshal string into Go struct field ObjectMeta.labels of type map[string]string',
  ]);
});

test('defaults in items are looked at, and rules are asked where all else is well', () => {
  const asked: string[] = [];
  const schema = struct({ l: listOf({ ...integer, default: 1 }), m: { ...integer, default: 'x' } });
  validateSchemaDefaults('schema', schema, (path) => {
    asked.push(path);
    return [];
  });
  deepEqual(asked, ['schema.properties[l].items.default']);
});
