/**
 * Lists in pages, all of one moment.
 *
 * ```
 *  page 1 (revision 40) ── token {40, from "ns/c\0"} ──▶ page 2, still as of revision 40, though the store is at 57 by now
 * ```
 * The store lists only the present. The past comes from its history: the changes since then, undone from the newest to the oldest.
 * The latest few of such lists are kept, so that a walk over many pages costs one. Where the history no longer
 * reaches back, the client gets 410 Expired with a token that goes on from the same key in the present.
 */

import type { Status } from '../api/schema/types/meta-v1.ts';
import { expired, StatusError } from '../api/status-error.ts';
import type { Clock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import { comesBefore } from '../store/key-order.ts';
import { type Entry, HistoryCompacted, type Snapshot, type Store, type StoreEvent } from '../store/store.ts';
import type { ListStart } from './continue-token.ts';

/** Lists of the past that are kept for pages still to come (each is an array of references). At it: the oldest goes. */
const snapshotsMax = 32;

/** 410 for a token that is too old, together with one that works from here on. */
export class ContinueExpired extends StatusError {
  readonly #next: string;

  constructor(next: string) {
    super(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
        'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
        'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
        'deleted between the time the first chunk was returned and now may show up in the list.',
    );
    this.#next = next;
  }

  override toStatus(): Status {
    return { ...super.toStatus(), metadata: { continue: this.#next } };
  }
}

/** Entries from `start` on, by the store's order. */
export function entriesFrom(entries: readonly Entry[], start: ListStart): readonly Entry[] {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comesBefore((entries[middle] as Entry).key, start)) low = middle + 1;
    else high = middle;
  }
  return entries.slice(low);
}

/** The list before `events` happened: each is undone, the newest first. */
export function undo(entries: readonly Entry[], events: readonly StoreEvent[]): Entry[] {
  const byKey = new Map(entries.map((entry) => [`${entry.key.namespace}/${entry.key.name}`, entry]));
  for (const { entry, previous } of events.toReversed()) {
    const key = `${entry.key.namespace}/${entry.key.name}`;
    if (previous === undefined) byKey.delete(key);
    else byKey.set(key, previous);
  }
  return [...byKey.values()].sort((a, b) => (comesBefore(a.key, b.key) ? -1 : 1));
}

interface KeptList {
  readonly snapshot: Snapshot;
  readonly atMs: number;
}

export class Pages {
  readonly #store: Store;
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #kept = new Map<string, KeptList>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  now(collection: string, namespace: string): Snapshot {
    return this.#store.list(collection, namespace === '' ? undefined : namespace);
  }

  /** Keeps a list for the pages after it, as long as the history would: tokens expire, whether anybody writes or not. */
  keep(collection: string, namespace: string, snapshot: Snapshot): void {
    const nowMs = this.#clock.monotonic();
    const key = `${collection} ${namespace} ${snapshot.revision}`;
    if (!this.#kept.has(key)) this.#kept.set(key, { snapshot, atMs: nowMs });
    for (const [oldest, { atMs }] of this.#kept) {
      if (this.#kept.size <= snapshotsMax && nowMs - atMs <= limits.watchHistoryMsMax) break;
      this.#kept.delete(oldest);
    }
  }

  /**
   * The list as it was at `revision`.
   * @throws StatusError Expired where the history does not reach back so far
   */
  at(collection: string, namespace: string, revision: number): Snapshot {
    const kept = this.#kept.get(`${collection} ${namespace} ${revision}`);
    if (kept && this.#clock.monotonic() - kept.atMs <= limits.watchHistoryMsMax) return kept.snapshot;
    const present = this.now(collection, namespace);
    if (revision === present.revision) return present;
    return { entries: undo(present.entries, this.#eventsSince(collection, namespace, revision)), revision };
  }

  #eventsSince(collection: string, namespace: string, afterRevision: number): StoreEvent[] {
    const events: StoreEvent[] = [];
    const options = { collection, afterRevision, ...(namespace !== '' && { namespace }) };
    try {
      this.#store.watch(options, { event: (event) => void events.push(event) }).cancel();
    } catch (error) {
      if (error instanceof HistoryCompacted) throw expired(`The resourceVersion for the provided list is too old.`);
      throw error;
    }
    return events;
  }
}
