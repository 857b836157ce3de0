import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CelType } from '../../lib/cel/types.ts';
import { builtinSchema } from '../schema/load.ts';
import type { MessageType } from '../schema/schema.ts';
import { structuralOf } from '../structural/structural-of.ts';
import { messageCelType } from './message-types.ts';
import { mostTimes, smallestSize, structuralType } from './structural-types.ts';

const requestBytes = 3 * 1024 * 1024;

const node = (schema: object) => structuralOf(schema);

/** `string:10`, `list(int):5`, `map(string):2`, `object(a b)`, `hidden`. */
function shown(type: CelType | undefined): string {
  if (type === undefined) return 'hidden';
  const size = 'maxSize' in type && type.maxSize !== undefined ? `:${type.maxSize}` : '';
  if (type.kind === 'list') return `${type.listType ?? 'list'}(${shown(type.element)})${size}`;
  if (type.kind === 'map') return `map(${shown(type.value)})${size}`;
  return type.kind === 'object' ? `object(${[...type.fields.keys()].join(' ')})` : type.kind + size;
}

test('each schema has the type and the size that upstream gives it', () => {
  const string = { type: 'string' };
  const any = { 'x-kubernetes-preserve-unknown-fields': true };
  const pair = { type: 'object', properties: { required: string, optional: string }, required: ['required'] };
  const rows: readonly (readonly [object, string])[] = [
    [{ type: 'integer' }, 'int'],
    [{ type: 'number' }, 'double'],
    [{ type: 'boolean' }, 'bool'],
    [string, `string:${requestBytes - 2}`],
    [{ ...string, maxLength: 10 }, 'string:40'],
    [{ ...string, enum: ['a', 'été'] }, 'string:5'],
    [{ ...string, format: 'byte', maxLength: 10 }, 'bytes:10'],
    [{ ...string, format: 'date' }, 'timestamp:12'],
    [{ ...string, format: 'date-time', maxLength: 5 }, 'timestamp:32'],
    [{ ...string, format: 'duration' }, 'duration:32'],
    [{ ...string, format: 'uuid' }, `string:${requestBytes - 2}`],
    [{ 'x-kubernetes-int-or-string': true }, `dyn:${requestBytes - 2}`],
    [{ 'x-kubernetes-int-or-string': true, maxLength: 3 }, 'dyn:12'],
    [any, 'hidden'],
    [{ type: 'object', ...any }, 'object()'],
    [{ type: 'object', additionalProperties: true }, 'object()'],
    [{ type: 'array', items: any }, 'hidden'],
    [{ type: 'object', additionalProperties: any }, 'hidden'],
    [{ type: 'array', maxItems: 5, items: { type: 'integer' } }, 'list(int):5'],
    [{ type: 'array', items: { type: 'integer' } }, `list(int):${Math.trunc((requestBytes - 2) / 2)}`],
    [{ type: 'array', items: { type: 'boolean' } }, `list(bool):${Math.trunc((requestBytes - 2) / 5)}`],
    [{ type: 'array', items: pair }, `list(object(required optional)):${Math.trunc((requestBytes - 2) / 17)}`],
    [{ type: 'array', 'x-kubernetes-list-type': 'set', maxItems: 2, items: { type: 'integer' } }, 'set(int):2'],
    [{ type: 'object', additionalProperties: { type: 'integer' }, maxProperties: 7 }, 'map(int):7'],
    [{ type: 'object', additionalProperties: { type: 'integer' } }, `map(int):${Math.trunc((requestBytes - 2) / 7)}`],
    [
      { type: 'object', properties: { 'a.b': string, 'c d': string, in: string, any, e: string } },
      'object(a__dot__b __in__ e)',
    ],
  ];
  for (const [schema, wanted] of rows)
    assert.equal(shown(structuralType(node(schema))), wanted, JSON.stringify(schema));
});

test('whole objects have the fields that all objects have, with the bounds of their own schema where it says all of them', () => {
  const name = { type: 'string', maxLength: 5 };
  const half = node({ type: 'object', properties: { metadata: { type: 'object', properties: { name } } } });
  const fieldsOf = (type: CelType | undefined) => (type?.kind === 'object' ? type.fields : new Map());
  const metadataOf = (schema: ReturnType<typeof node>) =>
    fieldsOf(fieldsOf(structuralType(schema, true)).get('metadata')?.type);
  assert.equal(shown(structuralType(half, true)), 'object(metadata apiVersion kind)');
  assert.equal(shown(metadataOf(half).get('name')?.type), `string:${requestBytes - 2}`);
  const string = { type: 'string' };
  const metadata = { type: 'object', properties: { name, generateName: name } };
  const whole = node({ type: 'object', properties: { apiVersion: string, kind: string, metadata } });
  assert.equal(shown(metadataOf(whole).get('name')?.type), 'string:20');
  assert.equal(
    shown(structuralType(node({ type: 'object', 'x-kubernetes-embedded-resource': true }))),
    'object(apiVersion kind metadata)',
  );
});

test('a type is made once for a node, and its fields when somebody looks', () => {
  const schema = node({
    type: 'object',
    properties: { a: { type: 'object', properties: { b: { type: 'integer' } } } },
  });
  const type = structuralType(schema);
  assert.equal(type, structuralType(schema));
  assert.ok(type?.kind === 'object');
  assert.equal(type.fields.get('a')?.type, structuralType(schema.properties.get('a') as never));
  assert.notEqual(structuralType(schema, true), type);
});

test('the smallest value says how many fit into one object', () => {
  const inner = {
    type: 'object',
    properties: { name: { type: 'string' }, n: { type: 'integer', default: 1 } },
    required: ['name', 'n'],
  };
  assert.equal(smallestSize(node(inner)), 2 + 'name'.length + 2 + 4);
  assert.equal(mostTimes(node({ type: 'string' })), Math.trunc(requestBytes / 3));
});

test('built-in kinds have the types of their tables', () => {
  const pod = messageCelType(builtinSchema().kind({ group: '', version: 'v1', kind: 'Pod' }) as MessageType);
  const at = (...path: readonly string[]): string => {
    let type: CelType | undefined = pod;
    for (const step of path) {
      if (type?.kind === 'list' && step === '[]') type = type.element;
      else if (type?.kind === 'map') type = type.value;
      else type = type?.kind === 'object' ? type.fields.get(step)?.type : undefined;
    }
    return type?.kind === 'object' ? type.name : shown(type);
  };
  assert.equal(at(), 'io.k8s.api.core.v1.Pod');
  assert.equal(at('metadata', '__namespace__'), 'string');
  assert.equal(at('metadata', 'creationTimestamp'), 'timestamp');
  assert.equal(at('metadata', 'labels', 'x'), 'string');
  assert.equal(at('spec', 'containers', '[]', 'ports', '[]', 'containerPort'), 'int');
  assert.equal(at('spec', 'containers', '[]', 'resources', 'limits', 'cpu'), 'string');
  assert.equal(at('spec', 'containers', '[]', 'livenessProbe', 'httpGet', 'port'), 'dyn');
  assert.equal(at('spec', 'nothing'), 'hidden');
  const schema = builtinSchema().message('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps');
  const holdsItself = messageCelType(schema as MessageType);
  assert.ok(holdsItself.kind === 'object' && holdsItself.fields.size > 10);
});
