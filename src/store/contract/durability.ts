/** The store contract: what outlives a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Store, type StoreEvent } from '../store.ts';
import { names, type OpenStore, oldestOf, podKey, put, remove, withStore } from './fixtures.ts';

export function durabilityTests(open: OpenStore): void {
  const durable = (
    name: string,
    body: (store: Store, reopen: () => Promise<Store>) => Promise<void>,
    options = {},
  ): void => {
    void test(name, (t) =>
      withStore(
        open,
        async ({ store, reopen }) => {
          if (reopen === undefined) t.skip('keeps nothing');
          else await body(store, reopen);
        },
        options,
      ),
    );
  };

  durable('what was written is there after a restart, and revisions go on', async (store, reopen) => {
    const a = await put(store, podKey('a'), 0, { spec: 'ä' });
    const b = await put(store, podKey('b'));
    const a2 = await put(store, a.key, a.revision, { spec: 'ö' });
    await remove(store, b.key, b.revision);
    const again = await reopen();
    assert.equal(again.revision, 5);
    assert.deepEqual(names(again.list('pods').entries), ['default/a']);
    const entry = again.get(a.key)!;
    assert.deepEqual(entry.object, a2.object);
    assert.deepEqual(entry.json(), a2.json());
    assert.equal(entry.revision, a2.revision);
    assert.ok(Object.isFrozen(entry.object.metadata));
    assert.equal((await put(again, b.key)).revision, 6);
  });

  durable('a watch resumes after a restart, with what stood there before', async (store, reopen) => {
    const a = await put(store, podKey('a'), 0, { spec: 1 });
    await put(store, a.key, a.revision, { spec: 2 });
    await remove(store, a.key, a.revision + 1);
    const again = await reopen();
    const events: StoreEvent[] = [];
    again.watch({ collection: 'pods', afterRevision: a.revision }, { event: (event) => events.push(event) });
    assert.deepEqual(
      events.map(({ type, revision }) => [type, revision]),
      [
        ['modified', 3],
        ['deleted', 4],
      ],
    );
    assert.deepEqual(
      events.map(({ previous }) => (previous?.object as { spec?: number } | undefined)?.spec),
      [1, 2],
    );
    assert.equal(events[1]?.entry.object.metadata?.resourceVersion, '4');
  });

  durable(
    'the history keeps its bound over restarts, and loses no object',
    async (store, reopen) => {
      for (let i = 0; i < 30; i++) await put(store, podKey(`p${i}`));
      for (let i = 0; i < 60; i++) await put(store, podKey('p0'), store.get(podKey('p0'))!.revision);
      for (let i = 1; i < 30; i += 2) await remove(store, podKey(`p${i}`), store.get(podKey(`p${i}`))!.revision);
      const [revision, oldest, list] = [store.revision, oldestOf(store), names(store.list('pods').entries)];
      const again = await reopen();
      assert.deepEqual([again.revision, oldestOf(again), names(again.list('pods').entries)], [revision, oldest, list]);
      for (let i = 0; i < 30; i++) await put(again, podKey(`q${i}`));
      assert.ok(oldestOf(again) > oldest);
      const third = await reopen();
      assert.deepEqual(names(third.list('pods').entries), [
        ...list,
        ...Array.from({ length: 30 }, (_, i) => `default/q${i}`).sort(),
      ]);
    },
    { historyEventsMax: 20 },
  );
}
