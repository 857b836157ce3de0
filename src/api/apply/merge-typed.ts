/**
 * A configuration merged into an object: what the configuration says wins, nothing goes. Parts that do not change are the
 * live object's own, so that "nothing changed" is seen at a glance.
 */
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import { getKey, isObject, setKey } from '../patch/json-tree.ts';
import { atomFor, formOf, type ListAtom, type MapAtom, type TypeAtom } from './atom.ts';
import { itemElement, TypedError } from './list-items.ts';
import { elementText } from './path-element.ts';

type Side = JsonValue | undefined;

/** @throws TypedError where the configuration has duplicates in a set or list-map */
export function mergeTyped(declared: TypeAtom, live: Side, applied: Side): Side {
  if (applied === undefined || live === applied) return live;
  const atom = atomFor(declared, applied);
  switch (formOf(atom)) {
    case 'map':
      return mergeMaps(atom.map as MapAtom, live, applied);
    case 'list':
      return mergeLists(atom.list as ListAtom, live, applied);
    case 'scalar':
      return applied;
  }
}

const isEmptyMap = (object: JsonObject | undefined): boolean => !object || Object.keys(object).length === 0;

function mergeMaps(map: MapAtom, liveSide: Side, appliedSide: JsonValue): Side {
  const live = isObject(liveSide) ? liveSide : undefined;
  const applied = isObject(appliedSide) ? appliedSide : undefined;
  if (map.atomic || (isEmptyMap(live) && isEmptyMap(applied))) return appliedSide;
  let merged: JsonObject | undefined = live ? undefined : {};
  for (const [name, value] of Object.entries(applied ?? {})) {
    const atom = map.field(name);
    const before = live && getKey(live, name);
    const after = atom ? mergeTyped(atom, before, value) : value;
    if (after === undefined || after === before) continue;
    merged ??= { ...live };
    setKey(merged, name, after);
  }
  return merged ?? live;
}

function mergeLists(list: ListAtom, liveSide: Side, appliedSide: JsonValue): Side {
  const live = Array.isArray(liveSide) ? liveSide : [];
  const applied = Array.isArray(appliedSide) ? appliedSide : [];
  if (list.atomic || live.length + applied.length === 0) return appliedSide;
  const merged = new ListMerge(list, live, applied).merge();
  const isSame = merged.length === live.length && merged.every((item, i) => item === live[i]);
  return isSame && Array.isArray(liveSide) ? liveSide : merged;
}

/**
 * The order of a merged list: as live, where the configuration changes no order; the configuration's items in its order;
 * live's own items after the shared item that they follow.
 */
class ListMerge {
  readonly #list: ListAtom;
  readonly #live: JsonArray;
  readonly #liveKeys: readonly string[];
  /** Duplicates are null: they do not merge with what is applied, but give way to it. */
  readonly #liveByKey = new Map<string, JsonValue>();
  readonly #appliedByKey = new Map<string, JsonValue>();
  readonly #appliedKeys: readonly string[];
  /** Keys in both, in the configuration's order; the first `#shared` of them are behind us. */
  readonly #sharedKeys: readonly string[];
  #shared = 0;
  readonly #done = new Set<string>();
  readonly #out: JsonArray = [];

  constructor(list: ListAtom, live: JsonArray, applied: JsonArray) {
    this.#list = list;
    this.#live = live;
    this.#liveKeys = live.map((item) => {
      const { key } = itemElement(list, item);
      this.#liveByKey.set(key, this.#liveByKey.has(key) ? null : item);
      return key;
    });
    for (const item of applied) {
      const element = itemElement(list, item);
      if (this.#appliedByKey.has(element.key))
        throw new TypedError(`duplicate entries for key ${elementText(element)}`);
      this.#appliedByKey.set(element.key, item);
    }
    this.#appliedKeys = [...this.#appliedByKey.keys()];
    this.#sharedKeys = this.#appliedKeys.filter((key) => this.#liveByKey.has(key));
  }

  /** Two fingers, one in each list. */
  merge(): JsonArray {
    let l = 0;
    let a = 0;
    while (l < this.#liveKeys.length || a < this.#appliedKeys.length) {
      const liveKey = this.#liveKeys[l];
      const appliedKey = this.#appliedKeys[a];
      if (liveKey !== undefined && liveKey === appliedKey) {
        this.#takeApplied(liveKey);
        this.#shared++;
        l++;
        a++;
        continue;
      }
      if (liveKey !== undefined && appliedKey !== undefined && this.#isAhead(liveKey)) {
        l++;
        continue;
      }
      if (liveKey !== undefined && !this.#appliedByKey.has(liveKey)) {
        this.#out.push(this.#live[l] as JsonValue);
        l++;
        continue;
      }
      if (liveKey !== undefined && this.#done.has(liveKey)) l++;
      if (appliedKey === undefined) continue;
      this.#takeApplied(appliedKey);
      if (this.#sharedKeys[this.#shared] === appliedKey) this.#shared++;
      a++;
    }
    return this.#out;
  }

  /** A shared item, but not the next one that the configuration has. */
  #isAhead(liveKey: string): boolean {
    const next = this.#sharedKeys[this.#shared];
    return this.#appliedByKey.has(liveKey) && next !== undefined && next !== liveKey;
  }

  #takeApplied(key: string): void {
    this.#done.add(key);
    const merged = mergeTyped(this.#list.element, this.#liveByKey.get(key), this.#appliedByKey.get(key));
    if (merged !== undefined) this.#out.push(merged);
  }
}
