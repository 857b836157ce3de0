/** A value without the fields of a set. */
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import { setKey } from '../patch/json-tree.ts';
import { atomFor, formOf, type ListAtom, type MapAtom, type TypeAtom } from './atom.ts';
import type { FieldSet } from './field-set.ts';
import { itemElement } from './list-items.ts';
import { fieldElement } from './path-element.ts';

/** What loses everything inside stays, empty; null where there is nothing to be empty. */
export function removeItems(declared: TypeAtom, value: JsonValue, items: FieldSet): JsonValue {
  if (items.isEmpty) return value;
  const atom = atomFor(declared, value);
  switch (formOf(atom)) {
    case 'map':
      return removeFromMap(atom.map as MapAtom, value, items);
    case 'list':
      return removeFromList(atom.list as ListAtom, value, items);
    case 'scalar':
      return value;
  }
}

function removeBelow(atom: TypeAtom, value: JsonValue, items: FieldSet): JsonValue {
  const rest = removeItems(atom, value, items);
  if (rest !== null || typeof value !== 'object' || value === null) return rest;
  return Array.isArray(value) ? [] : {};
}

function removeFromMap(map: MapAtom, value: JsonValue, items: FieldSet): JsonValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || map.atomic) return null;
  const rest: JsonObject = {};
  let size = 0;
  for (const name of Object.keys(value)) {
    const element = fieldElement(name);
    if (items.hasMember(element)) continue;
    const below = items.child(element);
    const atom = map.field(name);
    const each = value[name] as JsonValue;
    setKey(rest, name, below && atom ? removeBelow(atom, each, below) : each);
    size++;
  }
  return size > 0 ? rest : null;
}

function removeFromList(list: ListAtom, value: JsonValue, items: FieldSet): JsonValue {
  if (!Array.isArray(value) || list.atomic) return null;
  const rest: JsonArray = [];
  for (const item of value) {
    const element = itemElement(list, item);
    if (items.hasMember(element)) continue;
    const below = items.child(element);
    rest.push(below ? removeBelow(list.element, item, below) : item);
  }
  return rest.length > 0 ? rest : null;
}
