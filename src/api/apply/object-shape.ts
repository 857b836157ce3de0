/**
 * All of an object that decides which of its fields its maker owns, as one text: two new objects of a type with the same shape
 * have the same set.
 *
 * The naive form compares each new object with an empty one, and sorts and writes the set of what was added: 100 µs a pod. But the
 * thousand pods of a Deployment say different things in the same places. So the shape is taken, in 6 µs, and the set looked up.
 *
 * What stands in it: the names of fields and keys; of a leaf, whether it is there, null or its type's zero, and no more; what tells
 * the items of a set or of a list with keys apart. Each text says how long it is, so that no two shapes read alike. The object need
 * not be normal yet: what normal form leaves out and fills in is decided by the same facts.
 */
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import { getKey, isObject } from '../patch/json-tree.ts';
import { atomFor, type ListAtom, type TypeAtom } from './atom.ts';

/** Undefined where the object does not fit its type, or is not of a sort that comes again: then it is compared as always. */
export function shapeOf(atom: TypeAtom, value: JsonObject): string | undefined {
  const shape = new Shape();
  shape.add(atom, value);
  return shape.fits ? shape.text : undefined;
}

class Shape {
  text = '';
  fits = true;

  add(declared: TypeAtom, value: JsonValue | undefined): void {
    if (typeof value !== 'object' || value === null) {
      this.text += leafMark(value);
      return;
    }
    const { map, list } = atomFor(declared, value);
    if (Array.isArray(value)) this.#list(map ? undefined : list, value);
    else if (map === undefined) this.fits = false;
    else if (map.atomic) this.#whole(value);
    else {
      this.text += '{';
      for (const name of Object.keys(value)) {
        this.text += sized(name);
        const atom = map.field(name);
        // Nobody owns what the type does not know.
        if (atom === undefined) this.text += '?';
        else this.add(atom, value[name]);
      }
      this.text += '}';
    }
  }

  #list(list: ListAtom | undefined, items: JsonArray): void {
    if (list === undefined) {
      this.fits = false;
      return;
    }
    if (list.atomic || items.length === 0) return this.#wholeList(items);
    this.text += '[';
    for (const item of items) this.#item(list, item);
    this.text += ']';
  }

  #item({ keys, element }: ListAtom, item: JsonValue): void {
    if (keys.length === 0) return this.#identity(item, false);
    if (!isObject(item)) {
      this.fits = false;
      return;
    }
    for (const key of keys) this.#identity(getKey(item, key), true);
    this.add(element, item);
  }

  /** A key that is left out has a default of its type's, or none. */
  #identity(value: JsonValue | undefined, mayLack: boolean): void {
    if (typeof value === 'string') this.text += `s${sized(value)}`;
    else if (typeof value === 'number') this.text += `i${value};`;
    else if (value === undefined && mayLack) this.text += 'u';
    else this.fits = false;
  }

  /** What has one owner: only whether it is the same as an empty one counts, which it may be once it is in normal form. */
  #whole(value: JsonObject): void {
    this.text += '{';
    for (const name of Object.keys(value)) {
      const each = value[name];
      this.text += sized(name);
      if (Array.isArray(each)) this.#wholeList(each);
      else if (isObject(each)) this.#whole(each);
      else this.text += leafMark(each);
    }
    this.text += '}';
  }

  #wholeList(items: JsonArray): void {
    this.text += items.length === 0 ? '[]' : '[*]';
  }
}

const sized = (text: string): string => `${text.length}.${text}`;

/** One for each value that a type has for its zero, and one for all others. */
function leafMark(value: string | number | boolean | null | undefined): string {
  return zeroMarks.get(value) ?? 'v';
}

const zeroMarks: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [undefined, 'u'],
  [null, 'n'],
  ['', 'e'],
  [0, 'z'],
  [false, 'f'],
  ['0', 'q'],
  ['0s', 'd'],
]);
