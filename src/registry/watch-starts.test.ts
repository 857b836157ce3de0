import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { resourceTable } from '../api/resource-table.ts';
import { printTable } from '../api/table/print-table.ts';
import type { WatchRequestOptions } from './request.ts';
import { make, startRegistry } from './testing.ts';
import { initialEventsEnd } from './watch.ts';

const notOlderThan = { resourceVersionMatch: 'NotOlderThan' } as const;

test('where a watch starts', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap({}, 'a'));
  const past = String(cluster.store.revision);
  await cluster.create('configmaps', make.configMap({}, 'b'));
  const cases: readonly (readonly [WatchRequestOptions, string])[] = [
    [{}, 'ADDED a, ADDED b'],
    [{ resourceVersion: '0' }, 'ADDED a, ADDED b'],
    [{ allowWatchBookmarks: true }, 'ADDED a, ADDED b, BOOKMARK'],
    [{ resourceVersion: past }, 'ADDED b'],
    [{ resourceVersion: past, allowWatchBookmarks: true }, 'ADDED b'],
    [{ sendInitialEvents: true, ...notOlderThan }, 'ADDED a, ADDED b'],
    [{ sendInitialEvents: true, ...notOlderThan, allowWatchBookmarks: true }, 'ADDED a, ADDED b, BOOKMARK'],
    [
      { sendInitialEvents: true, ...notOlderThan, resourceVersion: past, allowWatchBookmarks: true },
      'ADDED a, ADDED b, BOOKMARK',
    ],
    [{ sendInitialEvents: false, ...notOlderThan }, ''],
    [{ sendInitialEvents: false, ...notOlderThan, resourceVersion: '0' }, ''],
    [{ sendInitialEvents: false, ...notOlderThan, resourceVersion: past }, 'ADDED b'],
  ];
  for (const [options, expected] of cases) {
    const watch = await cluster.watch('configmaps', options);
    assert.equal(watch.summary.join(', '), expected, JSON.stringify(options));
    watch.cancel();
  }
});

test('initial events of a version ahead wait for it, and end in an ERROR event where it does not come', async () => {
  const cluster = await startRegistry();
  const version = cluster.store.revision + 1;
  const options = {
    sendInitialEvents: true,
    ...notOlderThan,
    allowWatchBookmarks: true,
    resourceVersion: String(version),
  };
  const waiting = cluster.watch('configmaps', options);
  await cluster.create('configmaps', make.configMap({}, 'a'));
  await cluster.clock.advance(100);
  const watch = await waiting;
  assert.deepEqual(watch.summary, ['ADDED a', 'BOOKMARK']);
  const bookmark = watch.events[1]?.object;
  assert.equal(bookmark?.metadata?.annotations?.[initialEventsEnd], 'true');
  assert.ok(Number(bookmark?.metadata?.resourceVersion) >= version);
  watch.cancel();

  const never = cluster.watch('configmaps', { ...options, resourceVersion: '1000' });
  await cluster.clock.advance(3_100);
  const failed = await never;
  const status = failed.events[0]?.object as { code?: number; reason?: string; message?: string };
  assert.deepEqual([failed.events.length, failed.events[0]?.type, failed.ended], [1, 'ERROR', true]);
  assert.deepEqual([status.code, status.reason], [504, 'Timeout']);
  assert.match(status.message ?? '', /^Timeout: Too large resource version: 1000, current: /);
});

test('a watch from a version ahead is silent until the store is past it', async () => {
  const cluster = await startRegistry();
  const ahead = cluster.store.revision + 2;
  const watch = await cluster.watch('configmaps', { resourceVersion: String(ahead), allowWatchBookmarks: true });
  await cluster.clock.advance(61_000);
  assert.deepEqual(watch.summary, [], 'a bookmark would take the client back');
  for (const name of ['a', 'b', 'c']) await cluster.create('configmaps', make.configMap({}, name));
  assert.deepEqual(watch.summary, ['ADDED c']);
  await cluster.clock.advance(61_000);
  assert.deepEqual(watch.summary, ['ADDED c', 'BOOKMARK']);
  watch.cancel();
});

test('a time-out below zero is over at once, none never', async () => {
  const cluster = await startRegistry();
  const over = await cluster.watch('namespaces', { timeoutSeconds: -1 });
  assert.deepEqual([over.events.length, over.ended], [4, true]);
  const lasting = await cluster.watch('namespaces', { timeoutSeconds: 0 });
  await cluster.clock.advance(24 * 60 * 60 * 1000);
  assert.equal(lasting.ended, false);
  lasting.cancel();
  assert.equal(cluster.clock.pending, 0);
});

test('a bookmark of any kind is an object of that kind, empty but for its version, that a table can show', async () => {
  const cluster = await startRegistry();
  let shown = 0;
  for (const info of resourceTable().all) {
    if (!info.verbs.includes('watch')) continue;
    const name = info.group === '' ? info.resource : `${info.resource}.${info.group}`;
    const watch = await cluster.watch(name, { fieldSelector: 'metadata.name=none', allowWatchBookmarks: true });
    const bookmark = watch.events[0]?.object as KubeObject;
    watch.cancel();
    assert.equal(watch.events[0]?.type, 'BOOKMARK');
    assert.equal(bookmark.metadata?.resourceVersion, String(cluster.store.revision));
    const { rows } = printTable(info, [bookmark], { now: 0, includeObject: 'Metadata', metadata: {} });
    assert.equal(rows?.length, 1, name);
    shown++;
  }
  assert.ok(shown > 40, String(shown));
});
