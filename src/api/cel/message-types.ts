/**
 * Built-in kinds → types for expressions, from the tables that describe them: what a policy's expressions are checked against. Types are kept
 * by message, and made as deep as somebody looks (a JSON schema holds JSON schemas).
 *
 * Upstream hides what its documents give no type: quantities among them. Here a quantity is the text it is, and other JSON is `dyn`.
 */

import { escaped } from '../../lib/cel/escaping.ts';
import { type CelField, type CelType, celTypes } from '../../lib/cel/types.ts';
import type { Field, MessageType, Scalar, SpecialForm, Type } from '../schema/schema.ts';
import { structuralType } from './structural-types.ts';

const scalars: Readonly<Record<Scalar, CelType>> = {
  string: celTypes.string,
  boolean: celTypes.bool,
  int32: celTypes.int,
  int64: celTypes.int,
  uint32: celTypes.int,
  uint64: celTypes.int,
  float: celTypes.double,
  double: celTypes.double,
  bytes: celTypes.bytes,
};

const specials: Readonly<Record<SpecialForm, CelType>> = {
  quantity: celTypes.string,
  'int-or-string': celTypes.dyn,
  time: celTypes.timestamp,
  'micro-time': celTypes.timestamp,
  duration: celTypes.string,
  'raw-extension': celTypes.dyn,
  'fields-v1': celTypes.dyn,
  json: celTypes.dyn,
};

const kept = new WeakMap<MessageType, CelType>();

/** Also of kinds that a CustomResourceDefinition declares; `dyn` where it describes nothing. */
export function messageCelType(message: MessageType): CelType {
  let type = kept.get(message);
  if (type === undefined) kept.set(message, (type = make(message)));
  return type;
}

function make(message: MessageType): CelType {
  if (message.declared !== undefined) {
    const { structural } = message.declared;
    return (structural && structuralType(structural, true)) ?? celTypes.dyn;
  }
  let fields: ReadonlyMap<string, CelField> | undefined;
  return {
    kind: 'object',
    name: message.name,
    get fields() {
      return (fields ??= fieldsOf(message));
    },
  };
}

function fieldsOf({ fieldsByName }: MessageType): ReadonlyMap<string, CelField> {
  const fields = new Map<string, CelField>();
  for (const [jsonName, field] of fieldsByName) {
    const name = escaped(jsonName);
    if (name === undefined) continue;
    fields.set(name, {
      type: typeOf(field.type, field),
      ...(field.required && { required: true }),
      ...(name !== jsonName && { jsonName }),
    });
  }
  return fields;
}

function typeOf(type: Type, field?: Field): CelType {
  switch (type.kind) {
    case 'scalar':
      return field?.enum === undefined || type.scalar !== 'string' ? scalars[type.scalar] : enumType(field.enum);
    case 'special':
      return specials[type.form];
    case 'message':
      return messageCelType(type.message);
    case 'map':
      return celTypes.map(celTypes.string, typeOf(type.value));
    case 'list':
      return listType(typeOf(type.element), field);
  }
}

const enumType = (allowed: readonly string[]): CelType => ({
  kind: 'string',
  maxSize: Math.max(0, ...allowed.map((value) => value.length)),
});

function listType(element: CelType, field: Field | undefined): CelType {
  if (field?.listType === 'set') return { kind: 'list', element, listType: 'set' };
  if (field?.listType !== 'map') return celTypes.list(element);
  return { kind: 'list', element, listType: 'map', mapKeys: field.listMapKeys ?? [] };
}
