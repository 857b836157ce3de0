/**
 * The objects as they stand now, ready to be read: by key, and as ordered lists.
 *
 * ```
 *  collection ─▶ namespace ─▶ Range { byName: Map, sorted: [a, b, c] }
 * ```
 * Kept true: `sorted` holds exactly the entries of `byName`, by name; an array that was handed out is never changed (the next
 * change copies it). So a list that nothing changed costs nothing, and a change between lists costs one search.
 * Objects that cannot be read stand aside: found by key, in no list.
 * It does not know of revisions or history: `core.ts` decides what goes in.
 */

import type { StoredEntry } from './entry.ts';
import { compareNamespaces } from './key-order.ts';
import type { StoreKey } from './store.ts';

export class MemoryIndex {
  readonly #collections = new Map<string, Collection>();
  readonly #unreadable = new Map<string, StoredEntry>();

  get(key: StoreKey): StoredEntry | undefined {
    const entry = this.#collections.get(key.collection)?.get(key);
    if (entry !== undefined || this.#unreadable.size === 0) return entry;
    return this.#unreadable.get(idOf(key));
  }

  set(entry: StoredEntry): void {
    if (!entry.isReadable) {
      this.delete(entry.key);
      this.#unreadable.set(idOf(entry.key), entry);
      return;
    }
    if (this.#unreadable.size > 0) this.#unreadable.delete(idOf(entry.key));
    const name = entry.key.collection;
    let collection = this.#collections.get(name);
    if (collection === undefined) this.#collections.set(name, (collection = new Collection()));
    collection.set(entry);
  }

  delete(key: StoreKey): void {
    if (this.#unreadable.size > 0) this.#unreadable.delete(idOf(key));
    const collection = this.#collections.get(key.collection);
    collection?.delete(key);
    if (collection?.size === 0) this.#collections.delete(key.collection);
  }

  list(collection: string, namespace: string | undefined): readonly StoredEntry[] {
    return this.#collections.get(collection)?.list(namespace) ?? [];
  }

  counts(): Map<string, number> {
    return new Map([...this.#collections].map(([name, collection]) => [name, collection.size]));
  }
}

function idOf({ collection, namespace, name }: StoreKey): string {
  return `${collection}/${namespace}/${name}`;
}

class Collection {
  size = 0;
  readonly #ranges = new Map<string, Range>();
  /** The list over all namespaces, until the next change. */
  #all: readonly StoredEntry[] | undefined;

  get(key: StoreKey): StoredEntry | undefined {
    return this.#ranges.get(key.namespace)?.byName.get(key.name);
  }

  set(entry: StoredEntry): void {
    const { namespace } = entry.key;
    let range = this.#ranges.get(namespace);
    if (range === undefined) this.#ranges.set(namespace, (range = new Range()));
    if (range.set(entry)) this.size++;
    this.#all = undefined;
  }

  delete(key: StoreKey): void {
    const range = this.#ranges.get(key.namespace);
    if (range === undefined || !range.delete(key.name)) return;
    this.size--;
    if (range.byName.size === 0) this.#ranges.delete(key.namespace);
    this.#all = undefined;
  }

  list(namespace: string | undefined): readonly StoredEntry[] {
    if (namespace !== undefined) return this.#ranges.get(namespace)?.list() ?? [];
    this.#all ??= this.#listAll();
    return this.#all;
  }

  #listAll(): readonly StoredEntry[] {
    const namespaces = [...this.#ranges.keys()].sort(compareNamespaces);
    // `concat` copies whole arrays: ten times as fast as `flat`, and this runs for each list between two changes.
    return new Array<StoredEntry>().concat(...namespaces.map((namespace) => this.#ranges.get(namespace)?.list() ?? []));
  }
}

/** The entries of one namespace. */
class Range {
  readonly byName = new Map<string, StoredEntry>();
  /** Absent until the first list, so that a bulk load sorts once. */
  #sorted: StoredEntry[] | undefined;
  /** Somebody holds `#sorted`: copy it before the next change. */
  #handedOut = false;

  /** True where the name is new. */
  set(entry: StoredEntry): boolean {
    const { name } = entry.key;
    const known = this.byName.has(name);
    this.byName.set(name, entry);
    const sorted = this.#writable();
    if (sorted !== undefined) sorted.splice(position(sorted, name), known ? 1 : 0, entry);
    return !known;
  }

  /** True where there was such a name. */
  delete(name: string): boolean {
    if (!this.byName.delete(name)) return false;
    const sorted = this.#writable();
    if (sorted !== undefined) sorted.splice(position(sorted, name), 1);
    return true;
  }

  list(): readonly StoredEntry[] {
    this.#sorted ??= [...this.byName.values()].sort((a, b) => (a.key.name < b.key.name ? -1 : 1));
    this.#handedOut = true;
    return this.#sorted;
  }

  #writable(): StoredEntry[] | undefined {
    if (this.#handedOut) {
      this.#sorted = this.#sorted?.slice();
      this.#handedOut = false;
    }
    return this.#sorted;
  }
}

/** Where `name` stands in `sorted`, or would have to be put. */
function position(sorted: readonly StoredEntry[], name: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as StoredEntry).key.name < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
