/** The store contract: compares. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RevisionConflict, type Store } from '../store.ts';
import { type OpenedStore, type OpenStore, podKey, put, remove } from './fixtures.ts';

export function conflictTests(open: OpenStore): void {
  let opened: OpenedStore;
  let store: Store;
  before(async () => {
    opened = await open();
    store = opened.store;
  });
  after(() => opened.cleanup());

  const isConflictAt = (revision: number | undefined) => (error: unknown) =>
    error instanceof RevisionConflict && error.current?.revision === revision;

  void test('creating what exists is a conflict that shows what stands there', async () => {
    const first = await put(store, podKey('exists'));
    await assert.rejects(put(store, first.key), isConflictAt(first.revision));
  });

  void test('a stale update and a stale delete are conflicts', async () => {
    const first = await put(store, podKey('stale'));
    const second = await put(store, first.key, first.revision);
    await assert.rejects(put(store, first.key, first.revision), isConflictAt(second.revision));
    await assert.rejects(remove(store, first.key, first.revision), isConflictAt(second.revision));
    assert.equal(store.get(first.key)?.revision, second.revision);
  });

  void test('updating or deleting what does not exist is a conflict with nothing', async () => {
    await assert.rejects(put(store, podKey('missing'), 7), isConflictAt(undefined));
    await assert.rejects(remove(store, podKey('missing'), 7), isConflictAt(undefined));
    await assert.rejects(remove(store, podKey('missing'), 0), isConflictAt(undefined));
  });

  void test('a conflict costs no revision', async () => {
    const start = store.revision;
    await assert.rejects(put(store, podKey('missing'), 7));
    assert.equal((await put(store, podKey('next'))).revision, start + 1);
  });

  void test('of writes made together, each sees the earlier ones', async () => {
    const key = podKey('together');
    const start = store.revision;
    const outcomes = await Promise.allSettled([
      put(store, key),
      put(store, key),
      put(store, key, start + 1),
      remove(store, key, start + 2),
      put(store, key),
    ]);
    const reached = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value.revision - start : 'refused',
    );
    assert.deepEqual(reached, [1, 'refused', 2, 3, 4]);
  });
}
