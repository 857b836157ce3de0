/**
 * The fields that an object has, in the order of its type's table, which is Go's.
 *
 * The naive form asks for each field of the type whether the object has it: a PodSpec has 45, and a pod sets 12. This one looks at those
 * that are there, and moves the few that do not stand in order already.
 */
import type { JsonObject } from '../object.ts';
import type { Field, MessageType } from './schema.ts';

/** A field, and its place in the table. */
export interface PlacedField {
  readonly field: Field;
  readonly order: number;
}

const placedByType = new WeakMap<MessageType, ReadonlyMap<string, PlacedField>>();

/** By JSON name. */
export function placedFields(type: MessageType): ReadonlyMap<string, PlacedField> {
  let placed = placedByType.get(type);
  if (placed === undefined) {
    placed = new Map([...type.fieldsByName.values()].map((field, order) => [field.name, { field, order }]));
    placedByType.set(type, placed);
  }
  return placed;
}

/** What the type does not know is left out. */
export function fieldsIn(type: MessageType, object: JsonObject): readonly PlacedField[] {
  const placed = placedFields(type);
  const found: PlacedField[] = [];
  for (const name of Object.keys(object)) {
    const next = placed.get(name);
    if (next === undefined) continue;
    let at = found.length;
    for (; at > 0 && (found[at - 1] as PlacedField).order > next.order; at--) found[at] = found[at - 1] as PlacedField;
    found[at] = next;
  }
  return found;
}
