import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../object.ts';
import { messageTypeOf } from '../structural/message-type.ts';
import {
  anyObject,
  embedded,
  integer,
  keyed,
  listOf,
  mapOf,
  type Schema,
  struct,
  text,
  typeWithSpec,
} from '../structural/testing.ts';
import { SharedObject } from './testing.ts';

const version = 'stable.example.com/v1';

function shared(spec: Schema): SharedObject {
  return new SharedObject({ [version]: typeWithSpec(spec) });
}

/** What somebody owns who applies this as the spec. */
function owned(schema: Schema, spec: JsonValue): readonly string[] {
  return shared(schema).apply('me', { spec }).owners['me'] ?? [];
}

const item = struct({ name: text, value: text });

const rows: Readonly<Record<string, readonly [Schema, JsonValue, ...(readonly string[])]>> = {
  'fields of a struct have owners of their own': [
    struct({ a: text, b: integer }),
    { a: 'x', b: 1 },
    '.spec.a',
    '.spec.b',
  ],
  'a list is owned as a whole': [struct({ l: listOf(text) }), { l: ['x', 'y'] }, '.spec.l'],
  'items of a set have owners': [
    struct({ l: listOf(text, { 'x-kubernetes-list-type': 'set' }) }),
    { l: ['x', 'y'] },
    '.spec.l[="x"]',
    '.spec.l[="y"]',
  ],
  'items of a list with keys have owners, and so have their fields': [
    struct({ l: keyed(['name'], item) }),
    { l: [{ name: 'n', value: 'v' }] },
    '.spec.l[name="n"]',
    '.spec.l[name="n"].name',
    '.spec.l[name="n"].value',
  ],
  'keys of a map have owners': [struct({ m: mapOf(text) }), { m: { a: 'x' } }, '.spec.m.a'],
  'an atomic struct is owned as a whole': [
    struct({ o: struct({ a: text }, { 'x-kubernetes-map-type': 'atomic' }) }),
    { o: { a: 'x' } },
    '.spec.o',
  ],
  'what is kept without a schema is owned by its fields': [
    struct({ any: anyObject }),
    { any: { a: { b: 1 }, l: [1] } },
    '.spec.any.a',
    '.spec.any.a.b',
    '.spec.any.l',
  ],
  'an object of which nothing is said may be anything': [
    struct({ any: { type: 'object' } }),
    { any: { a: 1 } },
    '.spec.any.a',
  ],
  'int-or-string is one value': [struct({ p: { 'x-kubernetes-int-or-string': true } }), { p: '10%' }, '.spec.p'],
  'metadata of an object inside is metadata': [
    struct({ e: embedded({}, { 'x-kubernetes-preserve-unknown-fields': true }) }),
    { e: { apiVersion: 'v1', kind: 'Pod', metadata: { finalizers: ['a/b'], labels: { l: 'v' } } } },
    '.spec.e.apiVersion',
    '.spec.e.kind',
    '.spec.e.metadata.finalizers[="a/b"]',
    '.spec.e.metadata.labels.l',
  ],
};

for (const [name, [schema, spec, ...paths]] of Object.entries(rows)) {
  test(name, () => deepEqual([...owned(schema, spec)].sort(), [...paths].sort()));
}

test('two who apply to a list with keys get along', () => {
  const object = shared(struct({ l: keyed(['name'], item) }));
  object.apply('one', { spec: { l: [{ name: 'a', value: '1' }] } });
  object.apply('two', { spec: { l: [{ name: 'b', value: '2' }] } });
  object.apply('one', { spec: { l: [] } });
  deepEqual(object.value, { spec: { l: [{ name: 'b', value: '2' }] } });
});

test('a default stands for a key that an item leaves out', () => {
  const ports = keyed(['port', 'protocol'], struct({ port: integer, protocol: { ...text, default: 'TCP' } }));
  const object = shared(struct({ ports }));
  object.apply('one', { spec: { ports: [{ port: 80 }] } });
  deepEqual(object.owners['one'], ['.spec.ports[port=80,protocol="TCP"]', '.spec.ports[port=80,protocol="TCP"].port']);
});

const refused: Readonly<Record<string, readonly [Schema, JsonValue, RegExp]>> = {
  'a field that is not declared': [struct({ a: text }), { b: 1 }, /\.spec\.b: field not declared in schema/],
  'a number where a text is due': [
    struct({ a: text }),
    { a: 1 },
    /\.spec\.a: expected string, got &value\.valueUnstructured\{Value:1\}/,
  ],
  'a text where a number is due': [
    struct({ a: integer }),
    { a: 'x' },
    /\.spec\.a: expected numeric \(int or float\), got string/,
  ],
  'a text where a list is due': [struct({ l: listOf(text) }), { l: 'x' }, /\.spec\.l: expected list, got &\{x\}/],
  'a list where a struct is due': [
    struct({ o: struct({ a: text }) }),
    { o: ['x'] },
    /\.spec\.o: expected map, got &\{\[x\]\}/,
  ],
  'an item without its key': [
    struct({ l: keyed(['name'], item) }),
    { l: [{ value: 'v' }] },
    /\.spec\.l: element 0: associative list with keys has an element that omits (all key fields|key field) /,
  ],
};

for (const [name, [schema, spec, message]] of Object.entries(refused)) {
  test(`refused is ${name}`, () => {
    throws(() => shared(schema).apply('me', { spec }), message);
  });
}

test('without a schema, everything is taken', () => {
  const type = messageTypeOf({ group: 'stable.example.com', version: 'v1', kind: 'Widget' }, undefined);
  const object = new SharedObject({ [version]: type });
  object.apply('me', { metadata: { labels: { a: 'b' } }, any: { thing: [1] } });
  deepEqual(object.owners['me'], ['.any', '.any.thing', '.metadata.labels.a']);
  equal(JSON.stringify(object.value), '{"any":{"thing":[1]},"metadata":{"labels":{"a":"b"}}}');
});
