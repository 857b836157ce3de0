import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap } from '../api/schema/types/core-v1.ts';
import { expired } from '../api/status-error.ts';
import { settle, VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import type { Client, ClientWatchHandler } from './client.ts';
import { unreachable } from './errors.ts';
import { Informer, InformerSet } from './informer.ts';
import { configMaps } from './resources.ts';

/** A server of one resource whose every answer the test decides. */
class ScriptedServer {
  objects: ConfigMap[] = [];
  version = 1;
  lists = 0;
  listError: Error | undefined;
  watches: { from: string; handler: ClientWatchHandler<ConfigMap>; cancelled: boolean }[] = [];

  get client(): Client {
    return {
      list: async () => {
        this.lists++;
        if (this.listError !== undefined) throw this.listError;
        return { metadata: { resourceVersion: String(this.version) }, items: this.objects as never };
      },
      watch: (_resource: unknown, query: { resourceVersion: string }, handler: unknown) => {
        const watch = {
          from: query.resourceVersion,
          handler: handler as ClientWatchHandler<ConfigMap>,
          cancelled: false,
        };
        this.watches.push(watch);
        return { cancel: () => (watch.cancelled = true) };
      },
    } as unknown as Client;
  }

  get watch(): ScriptedServer['watches'][number] {
    return this.watches.at(-1) as ScriptedServer['watches'][number];
  }

  make(name: string, more: { uid?: string; data?: Record<string, string> } = {}): ConfigMap {
    const metadata = {
      namespace: 'default',
      name,
      uid: more.uid ?? `uid-${name}`,
      resourceVersion: String(++this.version),
    };
    return { metadata, ...(more.data && { data: more.data }) };
  }
}

interface Setting {
  server: ScriptedServer;
  clock: VirtualClock;
  informer: Informer<ConfigMap>;
  seen: string[];
}

function setting(): Setting {
  const server = new ScriptedServer();
  const clock = new VirtualClock();
  const options = { client: server.client, clock, prng: new SeededPrng(3), log: silentLogger };
  const informer = new Informer({ ...options, resource: configMaps });
  const seen: string[] = [];
  informer.addHandler({
    added: (object) => seen.push(`added ${object.metadata?.name}`),
    updated: (object, old) =>
      seen.push(
        `updated ${object.metadata?.name} ${old.metadata?.resourceVersion}→${object.metadata?.resourceVersion}`,
      ),
    deleted: (object) => seen.push(`deleted ${object.metadata?.name}`),
  });
  return { server, clock, informer, seen };
}

test('it lists, then follows the watch from the version of the list, and shares the objects', async () => {
  const { server, informer, seen } = setting();
  const a = server.make('a');
  server.objects = [a];
  await informer.start();
  await informer.synced;
  await settle();
  assert.equal(informer.cache.get({ namespace: 'default', name: 'a' }), a);
  assert.equal(server.watch.from, '2');
  const newer = server.make('a', { data: { key: 'value' } });
  server.watch.handler.event({ type: 'MODIFIED', object: newer });
  server.watch.handler.event({ type: 'ADDED', object: server.make('b') });
  server.watch.handler.event({ type: 'DELETED', object: newer });
  assert.deepEqual(seen, ['added a', 'updated a 2→3', 'added b', 'deleted a']);
  assert.deepEqual(
    informer.cache.list('default').map((object) => object.metadata?.name),
    ['b'],
  );
  await informer.close();
});

test('a watch that ends is taken up from the last version seen, bookmarks counted, without a new list', async () => {
  const { server, clock, informer } = setting();
  await informer.start();
  await settle();
  server.watch.handler.event({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '70' } } });
  server.watch.handler.end();
  await settle();
  assert.equal(server.watch.from, '70');
  server.watch.handler.end(unreachable('gone'));
  await clock.advance(2000);
  assert.equal(server.watch.from, '70');
  assert.equal(server.watches.length, 3);
  assert.equal(server.lists, 1);
  await informer.close();
});

test('after Expired it lists again, and what was missed shows as one step', async () => {
  const { server, clock, informer, seen } = setting();
  const kept = server.make('kept');
  server.objects = [kept, server.make('gone'), server.make('reborn', { uid: '1' }), server.make('changed')];
  await informer.start();
  await settle();
  seen.length = 0;
  server.objects = [kept, server.make('reborn', { uid: '2' }), server.make('changed'), server.make('new')];
  server.watch.handler.end(expired('too old'));
  await clock.advance(2000);
  assert.equal(server.lists, 2);
  assert.deepEqual(seen, ['deleted gone', 'deleted reborn', 'added reborn', 'updated changed 5→7', 'added new']);
  await informer.close();
});

test('while the server cannot be reached it tries with growing pauses, and syncs when it answers', async () => {
  const { server, clock, informer } = setting();
  server.listError = unreachable('nobody there');
  await informer.start();
  await clock.advance(60_000);
  assert.equal(informer.hasSynced, false);
  assert.ok(server.lists >= 4 && server.lists <= 8, `${server.lists} lists in a minute`);
  server.listError = undefined;
  await clock.advance(60_000);
  await informer.synced;
  await informer.close();
  assert.equal(clock.pending, 0);
});

test('a watch that ends at once, again and again, is not taken up in a busy loop', async () => {
  const { server, clock, informer } = setting();
  await informer.start();
  await settle();
  for (let second = 0; second < 60; second++) {
    server.watch.handler.end();
    await clock.advance(1000);
  }
  assert.ok(server.watches.length < 15, `${server.watches.length} watches in a minute`);
  await informer.close();
});

test('a handler that throws disturbs nobody else', async () => {
  const { server, informer, seen } = setting();
  informer.addHandler({
    added: () => {
      throw new Error('broken handler');
    },
  });
  server.objects = [server.make('a'), server.make('b')];
  await informer.start();
  await settle();
  assert.deepEqual(seen, ['added a', 'added b']);
  await informer.close();
});

test('a handler that comes late sees what is there as added', async () => {
  const { server, informer } = setting();
  server.objects = [server.make('a')];
  await informer.start();
  await settle();
  const late: string[] = [];
  const remove = informer.addHandler({ added: (object) => late.push(object.metadata?.name ?? '') });
  remove();
  server.watch.handler.event({ type: 'ADDED', object: server.make('b') });
  assert.deepEqual(late, ['a']);
  await informer.close();
});

test('an index follows every change', async () => {
  const { server, informer } = setting();
  informer.addIndex('color', (object) => (object.data?.['color'] === undefined ? [] : [object.data['color']]));
  server.objects = [server.make('a', { data: { color: 'red' } }), server.make('b')];
  await informer.start();
  await settle();
  const names = (color: string): (string | undefined)[] =>
    informer.cache.byIndex('color', color).map((object) => object.metadata?.name);
  assert.deepEqual(names('red'), ['a']);
  server.watch.handler.event({ type: 'MODIFIED', object: server.make('a', { data: { color: 'blue' } }) });
  server.watch.handler.event({ type: 'MODIFIED', object: server.make('b', { data: { color: 'blue' } }) });
  assert.deepEqual(names('red'), []);
  assert.deepEqual(names('blue'), ['a', 'b']);
  server.watch.handler.event({ type: 'DELETED', object: server.make('a') });
  assert.deepEqual(names('blue'), ['b']);
  await informer.close();
});

test('closing ends the watch, and nothing is delivered after', async () => {
  const { server, clock, informer, seen } = setting();
  await informer.start();
  await settle();
  const { watch } = server;
  await informer.close();
  assert.equal(watch.cancelled, true);
  watch.handler.event({ type: 'ADDED', object: server.make('late') });
  assert.deepEqual(seen, []);
  assert.equal(clock.pending, 0);
});

test('a set has one informer for each resource, and starts late ones at once', async () => {
  const server = new ScriptedServer();
  const set = new InformerSet({
    client: server.client,
    clock: new VirtualClock(),
    prng: new SeededPrng(1),
    log: silentLogger,
  });
  await set.start();
  const informer = set.informer(configMaps);
  assert.equal(set.informer({ ...configMaps }), informer);
  await informer.synced;
  assert.equal(server.lists, 1);
  await set.close();
});

test('a set is synced when what it started with is, whatever becomes of kinds that came later', async () => {
  const server = new ScriptedServer();
  const set = new InformerSet({
    client: server.client,
    clock: new VirtualClock(),
    prng: new SeededPrng(1),
    log: silentLogger,
  });
  const first = set.informer(configMaps);
  assert.deepEqual(set.unsynced, ['/v1/configmaps']);
  await set.start();
  await first.synced;
  server.listError = new Error('nobody converts these');
  const late = set.informer({ ...configMaps, resource: 'gadgets' });
  await settle();
  assert.equal(late.hasSynced, false);
  assert.deepEqual(set.unsynced, []);
  await set.close();
});
