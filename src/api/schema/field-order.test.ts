import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsIn } from './field-order.ts';
import { builtinSchema } from './load.ts';

const container = builtinSchema().message('io.k8s.api.core.v1.Container');
assert.ok(container);
const namesIn = (object: Record<string, string>): string[] =>
  fieldsIn(container, object).map(({ field }) => field.name);
const inTable = [...container.fieldsByName.keys()];

test('fields come in the order of the table, however they stand in the object', () => {
  const object = Object.fromEntries(inTable.map((name) => [name, '']));
  const backwards = Object.fromEntries(inTable.toReversed().map((name) => [name, '']));
  assert.deepEqual(namesIn(object), inTable);
  assert.deepEqual(namesIn(backwards), inTable);
  assert.deepEqual(namesIn({ tty: '', image: '', env: '', name: '' }), ['name', 'image', 'env', 'tty']);
});

test('what the type does not know is left out', () => {
  assert.deepEqual(namesIn({ image: '', unknown: '', constructor: '', name: '' }), ['name', 'image']);
});
