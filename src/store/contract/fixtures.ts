/** What the contract tests share: how to open a store, and short forms for writing to it and watching it. */
import assert from 'node:assert/strict';
import type { KubeObject } from '../../api/object.ts';
import { type Entry, HistoryCompacted, type Store, type StoreKey, type WatchOptions } from '../store.ts';

export interface OpenedStore {
  /** Started. */
  readonly store: Store;
  /** Closes the store and starts another one on what it left. */
  readonly reopen?: () => Promise<Store>;
  /** Closes what is open and removes what is left. */
  readonly cleanup: () => Promise<void>;
}

export type OpenStore = (options?: { readonly historyEventsMax?: number }) => Promise<OpenedStore>;

export const podKey = (name: string, namespace = 'default'): StoreKey => ({ collection: 'pods', namespace, name });

export const pod = (name: string, fields: object = {}): KubeObject => ({ kind: 'Pod', metadata: { name }, ...fields });

export const put = (store: Store, key: StoreKey, expectedRevision = 0, fields: object = {}): Promise<Entry> =>
  store.write({ kind: 'put', key, object: pod(key.name, fields), expectedRevision });

export const remove = (store: Store, key: StoreKey, expectedRevision: number): Promise<Entry> =>
  store.write({ kind: 'delete', key, expectedRevision });

export const names = (entries: readonly Entry[]): string[] => entries.map(({ key }) => `${key.namespace}/${key.name}`);

/** Runs `body` on a store of its own. */
export async function withStore(
  open: OpenStore,
  body: (opened: OpenedStore) => Promise<void>,
  options = {},
): Promise<void> {
  const opened = await open(options);
  try {
    await body(opened);
  } finally {
    await opened.cleanup();
  }
}

/** A watch that keeps what it is told, as `type name@revision`. */
export function record(store: Store, options: WatchOptions): { readonly seen: string[]; readonly cancel: () => void } {
  const seen: string[] = [];
  const watch = store.watch(options, {
    event: ({ type, entry, revision }) => seen.push(`${type} ${entry.key.name}@${revision}`),
    end: (reason) => seen.push(`end ${reason}`),
  });
  return { seen, cancel: () => watch.cancel() };
}

export function oldestOf(store: Store): number {
  try {
    store.watch({ collection: 'pods', afterRevision: 0 }, { event() {} }).cancel();
    return 0;
  } catch (error) {
    assert.ok(error instanceof HistoryCompacted);
    return error.oldestRevision;
  }
}
