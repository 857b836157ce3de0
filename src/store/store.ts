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
 * - An object that cannot be read holds its place: `get` finds it, lists and watches leave it out, and it can be deleted.
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
  /**
   * Deeply frozen. Decoded when first asked for where the entry was read from disk.
   * @throws UnreadableObject, as `json` does
   */
  readonly object: KubeObject;
  /** The revision of the write that made it. */
  readonly revision: number;
  /** The object's JSON: made once, but of large objects for each who asks. */
  json(): Buffer;
}

export type WriteOperation =
  | {
      readonly kind: 'put';
      readonly key: StoreKey;
      /**
       * Handed over, JSON values only: the store copies the top and `metadata`, sets `metadata.resourceVersion` and freezes
       * the rest. What is already frozen counts as deeply frozen and is shared, not copied.
       */
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

/** What stands there was sealed, and does not open: its key is not the one, or somebody changed it. Reading it throws this. */
export class UnreadableObject extends Error {
  override name = 'UnreadableObject';
  readonly key: StoreKey;

  constructor(key: StoreKey, why: string) {
    const place = [key.collection, key.namespace, key.name].filter((part) => part !== '').join('/');
    super(`unable to transform key "/registry/${place}": ${why}`);
    this.key = key;
  }
}

/** The object's JSON is longer than `limits.objectBytesMax`: nothing was changed. */
export class ObjectTooLarge extends Error {
  override name = 'ObjectTooLarge';
  readonly bytes: number;

  constructor(key: StoreKey, bytes: number, bytesMax: number) {
    super(`${key.collection} ${key.namespace}/${key.name} has ${bytes} bytes; at most ${bytesMax} can be stored`);
    this.bytes = bytes;
  }
}

/**
 * The journal cannot be written (disk full, file gone), too many writes wait, or the store is closed: nothing was changed,
 * and the write may be tried again later. The message is one sentence for an operator: what happened, and the way out.
 */
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
  /**
   * Only changes of objects whose string field at `path` (`['spec', 'nodeName']`) is `value` after the change, or was before
   * it; a field that is missing counts as empty. Thousands of such watches cost a change no more than one does.
   */
  readonly field?: { readonly path: readonly string[]; readonly value: string };
  /** Changes after this revision, which may lie ahead; absent means from now on. */
  readonly afterRevision?: number;
}

/**
 * Why a watch ended by itself. `slow`: the watcher's buffer was full (for handlers that keep one; the store delivers at once
 * and keeps none). `closed`: the store is closing.
 */
export type WatchEnd = 'slow' | 'closed';

export interface WatchHandler {
  /**
   * Called in order, synchronously after the memory index took this change and before it takes the next: a read in here sees
   * the store at `event.revision`. Must not throw and must not block; what it throws is logged, and others do not notice.
   */
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
  /** Ordered by `namespace/name` (`key-order.ts`). The array never changes; equal lists may share one. */
  list(collection: string, namespace?: string): Snapshot;
  /** How many objects each collection holds. */
  counts(): ReadonlyMap<string, number>;
  /**
   * Resolves with the new entry (for `delete`: as in `StoreEvent`) when it is durable and visible.
   * Writes take effect in the order of these calls.
   * @throws RevisionConflict, ObjectTooLarge, StoreUnavailable
   */
  write(operation: WriteOperation): Promise<Entry>;
  /**
   * Past events are delivered before `watch` returns; later ones as they become visible. The same handler may be told
   * nothing twice: a watch made inside a handler starts where the store stands then.
   * @throws HistoryCompacted where `afterRevision` is older than the history
   */
  watch(options: WatchOptions, handler: WatchHandler): StoreWatch;
}
