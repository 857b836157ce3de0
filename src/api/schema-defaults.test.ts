import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deepFreeze } from '../lib/deep-freeze.ts';
import type { JsonObject } from './object.ts';
import { builtinSchema } from './schema/load.ts';
import type { Field, MessageType } from './schema/schema.ts';
import { applySchemaDefaults } from './schema-defaults.ts';

const pod = builtinSchema().kind({ group: '', version: 'v1', kind: 'Pod' });
assert.ok(pod);

const text = { kind: 'scalar', scalar: 'string' } as const;

function field(name: string, more: Partial<Field>): Field {
  const usual = { goName: name, type: text, required: false, pointer: false, alwaysEncoded: false, inline: false };
  return { name, ...usual, ...more };
}

function message(...fields: readonly Field[]): MessageType {
  const fieldsByName = new Map(fields.map((each) => [each.name, each]));
  return { name: 'x.X', goName: 'X', fields, fieldsByName, fieldsByNumber: new Map() };
}

test('a default is set where the field is absent, however deep, and a value stays', () => {
  const object = deepFreeze<JsonObject>({
    spec: { containers: [{ ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }] }] },
  });
  assert.deepEqual(applySchemaDefaults(pod, object), {
    spec: {
      containers: [
        {
          ports: [
            { containerPort: 80, protocol: 'TCP' },
            { containerPort: 53, protocol: 'UDP' },
          ],
        },
      ],
    },
  });
});

test('an object that lacks nothing is given back itself', () => {
  const object = deepFreeze<JsonObject>({
    spec: { containers: [{ ports: [{ containerPort: 1, protocol: 'TCP' }] }] },
    more: 1,
  });
  assert.equal(applySchemaDefaults(pod, object), object);
});

test('an explicit zero counts as absent, but not under a pointer', () => {
  const type = message(field('plain', { default: 'a' }), field('pointer', { default: 'b', pointer: true }));
  assert.deepEqual(applySchemaDefaults(type, { plain: '', pointer: '' }), { plain: 'a', pointer: '' });
  assert.deepEqual(applySchemaDefaults(type, {}), { plain: 'a', pointer: 'b' });
});

test('an absent struct is defaulted within, an absent pointer to one is not', () => {
  const inner = { kind: 'message', message: message(field('colour', { default: 'red' })) } as const;
  const type = message(field('value', { type: inner }), field('pointer', { type: inner, pointer: true }));
  assert.deepEqual(applySchemaDefaults(type, {}), { value: { colour: 'red' } });
  assert.deepEqual(applySchemaDefaults(type, { pointer: {} }), {
    value: { colour: 'red' },
    pointer: { colour: 'red' },
  });
});

test('values of maps are defaulted, and each gets a default of its own', () => {
  const inner = {
    kind: 'message',
    message: message(field('tags', { type: { kind: 'list', element: text }, default: ['x'] })),
  } as const;
  const type = message(field('byName', { type: { kind: 'map', value: inner } }));
  const filled = applySchemaDefaults(type, { byName: { a: {}, b: {} } }) as {
    byName: { a: JsonObject; b: JsonObject };
  };
  assert.deepEqual(filled, { byName: { a: { tags: ['x'] }, b: { tags: ['x'] } } });
  assert.notEqual(filled.byName.a['tags'], filled.byName.b['tags']);
});
