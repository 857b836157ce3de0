/**
 * The order of a merged list, for strategic merge.
 *
 * ```
 *   named by the client:   c a        → in the client's order
 *   only in the document:  b d        → in the document's order
 *   woven together:        c a b d    an element of the document goes before the first named one that it preceded there
 * ```
 */
import type { JsonArray, JsonValue } from '../object.ts';
import { getKey, isObject } from './json-tree.ts';

/** What identifies an element: its merge key's value, or the scalar itself. */
export function elementKey(element: JsonValue, mergeKey: string | undefined): JsonValue | undefined {
  return mergeKey !== undefined && isObject(element) ? getKey(element, mergeKey) : element;
}

/** `merged`, in the order that `named` (the client's) and `live` (the document before) give. */
export function orderElements(
  merged: JsonArray,
  named: JsonArray,
  live: JsonArray,
  mergeKey: string | undefined,
): JsonArray {
  const rankOf = (list: JsonArray): ((element: JsonValue) => number) => {
    const ranks = new Map<JsonValue | undefined, number>();
    for (const [index, element] of list.entries()) {
      const key = elementKey(element, mergeKey);
      if (!ranks.has(key)) ranks.set(key, index);
    }
    return (element) => ranks.get(elementKey(element, mergeKey)) ?? Number.POSITIVE_INFINITY;
  };
  const [namedRank, liveRank] = [rankOf(named), rankOf(live)];
  const isNamed = (element: JsonValue): boolean => namedRank(element) !== Number.POSITIVE_INFINITY;
  const front = merged.filter(isNamed).sort(by(namedRank));
  const rest = merged.filter((element) => !isNamed(element)).sort(by(liveRank));
  return weave(rest, front, liveRank);
}

function by(rank: (element: JsonValue) => number): (left: JsonValue, right: JsonValue) => number {
  return (left, right) => {
    const [a, b] = [rank(left), rank(right)];
    return a === b ? 0 : a - b;
  };
}

function weave(rest: JsonArray, front: JsonArray, liveRank: (element: JsonValue) => number): JsonArray {
  const woven: JsonArray = [];
  let next = 0;
  for (const element of front) {
    const rank = liveRank(element);
    while (rank !== Number.POSITIVE_INFINITY && next < rest.length && liveRank(rest[next] ?? null) < rank) {
      woven.push(rest[next++] ?? null);
    }
    woven.push(element);
  }
  return [...woven, ...rest.slice(next)];
}
