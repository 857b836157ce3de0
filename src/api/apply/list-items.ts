/** What tells the items of a set or list-map apart: the path element of each. */
import { goQuote } from '../field-error.ts';
import type { JsonValue } from '../object.ts';
import { getKey, isObject } from '../patch/json-tree.ts';
import type { ListAtom } from './atom.ts';
import { keyElement, type PathElement, valueElement } from './path-element.ts';

/** A value that does not fit its type. The message carries the field's path where there is one. */
export class TypedError extends Error {
  override name = 'TypedError';
}

/** @throws TypedError where the item has nothing that tells it apart */
export function itemElement(list: ListAtom, item: JsonValue): PathElement {
  return list.keys.length > 0 ? keyedItemElement(list, item) : setItemElement(item);
}

/** A key field that is left out and has no default is no part of the key: another item than one that has it. */
function keyedItemElement({ keys, element }: ListAtom, item: JsonValue): PathElement {
  if (item === null) throw new TypedError('associative list with keys may not have a null element');
  if (!isObject(item)) throw new TypedError('associative list with keys may not have non-map elements');
  const pairs: [string, JsonValue][] = [];
  for (const name of keys) {
    const value = getKey(item, name) ?? element.map?.default(name);
    if (value !== undefined) pairs.push([name, value]);
  }
  if (pairs.length === 0) throw new TypedError(withoutKeys(keys));
  return keyElement(pairs);
}

const withoutKeys = (keys: readonly string[]): string =>
  `associative list with keys has an element that omits all key fields [${keys.map(goQuote).join(' ')}] ` +
  "(and doesn't have default values for any key fields)";

function setItemElement(item: JsonValue): PathElement {
  if (item === null) throw new TypedError("associative list without keys has an element that's an explicit null");
  if (Array.isArray(item)) throw new TypedError('not supported: associative list with lists as elements');
  if (isObject(item)) throw new TypedError("associative list without keys has an element that's a map type");
  return valueElement(item);
}

/** The items by their elements' keys; several where the list has duplicates. */
export function itemsByKey(
  list: ListAtom,
  items: readonly JsonValue[],
): ReadonlyMap<string, { readonly element: PathElement; readonly items: JsonValue[] }> {
  const byKey = new Map<string, { readonly element: PathElement; readonly items: JsonValue[] }>();
  for (const item of items) {
    const element = itemElement(list, item);
    const found = byKey.get(element.key);
    if (found) found.items.push(item);
    else byKey.set(element.key, { element, items: [item] });
  }
  return byKey;
}
