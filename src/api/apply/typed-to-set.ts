/** Which fields a value mentions: the set that an applier of it comes to own. */
import type { JsonObject, JsonValue } from '../object.ts';
import { atomFor, formOf, type ListAtom, type MapAtom, type TypeAtom } from './atom.ts';
import { type FieldSet, FieldSetBuilder } from './field-set.ts';
import { itemsByKey } from './list-items.ts';
import { fieldElement, type PathElement } from './path-element.ts';

interface Walk {
  readonly set: FieldSetBuilder;
  readonly path: PathElement[];
}

/**
 * Leaves, items of granular lists, keys of granular maps; a struct only where it is empty or null. An empty list has no
 * items, so it is nobody's.
 * @throws TypedError
 */
export function toFieldSet(atom: TypeAtom, value: JsonValue): FieldSet {
  const walk: Walk = { set: new FieldSetBuilder(), path: [] };
  visit(walk, atom, value);
  return walk.set.build();
}

function visit(walk: Walk, declared: TypeAtom, value: JsonValue): void {
  const atom = atomFor(declared, value);
  switch (formOf(atom)) {
    case 'map':
      return visitMap(walk, atom.map as MapAtom, value);
    case 'list':
      return visitList(walk, atom.list as ListAtom, value);
    case 'scalar':
      walk.set.add(walk.path);
  }
}

function visitMap(walk: Walk, map: MapAtom, value: JsonValue): void {
  if (map.atomic) return walk.set.add(walk.path);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  for (const name of Object.keys(value)) {
    const each = value[name] as JsonValue;
    const atom = map.field(name);
    walk.path.push(fieldElement(name));
    if (atom) visit(walk, atom, each);
    if (isHollow(each) || !map.declares(name)) walk.set.add(walk.path);
    walk.path.pop();
  }
}

function isHollow(value: JsonValue): boolean {
  return value === null || (typeof value === 'object' && !Array.isArray(value) && isEmpty(value));
}

function isEmpty(object: JsonObject): boolean {
  for (const _ in object) return false;
  return true;
}

/** Of duplicates only that they are there is owned, not what is in them. */
function visitList(walk: Walk, list: ListAtom, value: JsonValue): void {
  if (list.atomic) return walk.set.add(walk.path);
  if (!Array.isArray(value)) return;
  for (const { element, items } of itemsByKey(list, value).values()) {
    walk.path.push(element);
    if (items.length === 1) visit(walk, list.element, items[0] as JsonValue);
    walk.set.add(walk.path);
    walk.path.pop();
  }
}
