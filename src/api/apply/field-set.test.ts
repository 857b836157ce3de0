import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FieldSet, FieldSetBuilder } from './field-set.ts';
import {
  FieldsError,
  fieldElement,
  indexElement,
  keyElement,
  type Path,
  pathText,
  valueElement,
} from './path-element.ts';

const setOf = (...paths: Path[]): FieldSet => {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.add(path);
  return builder.build();
};

const texts = (set: FieldSet): string[] => [...set].map(pathText);

test('paths of field names make a set, as lists or with dots', () => {
  const set = FieldSet.of(['status', ['spec', 'replicas'], 'metadata.labels']);
  deepEqual(set.toFieldsV1(), { 'f:metadata': { 'f:labels': {} }, 'f:spec': { 'f:replicas': {} }, 'f:status': {} });
  ok(set.has(['spec', 'replicas']));
  ok(!set.has(['spec']));
  ok(!set.has(['spec', 'replicas', 'x']));
  ok(!set.has([]));
});

test('keys and values are written as upstream writes them', () => {
  const ports = fieldElement('ports');
  const set = setOf(
    [
      ports,
      keyElement([
        ['protocol', 'TCP'],
        ['containerPort', 80],
      ]),
    ],
    [fieldElement('args'), indexElement(3)],
    [fieldElement('finalizers'), valueElement('a/b"<&>')],
    [fieldElement('flags'), valueElement(true)],
  );
  equal(
    JSON.stringify(set.toFieldsV1()),
    String.raw`{"f:args":{"i:3":{}},"f:finalizers":{"v:\"a/b\\\"\\u003c\\u0026\\u003e\"":{}},"f:flags":{"v:true":{}},` +
      String.raw`"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{}}}`,
  );
  deepEqual(texts(set), [
    '.args[3]',
    String.raw`.finalizers[="a/b\"<&>"]`,
    '.flags[=true]',
    '.ports[containerPort=80,protocol="TCP"]',
  ]);
});

test('members and children stand in upstream’s order: names by bytes, then keys, values by kind, indices', () => {
  const json = {
    'i:10': {},
    'i:9': {},
    'v:true': {},
    'v:"b"': {},
    'v:"a"': {},
    'v:10': {},
    'v:9': {},
    'k:{"name":"b"}': {},
    'k:{"name":"a","port":1}': {},
    'k:{"name":"a"}': {},
    'f:\u{1F600}': {},
    'f:\uFF5E': {},
    'f:b': { 'f:x': {} },
    'f:B': {},
  };
  deepEqual(Object.keys(FieldSet.fromFieldsV1(json).toFieldsV1()), [
    'f:B',
    'f:b',
    'f:\uFF5E',
    'f:\u{1F600}',
    'k:{"name":"a"}',
    'k:{"name":"a","port":1}',
    'k:{"name":"b"}',
    'v:9',
    'v:10',
    'v:"a"',
    'v:"b"',
    'v:true',
    'i:9',
    'i:10',
  ]);
});

test('real managedFields come back as they were', () => {
  const deployment = {
    'f:metadata': { 'f:annotations': { '.': {}, 'f:deployment.kubernetes.io/revision': {} } },
    'f:spec': {
      'f:template': {
        'f:spec': {
          'f:containers': {
            'k:{"name":"nginx"}': {
              '.': {},
              'f:image': {},
              'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
            },
          },
        },
      },
    },
    'f:status': {
      'f:conditions': { '.': {}, 'k:{"type":"Available"}': { '.': {}, 'f:type': {} } },
      'f:replicas': {},
    },
  };
  equal(JSON.stringify(FieldSet.fromFieldsV1(deployment).toFieldsV1()), JSON.stringify(deployment));
});

test('an element whose kind is unknown is skipped, and what only held such is owned itself', () => {
  deepEqual(FieldSet.fromFieldsV1({ 'z:later': {}, 'f:a': { 'z:later': {} } }).toFieldsV1(), { 'f:a': {} });
  deepEqual(FieldSet.fromFieldsV1({ 'f:a': { '.': {} }, 'f:b': null }).toFieldsV1(), { 'f:a': {}, 'f:b': {} });
});

test('what is no FieldsV1 is an error, whatever it is', () => {
  const nested = (depth: number): unknown => (depth === 0 ? {} : { 'f:a': nested(depth - 1) });
  const bad = [
    'text',
    7,
    [],
    { x: {} },
    { fa: {} },
    { '': {} },
    { 'k:{': {} },
    { 'k:[]': {} },
    { 'k:{"a":{"b":1}}': {} },
    { 'v:': {} },
    { 'v:[[1]]': {} },
    { 'i:x': {} },
    { 'i:1e3': {} },
    { 'f:a': 'text' },
    { 'f:a': [] },
    nested(100_000 / 100),
  ];
  for (const json of bad) throws(() => FieldSet.fromFieldsV1(json), FieldsError, JSON.stringify(json)?.slice(0, 60));
});

test('names that objects inherit are names like any other', () => {
  const json = JSON.parse('{"f:__proto__":{"f:constructor":{}},"f:toString":{}}') as object;
  const set = FieldSet.fromFieldsV1(json);
  deepEqual(texts(set), ['.toString', '.__proto__.constructor'].sort().reverse());
  equal(JSON.stringify(set.toFieldsV1()), JSON.stringify(json));
});

test('a difference leaves children of what goes; a recursive one takes them too', () => {
  const whole = FieldSet.of(['a', 'a.b', 'a.b.c', 'd']);
  deepEqual(texts(whole.difference(FieldSet.of(['a.b']))), ['.a', '.d', '.a.b.c']);
  deepEqual(texts(whole.recursiveDifference(FieldSet.of(['a.b']))), ['.a', '.d']);
  equal(whole.difference(FieldSet.of(['x'])), whole);
});

test('leaves are what has nothing inside it', () => {
  deepEqual(texts(FieldSet.of(['a', 'a.b', 'c', 'd.e']).leaves()), ['.c', '.a.b', '.d.e']);
});

const name = fc.constantFrom('a', 'b', 'c');
const paths = fc.array(fc.array(name, { minLength: 1, maxLength: 4 }), { maxLength: 12 });
const keys = (set: FieldSet): Set<string> => new Set(texts(set));

test('sets behave as sets of paths, whatever their shape', () => {
  fc.assert(
    fc.property(paths, paths, (left, right) => {
      const a = FieldSet.of(left);
      const b = FieldSet.of(right);
      deepEqual(keys(a.union(b)), keys(a).union(keys(b)));
      deepEqual(keys(a.intersection(b)), keys(a).intersection(keys(b)));
      deepEqual(keys(a.difference(b)), keys(a).difference(keys(b)));
      const above = [...keys(b)];
      const kept = [...keys(a)].filter((path) => !above.some((each) => path === each || path.startsWith(`${each}.`)));
      deepEqual(keys(a.recursiveDifference(b)), new Set(kept));
      equal(a.equals(b), keys(a).symmetricDifference(keys(b)).size === 0);
      equal(a.isEmpty, keys(a).size === 0);
      ok(FieldSet.fromFieldsV1(a.toFieldsV1()).equals(a) || a.isEmpty);
    }),
  );
});

test('a union with what is owned already is the same set, and nothing of it is made anew', () => {
  const owned = FieldSet.of(['status', 'status.phase', 'status.podIP', 'spec.replicas']);
  equal(owned.union(FieldSet.of(['status.phase', 'spec.replicas'])), owned);
  const more = owned.union(FieldSet.of(['status.phase', 'spec.paused']));
  ok(more !== owned);
  deepEqual(texts(more), ['.status', '.spec.paused', '.spec.replicas', '.status.phase', '.status.podIP']);
  deepEqual(texts(owned), ['.status', '.spec.replicas', '.status.phase', '.status.podIP']);
});

test('frozen parts are read once, and read as any others', () => {
  const part = Object.freeze({ '.': {}, 'f:phase': {} });
  const json = { 'f:status': part, 'f:spec': { 'f:replicas': {} } };
  const [a, b] = [FieldSet.fromFieldsV1(json), FieldSet.fromFieldsV1(json)];
  equal(a.child(fieldElement('status')), b.child(fieldElement('status')));
  equal(JSON.stringify(a.toFieldsV1()), '{"f:spec":{"f:replicas":{}},"f:status":{".":{},"f:phase":{}}}');
});
