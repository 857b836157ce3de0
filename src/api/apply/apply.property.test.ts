/** What holds whatever several managers do, in whatever order. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { JsonObject } from '../object.ts';
import { hasReason } from '../status-error.ts';
import { messageAtom } from './atom.ts';
import { FieldSet } from './field-set.ts';
import { pathText } from './path-element.ts';
import { anyJson, kind, listMapOf, listOf, mapOf, message, SharedObject, setOf, struct, text } from './testing.ts';
import { toFieldSet } from './typed-to-set.ts';

const part = struct('Part', { name: text, value: text, tags: setOf(text) });
const type = kind('Thing', {
  text,
  parts: listMapOf(part, 'name'),
  labels: mapOf(text),
  inner: message(part),
  atomic: listOf(text),
  json: anyJson,
});

const word = fc.constantFrom('a', 'b', 'c');
const tags = fc.uniqueArray(word, { minLength: 1, maxLength: 3 });
const aPart = fc.record({ value: word, tags }, { requiredKeys: [] });
const parts = fc
  .uniqueArray(word, { minLength: 1, maxLength: 3 })
  .chain((names) => fc.tuple(...names.map((name) => aPart.map((fields) => ({ name, ...fields })))));
const labels = fc.dictionary(word, word, { minKeys: 1, maxKeys: 3 });
const object = fc.record(
  {
    text: word,
    parts,
    labels,
    inner: aPart.filter((fields) => Object.keys(fields).length > 0),
    atomic: tags,
    json: labels,
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>;

interface Step {
  readonly manager: string;
  readonly applies: boolean;
  readonly force: boolean;
  readonly value: JsonObject;
}

const steps = fc.array(
  fc.record({ manager: fc.constantFrom('x', 'y', 'z'), applies: fc.boolean(), force: fc.boolean(), value: object }),
  { minLength: 1, maxLength: 8 },
) as fc.Arbitrary<Step[]>;

/** A conflict is an outcome like any other. */
function take(shared: SharedObject, { manager, applies, force, value }: Step): boolean {
  try {
    if (applies) shared.apply(manager, value, { force });
    else shared.update(manager, value);
    return true;
  } catch (error) {
    if (hasReason(error, 'Conflict')) return false;
    throw error;
  }
}

const leavesOf = (shared: SharedObject): readonly string[] =>
  [...toFieldSet(messageAtom(type), shared.value).leaves()].map(pathText);

test('every leaf of the object is somebody’s', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const shared = new SharedObject({ 'x/v1': type });
      for (const step of all) take(shared, step);
      const owned = new Set(Object.values(shared.owners).flat());
      deepEqual(
        leavesOf(shared).filter((leaf) => !owned.has(leaf)),
        [],
      );
    }),
  );
});

/** Who made a map or list may own it still when others emptied it, which stores nothing: upstream's way. */
const isContainer = (path: string): boolean => /\.(labels|json|parts|inner|tags)$/.test(path);

test('nobody owns what is not there, and no entry is empty', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const shared = new SharedObject({ 'x/v1': type });
      for (const step of all) take(shared, step);
      const there = new Set([...toFieldSet(messageAtom(type), shared.value)].map(pathText));
      for (const paths of Object.values(shared.owners)) {
        ok(paths.length > 0);
        deepEqual(
          paths.filter((path) => !there.has(path) && !isContainer(path)),
          [],
        );
      }
    }),
  );
});

test('an apply that succeeded puts its values there, and once more is none', () => {
  fc.assert(
    fc.property(steps, object, fc.boolean(), (all, value, force) => {
      const shared = new SharedObject({ 'x/v1': type });
      for (const step of all) take(shared, step);
      if (!take(shared, { manager: 'w', applies: true, force, value })) return;
      const stored = shared.live;
      const applied = [...toFieldSet(messageAtom(type), value)].map(pathText);
      deepEqual(shared.owners['w'] ?? [], applied);
      shared.apply('w', value, { time: '2027-01-01T00:00:00Z' });
      equal(shared.live, stored);
    }),
  );
});

test('managedFields come back from their JSON as they were, in the same order', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const shared = new SharedObject({ 'x/v1': type });
      for (const step of all) take(shared, step);
      for (const { fieldsV1 } of shared.entries) {
        equal(JSON.stringify(FieldSet.fromFieldsV1(fieldsV1).toFieldsV1()), JSON.stringify(fieldsV1));
      }
    }),
  );
});
