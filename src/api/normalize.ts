/**
 * Go's rule about empty values, applied: the form in which upstream stores and prints an object.
 *
 * A field with `omitempty` is left out when it is empty, unless it is a pointer, which tells empty from absent; a field
 * without it is always there. So clients find `status: {}` and `resources: {}`, and no `labels: {}`. One thing is our own:
 * a list or map that is always there is `[]` or `{}` where upstream prints null for what nobody set; both decode the same,
 * and our types can promise a list.
 */
import type { JsonArray, JsonObject, JsonValue } from './object.ts';
import { isObject, setKey } from './patch/json-tree.ts';
import { fieldsIn, type PlacedField, placedFields } from './schema/field-order.ts';
import type { Field, MessageType, Type } from './schema/schema.ts';
import { zeroValue } from './schema/zero.ts';

/**
 * A new object; `object` is one that `decodeObject` returned, and may be frozen. `known` is one of this type that is in normal form
 * and frozen: parts of `object` that are the very same ones at the same place are shared with it.
 */
export function normalizeObject(type: MessageType, object: JsonObject, known?: JsonObject): JsonObject {
  return normalMessage(type, object, false, known);
}

/** With null for a list or map that nobody set, as upstream has it: for who asks whether somebody did. */
export function normalizeWithNulls(type: MessageType, object: JsonObject): JsonObject {
  return normalMessage(type, object, true);
}

const alwaysByType = new WeakMap<MessageType, readonly PlacedField[]>();

/** Those that are there also where they are absent. */
function alwaysThere(type: MessageType): readonly PlacedField[] {
  let always = alwaysByType.get(type);
  if (always === undefined) {
    always = [...placedFields(type).values()].filter(({ field }) => field.alwaysEncoded && !field.pointer);
    alwaysByType.set(type, always);
  }
  return always;
}

/** Two lists in the table's order become one: the fields that the object has, and those that are always there. */
function normalMessage(type: MessageType, object: JsonObject, nulls: boolean, known?: JsonObject): JsonObject {
  const always = alwaysThere(type);
  const normal: JsonObject = {};
  let due = 0;
  for (const { field, order } of fieldsIn(type, object)) {
    for (let next = always[due]; next && next.order <= order; next = always[++due]) {
      if (next.order < order) put(normal, next.field, undefined, nulls);
    }
    const value = object[field.name];
    const before = known?.[field.name];
    if (value === before && typeof value === 'object' && value !== null) normal[field.name] = value;
    else put(normal, field, value, nulls, before);
  }
  for (; due < always.length; due++) put(normal, (always[due] as PlacedField).field, undefined, nulls);
  if (type.declared !== undefined) putDeclared(normal, type, object);
  return normal;
}

/** What a custom kind holds beside the fields of all kinds has no empty values in Go's sense: shared as it is. */
function putDeclared(normal: JsonObject, { fieldsByName }: MessageType, object: JsonObject): void {
  for (const name of Object.keys(object)) {
    const value = object[name];
    if (value !== undefined && !fieldsByName.has(name)) setKey(normal, name, value);
  }
}

function put(normal: JsonObject, field: Field, value: JsonValue | undefined, nulls: boolean, known?: JsonValue): void {
  const shown = normalField(field, value, nulls, known);
  if (shown !== undefined) normal[field.name] = shown;
}

function normalField(
  field: Field,
  value: JsonValue | undefined,
  nulls: boolean,
  known: JsonValue | undefined,
): JsonValue | undefined {
  if (value === undefined || value === null) {
    if (!field.alwaysEncoded || field.pointer) return undefined;
    if (nulls && (field.type.kind === 'list' || field.type.kind === 'map')) return null;
    return normalValue(field.type, zeroValue(field.type), nulls);
  }
  return isLeftOut(field, value) ? undefined : normalValue(field.type, value, nulls, known);
}

function isLeftOut(field: Field, value: JsonValue): boolean {
  if (field.pointer || field.alwaysEncoded || field.type.kind === 'special') return false;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object') return value !== null && field.type.kind === 'map' && Object.keys(value).length === 0;
  return value === '' || value === 0 || value === false;
}

/** Within a struct, parts that are known are shared; within lists they are few. */
function normalValue(
  type: Type,
  value: JsonValue | undefined,
  nulls: boolean,
  known?: JsonValue,
): JsonValue | undefined {
  if (typeof value !== 'object' || value === null) return value;
  switch (type.kind) {
    case 'message':
      return normalMessage(type.message, value as JsonObject, nulls, isObject(known) ? known : undefined);
    case 'list':
      if (isPlain(type.element)) return [...(value as JsonArray)];
      return (value as JsonArray).map((element) => normalValue(type.element, element, nulls) as JsonValue);
    case 'map':
      if (isPlain(type.value)) return { ...(value as JsonObject) };
      return Object.fromEntries(
        Object.entries(value as JsonObject).map(([key, each]) => [
          key,
          normalValue(type.value, each, nulls) as JsonValue,
        ]),
      );
    case 'scalar':
    case 'special':
      return value;
  }
}

/** Its values are normal as they are. */
function isPlain({ kind }: Type): boolean {
  return kind === 'scalar' || kind === 'special';
}

/**
 * The fields of an object, and of its metadata, in the order in which Go prints them: for what was put together after it was
 * normal. Deeper down, fields are replaced as a whole and stand in order.
 */
export function inFieldOrder(type: MessageType, object: JsonObject): JsonObject {
  const ordered: JsonObject = {};
  for (const { field } of fieldsIn(type, object)) {
    const { name } = field;
    const value = object[name] as JsonValue;
    const isMetadata =
      name === 'metadata' && field.type.kind === 'message' && typeof value === 'object' && value !== null;
    ordered[name] = isMetadata ? inFieldOrder(field.type.message, value as JsonObject) : value;
  }
  // What the type does not know, a custom resource may be allowed to hold.
  for (const name of Object.keys(object))
    if (!type.fieldsByName.has(name)) setKey(ordered, name, object[name] as JsonValue);
  return ordered;
}
