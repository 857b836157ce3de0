/** The store contract: objects, lists and revisions. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limits } from '../../lib/limits.ts';
import { ObjectTooLarge, type Store, type StoreKey, StoreUnavailable } from '../store.ts';
import { names, type OpenedStore, type OpenStore, pod, podKey, put, record, remove, withStore } from './fixtures.ts';

export function objectTests(open: OpenStore): void {
  let opened: OpenedStore;
  let store: Store;
  before(async () => {
    opened = await open();
    store = opened.store;
  });
  after(() => opened.cleanup());

  void test('a new store is empty and stands at revision 1', () =>
    withStore(open, async ({ store }) => {
      assert.equal(store.revision, 1);
      assert.deepEqual(store.list('pods'), { entries: [], revision: 1 });
      assert.equal(store.counts().size, 0);
      assert.equal(store.get(podKey('a')), undefined);
    }));

  void test('each write gets the next revision, which its object carries', async () => {
    const start = store.revision;
    const first = await put(store, podKey('rev-a'));
    const second = await put(store, { collection: 'leases', namespace: '', name: 'x' });
    const third = await remove(store, first.key, first.revision);
    assert.deepEqual([first.revision, second.revision, third.revision], [start + 1, start + 2, start + 3]);
    assert.equal(first.object.metadata?.resourceVersion, String(start + 1));
    assert.equal(third.object.metadata?.resourceVersion, String(start + 3));
    assert.equal(store.revision, start + 3);
  });

  void test('an object is the same in memory and as JSON, and deeply frozen', async () => {
    const object = pod('frozen', { spec: { containers: [{ name: 'ä €😀', env: [] }] } });
    const written = await store.write({ kind: 'put', key: podKey('frozen'), object, expectedRevision: 0 });
    const entry = store.get(podKey('frozen'));
    assert.equal(entry, written);
    assert.deepEqual(JSON.parse(written.json().toString()), written.object);
    assert.equal(written.json(), written.json());
    assert.throws(() =>
      Object.assign((written.object as { spec: { containers: object[] } }).spec.containers[0]!, { x: 1 }),
    );
    assert.throws(() => Object.assign(written.object.metadata!, { x: 1 }));
  });

  void test('an object that is frozen already can be written again', async () => {
    const first = await put(store, podKey('again'));
    const operation = { kind: 'put', key: first.key, object: first.object, expectedRevision: first.revision } as const;
    const second = await store.write(operation);
    assert.equal(second.object.metadata?.resourceVersion, String(second.revision));
    assert.equal(first.object.metadata?.resourceVersion, String(first.revision));
  });

  void test('a list is ordered by namespace and name as one text, by code unit', async () => {
    const key = (namespace: string, name: string): StoreKey => ({ collection: 'sorted', namespace, name });
    for (const [namespace, name] of [
      ['b', 'a'],
      ['a', 'b'],
      ['a-b', 'z'],
      ['a', 'B'],
      ['a', 'a10'],
      ['a', 'a2'],
      ['', 'z'],
    ] as const) {
      await put(store, key(namespace, name));
    }
    assert.deepEqual(names(store.list('sorted').entries), ['/z', 'a-b/z', 'a/B', 'a/a10', 'a/a2', 'a/b', 'b/a']);
    assert.deepEqual(names(store.list('sorted', 'a').entries), ['a/B', 'a/a10', 'a/a2', 'a/b']);
    await put(store, key('a', 'a11'));
    await remove(store, key('a', 'a2'), store.get(key('a', 'a2'))!.revision);
    assert.deepEqual(names(store.list('sorted', 'a').entries), ['a/B', 'a/a10', 'a/a11', 'a/b']);
    assert.deepEqual(names(store.list('sorted', '').entries), ['/z']);
  });

  void test('a list stays as it was when the store moves on', async () => {
    const first = await put(store, podKey('one', 'still'));
    const everywhere = store.list('pods');
    const list = store.list('pods', 'still');
    const before = [names(everywhere.entries), names(list.entries)];
    await put(store, podKey('two', 'still'));
    await remove(store, first.key, first.revision);
    assert.deepEqual([names(everywhere.entries), names(list.entries)], before);
    assert.equal(list.revision, store.revision - 2);
  });

  void test('counts tells how many objects each collection holds', async () => {
    const key = { collection: 'counted', namespace: 'a', name: 'a' };
    const first = await put(store, key);
    await put(store, { ...key, namespace: 'b' });
    assert.equal(store.counts().get('counted'), 2);
    await remove(store, key, first.revision);
    assert.equal(store.counts().get('counted'), 1);
  });

  void test('an object above the limit is refused, and costs no revision', async () => {
    const start = store.revision;
    await assert.rejects(put(store, podKey('large'), 0, { data: 'x'.repeat(limits.objectBytesMax) }), ObjectTooLarge);
    assert.equal(store.revision, start);
  });

  void test('a closed store refuses writes and watches, and carries out those that were waiting', () =>
    withStore(open, async ({ store }) => {
      const waiting = [put(store, podKey('a')), put(store, podKey('b'))];
      await Promise.all([store.close(), store.close()]);
      assert.deepEqual(names(await Promise.all(waiting)), ['default/a', 'default/b']);
      await assert.rejects(put(store, podKey('c')), StoreUnavailable);
      assert.throws(() => record(store, { collection: 'pods' }), StoreUnavailable);
    }));
}
