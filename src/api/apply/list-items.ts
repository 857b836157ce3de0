/** What tells the items of a set or list-map apart: the path element of each. */
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

function keyedItemElement({ keys, element }: ListAtom, item: JsonValue): PathElement {
  if (item === null) throw new TypedError('associative list with keys may not have a null element');
  if (!isObject(item)) throw new TypedError('associative list with keys may not have non-map elements');
  return keyElement(
    keys.map((name) => {
      const value = getKey(item, name) ?? element.map?.default(name);
      if (value !== undefined) return [name, value];
      throw new TypedError(
        `associative list with keys has an element that omits key field "${name}" (and doesn't have default value)`,
      );
    }),
  );
}

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
