/** Who owns what after several have written, on small types: structured-merge-diff's cases. */
import { deepEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject, JsonValue } from '../object.ts';
import { hasReason, type StatusError } from '../status-error.ts';
import { FieldSet } from './field-set.ts';
import { kind, listMapOf, listOf, mapOf, message, number, SharedObject, setOf, struct, text } from './testing.ts';

const inner = struct('Inner', { name: text, value: mapOf(text) });
const item = struct('Item', { name: text, value: number, value2: number });
const listOfSets = struct('ListOfSets', { name: text, value: setOf(text) });
const port = struct('Port', { port: number, protocol: [text, { default: 'TCP' }], name: text });
const type = kind('Test', {
  list: listMapOf(item, 'name'),
  listOfMaps: listMapOf(inner, 'name'),
  listOfSets: listMapOf(listOfSets, 'name'),
  set: setOf(number),
  map: mapOf(text),
  mapOfMaps: mapOf(mapOf(text)),
  struct: message(item),
  atomic: listOf(text),
  ports: listMapOf(port, 'port', 'protocol'),
  text,
});

const shared = (): SharedObject => new SharedObject({ 'x/v1': type });
const items = (...names: string[]): JsonObject => ({ list: names.map((name) => ({ name })) });

function conflictsOf(write: () => unknown): readonly string[] {
  let fields: readonly string[] = [];
  throws(write, (error: StatusError) => {
    fields = error.details?.causes?.map(({ field = '' }) => field) ?? [];
    return hasReason(error, 'Conflict');
  });
  return fields;
}

test('an item that its applier leaves out goes', () => {
  const object = shared().apply('one', items('a', 'b')).apply('one', items('b'));
  deepEqual(object.value, items('b'));
  deepEqual(object.owners, { one: ['.list[name="b"]', '.list[name="b"].name'] });
});

test('what two apply goes when both leave it out', () => {
  const object = shared()
    .apply('one', items('a', 'b', 'c'))
    .apply('two', items('c', 'd'))
    .apply('one', items('a'));
  deepEqual(object.value, items('a', 'c', 'd'));
  object.apply('two', items('d'));
  deepEqual(object.value, items('a', 'd'));
});

test('to apply the same value is no conflict, and both own it', () => {
  const value = { list: [{ name: 'a', value: 0 }] };
  const object = shared().apply('one', value).apply('two', value);
  const owned = ['.list[name="a"]', '.list[name="a"].name', '.list[name="a"].value'];
  deepEqual(object.owners, { one: owned, two: owned });
});

test('to apply another value is a conflict, and nothing happens', () => {
  const object = shared().apply('one', { list: [{ name: 'a', value: 0 }] });
  const before = object.live;
  deepEqual(
    conflictsOf(() => object.apply('two', { list: [{ name: 'a', value: 1 }] })),
    ['.list[name="a"].value'],
  );
  deepEqual(object.live, before);
});

test('force takes the field from the other, and no more than that', () => {
  const object = shared().apply('one', { struct: { name: 'a', value: 1 } });
  object.apply('two', { struct: { value: 2 } }, { force: true });
  deepEqual(object.value, { struct: { name: 'a', value: 2 } });
  deepEqual(object.owners, { one: ['.struct.name'], two: ['.struct.value'] });
});

test('an update takes what it changes, without asking', () => {
  const object = shared().apply('one', { struct: { name: 'a', value: 1 } });
  object.update('two', { struct: { name: 'a', value: 2 }, text: 'x' });
  deepEqual(object.owners, { one: ['.struct.name'], 'two (update)': ['.text', '.struct.value'] });
});

test('what an update removes nobody owns, and an applier brings back', () => {
  const object = shared()
    .apply('one', { struct: { name: 'a', value: 1 } })
    .update('two', { struct: { name: 'a' } });
  deepEqual(object.owners, { one: ['.struct.name'] });
  object.apply('one', { struct: { name: 'a', value: 1 } });
  deepEqual(object.value, { struct: { name: 'a', value: 1 } });
});

test('a field that an updater owns stays when its applier leaves it out', () => {
  const object = shared().update('updater', { struct: { name: 'a', value: 1 } });
  object.apply('applier', { struct: { name: 'a', value: 1 } }).apply('applier', { struct: { name: 'a' } });
  deepEqual(object.value, { struct: { name: 'a', value: 1 } });
  deepEqual(object.owners['updater (update)'], ['.struct', '.struct.name', '.struct.value']);
});

test('a whole struct that its applier leaves out goes, with what it alone owned inside', () => {
  const object = shared()
    .apply('one', { struct: { name: 'a' }, text: 'x' })
    .apply('one', { text: 'x' });
  deepEqual(object.value, { text: 'x' });
});

test('a struct stays while another owns something inside it', () => {
  const object = shared()
    .apply('one', { struct: { name: 'a' } })
    .apply('two', { struct: { value: 1 } });
  object.apply('one', {});
  deepEqual(object.value, { struct: { value: 1 } });
  deepEqual(object.owners, { two: ['.struct.value'] });
});

test('an item that its applier leaves out goes, though an updater owns a field inside it', () => {
  const object = shared().apply('one', { list: [{ name: 'a', value: 1 }], text: 'x' });
  object.update('two', { list: [{ name: 'a', value: 1, value2: 5 }], text: 'x' });
  deepEqual(object.owners['two (update)'], ['.list[name="a"].value2']);
  object.apply('one', { text: 'x' });
  deepEqual(object.value, { text: 'x' });
  deepEqual(object.owners, { one: ['.text'] });
});

test('what nobody applied inside an item goes with the item', () => {
  const object = shared()
    .update('server', { list: [{ name: 'z' }] })
    .apply('one', items('a'));
  object.apply('one', {});
  deepEqual(object.value, items('z'));
});

test('items inside items: sets, maps, keys', () => {
  const cases: readonly (readonly [JsonObject, JsonObject])[] = [
    [{ listOfSets: [{ name: 'a', value: ['b', 'c'] }] }, { listOfSets: [{ name: 'a', value: ['a', 'c'] }] }],
    [{ listOfSets: [{ name: 'a', value: ['b', 'c'] }] }, { listOfSets: [{ name: 'b', value: ['a', 'c'] }] }],
    [
      { listOfMaps: [{ name: 'a', value: { b: 'x', c: 'y' } }] },
      { listOfMaps: [{ name: 'a', value: { a: 'x', c: 'z' } }] },
    ],
    [{ mapOfMaps: { a: { b: 'x', c: 'y' } } }, { mapOfMaps: { a: { a: 'x', c: 'z' } } }],
    [{ mapOfMaps: { a: { b: 'x', c: 'y' } } }, { mapOfMaps: { b: { a: 'x', c: 'z' } } }],
    [
      { map: { a: '1' }, set: [1, 2] },
      { map: { b: '1' }, set: [2, 3] },
    ],
  ];
  for (const [first, second] of cases) {
    const object = shared().apply('one', first).apply('one', second);
    deepEqual(object.value, second, JSON.stringify(second));
  }
});

test('the key of a map is owned apart from what is in it', () => {
  const object = shared().apply('one', { mapOfMaps: { a: { b: 'x' } } });
  deepEqual(object.owners, { one: ['.mapOfMaps.a', '.mapOfMaps.a.b'] });
});

test('a set’s values have owners each; duplicates are one', () => {
  const object = shared().update('one', { set: [1, 1, 3, 4] });
  deepEqual(object.owners, { 'one (update)': ['.set', '.set[=1]', '.set[=3]', '.set[=4]'] });
  deepEqual(
    conflictsOf(() => object.apply('two', { set: [1] })),
    ['.set[=1]'],
  );
  object.apply('two', { set: [1] }, { force: true });
  deepEqual(object.value, { set: [1, 3, 4] });
  deepEqual(object.owners, { two: ['.set[=1]'], 'one (update)': ['.set', '.set[=3]', '.set[=4]'] });
});

test('who adds or removes a duplicate owns the value', () => {
  const grown = shared()
    .update('one', { set: [1, 3] })
    .update('two', { set: [1, 1, 3] });
  deepEqual(grown.owners, { 'one (update)': ['.set', '.set[=3]'], 'two (update)': ['.set[=1]'] });
  const shrunk = shared()
    .update('one', { set: [1, 1, 3] })
    .update('two', { set: [1, 3] });
  deepEqual(shrunk.owners, { 'one (update)': ['.set', '.set[=3]'], 'two (update)': ['.set[=1]'] });
});

test('an applier of other items leaves duplicates alone', () => {
  const object = shared()
    .update('one', { set: [1, 1, 3, 4] })
    .apply('two', { set: [5] });
  deepEqual(object.value, { set: [1, 1, 3, 4, 5] });
});

test('duplicate items of a list-map are owned by who changed any of them', () => {
  const list = (second: JsonObject): JsonObject => ({
    list: [
      { name: 'a', value: 1 },
      { name: 'a', ...second },
    ],
  });
  const object = shared()
    .update('one', list({ value: 2 }))
    .update('two', list({ value: 2, value2: 3 }));
  deepEqual(object.owners, { 'one (update)': ['.list'], 'two (update)': ['.list[name="a"]'] });
});

test('duplicates in what is applied are an error', () => {
  throws(
    () => shared().apply('one', { set: [1, 1] }),
    (error) => hasReason(error, 'BadRequest'),
  );
  throws(
    () => shared().apply('one', { ports: [{ port: 80 }, { port: 80, protocol: 'TCP' }] }),
    /duplicate entries for key/,
  );
});

test('a key that is left out has its default; it is owned only where it is said', () => {
  const object = shared().apply('one', { ports: [{ port: 80 }, { port: 80, protocol: 'UDP' }] });
  deepEqual(object.owners, {
    one: [
      '.ports[port=80,protocol="TCP"]',
      '.ports[port=80,protocol="UDP"]',
      '.ports[port=80,protocol="TCP"].port',
      '.ports[port=80,protocol="UDP"].port',
      '.ports[port=80,protocol="UDP"].protocol',
    ],
  });
  object.apply('one', { ports: [{ port: 80, protocol: 'TCP', name: 'x' }] });
  deepEqual(object.value, { ports: [{ port: 80, protocol: 'TCP', name: 'x' }] });
  deepEqual(
    conflictsOf(() => object.apply('two', { ports: [{ port: 80, name: 'y' }] })),
    ['.ports[port=80,protocol="TCP"].name'],
  );
});

test('an atomic list has one owner, who replaces it whole', () => {
  const object = shared()
    .apply('one', { atomic: ['a', 'b'] })
    .apply('one', { atomic: ['b'] });
  deepEqual(object.value, { atomic: ['b'] });
  deepEqual(
    conflictsOf(() => object.apply('two', { atomic: ['b', 'c'] })),
    ['.atomic'],
  );
});

test('leaves that are null or empty are owned', () => {
  const object = shared().apply('one', { struct: null, map: {}, text: null });
  deepEqual(object.owners, { one: ['.map', '.struct', '.text'] });
});

test('what a request cannot change nobody comes to own', () => {
  const resetFields = FieldSet.of(['struct']);
  const object = shared().apply('one', { struct: { name: 'a' }, text: 'x' }, { resetFields });
  object.update('two', { struct: { name: 'b', value: 1 }, text: 'y' }, { resetFields });
  deepEqual(object.owners, { 'two (update)': ['.text'] });
});

test('one who applies and updates is two managers', () => {
  const object = shared()
    .apply('one', { text: 'a' })
    .update('one', { text: 'a', map: { a: 'b' } });
  deepEqual(object.owners, { one: ['.text'], 'one (update)': ['.map', '.map.a'] });
});

/** In each version the fields carry its name. */
const versions = ['x/v1', 'x/v2', 'x/v3'] as const;
const inVersion = (version: string): string => `field_${version.slice(2)}`;
const versioned = Object.fromEntries(
  versions.map((version) => [
    version,
    kind('Test', {
      struct: message(struct('S', { name: text, [inVersion(version)]: text })),
      list: listMapOf(item, 'name'),
    }),
  ]),
);

function renamed(value: JsonObject, from: string, to: string): JsonObject {
  const rename = ([key, each]: [string, JsonValue]): [string, JsonValue] => [
    key === inVersion(from) ? inVersion(to) : key,
    each,
  ];
  if (typeof value['struct'] !== 'object' || value['struct'] === null) return value;
  return { ...value, struct: Object.fromEntries(Object.entries(value['struct'] as JsonObject).map(rename)) };
}

const inVersions = (): SharedObject => new SharedObject(versioned, renamed);
const field = (version: string, value: string): JsonObject => ({ [inVersion(version)]: value });

for (const a of versions) {
  for (const b of versions) {
    for (const c of versions) {
      test(`fields go and stay across versions: ${a}, ${b}, ${c}`, () => {
        const alone = inVersions().apply('one', { struct: { name: 'a', ...field(a, 'a') } }, { apiVersion: a });
        alone.apply('one', { struct: { name: 'a' } }, { apiVersion: b });
        deepEqual(alone.value, { struct: { name: 'a' } });

        const both = inVersions().apply('one', { struct: { name: 'a', ...field(a, 'a') } }, { apiVersion: a });
        both.apply('two', { struct: field(b, 'a') }, { apiVersion: b });
        both.apply('one', { struct: { name: 'a' } }, { apiVersion: c });
        deepEqual(both.value, { struct: { name: 'a', ...field('x/v1', 'a') } });
        deepEqual(both.owners, { one: ['.struct.name'], two: [`.struct.${inVersion(b)}`] });

        const updated = inVersions().apply('one', { struct: { name: 'a', ...field(a, 'a') } }, { apiVersion: a });
        updated.update('two', { struct: { name: 'a', ...field(b, 'b') } }, { apiVersion: b });
        deepEqual(updated.owners, { one: ['.struct.name'], 'two (update)': [`.struct.${inVersion(b)}`] });
      });
    }
  }
}

test('a manager whose version is served no more is dropped', () => {
  const object = inVersions().apply('old', items('a'), { apiVersion: 'x/v2' }).apply('new', items('b'));
  object.unserved.add('x/v2');
  object.apply('new', items('b', 'c'));
  deepEqual(Object.keys(object.owners), ['new']);
  deepEqual(object.value, items('a', 'b', 'c'));
});

test('an applier whose last version is served no more takes nothing away', () => {
  const object = inVersions().apply('one', items('a'), { apiVersion: 'x/v2' });
  object.unserved.add('x/v2');
  object.apply('one', items('b'));
  deepEqual(object.value, items('a', 'b'));
  deepEqual(object.owners, { one: ['.list[name="b"]', '.list[name="b"].name'] });
});
