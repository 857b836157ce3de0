/** The operations on typed values, on small types. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject, JsonValue } from '../object.ts';
import type { MessageType } from '../schema/schema.ts';
import { messageAtom } from './atom.ts';
import { compareTyped } from './compare-typed.ts';
import { FieldSet } from './field-set.ts';
import { TypedError } from './list-items.ts';
import { mergeTyped } from './merge-typed.ts';
import { pathText } from './path-element.ts';
import { reconcileSet } from './reconcile-set.ts';
import { removeItems } from './remove-items.ts';
import {
  anyJson,
  builtinKind,
  listMapOf,
  listOf,
  mapOf,
  message,
  number,
  rawObject,
  setOf,
  struct,
  text,
} from './testing.ts';
import { toFieldSet } from './typed-to-set.ts';
import { validateTyped } from './validate-typed.ts';

const item = struct('Item', { name: text, value: text, size: number });
const type = struct('Type', {
  text,
  number,
  flag: { kind: 'scalar', scalar: 'boolean' },
  set: setOf(text),
  items: listMapOf(item, 'name'),
  atomicItems: listOf(message(item)),
  labels: mapOf(text),
  atomicLabels: [mapOf(text), { atomic: true }],
  inner: message(item),
  atomicInner: [message(item), { atomic: true }],
  json: anyJson,
  raw: rawObject,
});
const atom = messageAtom(type);

const texts = (set: FieldSet): string[] => [...set].map(pathText);
const mentioned = (value: JsonObject): string[] => texts(toFieldSet(atom, value));

function merged(live: JsonObject, applied: JsonObject): JsonValue | undefined {
  return mergeTyped(atom, live, applied);
}

const mergedSet = (live: string, applied: string): string =>
  (merged({ set: live.split('') }, { set: applied.split('') }) as { set: string[] }).set.join('');

test('merging a set keeps live’s order around the items that the configuration orders', () => {
  const cases: readonly (readonly [live: string, applied: string, merged: string])[] = [
    ['abc', 'ab', 'abc'],
    ['ab', 'abc', 'abc'],
    ['abc', '', 'abc'],
    ['', 'abc', 'abc'],
    ['ab', 'ba', 'ba'],
    ['abc', 'def', 'abcdef'],
    ['abc', 'cdef', 'abcdef'],
    ['abcgf', 'cdef', 'abcgdef'],
    ['cdef', 'ace', 'acdef'],
    ['abcxyz', 'def', 'abcxyzdef'],
    ['abcxyz', 'defxyz', 'abcdefxyz'],
    ['cagf', 'cfag', 'cfag'],
    ['abcd', 'defa', 'bcdefa'],
    ['cdefghij', '2h3e4kl', 'cdfg2hij3e4kl'],
    ['abcdefghij', '1b2h3e4kl', 'a1bcdfg2hij3e4kl'],
  ];
  for (const [live, applied, result] of cases) equal(mergedSet(live, applied), result, `${live} + ${applied}`);
});

test('duplicates in a live set stay until the configuration names them', () => {
  const cases: readonly (readonly [live: string, applied: string, merged: string])[] = [
    ['abb', 'c', 'abbc'],
    ['abb', 'b', 'ab'],
    ['abb', 'a', 'abb'],
    ['abcdec', '1b2ed', 'a1bc2ecd'],
    ['abcdec', '1b2ced', 'a1b2ced'],
    ['aabb', 'bcd', 'aabcd'],
    ['aabb', '', 'aabb'],
    ['cagfca', 'cfag', 'cfag'],
  ];
  for (const [live, applied, result] of cases) equal(mergedSet(live, applied), result, `${live} + ${applied}`);
});

test('null and empty are told apart, in maps and in lists', () => {
  for (const field of ['labels', 'inner', 'set', 'items', 'atomicItems']) {
    const empty = field === 'labels' || field === 'inner' ? {} : [];
    deepEqual(merged({}, { [field]: empty }), { [field]: empty });
    deepEqual(merged({}, { [field]: null }), { [field]: null });
    deepEqual(merged({ [field]: null }, { [field]: empty }), { [field]: empty });
    deepEqual(merged({ [field]: empty }, { [field]: null }), { [field]: null });
    deepEqual(texts(compareTyped(atom, { [field]: empty }, { [field]: null }).modified), [`.${field}`]);
  }
});

test('maps and structs merge field by field, unless they are atomic', () => {
  const live = { labels: { a: '1' }, inner: { name: 'n' }, atomicLabels: { a: '1' }, atomicInner: { name: 'n' } };
  const applied = { labels: { b: '2' }, inner: { value: 'v' }, atomicLabels: { b: '2' }, atomicInner: { value: 'v' } };
  deepEqual(merged(live, applied), {
    labels: { a: '1', b: '2' },
    inner: { name: 'n', value: 'v' },
    atomicLabels: { b: '2' },
    atomicInner: { value: 'v' },
  });
});

test('what does not change is the live object’s own', () => {
  const live = { labels: { a: '1' }, items: [{ name: 'x', value: '1' }], set: ['a'], inner: { name: 'n' } };
  equal(merged(live, { labels: { a: '1' }, items: [{ name: 'x' }], set: ['a'], inner: {} }), live);
});

test('a configuration mentions leaves, items and keys; of a struct only that it is empty', () => {
  deepEqual(
    mentioned({
      text: 'x',
      number: null,
      set: ['b', 'a'],
      items: [{ name: 'x', value: 'y' }],
      labels: { k: 'v' },
      inner: { name: 'n' },
      atomicItems: [{ name: 'x' }],
      atomicLabels: { a: 'b' },
      atomicInner: { name: 'n' },
    }),
    [
      '.atomicInner',
      '.atomicItems',
      '.atomicLabels',
      '.number',
      '.text',
      '.inner.name',
      '.items[name="x"]',
      '.items[name="x"].name',
      '.items[name="x"].value',
      '.labels.k',
      '.set[="a"]',
      '.set[="b"]',
    ],
  );
  deepEqual(mentioned({ inner: {}, labels: {}, set: [], items: [], raw: {}, atomicItems: [] }), [
    '.atomicItems',
    '.inner',
    '.labels',
    '.raw',
  ]);
  deepEqual(mentioned({ inner: null, labels: null, set: null, items: null }), ['.inner', '.items', '.labels', '.set']);
});

test('untyped JSON is granular in its maps and atomic in its lists; a raw object is atomic', () => {
  const value = { a: { b: 1, c: [{ name: 'x' }] }, d: 'text' };
  deepEqual(mentioned({ json: value }), ['.json.a', '.json.d', '.json.a.b', '.json.a.c']);
  deepEqual(mentioned({ raw: value }), ['.raw']);
  deepEqual(mentioned({ json: [1, 2] }), ['.json']);
});

test('a value that becomes another kind of value is modified', () => {
  const { added, modified, removed } = compareTyped(atom, { json: { a: 1 } }, { json: 'text' });
  deepEqual([texts(added), texts(modified), texts(removed)], [[], ['.json'], ['.json.a']]);
});

test('what upstream has as null where it is absent is changed, not removed, when it goes', () => {
  const time = '2026-01-01T00:00:00Z';
  const condition = (more: JsonObject): JsonObject => ({
    status: { conditions: [{ type: 'Available', status: 'True', ...more }] },
  });
  const deployment = messageAtom(builtinKind('apps', 'v1', 'Deployment'));
  const left = condition({ lastUpdateTime: time, lastTransitionTime: time });
  const gone = compareTyped(deployment, left, condition({ lastTransitionTime: time }));
  deepEqual(texts(gone.modified), ['.status.conditions[type="Available"].lastUpdateTime']);
  deepEqual(texts(gone.removed), []);
  deepEqual(texts(compareTyped(deployment, {}, condition({})).added), [
    '.status',
    '.status.conditions',
    '.status.conditions[type="Available"]',
    '.status.conditions[type="Available"].lastTransitionTime',
    '.status.conditions[type="Available"].lastUpdateTime',
    '.status.conditions[type="Available"].status',
    '.status.conditions[type="Available"].type',
  ]);
});

test('of duplicates only that they are there is owned', () => {
  deepEqual(mentioned({ items: [{ name: 'a', value: '1' }, { name: 'a', value: '2' }, { name: 'b' }] }), [
    '.items[name="a"]',
    '.items[name="b"]',
    '.items[name="b"].name',
  ]);
});

test('removing takes items, keys and fields; what loses everything is empty', () => {
  const value = { text: 'x', labels: { a: '1' }, items: [{ name: 'x', value: '1' }, { name: 'y' }], set: ['a'] };
  const items = FieldSet.of(['text', 'labels.a']).union(toFieldSet(atom, { items: [{ name: 'x' }], set: ['a'] }));
  deepEqual(removeItems(atom, value, items), { labels: {}, items: [{ name: 'y' }], set: [] });
  deepEqual(removeItems(atom, { atomicInner: { name: 'n' } }, FieldSet.of(['atomicInner.name'])), {
    atomicInner: {},
  });
});

test('what was granular and is atomic now is owned as a whole by who owned some of it', () => {
  const set = FieldSet.of(['atomicInner', 'atomicInner.name', 'atomicLabels.a', 'labels.a', 'json.x.y', 'text']);
  deepEqual(texts(reconcileSet(atom, set)), ['.atomicInner', '.atomicLabels', '.text', '.json.x.y', '.labels.a']);
  const fitting = FieldSet.of(['atomicInner', 'labels.a']);
  equal(reconcileSet(atom, fitting), fitting);
});

test('what does not fit is told in upstream’s words', () => {
  const cases: readonly (readonly [JsonObject, string])[] = [
    [{ nope: 1 }, '.nope: field not declared in schema'],
    [{ text: 1 }, '.text: expected string, got &value.valueUnstructured{Value:1}'],
    [{ number: 'x' }, '.number: expected numeric (int or float), got string'],
    [{ flag: 'x' }, '.flag: expected boolean, got &{x}'],
    [{ inner: [1, 'a'] }, '.inner: expected map, got &{[1 a]}'],
    [{ set: { a: 1 } }, '.set: expected list, got &{map[a:1]}'],
    [{ set: ['a', 'a'] }, '.set: duplicate entries for key [="a"]'],
    [{ set: [null] }, ".set: element 0: associative list without keys has an element that's an explicit null"],
    [{ items: [{ name: 'a' }, { name: 'a' }] }, '.items: duplicate entries for key [name="a"]'],
    [{ items: ['a'] }, '.items: element 0: associative list with keys may not have non-map elements'],
    [
      { items: [{ value: 'a' }] },
      '.items: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
    ],
    [{ items: [{ name: 'a', size: 'x' }] }, '.items[name="a"].size: expected numeric (int or float), got string'],
    [{ atomicItems: [{ name: 1 }] }, '.atomicItems[0].name: expected string, got &value.valueUnstructured{Value:1}'],
    [
      { nope: 1, text: true },
      'errors:\n  .nope: field not declared in schema\n  .text: expected string, got &value.valueUnstructured{Value:true}',
    ],
  ];
  for (const [value, said] of cases) {
    throws(() => validateTyped(atom, value), new TypedError(said), JSON.stringify(value));
  }
  validateTyped(atom, { set: ['a', 'a'] }, { allowDuplicates: true });
  validateTyped(atom, { json: [{ a: [null] }], raw: { x: 1 }, set: null, text: null, labels: { __proto__x: 'a' } });
});

test('nesting without end is refused, not followed', () => {
  let deep: JsonValue = 1;
  for (let i = 0; i < 5000; i++) deep = { a: deep };
  throws(() => validateTyped(atom, { json: deep }), /exceeded max depth/);
});

test('the built-in tables carry list types, merge keys and defaults of keys', () => {
  const set = (kind: MessageType, value: JsonObject): string[] => texts(toFieldSet(messageAtom(kind), value));
  const pod = builtinKind('', 'v1', 'Pod');
  deepEqual(set(pod, { spec: { containers: [{ name: 'c', ports: [{ containerPort: 80 }], command: ['a', 'b'] }] } }), [
    '.spec.containers[name="c"]',
    '.spec.containers[name="c"].command',
    '.spec.containers[name="c"].name',
    '.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"]',
    '.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"].containerPort',
  ]);
  deepEqual(set(pod, { metadata: { finalizers: ['a/b'], ownerReferences: [{ uid: 'u', name: 'n' }] } }), [
    '.metadata.finalizers[="a/b"]',
    '.metadata.ownerReferences[uid="u"]',
  ]);
  const deployment = builtinKind('apps', 'v1', 'Deployment');
  deepEqual(set(deployment, { spec: { selector: { matchLabels: { a: 'b' } } } }), ['.spec.selector']);
  const service = builtinKind('', 'v1', 'Service');
  deepEqual(set(service, { spec: { ports: [{ port: 80 }], selector: { app: 'a' } } }), [
    '.spec.selector',
    '.spec.ports[port=80,protocol="TCP"]',
    '.spec.ports[port=80,protocol="TCP"].port',
  ]);
  // Atomic by its type, granular by the field.
  const volume = builtinKind('', 'v1', 'PersistentVolume');
  deepEqual(set(volume, { spec: { claimRef: { name: 'c' } } }), ['.spec.claimRef.name']);
});
