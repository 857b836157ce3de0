import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { deepFreeze } from '../../lib/deep-freeze.ts';
import { limits } from '../../lib/limits.ts';
import { conformed, decodeObject } from '../decode.ts';
import { parseJson } from '../decode-json.ts';
import { normalizeObject } from '../normalize.ts';
import type { JsonObject, JsonValue } from '../object.ts';
import { schemas, values } from './arbitrary-testing.ts';
import { structuralOf } from './structural-of.ts';
import {
  anyObject,
  embedded,
  integer,
  listOf,
  mapOf,
  readSpec,
  type Schema,
  struct,
  text,
  typeWithSpec,
  widget,
} from './testing.ts';

interface Row {
  readonly schema: Schema;
  readonly given: JsonValue;
  readonly read: JsonValue | undefined;
  /** Without `unknown field`. */
  readonly unknown?: readonly string[];
}

const rows: Readonly<Record<string, Row>> = {
  'fields that the schema knows stay': { schema: struct({ a: text }), given: { a: 'x' }, read: { a: 'x' } },
  'a field that it does not know goes': {
    schema: struct({ a: text }),
    given: { a: 'x', b: 1, c: { d: 1 } },
    read: { a: 'x' },
    unknown: ['"spec.b"', '"spec.c"'],
  },
  'an object without fields in its schema loses all of them': {
    schema: struct({}),
    given: { a: 1 },
    read: {},
    unknown: ['"spec.a"'],
  },
  'fields are told by their place in lists and maps': {
    schema: struct({ list: listOf(struct({ a: text })), map: mapOf(struct({ a: text })) }),
    given: { list: [{ a: 'x' }, { b: 1 }], map: { k: { b: 1 } } },
    read: { list: [{ a: 'x' }, {}], map: { k: {} } },
    unknown: ['"spec.list[1].b"', '"spec.map.k.b"'],
  },
  'a value of another type stays, and what is in it goes': {
    schema: struct({ a: text, list: listOf(text) }),
    given: { a: { b: 1 }, list: { c: 1 } },
    read: { a: {}, list: {} },
    unknown: ['"spec.a.b"', '"spec.list.c"'],
  },
  'a list where no list is due keeps its items, without their fields': {
    schema: struct({ a: struct({ b: text }) }),
    given: { a: [1, { b: 'x' }] },
    read: { a: [1, {}] },
    unknown: ['"spec.a[1].b"'],
  },
  'preserve-unknown-fields keeps everything that has no schema': {
    schema: anyObject,
    given: { a: { b: [{ c: null }] }, z: null },
    read: { a: { b: [{ c: null }] }, z: null },
  },
  'below preserve-unknown-fields, what has a schema is held to it': {
    schema: struct({ a: struct({ b: text }) }, { 'x-kubernetes-preserve-unknown-fields': true }),
    given: { a: { b: 'x', c: 1 }, d: { e: 1 } },
    read: { a: { b: 'x' }, d: { e: 1 } },
    unknown: ['"spec.a.c"'],
  },
  'preserve-unknown-fields on a list keeps what is in its items': {
    schema: struct({ a: listOf(struct({ b: text }), { 'x-kubernetes-preserve-unknown-fields': true }) }),
    given: { a: [{ b: 'x', c: { d: 1 } }] },
    read: { a: [{ b: 'x', c: { d: 1 } }] },
  },
  'preserve-unknown-fields begins again below a field that prunes': {
    schema: struct({ a: struct({ b: anyObject }) }),
    given: { a: { b: { any: 1 }, c: 1 } },
    read: { a: { b: { any: 1 } } },
    unknown: ['"spec.a.c"'],
  },
  'additionalProperties as a yes keeps the keys and nothing in them': {
    schema: { type: 'object', additionalProperties: true },
    given: { a: 1, b: { c: 1 }, d: [{ e: 1 }] },
    read: { a: 1, b: {}, d: [{}] },
    unknown: ['"spec.b.c"', '"spec.d[0].e"'],
  },
  'apiVersion, kind and metadata are fields like others where no object is embedded': {
    schema: struct({ a: text }),
    given: { a: 'x', kind: 'Pod', metadata: { name: 'x' } },
    read: { a: 'x' },
    unknown: ['"spec.kind"', '"spec.metadata"'],
  },
  'an embedded object keeps what every object has': {
    schema: embedded({ spec: struct({ a: text }) }),
    given: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', labels: { l: 'v' } }, spec: { a: 'x', b: 1 }, c: 1 },
    read: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', labels: { l: 'v' } }, spec: { a: 'x' } },
    unknown: ['"spec.c"', '"spec.spec.b"'],
  },
  'metadata of an embedded object is read as metadata': {
    schema: embedded({}, { 'x-kubernetes-preserve-unknown-fields': true }),
    given: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', creationTimestamp: null, labels: {}, odd: 1 } },
    read: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } },
    unknown: ['"spec.metadata.odd"'],
  },
  'unknown fields of embedded metadata are told after all others': {
    schema: struct({ z: embedded({}), a: text }),
    given: { q: 1, z: { apiVersion: 'v1', kind: 'Pod', metadata: { b: 1 } } },
    read: { z: { apiVersion: 'v1', kind: 'Pod', metadata: {} } },
    unknown: ['"spec.q"', '"spec.z.metadata.b"'],
  },
  'null goes where it is no value': {
    schema: struct({ a: text, b: text }),
    given: { a: null, b: 'x' },
    read: { b: 'x' },
  },
  'null stays where it is one': {
    schema: struct({ a: { ...text, nullable: true } }),
    given: { a: null },
    read: { a: null },
  },
  'null becomes the default where it is no value': {
    schema: struct({ a: { ...text, default: 'd' } }),
    given: { a: null },
    read: { a: 'd' },
  },
  'null stays before a default where it is a value': {
    schema: struct({ a: { ...text, nullable: true, default: 'd' } }),
    given: { a: null },
    read: { a: null },
  },
  'null in a map goes as a field does': {
    schema: mapOf(text),
    given: { a: null, b: 'x' },
    read: { b: 'x' },
  },
  'null in a list stays, or becomes the default of its items': {
    schema: struct({ plain: listOf(text), filled: listOf({ ...text, default: 'd' }) }),
    given: { plain: [null, 'x'], filled: [null, 'x'] },
    read: { filled: ['d', 'x'], plain: [null, 'x'] },
  },
  'null goes below preserve-unknown-fields only where there is a schema': {
    schema: struct({ a: text }, { 'x-kubernetes-preserve-unknown-fields': true }),
    given: { a: null, b: null },
    read: { b: null },
  },
  'a default comes where a field is absent': {
    schema: struct({
      a: { ...text, default: 'd' },
      n: { ...integer, default: 0 },
      b: { type: 'boolean', default: false },
    }),
    given: {},
    read: { a: 'd', b: false, n: 0 },
  },
  'an empty value is no absent one': {
    schema: struct({ a: { ...text, default: 'd' }, n: { ...integer, default: 1 } }),
    given: { a: '', n: 0 },
    read: { a: '', n: 0 },
  },
  'defaults come in lists, in maps and in objects that are there': {
    schema: struct({
      list: listOf(struct({ a: { ...text, default: 'l' } })),
      map: mapOf(struct({ a: { ...text, default: 'm' } })),
      there: struct({ a: { ...text, default: 't' } }),
      absent: struct({ a: { ...text, default: 'n' } }),
    }),
    given: { list: [{}, { a: 'x' }], map: { k: {} }, there: {} },
    read: { list: [{ a: 'l' }, { a: 'x' }], map: { k: { a: 'm' } }, there: { a: 't' } },
  },
  'a default of an object is filled with those of its fields': {
    schema: struct({ a: struct({ b: { ...text, default: 'b' }, c: text }, { default: { c: 'c' } }) }),
    given: {},
    read: { a: { b: 'b', c: 'c' } },
  },
  'a default keeps no field that its schema does not know': {
    schema: struct({ a: struct({ b: text }, { default: { b: 'b', odd: 1 } }) }),
    given: {},
    read: { a: { b: 'b' } },
  },
  'a default comes below preserve-unknown-fields': {
    schema: struct({ a: { ...text, default: 'd' } }, { 'x-kubernetes-preserve-unknown-fields': true }),
    given: { b: 1 },
    read: { a: 'd', b: 1 },
  },
  'a default comes into metadata of an embedded object': {
    schema: embedded({ metadata: struct({ name: { ...text, default: 'd' } }) }),
    given: { apiVersion: 'v1', kind: 'Pod', metadata: {} },
    read: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'd' } },
  },
  'int-or-string takes both as they are': {
    schema: struct({ a: { 'x-kubernetes-int-or-string': true }, b: { 'x-kubernetes-int-or-string': true } }),
    given: { a: 1, b: '1' },
    read: { a: 1, b: '1' },
  },
  'keys called like parts of JavaScript are keys': {
    schema: mapOf(struct({ toString: text })),
    given: parseJson('{"__proto__": {"toString": "x", "constructor": 1}}').value,
    read: parseJson('{"__proto__": {"toString": "x"}}').value,
    unknown: ['"spec.__proto__.constructor"'],
  },
  'half a surrogate pair has no form in UTF-8': {
    schema: struct({ a: text }),
    given: { a: 'x\ud800' },
    read: { a: 'x\ufffd' },
  },
};

for (const [name, { schema, given, read, unknown = [] }] of Object.entries(rows)) {
  test(name, () => {
    const found = readSpec(schema, given);
    equal(JSON.stringify(found.spec), JSON.stringify(read));
    deepEqual(found.unknown, unknown);
    // Read again from the store, it is the very same object.
    const type = typeWithSpec(schema);
    const stored = deepFreeze(normalizeObject(type, decodeObject(type, widget(given)).object));
    equal(conformed(structuralOf(struct({ spec: schema })), stored), stored);
  });
}

test('metadata is read as of built-in kinds, and what is unknown in it is told first', () => {
  const { object, unknownFields } = decodeObject(
    typeWithSpec(struct({})),
    widget({ z: 1 }, { name: 'x', odd: 1, labels: { a: 'b' } }),
  );
  deepEqual(object['metadata'], { name: 'x', labels: { a: 'b' } });
  deepEqual(unknownFields, ['unknown field "metadata.odd"', 'unknown field "spec.z"']);
});

const malformed: readonly (readonly [string, Schema, JsonObject, string])[] = [
  [
    'metadata with a value of another type is refused in the words of Go',
    struct({}),
    widget({}, { labels: 'x' }),
    'json: cannot unmarshal string into Go struct field ObjectMeta.labels of type map[string]string',
  ],
  [
    'so is metadata inside, with the field and the value',
    struct({ pod: embedded({}) }),
    widget({ pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 1 } } }),
    'spec.pod.metadata: Invalid value: {"name":1}: json: cannot unmarshal number into Go struct field ObjectMeta.name of type string',
  ],
  [
    'the kind of an object inside is a text',
    struct({ list: listOf(embedded({})) }),
    widget({ list: [{ apiVersion: 'v1', kind: 1 }] }),
    'spec.list[0].kind: Invalid value: 1: must be a string',
  ],
];

for (const [name, schema, object, message] of malformed) {
  test(name, () => {
    throws(() => decodeObject(typeWithSpec(schema), object), { name: 'DecodeError', message });
  });
}

test('an integer that would lose digits is refused', () => {
  const { value: document } = parseJson(`{"apiVersion": "v1", "kind": "Widget", "spec": {"a": 9007199254740993}}`);
  throws(
    () => decodeObject(typeWithSpec(struct({ a: integer })), document),
    /the integer 9007199254740993 would lose digits/,
  );
});

test('an object that was stored under an earlier schema is shown as the present one has it', () => {
  const schema = struct({
    spec: struct({ a: text, b: { ...text, default: 'new' } }),
    pod: embedded({}, { 'x-kubernetes-preserve-unknown-fields': true }),
  });
  const stored: JsonObject = { ...widget({ a: 'x', gone: 1 }), pod: { kind: 7, metadata: 'odd', spec: {} } };
  deepFreeze(stored);
  const { pod, spec, metadata } = conformed(structuralOf(schema), stored);
  deepEqual(spec, { a: 'x', b: 'new' });
  deepEqual(pod, { spec: {} });
  equal(metadata, stored['metadata']);
});

test('the result shares nothing with what was sent, but frozen parts that stay', () => {
  const sent = { a: { k: 'x' }, b: deepFreeze({ k: 'x' }) };
  const { spec } = readSpec(struct({ a: mapOf(text), b: mapOf(text) }), sent);
  const read = spec as JsonObject;
  ok(read['a'] !== sent.a);
  ok(read['b'] === sent.b);
  ok(!Object.isFrozen(sent));
});

test('a value that nests too deep is refused', () => {
  let deep: JsonValue = 'x';
  for (let depth = 0; depth < limits.nestingDepthMax + 10; depth++) deep = { a: deep };
  throws(() => readSpec(anyObject, deep), /nests deeper/);
});

test('a schema as deep as a document can be is walked without trouble', () => {
  let schema: Schema = { ...text, default: 'x' };
  let value: JsonValue = {};
  for (let depth = 0; depth < limits.nestingDepthMax - 10; depth++) {
    schema = struct({ a: schema });
    value = { a: value };
  }
  ok(readSpec(schema, value).spec !== undefined);
});

test('of unknown fields no more are told than anybody reads', () => {
  const fields = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}`, 1]));
  equal(readSpec(struct({}), fields).unknown.length, 100);
});

test('what was read once stays as it is: nothing more goes, nothing more comes', () => {
  fc.assert(
    fc.property(schemas, values, (schema, given) => {
      const type = typeWithSpec(schema);
      const first = decodeObject(type, widget(given)).object;
      const again = decodeObject(type, first);
      deepEqual(again.unknownFields, []);
      equal(JSON.stringify(again.object), JSON.stringify(first));
      const frozen = deepFreeze(normalizeObject(type, first));
      equal(conformed(structuralOf(struct({ spec: schema })), frozen), frozen);
    }),
    { numRuns: 500 },
  );
});
