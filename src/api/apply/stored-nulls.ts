/**
 * An object as upstream reads it from its storage, where that shows in who owns what: a list or map without `omitempty` that is
 * empty is null, and within what has one owner so is each pointer or time without `omitempty` that is absent. A
 * configuration that says `[]`, or leaves the pointer out, then differs.
 */
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import { isObject, setKey } from '../patch/json-tree.ts';
import { atomHasNulls, type MapAtom, type TypeAtom } from './atom.ts';

/** The value itself where nothing of it is null upstream. */
export function withStoredNulls(atom: TypeAtom, value: JsonValue, atomic = false): JsonValue {
  if (!atomHasNulls(atom)) return value;
  if (isObject(value)) return atom.map ? objectWithNulls(atom.map, value, atomic || atom.map.atomic) : value;
  if (Array.isArray(value))
    return atom.list ? listWithNulls(atom.list.element, value, atomic || atom.list.atomic) : value;
  return value;
}

function listWithNulls(element: TypeAtom, list: JsonArray, atomic: boolean): JsonArray {
  const items = list.map((item) => withStoredNulls(element, item, atomic));
  return items.every((item, index) => item === list[index]) ? list : items;
}

function objectWithNulls(map: MapAtom, object: JsonObject, atomic: boolean): JsonObject {
  let result = object;
  const set = (name: string, value: JsonValue): void => {
    if (result === object) result = { ...object };
    setKey(result, name, value);
  };
  for (const name of Object.keys(object)) {
    const value = object[name] as JsonValue;
    const atom = map.field(name);
    const shown = map.emptyNulls.includes(name) && isEmpty(value) ? null : atom && withStoredNulls(atom, value, atomic);
    if (shown !== undefined && shown !== value) set(name, shown);
  }
  if (atomic) for (const name of map.nulls) if (!Object.hasOwn(object, name)) set(name, null);
  return result;
}

const isEmpty = (value: JsonValue): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;
