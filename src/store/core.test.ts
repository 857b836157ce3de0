import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { type CoreOptions, JournaledStore } from './core.ts';
import { type JournalBatch, NullJournal } from './journal.ts';
import { type Entry, HistoryCompacted, RevisionConflict, type StoreKey, StoreUnavailable } from './store.ts';

/** Keeps the batches; refuses them while `broken`, and waits with them while `held`. */
class FakeJournal extends NullJournal {
  readonly batches: JournalBatch[] = [];
  broken = false;
  held: Promise<void> | undefined;

  override async commit(batch?: JournalBatch): Promise<void> {
    await this.held;
    if (this.broken) throw new StoreUnavailable('broken on purpose');
    this.batches.push(batch!);
  }
}

async function openFake(
  options: Partial<CoreOptions> = {},
): Promise<{ store: JournaledStore; journal: FakeJournal; clock: VirtualClock }> {
  const journal = new FakeJournal();
  const clock = new VirtualClock();
  const store = new JournaledStore('fake', journal, { clock, log: silentLogger, ...options });
  await store.start();
  return { store, journal, clock };
}

const key = (name: string): StoreKey => ({ collection: 'pods', namespace: 'a', name });

const put = (store: JournaledStore, name: string, expectedRevision = 0, data = ''): Promise<Entry> =>
  store.write({ kind: 'put', key: key(name), object: { metadata: { name, annotations: { data } } }, expectedRevision });

test('a batch that the journal refuses changes nothing, and its revisions are given again', async () => {
  const { store, journal } = await openFake();
  const told: string[] = [];
  store.watch({ collection: 'pods' }, { event: ({ type, revision }) => told.push(`${type}@${revision}`) });
  const kept = await put(store, 'kept');
  journal.broken = true;
  const outcomes = await Promise.allSettled([
    put(store, 'new'),
    put(store, 'kept', kept.revision),
    store.write({ kind: 'delete', key: key('kept'), expectedRevision: kept.revision + 2 }),
  ]);
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason instanceof StoreUnavailable));
  assert.equal(store.revision, kept.revision);
  assert.equal(store.get(key('kept')), kept);
  assert.equal(store.get(key('new')), undefined);
  assert.deepEqual(store.list('pods').entries, [kept]);
  journal.broken = false;
  assert.equal((await put(store, 'new')).revision, kept.revision + 1);
  assert.deepEqual(told, ['added@2', 'added@3']);
});

test('a refused write can be tried again with the same object', async () => {
  const { store, journal } = await openFake();
  const operation = { kind: 'put', key: key('a'), object: { metadata: { name: 'a' } }, expectedRevision: 0 } as const;
  journal.broken = true;
  await assert.rejects(store.write(operation), StoreUnavailable);
  journal.broken = false;
  assert.equal((await store.write(operation)).object.metadata?.resourceVersion, '2');
});

test('a conflict that rests on a batch that failed is no conflict; one that rests on the store is', async () => {
  const { store, journal } = await openFake();
  await put(store, 'there');
  journal.broken = true;
  const [first, tentative, certain] = await Promise.allSettled([put(store, 'a'), put(store, 'a'), put(store, 'there')]);
  assert.ok(first.status === 'rejected' && first.reason instanceof StoreUnavailable);
  assert.ok(tentative.status === 'rejected' && tentative.reason instanceof StoreUnavailable);
  assert.ok(certain.status === 'rejected' && certain.reason instanceof RevisionConflict);
});

test('nothing is visible before the journal has it, and writes that arrive meanwhile share the next commit', async () => {
  const { store, journal } = await openFake();
  const { promise, resolve } = Promise.withResolvers<void>();
  journal.held = promise;
  const first = put(store, 'first');
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  const others = ['a', 'b', 'c'].map((name) => put(store, name));
  assert.equal(store.revision, 1);
  assert.equal(store.list('pods').entries.length, 0);
  resolve();
  await Promise.all([first, ...others]);
  assert.deepEqual(
    journal.batches.map(({ records }) => records.length),
    [1, 3],
  );
});

test('more writes than may wait are refused at once, and the others are carried out', async () => {
  const { store } = await openFake({ pendingWritesMax: 3 });
  const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((name) => put(store, name)));
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  );
  assert.ok(outcomes[3]?.status === 'rejected' && outcomes[3].reason instanceof StoreUnavailable);
});

test('an object that is no JSON is refused alone', async () => {
  const { store } = await openFake();
  const object = { metadata: { name: 'x' }, spec: 1n };
  const [bad, good] = await Promise.allSettled([
    store.write({ kind: 'put', key: key('bad'), object, expectedRevision: 0 }),
    put(store, 'good'),
  ]);
  assert.deepEqual([bad.status, good.status, store.revision], ['rejected', 'fulfilled', 2]);
});

test('a write made in a watch handler is carried out after the change that caused it', async () => {
  const { store } = await openFake();
  const order: string[] = [];
  const written: Promise<Entry>[] = [];
  store.watch(
    { collection: 'pods' },
    {
      event: ({ entry }) => {
        order.push(entry.key.name);
        if (entry.key.name === 'a') written.push(put(store, 'c'));
      },
    },
  );
  await Promise.all([put(store, 'a'), put(store, 'b')]);
  await Promise.all(written);
  assert.deepEqual(order, ['a', 'b', 'c']);
});

const oldest = (store: JournaledStore): number => {
  try {
    store.watch({ collection: 'pods', afterRevision: 0 }, { event() {} });
    return 0;
  } catch (error) {
    return (error as HistoryCompacted).oldestRevision;
  }
};

test('history that is too old goes with the next write, and the journal is told what nobody needs any more', async () => {
  const { store, journal, clock } = await openFake({ history: { eventsMax: 8, ageMsMax: 1000 } });
  await put(store, 'a'); // 2
  await put(store, 'a', 2); // 3
  await put(store, 'b'); // 4
  await store.write({ kind: 'delete', key: key('b'), expectedRevision: 4 }); // 5
  assert.equal(oldest(store), 1);
  await clock.advance(1001);
  await put(store, 'a', 3); // 6
  assert.equal(oldest(store), 5);
  assert.deepEqual(journal.batches.at(-1)?.compaction, { revision: 5, obsolete: [2, 4, 5] });
});

test('few changes that are too old stay for a minute, as not worth the trouble, and no longer', async () => {
  const { store, clock } = await openFake({ history: { eventsMax: 1000, ageMsMax: 1000 } });
  await put(store, 'a'); // 2
  await clock.advance(30_000);
  await put(store, 'b'); // 3
  assert.equal(oldest(store), 1);
  await clock.advance(31_001);
  await put(store, 'c'); // 4
  assert.equal(oldest(store), 3);
});

test('history that takes too many bytes goes', async () => {
  const { store } = await openFake({ history: { eventsMax: 1000, bytesMax: 10_000 } });
  for (let i = 0; i < 40; i++) await put(store, `p${i}`, 0, 'x'.repeat(1000));
  const kept = store.revision - oldest(store);
  assert.ok(kept >= 8 && kept <= 13, `${kept} are kept`);
});
