/** The store contract: who is told what, and when. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HistoryCompacted, type Store, type StoreEvent, type StoreKey, type WatchOptions } from '../store.ts';
import { type OpenedStore, type OpenStore, oldestOf, podKey, put, record, remove, withStore } from './fixtures.ts';

export function watchTests(open: OpenStore): void {
  let opened: OpenedStore;
  let store: Store;
  before(async () => {
    opened = await open();
    store = opened.store;
  });
  after(() => opened.cleanup());

  void test('a watch is told what was added, modified and deleted, with what stood there before', async () => {
    const events: StoreEvent[] = [];
    const watch = store.watch({ collection: 'pods', namespace: 'told' }, { event: (event) => events.push(event) });
    const first = await put(store, podKey('a', 'told'), 0, { spec: 1 });
    const second = await put(store, first.key, first.revision, { spec: 2 });
    const last = await remove(store, first.key, second.revision);
    watch.cancel();
    await put(store, first.key);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['added', 'modified', 'deleted'],
    );
    assert.deepEqual(
      events.map(({ revision }) => revision),
      [first.revision, second.revision, last.revision],
    );
    assert.deepEqual(
      events.map(({ entry }) => (entry.object as { spec?: number }).spec),
      [1, 2, 2],
    );
    assert.deepEqual(
      events.map(({ previous }) => previous?.revision),
      [undefined, first.revision, second.revision],
    );
    assert.equal(events[2]?.entry.object.metadata?.resourceVersion, String(last.revision));
  });

  void test('a write that is acknowledged has been told to watchers and can be read', async () => {
    const watch = record(store, { collection: 'pods', name: 'told-first' });
    const entry = await put(store, podKey('told-first'));
    assert.deepEqual(watch.seen, [`added told-first@${entry.revision}`]);
    assert.equal(store.get(entry.key), entry);
    watch.cancel();
  });

  void test('inside a handler the store stands at the event', async () => {
    const found: unknown[] = [];
    const watch = store.watch(
      { collection: 'pods', namespace: 'inside' },
      { event: ({ revision }) => found.push(store.revision === revision, store.list('pods', 'inside').entries.length) },
    );
    await Promise.all([put(store, podKey('a', 'inside')), put(store, podKey('b', 'inside'))]);
    assert.deepEqual(found, [true, 1, true, 2]);
    watch.cancel();
  });

  void test('a watch is told only of its collection, namespace, name and field', async () => {
    const on = (node: string): object => ({ spec: { nodeName: node } });
    const field = (value: string) => ({ path: ['spec', 'nodeName'], value });
    const options: Readonly<Record<string, WatchOptions>> = {
      all: { collection: 'narrow' },
      namespace: { collection: 'narrow', namespace: 'a' },
      key: { collection: 'narrow', namespace: 'a', name: 'x' },
      name: { collection: 'narrow', name: 'x' },
      field: { collection: 'narrow', field: field('n1') },
      'field empty': { collection: 'narrow', field: field('') },
      'field in namespace': { collection: 'narrow', namespace: 'b', field: field('n1') },
      'field by name': { collection: 'narrow', name: 'y', field: field('n1') },
      other: { collection: 'other' },
    };
    const watches = Object.entries(options).map(([name, options]) => ({ name, ...record(store, options) }));
    const start = store.revision;
    const key = (namespace: string, name: string): StoreKey => ({ collection: 'narrow', namespace, name });
    await put(store, key('a', 'x'), 0, on('n1')); // +1
    await put(store, key('a', 'y'), 0, on('n2')); // +2
    await put(store, key('b', 'x')); // +3
    await put(store, key('a', 'x'), start + 1, on('n2')); // +4: leaves n1
    await put(store, key('b', 'x'), start + 3, on('n1')); // +5: enters n1
    await remove(store, key('b', 'x'), start + 5); // +6
    const told = watches.map(({ name, seen }) => [name, seen.map((line) => Number(line.split('@')[1]) - start)]);
    for (const watch of watches) watch.cancel();
    assert.deepEqual(Object.fromEntries(told), {
      all: [1, 2, 3, 4, 5, 6],
      namespace: [1, 2, 4],
      key: [1, 4],
      name: [1, 3, 4, 5, 6],
      field: [1, 4, 5, 6],
      'field empty': [3, 5],
      'field in namespace': [5, 6],
      'field by name': [],
      other: [],
    });
  });

  void test('a watch from the past is told of it before watch returns, then goes on', async () => {
    const start = store.revision;
    const first = await put(store, podKey('past'));
    await put(store, first.key, first.revision);
    const whole = record(store, { collection: 'pods', afterRevision: start });
    const half = record(store, { collection: 'pods', afterRevision: start + 1 });
    const none = record(store, { collection: 'pods', afterRevision: start + 2 });
    const future = record(store, { collection: 'pods', afterRevision: start + 3 });
    const now = record(store, { collection: 'pods' });
    assert.deepEqual(
      [whole, half, none, future, now].map(({ seen }) => seen.length),
      [2, 1, 0, 0, 0],
    );
    await put(store, first.key, start + 2);
    await remove(store, first.key, start + 3);
    assert.deepEqual(whole.seen, [
      `added past@${start + 1}`,
      `modified past@${start + 2}`,
      `modified past@${start + 3}`,
      `deleted past@${start + 4}`,
    ]);
    assert.deepEqual(
      [half, none, future, now].map(({ seen }) => seen.length),
      [3, 2, 1, 2],
    );
    for (const watch of [whole, half, none, future, now]) watch.cancel();
  });

  void test('a handler that throws disturbs nobody', async () => {
    const collection = 'thrown';
    const thrower = store.watch({ collection }, { event: () => assert.fail('on purpose') });
    const other = record(store, { collection });
    const entry = await put(store, { collection, namespace: '', name: 'a' });
    assert.deepEqual(other.seen, [`added a@${entry.revision}`]);
    thrower.cancel();
    other.cancel();
  });

  void test('a watch made in a handler misses nothing and is told nothing twice', async () => {
    const collection = 'nested';
    const start = store.revision;
    const made: ReturnType<typeof record>[] = [];
    const outer = store.watch(
      { collection },
      {
        event: () => made.push(record(store, { collection }), record(store, { collection, afterRevision: start })),
      },
    );
    await Promise.all(['a', 'b'].map((name) => put(store, { collection, namespace: '', name })));
    const [a, b] = [`added a@${start + 1}`, `added b@${start + 2}`];
    assert.deepEqual(
      made.map(({ seen }) => seen),
      [[b], [a, b], [], [a, b]],
    );
    outer.cancel();
    for (const watch of made) watch.cancel();
  });

  void test('after cancel in a handler, its own or another, nothing comes', async () => {
    const collection = 'cancelled';
    const seen: string[] = [];
    const first = store.watch(
      { collection },
      {
        event: () => {
          seen.push('first');
          first.cancel();
          second.cancel();
        },
      },
    );
    const second = store.watch({ collection }, { event: () => seen.push('second') });
    await Promise.all(['a', 'b'].map((name) => put(store, { collection, namespace: '', name })));
    assert.deepEqual(seen, ['first']);
    first.cancel();
  });

  void test('closing ends every watch, once', () =>
    withStore(open, async ({ store }) => {
      const watches = [
        record(store, { collection: 'pods' }),
        record(store, { collection: 'pods', name: 'a', namespace: 'b' }),
      ];
      const cancelled = record(store, { collection: 'pods' });
      cancelled.cancel();
      await store.close();
      await store.close();
      assert.deepEqual(
        [...watches, cancelled].map(({ seen }) => seen),
        [['end closed'], ['end closed'], []],
      );
    }));

  void test('a watch from before the history is refused with the oldest revision that can be had', () =>
    withStore(
      open,
      async ({ store }) => {
        for (let i = 0; i < 100; i++) await put(store, podKey(`p${i}`));
        const oldest = oldestOf(store);
        assert.ok(oldest >= 101 - 30 && oldest <= 101 - 16, `oldest is ${oldest}`);
        assert.throws(() => record(store, { collection: 'pods', afterRevision: oldest - 1 }), HistoryCompacted);
        assert.equal(record(store, { collection: 'pods', afterRevision: oldest }).seen.length, 101 - oldest);
      },
      { historyEventsMax: 20 },
    ));
}
