import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { KubeObject } from '../../../api/object.ts';
import { resourceTable } from '../../../api/resource-table.ts';
import { builtinSchema } from '../../../api/schema/load.ts';
import type { ResourceQuota } from '../../../api/schema/types/core-v1.ts';
import { StatusError } from '../../../api/status-error.ts';
import { VirtualClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/log.ts';
import { SeededPrng } from '../../../lib/prng.ts';
import { MemoryStore } from '../../../store/memory-store.ts';
import { SqliteStore } from '../../../store/sqlite-store.ts';
import type { Store } from '../../../store/store.ts';
import { Registry } from '../../registry.ts';
import { make, resourceNamed } from '../../testing.ts';
import { tooLarge } from './testing.ts';

const stores: Readonly<Record<string, (folder: string) => Store>> = {
  memory: () => new MemoryStore({ clock: new VirtualClock(), log: silentLogger }),
  SQLite: (folder) =>
    new SqliteStore({ clock: new VirtualClock(), log: silentLogger, file: path.join(folder, 'state.db') }),
};

class World {
  readonly registry: Registry;
  readonly store: Store;

  constructor(store: Store) {
    this.store = store;
    const shared = { clock: new VirtualClock(), prng: new SeededPrng(1), log: silentLogger };
    this.registry = new Registry({ store, ...shared, schema: builtinSchema(), resources: resourceTable() });
  }

  create(resource: string, object: KubeObject): Promise<unknown> {
    const target = this.#target(resource, '');
    return this.registry.create(target, object as never, {});
  }

  #target(resource: string, name: string, subresource = '') {
    const info = resourceNamed(resource);
    const user = { name: 'tester', groups: ['system:masters'] };
    return { user, resource: info, namespace: info.namespaced ? 'default' : '', name, subresource };
  }

  async addQuota(name: string, hard: Readonly<Record<string, string>>, used: Readonly<Record<string, string>>) {
    await this.create('resourcequotas', {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name },
      spec: { hard },
    } as KubeObject);
    const target = this.#target('resourcequotas', name, 'status');
    await this.registry.patch(target, 'application/merge-patch+json', { status: { hard, used } }, {});
  }

  used(name: string): unknown {
    const key = { collection: 'resourcequotas', namespace: 'default', name };
    const quota: ResourceQuota | undefined = this.store.get(key)?.object;
    return quota?.status?.used;
  }
}

async function withWorld(kind: string, run: (world: World) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-quota-'));
  const store = (stores[kind] as (typeof stores)[string])(folder);
  try {
    await store.start();
    const world = new World(store);
    await world.create('namespaces', make.namespace({}, 'default'));
    await run(world);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

for (const kind of Object.keys(stores)) {
  test(`of 64 creators at once just as many succeed as the quota has room for, whoever else fails (${kind})`, async () => {
    await withWorld(kind, async (world) => {
      await world.create('configmaps', make.configMap({}, 'taken'));
      await world.addQuota('maps', { configmaps: '21' }, { configmaps: '1' });
      await world.addQuota('wide', { 'count/configmaps': '1k' }, { 'count/configmaps': '1' });
      const creators = Array.from({ length: 64 }, (_, index) => {
        const good = [world.create('configmaps', make.configMap({}, `good-${index}`))];
        if (index % 4 === 0) good.unshift(world.create('configmaps', make.configMap({}, 'taken')));
        if (index % 8 === 1) good.unshift(world.create('configmaps', make.configMap({}, 'Not valid')));
        if (index % 32 === 2) good.unshift(world.create('configmaps', make.configMap(tooLarge, `large-${index}`)));
        // Twice the same name: one of both fails after it was admitted.
        if (index % 8 === 3) good.push(world.create('configmaps', make.configMap({}, `good-${index}`)));
        return good;
      }).flat();
      const results = await Promise.allSettled(creators);
      const stored = world.store.list('configmaps', 'default').entries.length;
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 20);
      assert.equal(stored, 21);
      const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as StatusError] : []));
      assert.ok(reasons.every((reason) => reason instanceof StatusError));
      const counts = Object.groupBy(reasons, ({ reason }) => reason);
      assert.equal(counts.AlreadyExists !== undefined && counts.AlreadyExists.length > 0, true);
      assert.ok((counts.Forbidden?.length ?? 0) >= 40);
      // Those that came first were admitted, and given back when the store refused them.
      assert.ok(counts.RequestEntityTooLarge !== undefined);
      // What was given back last is taken off by a write of its own.
      await settled(() => assert.deepEqual(world.used('maps'), { configmaps: '21' }));
      await settled(() => assert.deepEqual(world.used('wide'), { 'count/configmaps': '21' }));
    });
  });
}

async function settled(check: () => void): Promise<void> {
  for (let turn = 0; turn < 100; turn++) {
    try {
      return check();
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  check();
}

test('requests that come together are noted by few writes', async () => {
  await withWorld('memory', async (world) => {
    await world.addQuota('maps', { configmaps: '100' }, { configmaps: '0' });
    let writes = 0;
    const watch = world.store.watch({ collection: 'resourcequotas' }, { event: () => void writes++ });
    await Promise.all(
      Array.from({ length: 64 }, (_, index) => world.create('configmaps', make.configMap({}, `map-${index}`))),
    );
    watch.cancel();
    assert.deepEqual(world.used('maps'), { configmaps: '64' });
    assert.ok(writes <= 4, `${writes} writes`);
  });
});

test('a quota that is changed at the same time loses nothing', async () => {
  await withWorld('memory', async (world) => {
    await world.addQuota('maps', { configmaps: '64' }, { configmaps: '0' });
    const target = { name: 'maps', subresource: '' };
    const label = (index: number): Promise<unknown> =>
      world.registry.patch(
        {
          user: { name: 'tester', groups: ['system:masters'] },
          resource: resourceNamed('resourcequotas'),
          namespace: 'default',
          ...target,
        },
        'application/merge-patch+json',
        { metadata: { labels: { turn: String(index) } } },
        {},
      );
    await Promise.all(
      Array.from({ length: 64 }, async (_, index) => {
        await Promise.all([label(index), world.create('configmaps', make.configMap({}, `map-${index}`))]);
      }),
    );
    assert.deepEqual(world.used('maps'), { configmaps: '64' });
  });
});
