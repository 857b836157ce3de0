/**
 * Fills in the constants that the tables carry (upstream's `+default=` markers), by the rule of upstream's generated
 * defaulting: a pointer gets its default where it is absent, any other field also where it has its zero value, which Go
 * cannot tell from absent. A struct that is no pointer is always there for Go, so its own fields are defaulted even where
 * the JSON leaves it out; a pointer's struct, list elements and map values are defaulted where they are there.
 *
 * What upstream defaults in code (a Service's type, a probe's period) is not here, but in `src/registry/defaults`.
 */
import type { JsonArray, JsonObject, JsonValue } from './object.ts';
import { setKey } from './patch/json-tree.ts';
import { fieldsIn } from './schema/field-order.ts';
import type { Field, MessageType, Type } from './schema/schema.ts';

/** The object with its defaults: itself where nothing is missing; it may be frozen, and is not changed. */
export function applySchemaDefaults(type: MessageType, object: JsonObject): JsonObject {
  let changes: JsonObject | undefined;
  for (const field of fieldsToLookAt(type)) {
    const before = Object.hasOwn(object, field.name) ? object[field.name] : undefined;
    const after = fieldWithDefault(field, before);
    // What is there cannot come to be absent.
    if (after !== before && after !== undefined) (changes ??= {})[field.name] = after;
  }
  return changes === undefined ? object : inOrder(type, { ...object, ...changes });
}

/** Most of a Pod's fields have no default of this kind, nor anything below them. */
const fieldsKnown = new WeakMap<MessageType, readonly Field[]>();

function fieldsToLookAt(type: MessageType): readonly Field[] {
  let fields = fieldsKnown.get(type);
  if (fields === undefined) {
    fields = [...type.fieldsByName.values()].filter(
      (field) => field.default !== undefined || typeHasDefaults(field.type),
    );
    fieldsKnown.set(type, fields);
  }
  return fields;
}

/** Fields in the table's order. What the type does not know comes last: pruning is not this function's duty. */
function inOrder(type: MessageType, object: JsonObject): JsonObject {
  const ordered: JsonObject = {};
  for (const { field } of fieldsIn(type, object)) {
    const value = object[field.name];
    if (value !== undefined) ordered[field.name] = value;
  }
  for (const name of Object.keys(object))
    if (!type.fieldsByName.has(name)) setKey(ordered, name, object[name] as JsonValue);
  return ordered;
}

function fieldWithDefault(field: Field, value: JsonValue | undefined): JsonValue | undefined {
  const isAbsent = value === undefined || value === null;
  if (field.default !== undefined && (isAbsent || (!field.pointer && isZero(value)))) {
    // Most are texts and numbers, for which a copy would cost more than all else here.
    return (typeof field.default === 'object' ? structuredClone(field.default) : field.default) as JsonValue;
  }
  if (!isAbsent) return withDefaults(field.type, value);
  if (field.pointer || field.type.kind !== 'message') return value;
  const filled = applySchemaDefaults(field.type.message, {});
  return Object.keys(filled).length > 0 ? filled : value;
}

function isZero(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === '' || value === 0 || value === false;
}

function withDefaults(type: Type, value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || !typeHasDefaults(type)) return value;
  switch (type.kind) {
    case 'message':
      return applySchemaDefaults(type.message, value as JsonObject);
    case 'list': {
      const list = value as JsonArray;
      const filled = list.map((element) => withDefaults(type.element, element));
      return filled.some((element, index) => element !== list[index]) ? filled : list;
    }
    case 'map': {
      const map = value as JsonObject;
      const filled = Object.entries(map).map(([key, each]) => [key, withDefaults(type.value, each)] as const);
      return filled.some(([key, each]) => each !== map[key]) ? Object.fromEntries(filled) : map;
    }
    case 'scalar':
    case 'special':
      return value;
  }
}

/** Whether there is anything to do below a type: most of a Pod has no defaults of this kind. */
const known = new WeakMap<MessageType, boolean>();

function hasDefaults(message: MessageType): boolean {
  const found = known.get(message);
  if (found !== undefined) return found;
  const reached = reach(message);
  const has = [...reached].some((each) => each.fields.some((field) => field.default !== undefined));
  known.set(message, has);
  return has;
}

function typeHasDefaults(type: Type): boolean {
  const message = messageIn(type);
  return message !== undefined && hasDefaults(message);
}

/** All messages that a message leads to, itself among them; types may refer to each other in circles. */
function reach(message: MessageType, reached = new Set<MessageType>()): Set<MessageType> {
  if (reached.has(message)) return reached;
  reached.add(message);
  for (const field of message.fields) {
    const inner = messageIn(field.type);
    if (inner !== undefined) reach(inner, reached);
  }
  return reached;
}

function messageIn(type: Type): MessageType | undefined {
  if (type.kind === 'message') return type.message;
  if (type.kind === 'list') return messageIn(type.element);
  return type.kind === 'map' ? messageIn(type.value) : undefined;
}
