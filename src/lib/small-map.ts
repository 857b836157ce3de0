/**
 * A map for what most of its owners never have: retries, failures, probes. While it is empty there is nothing behind it; an empty `Map` takes
 * some 250 bytes, and a pod worker has a dozen of them.
 *
 * Kept true: `for … of` and the rest read as on a `Map`, in the order of insertion.
 */
export class SmallMap<Key, Value> implements ReadonlyMap<Key, Value> {
  #entries: Map<Key, Value> | undefined;

  get size(): number {
    return this.#entries?.size ?? 0;
  }

  get(key: Key): Value | undefined {
    return this.#entries?.get(key);
  }

  has(key: Key): boolean {
    return this.#entries?.has(key) ?? false;
  }

  set(key: Key, value: Value): this {
    this.#entries ??= new Map();
    this.#entries.set(key, value);
    return this;
  }

  delete(key: Key): boolean {
    const found = this.#entries?.delete(key) ?? false;
    if (this.#entries?.size === 0) this.#entries = undefined;
    return found;
  }

  forEach(act: (value: Value, key: Key, map: ReadonlyMap<Key, Value>) => void): void {
    for (const [key, value] of this) act(value, key, this);
  }

  entries(): MapIterator<[Key, Value]> {
    return (this.#entries ?? new Map<Key, Value>()).entries();
  }

  keys(): MapIterator<Key> {
    return (this.#entries ?? new Map<Key, Value>()).keys();
  }

  values(): MapIterator<Value> {
    return (this.#entries ?? new Map<Key, Value>()).values();
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.entries();
  }
}
