import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { nextInt, SeededPrng } from '../lib/prng.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { FieldIndexes } from './field-index.ts';

const path = ['spec', 'nodeName'];

test('an index finds what a walk finds, whatever was written before and after it was made', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const prng = new SeededPrng(seed);
    const store = new MemoryStore({ clock: new VirtualClock(), log: silentLogger });
    await store.start();
    const indexes = new FieldIndexes(store);
    for (let step = 0; step < 60; step++) {
      const namespace = ['a', 'a-b', 'b'][nextInt(prng, 3)] as string;
      const key = { collection: 'pods', namespace, name: `p${nextInt(prng, 5)}` };
      const expectedRevision = store.get(key)?.revision ?? 0;
      const nodeName = ['', 'n1', 'n2', 'n3'][nextInt(prng, 4)] as string;
      const spec = nextInt(prng, 8) === 0 ? {} : { spec: { nodeName } };
      const object = { kind: 'Pod', metadata: { name: key.name, namespace }, ...spec };
      if (expectedRevision > 0 && nextInt(prng, 3) === 0) await store.write({ kind: 'delete', key, expectedRevision });
      else await store.write({ kind: 'put', key, object, expectedRevision });
      if (step < 10) continue;
      for (const [value, within] of [
        ['n1', ''],
        ['n2', 'a'],
        ['n3', 'b'],
      ] as const) {
        const walked = store
          .list('pods', within === '' ? undefined : within)
          .entries.filter((entry) => (entry.object as { spec?: { nodeName?: string } }).spec?.nodeName === value);
        const found = indexes.list('pods', within, path, value);
        assert.deepEqual(found.entries, walked, `seed ${seed}, step ${step}`);
        assert.equal(found.revision, store.revision);
      }
    }
    await store.close();
  }
});
