/**
 * The objects of one resource, by key, with indices kept up to date on every change. It holds references to frozen objects and
 * copies nothing: in process they are the store's own.
 *
 * Only its `Informer` writes to it; everybody else sees a `ReadonlyCache`. Reads are synchronous and never fail.
 */
import { type KubeObject, type ObjectReference, objectKey } from '../api/object.ts';

/** The values under which an object is found; an object may stand under several, or none. */
export type IndexFunction<T> = (object: T) => readonly string[];

export interface ReadonlyCache<T extends KubeObject> {
  readonly size: number;
  /** By `namespace/name`, as `objectKey` makes it. */
  byKey(key: string): T | undefined;
  get(reference: ObjectReference): T | undefined;
  /** All objects, or those of one namespace; in no promised order. */
  list(namespace?: string): readonly T[];
  /** The objects that index `name` files under `value`. The index must have been added before. */
  byIndex(name: string, value: string): readonly T[];
}

const namespaceIndex = 'namespace';

export class ObjectCache<T extends KubeObject> implements ReadonlyCache<T> {
  readonly #objects = new Map<string, T>();
  readonly #indices = new Map<string, Index<T>>();

  constructor() {
    this.addIndex(namespaceIndex, (object) => [object.metadata?.namespace ?? '']);
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Adds an index over what is there and what comes. A second call with the same name changes nothing. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    if (this.#indices.has(name)) return;
    const index = new Index<T>(valuesOf);
    for (const [key, object] of this.#objects) index.add(key, object);
    this.#indices.set(name, index);
  }

  byKey(key: string): T | undefined {
    return this.#objects.get(key);
  }

  get({ namespace, name }: ObjectReference): T | undefined {
    return this.#objects.get(namespace === '' ? name : `${namespace}/${name}`);
  }

  list(namespace = ''): readonly T[] {
    return namespace === '' ? [...this.#objects.values()] : this.byIndex(namespaceIndex, namespace);
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indices.get(name);
    if (index === undefined) throw new Error(`the cache has no index "${name}"`);
    return index.list(value);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  /** Returns what stood there before. */
  put(object: T): T | undefined {
    const key = objectKey(object);
    const previous = this.#objects.get(key);
    for (const index of this.#indices.values()) {
      if (previous === undefined) index.add(key, object);
      else index.replace(key, previous, object);
    }
    this.#objects.set(key, object);
    return previous;
  }

  /** Returns what was removed. */
  remove(key: string): T | undefined {
    const previous = this.#objects.get(key);
    if (previous === undefined) return undefined;
    for (const index of this.#indices.values()) index.remove(key, previous);
    this.#objects.delete(key);
    return previous;
  }
}

class Index<T> {
  readonly #valuesOf: IndexFunction<T>;
  readonly #byValue = new Map<string, Map<string, T>>();

  constructor(valuesOf: IndexFunction<T>) {
    this.#valuesOf = valuesOf;
  }

  list(value: string): readonly T[] {
    return [...(this.#byValue.get(value)?.values() ?? [])];
  }

  add(key: string, object: T): void {
    for (const value of this.#valuesOf(object)) {
      const objects = this.#byValue.get(value);
      if (objects === undefined) this.#byValue.set(value, new Map([[key, object]]));
      else objects.set(key, object);
    }
  }

  /** Mostly under the same values as before: it then keeps its place. */
  replace(key: string, previous: T, object: T): void {
    const before = this.#valuesOf(previous);
    const after = this.#valuesOf(object);
    if (before.length !== after.length || before.some((value, place) => value !== after[place])) {
      this.remove(key, previous);
      this.add(key, object);
      return;
    }
    for (const value of after) this.#byValue.get(value)?.set(key, object);
  }

  remove(key: string, object: T): void {
    for (const value of this.#valuesOf(object)) {
      const objects = this.#byValue.get(value);
      objects?.delete(key);
      if (objects?.size === 0) this.#byValue.delete(value);
    }
  }
}
