/**
 * Which objects have which value of a field, so that each of thousands of nodes lists its own pods without a walk over all of them.
 *
 * ```
 *  pods, spec.nodeName ─▶ n1 ─▶ { default/a, default/b }     n2 ─▶ …
 * ```
 * An index is made when its field is first asked for, from what is there, and kept by a watch. Kept true: between two changes of the
 * store it holds exactly what a walk would find. Objects without a value are in none of its sets.
 */
import { comesBefore } from '../store/key-order.ts';
import type { Entry, Snapshot, Store, StoreKey } from '../store/store.ts';

/** Field selectors' own reading: what is missing is empty. */
type Read = (entry: Entry) => string;

class FieldIndex {
  readonly #read: Read;
  readonly #byValue = new Map<string, Map<string, Entry>>();

  constructor(store: Store, collection: string, read: Read) {
    this.#read = read;
    const { entries, revision } = store.list(collection);
    for (const entry of entries) this.#add(entry);
    store.watch(
      { collection, afterRevision: revision },
      {
        event: ({ type, entry, previous }) => {
          if (previous !== undefined) this.#remove(previous);
          if (type !== 'deleted') this.#add(entry);
        },
      },
    );
  }

  /** In the order of a list. */
  entries(namespace: string, value: string): Entry[] {
    const found = [...(this.#byValue.get(value)?.values() ?? [])];
    const within = namespace === '' ? found : found.filter(({ key }) => key.namespace === namespace);
    return within.sort((left, right) => (comesBefore(left.key, right.key) ? -1 : 1));
  }

  #add(entry: Entry): void {
    const value = this.#read(entry);
    if (value === '') return;
    let entries = this.#byValue.get(value);
    if (entries === undefined) this.#byValue.set(value, (entries = new Map()));
    entries.set(keyText(entry.key), entry);
  }

  #remove(entry: Entry): void {
    const value = this.#read(entry);
    const entries = this.#byValue.get(value);
    if (entries?.delete(keyText(entry.key)) && entries.size === 0) this.#byValue.delete(value);
  }
}

function keyText({ namespace, name }: StoreKey): string {
  return `${namespace}/${name}`;
}

export class FieldIndexes {
  readonly #store: Store;
  readonly #indexes = new Map<string, FieldIndex>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** All of `collection`, or of one namespace, whose field at `path` is `value`, which must not be empty. */
  list(collection: string, namespace: string, path: readonly string[], value: string): Snapshot {
    const name = `${collection} ${path.join('.')}`;
    let index = this.#indexes.get(name);
    if (index === undefined) {
      index = new FieldIndex(this.#store, collection, (entry) => textAt(entry.object, path));
      this.#indexes.set(name, index);
    }
    return { entries: index.entries(namespace, value), revision: this.#store.revision };
  }
}

function textAt(object: unknown, path: readonly string[]): string {
  let value = object;
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return '';
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return typeof value === 'string' ? value : '';
}
