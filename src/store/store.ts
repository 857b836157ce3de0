/**
 * The revisioned store: what the whole cluster agrees on (ARCHITECTURE.md, D2 and D3).
 *
 * ```
 *             write()                commit (one batch at a time)             apply
 *  registry ─────────▶ pending batch ───────────────────────────▶ journal ─────────▶ memory index ─▶ watchers
 *                      (compare)         on disk, then acknowledged           (reads come from here)
 * ```
 * Kept true by every implementation, and proven by `contract.ts`:
 * - One sequence of revisions for all collections; each write gets the next one, also a delete.
 * - A write is visible (get, list, watch) and acknowledged only when it is durable.
 * - There is one frozen copy of each object. `metadata.resourceVersion` is its entry's revision, in decimal.
 * - A watcher sees every change after its revision, in order, once; or it is told that it cannot.
 * It knows nothing of kinds, defaults or permissions: that is the registry's.
 */
import type { KubeObject } from '../api/object.ts';

/** Where an object lives. `collection` is the storage resource with its group: `pods`, `deployments.apps`. */
export interface StoreKey {
  readonly collection: string;
  /** Empty for what stands outside namespaces. */
  readonly namespace: string;
  readonly name: string;
}

export interface Entry {
  readonly key: StoreKey;
  /** Deeply frozen. */
  readonly object: KubeObject;
  /** The revision of the write that made it. */
  readonly revision: number;
  /** The object's JSON, made once. */
  json(): Buffer;
}

export type WriteOperation =
  | {
      readonly kind: 'put';
      readonly key: StoreKey;
      /** Handed over: the store sets `metadata.resourceVersion` and freezes it. */
      readonly object: KubeObject;
      /** The revision that the key must have now: 0 means that it must not exist. */
      readonly expectedRevision: number;
    }
  | {
      readonly kind: 'delete';
      readonly key: StoreKey;
      readonly expectedRevision: number;
    };

/** The compare of a write failed. `current` is what stands there (undefined: nothing). */
export class RevisionConflict extends Error {
  override name = 'RevisionConflict';
  readonly key: StoreKey;
  readonly current: Entry | undefined;

  constructor(key: StoreKey, current: Entry | undefined) {
    super(`${key.collection} ${key.namespace}/${key.name} is not at the expected revision`);
    this.key = key;
    this.current = current;
  }
}

/** The revision asked for is older than the history that is kept: list again. */
export class HistoryCompacted extends Error {
  override name = 'HistoryCompacted';
  readonly oldestRevision: number;

  constructor(oldestRevision: number) {
    super(`history before revision ${oldestRevision} is gone`);
    this.oldestRevision = oldestRevision;
  }
}

/** The journal cannot be written (disk full, file gone): nothing was changed, and the write may be tried again later. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}

export interface Snapshot {
  readonly entries: readonly Entry[];
  /** The store's revision at which `entries` is exact. */
  readonly revision: number;
}

export interface StoreEvent {
  readonly type: 'added' | 'modified' | 'deleted';
  /** After the change; for `deleted`, the last object, with `metadata.resourceVersion` set to the delete's revision. */
  readonly entry: Entry;
  /** Before the change; absent for `added`. Selector watches need it to tell who entered and who left. */
  readonly previous?: Entry;
  readonly revision: number;
}

export interface WatchOptions {
  readonly collection: string;
  /** Only this namespace; absent means all. */
  readonly namespace?: string;
  /** Only this name. */
  readonly name?: string;
  /** Changes after this revision; absent means from now on. */
  readonly afterRevision?: number;
}

/** Why a watch ended by itself. `slow`: the watcher's buffer was full. `closed`: the store is closing. */
export type WatchEnd = 'slow' | 'closed';

export interface WatchHandler {
  /** Called in order, synchronously after the memory index changed. Must not throw and must not block. */
  event(event: StoreEvent): void;
  end?(reason: WatchEnd): void;
}

export interface StoreWatch {
  /** No call of the handler comes after this. */
  cancel(): void;
}

export interface Store {
  readonly name: string;
  /** Opens the journal and loads the index. Errors say what is wrong with which file, and the way out. */
  start(): Promise<void>;
  close(): Promise<void>;
  /** Of the last write that is visible; 1 in a new store. */
  readonly revision: number;
  get(key: StoreKey): Entry | undefined;
  /** Ordered by namespace, then name (by UTF-16 code unit). */
  list(collection: string, namespace?: string): Snapshot;
  /** How many objects each collection holds. */
  counts(): ReadonlyMap<string, number>;
  /**
   * Resolves with the new entry (for `delete`: as in `StoreEvent`) when it is durable and visible.
   * @throws RevisionConflict, StoreUnavailable
   */
  write(operation: WriteOperation): Promise<Entry>;
  /**
   * Past events are delivered before `watch` returns; later ones as they become visible.
   * @throws HistoryCompacted where `afterRevision` is older than the history
   */
  watch(options: WatchOptions, handler: WatchHandler): StoreWatch;
}
