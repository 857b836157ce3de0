/** Maps that expressions write. Keys that are one number are one key, whatever their types. */
import { CelMap, CelUint, type CelValue, fault } from './values.ts';

type Key = string | boolean | bigint;

/** Undefined: nothing can be found by it. */
function keyOf(key: CelValue): Key | undefined {
  if (typeof key === 'string' || typeof key === 'boolean' || typeof key === 'bigint') return key;
  if (key instanceof CelUint) return key.value;
  return typeof key === 'number' && Number.isInteger(key) ? BigInt(key) : undefined;
}

export class EntryMap extends CelMap {
  readonly #entries = new Map<Key, { readonly key: CelValue; readonly value: CelValue }>();

  /** Only while the map is made. @throws CelFault where the key is there already, or can be none */
  insert(key: CelValue, value: CelValue, repeated: (key: string) => string): void {
    const known = typeof key === 'number' ? undefined : keyOf(key);
    if (known === undefined) fault('unsupported key type');
    if (this.#entries.has(known)) fault(repeated(String(known)));
    this.#entries.set(known, { key, value });
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: CelValue): CelValue | undefined {
    const known = keyOf(key);
    return known === undefined ? undefined : this.#entries.get(known)?.value;
  }

  *keys(): Iterable<CelValue> {
    for (const { key } of this.#entries.values()) yield key;
  }
}
