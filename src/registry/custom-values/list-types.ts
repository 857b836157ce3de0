/**
 * Lists that are sets or maps hold each item once (`x-kubernetes-list-type`). Items are compared as JSON; of those that are alike, the second is
 * told.
 */
import { goJson } from '../../api/apply/go-text.ts';
import { duplicate, indexPath, invalidValue } from '../../api/field-error.ts';
import type { JsonArray, JsonObject, JsonValue } from '../../api/object.ts';
import { getKey, isObject, setKey } from '../../api/patch/json-tree.ts';
import type { FieldError } from '../../api/status-error.ts';
import type { Structural } from '../../api/structural/structural.ts';

/** Of the list itself, not of what is in its items. */
export function listErrors(path: string, { listType, listMapKeys }: Structural, list: JsonArray): FieldError[] {
  switch (listType) {
    case 'atomic':
      return [];
    case 'set':
      return repeated(list, identityOf).map((index) => duplicate(indexPath(path, index), list[index]));
    case 'map':
      return mapErrors(path, listMapKeys, list);
  }
}

function mapErrors(path: string, keys: readonly string[], list: JsonArray): FieldError[] {
  const odd = list.findIndex((item) => item !== null && !isObject(item));
  if (odd >= 0) {
    return [invalidValue(indexPath(path, odd), list[odd], 'must be an object for an array of list-type map')];
  }
  const identity = (item: JsonValue): string => keys.map((key) => identityOf(partAt(item, key))).join(' ');
  return repeated(list, identity).map((index) => duplicate(indexPath(path, index), keyOf(keys, list[index])));
}

const partAt = (item: JsonValue | undefined, key: string): JsonValue | undefined =>
  isObject(item) ? getKey(item, key) : undefined;

/** A key that an item leaves out is no part of it. */
function keyOf(keys: readonly string[], item: JsonValue | undefined): JsonObject {
  const found: JsonObject = {};
  for (const key of keys.toSorted()) {
    const part = partAt(item, key);
    if (part !== undefined) setKey(found, key, part);
  }
  return found;
}

/** Equal for what is equal as JSON, and for nothing else, also where several stand in a row. */
function identityOf(value: JsonValue | undefined): string {
  if (typeof value === 'string') return `s${value.length} ${value}`;
  return typeof value === 'object' ? goJson(value) : String(value);
}

/** The second of each that are alike. */
function repeated(values: readonly JsonValue[], identity: (value: JsonValue) => string): number[] {
  if (values.length < 2) return [];
  const counts = new Map<string, number>();
  const indexes: number[] = [];
  for (const [index, value] of values.entries()) {
    const text = identity(value);
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    if (count === 2) indexes.push(index);
  }
  return indexes;
}
