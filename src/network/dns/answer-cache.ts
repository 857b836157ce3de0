/**
 * Encoded answers about the cluster, by the bytes of the question (all but its id): what makes a name's second question cost next to nothing. An answer
 * goes when what it was made of changes; when there are too many, the first made go first.
 */
import type { Encoded } from './message.ts';

/** Bytes, with what the runtime adds to each. */
const cacheBytesMax = 4 * 2 ** 20;
const entryBytes = 500;

interface Entry {
  readonly encoded: Encoded;
  readonly owner: string;
  readonly weight: number;
}

export class AnswerCache {
  readonly #entries = new Map<string, Entry>();
  readonly #keysOf = new Map<string, Set<string>>();
  #weight = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Encoded | undefined {
    return this.#entries.get(key)?.encoded;
  }

  set(key: string, owner: string, encoded: Encoded): void {
    this.#delete(key);
    const weight = encoded.bytes.length + key.length + entryBytes;
    this.#entries.set(key, { encoded, owner, weight });
    this.#weight += weight;
    const keys = this.#keysOf.get(owner);
    if (keys === undefined) this.#keysOf.set(owner, new Set([key]));
    else keys.add(key);
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= cacheBytesMax) break;
      this.#delete(oldest);
    }
  }

  /** What was made of it is no longer true. */
  forget(owner: string): void {
    for (const key of this.#keysOf.get(owner) ?? []) this.#delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#keysOf.clear();
    this.#weight = 0;
  }

  #delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#weight -= entry.weight;
    const keys = this.#keysOf.get(entry.owner);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(entry.owner);
  }
}
