/**
 * The store itself, over any journal: the life of a write, and the reads.
 *
 * The naive design commits each write by itself; a disk then allows some two thousand a second, and everybody waits in line.
 * Here all writes that arrive while one batch is on its way to the disk form the next one:
 * ```
 *  write() ─▶ queue ──gather──▶ planBatch ─▶ journal.commit ─▶ for each change: index, history, promise, watchers
 *               ▲    (compare, in order)          │
 *               └── new writes wait here ◀────────┘ one batch at a time
 * ```
 * A lone write pays one turn of the event loop for it. When the journal refuses, the whole batch is rejected, and nothing of
 * it was ever visible; its revisions go to the next batch.
 *
 * Kept true: see `store.ts`. State changes only in `#load` and `#apply`, both synchronous.
 */

import { assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { LogFields, Logger } from '../lib/log.ts';
import { type PlannedWrite, planBatch, type RefusedWrite } from './batch.ts';
import { StoredEntry } from './entry.ts';
import { type Change, History, type HistoryLimits, readable } from './history.ts';
import { firstRevision, type Journal, type JournalContents, type JournalRecord } from './journal.ts';
import { MemoryIndex } from './memory-index.ts';
import { Packing } from './packing.ts';
import {
  type Entry,
  HistoryCompacted,
  type Snapshot,
  type Store,
  type StoreKey,
  StoreUnavailable,
  type StoreWatch,
  type WatchHandler,
  type WatchOptions,
  type WriteOperation,
} from './store.ts';
import { WatchHub } from './watch-hub.ts';

export interface CoreOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** For tests; else from `lib/limits.ts`. */
  readonly history?: Partial<HistoryLimits>;
  readonly pendingWritesMax?: number;
}

interface PendingWrite {
  readonly operation: WriteOperation;
  readonly resolve: (entry: Entry) => void;
  readonly reject: (error: unknown) => void;
}

export class JournaledStore implements Store {
  readonly name: string;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #historyLimits: HistoryLimits;
  readonly #pendingWritesMax: number;
  readonly #hub: WatchHub;
  readonly #packing: Packing;
  #index = new MemoryIndex();
  #history: History;
  #revision = firstRevision;
  #state: 'new' | 'open' | 'closing' | 'closed' = 'new';
  #queue: PendingWrite[] = [];
  /** Replaced or deleted by the last batch: whoever waited for that still reads their objects now, hardly anybody later. */
  #replaced: StoredEntry[] = [];
  /** Runs while there is something to commit. */
  #pump: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(name: string, journal: Journal, options: CoreOptions) {
    this.name = name;
    this.#journal = journal;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#pendingWritesMax = options.pendingWritesMax ?? limits.pendingWritesMax;
    this.#historyLimits = {
      eventsMax: limits.watchHistoryEventsMax,
      bytesMax: limits.watchHistoryBytesMax,
      ageMsMax: limits.watchHistoryMsMax,
      ...options.history,
    };
    this.#history = new History(this.#historyLimits, firstRevision);
    this.#hub = new WatchHub(options.log);
    this.#packing = new Packing(options.clock);
  }

  get revision(): number {
    return this.#revision;
  }

  async start(): Promise<void> {
    assert(this.#state === 'new', 'a store is started once');
    const contents = await this.#journal.open();
    try {
      this.#load(contents);
    } catch (error) {
      await this.#journal.close();
      throw error;
    }
    this.#state = 'open';
  }

  /** Writes that are waiting are still carried out; then all watches end. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  get(key: StoreKey): Entry | undefined {
    return this.#index.get(key);
  }

  list(collection: string, namespace?: string): Snapshot {
    return { entries: this.#index.list(collection, namespace), revision: this.#revision };
  }

  counts(): ReadonlyMap<string, number> {
    return this.#index.counts();
  }

  async write(operation: WriteOperation): Promise<Entry> {
    if (this.#state !== 'open') throw new StoreUnavailable('The store is not open.');
    if (this.#queue.length >= this.#pendingWritesMax) {
      throw new StoreUnavailable(`${this.#queue.length} writes wait for the disk already: try again in a moment.`);
    }
    return new Promise<Entry>((resolve, reject) => {
      this.#queue.push({ operation, resolve, reject });
      this.#pump ??= this.#commitAll();
    });
  }

  watch(options: WatchOptions, handler: WatchHandler): StoreWatch {
    if (this.#state !== 'open') throw new StoreUnavailable('The store is not open.');
    const after = options.afterRevision ?? this.#revision;
    if (after < this.#history.compactedRevision) throw new HistoryCompacted(this.#history.compactedRevision);
    return this.#hub.add(options, handler, after, this.#history.after(after));
  }

  #load({ compactedRevision, records }: JournalContents): void {
    const nowMs = this.#clock.monotonic();
    this.#history = new History(this.#historyLimits, compactedRevision);
    this.#revision = compactedRevision;
    for (const record of records) {
      const change = changeOf(record, this.#index.get(record.key));
      this.#packing.note(change.entry);
      if (record.unreadable !== undefined) this.#log.error('an object cannot be read', unreadableFields(record));
      if (change.type === 'deleted') this.#index.delete(record.key);
      else this.#index.set(change.entry);
      if (record.revision <= compactedRevision) continue;
      assert(record.revision === this.#revision + 1, 'the journal holds every revision after the compacted one');
      this.#history.push(change, nowMs);
      this.#revision = record.revision;
    }
  }

  async #commitAll(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#journal.gather();
      await this.#commitOne();
    }
    this.#pump = undefined;
  }

  async #commitOne(): Promise<void> {
    const { planned, refused, taken } = planBatch(this.#queue, this.#revision, (key) => this.#index.get(key));
    this.#queue.splice(0, taken);
    const compaction = planned.length > 0 ? this.#history.due(this.#clock.monotonic()) : undefined;
    try {
      if (planned.length > 0) await this.#journal.commit({ records: planned.map(recordOf), compaction });
    } catch (error) {
      this.#rejectAll(planned, refused, error);
      return;
    }
    for (const { write, error } of refused) write.reject(error);
    if (compaction !== undefined) this.#history.drop(compaction);
    this.#apply(planned);
  }

  #apply(planned: readonly PlannedWrite<PendingWrite>[]): void {
    const nowMs = this.#clock.monotonic();
    for (const entry of this.#replaced.splice(0)) entry.forgetObject();
    for (const { write, change } of planned) {
      if (change.type === 'deleted') this.#index.delete(change.entry.key);
      else this.#index.set(change.entry);
      this.#history.push(change, nowMs);
      this.#packing.note(change.entry);
      this.#revision = change.revision;
      write.resolve(change.entry);
      const event = readable(change);
      if (event !== undefined) this.#hub.dispatch(event);
      if (change.previous !== undefined) this.#replaced.push(change.previous);
      if (change.type === 'deleted') this.#replaced.push(change.entry);
    }
  }

  #rejectAll(
    planned: readonly PlannedWrite<PendingWrite>[],
    refused: readonly RefusedWrite<PendingWrite>[],
    error: unknown,
  ): void {
    this.#log.error('writes could not be committed', { writes: planned.length, error });
    for (const { write } of planned) write.reject(error);
    for (const refusal of refused) refusal.write.reject(refusal.tentative ? error : refusal.error);
  }

  async #close(): Promise<void> {
    const wasOpen = this.#state === 'open';
    this.#state = 'closing';
    await this.#pump;
    this.#state = 'closed';
    this.#packing.close();
    this.#hub.end('closed');
    if (wasOpen) await this.#journal.close();
  }
}

function recordOf({ change }: PlannedWrite<PendingWrite>): JournalRecord {
  const { entry, revision, type } = change;
  return { kind: type === 'deleted' ? 'delete' : 'put', key: entry.key, revision, json: entry.json() };
}

/** Where it stands and why, nothing of what it holds. */
function unreadableFields({ key, revision, unreadable }: JournalRecord): LogFields {
  return { ...key, revision, error: unreadable };
}

function changeOf({ kind, key, revision, json, unreadable }: JournalRecord, previous: StoredEntry | undefined): Change {
  const entry = new StoredEntry(key, revision, json, undefined, unreadable);
  if (kind === 'delete') return { type: 'deleted', entry, ...(previous && { previous }), revision };
  return previous === undefined ? { type: 'added', entry, revision } : { type: 'modified', entry, previous, revision };
}
