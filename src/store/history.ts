/**
 * The last changes, so that a watch can resume where it was.
 *
 * ```
 *   compacted                                   newest
 *       │   r+1   r+2   r+3   …                   │
 *       └──[event event event ……………………………… event]┘      every revision after `compacted`, without a gap
 *           ◀─ dropped in chunks: too many, too many bytes, or too old
 * ```
 * Dropping is decided (`due`) when a batch is formed and done (`drop`) when that batch is on disk, so that the journal's
 * history and this one are the same. It does not read a clock: each event carries the time that it is given.
 */
import type { StoredEntry } from './entry.ts';
import type { StoreEvent } from './store.ts';

/** A change as the core made it: its entries are the store's own. */
export interface Change extends StoreEvent {
  readonly entry: StoredEntry;
  readonly previous?: StoredEntry;
}

export interface HistoryLimits {
  readonly eventsMax: number;
  /** Of JSON. */
  readonly bytesMax: number;
  readonly ageMsMax: number;
}

/** A change as watchers see it, for whom an object that cannot be read is not there; undefined: nothing happened. */
export function readable(change: Change): StoreEvent | undefined {
  const { entry, previous, revision } = change;
  if (!entry.isReadable) return undefined;
  if (previous === undefined || previous.isReadable) return change;
  return change.type === 'deleted' ? undefined : { type: 'added', entry, revision };
}

/** What to forget: all events up to `revision`, and the journal's records that only they needed. */
export interface Compaction {
  readonly revision: number;
  readonly obsolete: readonly number[];
}

/** Fewer are not worth a compaction, which costs the commit an extra page or two, unless they have been too old for so long. */
const chunkMin = 256;
const lateMsMax = 60_000;
/** More would make one commit slow. */
const chunkMax = 2_048;

export class History {
  readonly #limits: HistoryLimits;
  readonly #changes: { readonly change: Change; readonly atMs: number }[] = [];
  #bytes = 0;
  #compactedRevision: number;

  constructor(limits: HistoryLimits, compactedRevision: number) {
    this.#limits = limits;
    this.#compactedRevision = compactedRevision;
  }

  /** A watch can resume after this revision, and after any later one. */
  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  push(change: Change, atMs: number): void {
    this.#changes.push({ change, atMs });
    this.#bytes += change.entry.bytes;
  }

  /** The changes after `revision`, which must not be below `compactedRevision`, as watchers see them. */
  *after(revision: number): Generator<StoreEvent> {
    for (let i = revision - this.#compactedRevision; i < this.#changes.length; i++) {
      const event = readable((this.#changes[i] as { change: Change }).change);
      if (event !== undefined) yield event;
    }
  }

  /** What has to go by now; undefined where it is too little to bother. */
  due(nowMs: number): Compaction | undefined {
    let bytes = this.#bytes;
    let count = 0;
    for (const { change, atMs } of this.#changes) {
      const left = this.#changes.length - count;
      const fits = left <= this.#limits.eventsMax && bytes <= this.#limits.bytesMax;
      if (count === chunkMax || (fits && nowMs - atMs <= this.#limits.ageMsMax)) break;
      bytes -= change.entry.bytes;
      count++;
    }
    const worthwhile =
      count >= Math.min(chunkMin, this.#limits.eventsMax / 4) ||
      this.#bytes > this.#limits.bytesMax * 1.25 ||
      nowMs - (this.#changes[0]?.atMs ?? nowMs) > this.#limits.ageMsMax + lateMsMax;
    return count > 0 && worthwhile ? this.#compaction(count) : undefined;
  }

  drop({ revision }: Compaction): void {
    const dropped = this.#changes.splice(0, revision - this.#compactedRevision);
    for (const { change } of dropped) this.#bytes -= change.entry.bytes;
    this.#compactedRevision = revision;
  }

  #compaction(count: number): Compaction {
    const going = this.#changes.slice(0, count).map(({ change }) => change);
    const replaced = going.flatMap((change) => change.previous?.revision ?? []);
    const deleted = going.filter((change) => change.type === 'deleted').map((change) => change.revision);
    return { revision: this.#compactedRevision + count, obsolete: [...replaced, ...deleted] };
  }
}
