/**
 * Lists in pages, all of one moment.
 *
 * ```
 *  page 1 (revision 40) ── token {40, after "ns/c"} ──▶ page 2, still as of revision 40, though the store is at 57 by now
 * ```
 * The store lists only the present. The past comes from its history: the changes since then, undone from the newest to the oldest.
 * The latest few of such lists are kept, so that a walk over many pages costs one. Where the history no longer
 * reaches back, the client gets 410 Expired with a token that goes on from the same key in the present.
 */

import type { Status } from '../api/schema/types/meta-v1.ts';
import { badRequest, expired, StatusError } from '../api/status-error.ts';
import { type Entry, HistoryCompacted, type Snapshot, type Store, type StoreEvent } from '../store/store.ts';

/** Lists of the past that are kept for pages still to come (each is an array of references). At it: the oldest goes. */
const snapshotsMax = 32;

export interface ContinueToken {
  /** Of the list; 0 means now. */
  readonly revision: number;
  /** Where the last page ended. */
  readonly after: { readonly namespace: string; readonly name: string };
}

export function encodeContinue(token: ContinueToken): string {
  const { revision, after } = token;
  return Buffer.from(JSON.stringify({ v: 'naru/v1', rv: revision, ns: after.namespace, n: after.name })).toString(
    'base64url',
  );
}

export function decodeContinue(text: string): ContinueToken {
  try {
    const { v, rv, ns, n } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
    if (v === 'naru/v1' && Number.isSafeInteger(rv) && typeof ns === 'string' && typeof n === 'string') {
      return { revision: rv as number, after: { namespace: ns, name: n } };
    }
  } catch {
    // Falls through: a token that we did not make.
  }
  throw badRequest('continue key is not valid');
}

/** 410 for a token that is too old, together with one that works from here on. */
export class ContinueExpired extends StatusError {
  readonly #next: string;

  constructor(next: string) {
    super(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. Start a new list without it, or go on ' +
        'with the token of this response: the rest then shows the objects as they are now, which need not agree with the pages before.',
    );
    this.#next = next;
  }

  override toStatus(): Status {
    return { ...super.toStatus(), metadata: { continue: this.#next } };
  }
}

/** Entries after `after`, by the store's order: namespace, then name. */
export function entriesAfter(entries: readonly Entry[], after: ContinueToken['after']): readonly Entry[] {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comesAfter(entries[middle]?.key ?? after, after)) high = middle;
    else low = middle + 1;
  }
  return entries.slice(low);
}

function comesAfter(key: ContinueToken['after'], other: ContinueToken['after']): boolean {
  if (key.namespace !== other.namespace) return key.namespace > other.namespace;
  return key.name > other.name;
}

/** The list before `events` happened: each is undone, the newest first. */
export function undo(entries: readonly Entry[], events: readonly StoreEvent[]): Entry[] {
  const byKey = new Map(entries.map((entry) => [`${entry.key.namespace}/${entry.key.name}`, entry]));
  for (const { entry, previous } of events.toReversed()) {
    const key = `${entry.key.namespace}/${entry.key.name}`;
    if (previous === undefined) byKey.delete(key);
    else byKey.set(key, previous);
  }
  return [...byKey.values()].sort((a, b) => (comesAfter(a.key, b.key) ? 1 : -1));
}

export class Pages {
  readonly #store: Store;
  readonly #kept = new Map<string, Snapshot>();

  constructor(store: Store) {
    this.#store = store;
  }

  now(collection: string, namespace: string): Snapshot {
    return this.#store.list(collection, namespace === '' ? undefined : namespace);
  }

  /** Keeps a list for the pages after it. */
  keep(collection: string, namespace: string, snapshot: Snapshot): void {
    const key = `${collection} ${namespace} ${snapshot.revision}`;
    this.#kept.delete(key);
    this.#kept.set(key, snapshot);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= snapshotsMax) break;
      this.#kept.delete(oldest);
    }
  }

  /**
   * The list as it was at `revision`.
   * @throws StatusError Expired where the history does not reach back so far
   */
  at(collection: string, namespace: string, revision: number): Snapshot {
    const kept = this.#kept.get(`${collection} ${namespace} ${revision}`);
    if (kept) return kept;
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
