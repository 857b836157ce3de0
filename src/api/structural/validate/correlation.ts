/**
 * A value and the one that it replaces, for ratcheting (KEP-4008): what was wrong before and did not change is not held against an update. Items
 * of lists are known again only by their keys, and fields only where the schema knows them.
 */
import type { JsonArray, JsonObject, JsonValue } from '../../object.ts';
import { deepEqual, isObject } from '../../patch/json-tree.ts';
import type { Structural } from '../structural.ts';

export class Correlation {
  readonly value: JsonValue;
  readonly old: JsonValue;
  readonly #schema: Structural;
  readonly #children = new Map<string | number, Correlation | undefined>();
  #byKey: ReadonlyMap<string, JsonObject> | undefined;
  #isSame: boolean | undefined;

  constructor(schema: Structural, value: JsonValue, old: JsonValue) {
    this.#schema = schema;
    this.value = value;
    this.old = old;
  }

  /** Undefined: nothing stood there, or nobody can tell. */
  field(name: string): Correlation | undefined {
    if (this.#children.has(name)) return this.#children.get(name);
    const child = this.#fieldAt(name);
    this.#children.set(name, child);
    return child;
  }

  item(index: number): Correlation | undefined {
    if (this.#children.has(index)) return this.#children.get(index);
    const child = this.#itemAt(index);
    this.#children.set(index, child);
    return child;
  }

  #fieldAt(name: string): Correlation | undefined {
    const { value, old } = this;
    if (!isObject(value) || !isObject(old) || !Object.hasOwn(value, name) || !Object.hasOwn(old, name))
      return undefined;
    const { properties, additionalProperties } = this.#schema;
    const schema = properties.get(name) ?? additionalProperties;
    if (schema === undefined || schema === true) return undefined;
    return new Correlation(schema, value[name] as JsonValue, old[name] as JsonValue);
  }

  #itemAt(index: number): Correlation | undefined {
    const { value, old } = this;
    const { items } = this.#schema;
    if (!Array.isArray(value) || !Array.isArray(old) || items === undefined || !this.#isMap) return undefined;
    const item = value[index];
    const key = item === undefined ? undefined : this.#keyOf(item);
    const before = key === undefined ? undefined : this.#oldItems(old).get(key);
    return before === undefined ? undefined : new Correlation(items, item as JsonValue, before);
  }

  get #isMap(): boolean {
    const { type, listType, listMapKeys } = this.#schema;
    return type === 'array' && listType === 'map' && listMapKeys.length > 0;
  }

  /** The first of each key. */
  #oldItems(old: JsonArray): ReadonlyMap<string, JsonObject> {
    if (this.#byKey === undefined) {
      const byKey = new Map<string, JsonObject>();
      for (const item of old) {
        const key = this.#keyOf(item);
        if (key !== undefined && !byKey.has(key)) byKey.set(key, item as JsonObject);
      }
      this.#byKey = byKey;
    }
    return this.#byKey;
  }

  /** Undefined where one of the keys is missing or is no plain value. */
  #keyOf(item: JsonValue): string | undefined {
    if (!isObject(item)) return undefined;
    const parts: JsonValue[] = [];
    for (const name of this.#schema.listMapKeys) {
      const part = Object.hasOwn(item, name) ? item[name] : undefined;
      if (part === undefined || typeof part === 'object') return undefined;
      parts.push(part);
    }
    return JSON.stringify(parts);
  }

  /** Lists with keys may stand in another order; fields that nobody can correlate are never the same. */
  get isSame(): boolean {
    this.#isSame ??= this.#compare();
    return this.#isSame;
  }

  #compare(): boolean {
    const { value, old } = this;
    if (Array.isArray(value) && Array.isArray(old)) {
      if (value.length !== old.length) return false;
      if (value.length > 0 && !(this.#isMap && this.#schema.items)) return deepEqual(value, old);
      return value.every((_, index) => this.item(index)?.isSame ?? false);
    }
    if (isObject(value) && isObject(old)) {
      const names = Object.keys(value);
      return names.length === Object.keys(old).length && names.every((name) => this.field(name)?.isSame ?? false);
    }
    return value === old;
  }
}
