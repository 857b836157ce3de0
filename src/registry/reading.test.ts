import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import { make, rejection, startRegistry, type TestRegistry } from './testing.ts';
import { initialEventsEnd } from './watch.ts';

async function withConfigMaps(...names: string[]): Promise<TestRegistry> {
  const cluster = await startRegistry();
  for (const name of names) await cluster.create('configmaps', make.configMap({}, name));
  return cluster;
}

test('lists are of one namespace or of all, in order, at a version', async () => {
  const cluster = await withConfigMaps('b', 'a');
  await cluster.create('configmaps', make.configMap({}, 'c'), { namespace: 'kube-system' });
  assert.deepEqual(await cluster.names('configmaps'), ['a', 'b']);
  assert.deepEqual(await cluster.names('configmaps', { namespace: '' }), ['a', 'b', 'c']);
  assert.equal((await cluster.list('configmaps')).resourceVersion, String(cluster.store.revision));
});

test('label and field selectors choose, and an unknown field is refused', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod({ metadata: { labels: { a: '1' } }, spec: { nodeName: 'n1' } }, 'x'));
  await cluster.create('pods', make.pod({ metadata: { labels: { a: '2' } }, spec: { nodeName: 'n2' } }, 'y'));
  assert.deepEqual(await cluster.names('pods', { labelSelector: 'a in (1)' }), ['x']);
  assert.deepEqual(await cluster.names('pods', { fieldSelector: 'spec.nodeName=n2' }), ['y']);
  assert.deepEqual(await cluster.names('pods', { fieldSelector: 'spec.nodeName!=n2,status.phase=Pending' }), ['x']);
  assert.deepEqual(await cluster.names('pods', { fieldSelector: 'metadata.name=y', namespace: '' }), ['y']);
  assert.deepEqual(await cluster.names('pods', { fieldSelector: 'metadata.name=none' }), []);
  const unknown = await rejection(cluster.list('pods', { fieldSelector: 'spec.foo=1' }), 'BadRequest');
  assert.equal(unknown.message, 'field label not supported: spec.foo');
  const plain = await rejection(cluster.list('configmaps', { fieldSelector: 'data=1' }), 'BadRequest');
  assert.equal(plain.message, '"data" is not a known field selector: only "metadata.name", "metadata.namespace"');
});

test('pages are of one moment, though the data moves on between them', async () => {
  const cluster = await withConfigMaps('a', 'b', 'c', 'd', 'e');
  const first = await cluster.list('configmaps', { limit: 2 });
  assert.deepEqual(
    first.objects.map(({ metadata }) => metadata?.name),
    ['a', 'b'],
  );
  assert.equal(first.remainingItemCount, 3);
  await cluster.delete('configmaps', 'c');
  await cluster.create('configmaps', make.configMap({}, 'bb'));
  const second = await cluster.list('configmaps', { limit: 2, continue: first.continue });
  assert.deepEqual(
    second.objects.map(({ metadata }) => metadata?.name),
    ['c', 'd'],
  );
  assert.equal(second.resourceVersion, first.resourceVersion);
  const last = await cluster.list('configmaps', { limit: 2, continue: second.continue });
  assert.deepEqual(
    last.objects.map(({ metadata }) => metadata?.name),
    ['e'],
  );
  assert.equal(last.continue, '');
});

test('a page with a selector is full, and says nothing of how many remain', async () => {
  const cluster = await startRegistry();
  for (const name of ['a', 'b', 'c', 'd']) {
    const labels = { odd: String(name === 'a' || name === 'c') };
    await cluster.create('configmaps', make.configMap({ metadata: { labels } }, name));
  }
  const first = await cluster.list('configmaps', { limit: 1, labelSelector: 'odd=true' });
  assert.equal(first.remainingItemCount, undefined);
  const second = await cluster.list('configmaps', { limit: 1, labelSelector: 'odd=true', continue: first.continue });
  assert.deepEqual(
    second.objects.map(({ metadata }) => metadata?.name),
    ['c'],
  );
  assert.equal(second.continue, '');
});

test('an exact version of the past is put together from the history', async () => {
  const cluster = await withConfigMaps('a', 'b');
  const revision = cluster.store.revision;
  await cluster.update('configmaps', make.configMap({ data: { k: 'v' } }, 'a'));
  await cluster.delete('configmaps', 'b');
  await cluster.create('configmaps', make.configMap({}, 'c'));
  const options = { resourceVersion: String(revision), resourceVersionMatch: 'Exact' } as const;
  const past = await cluster.list('configmaps', options);
  assert.deepEqual(
    past.objects.map(({ metadata }) => metadata?.name),
    ['a', 'b'],
  );
  assert.equal((past.objects[0] as { data?: object }).data, undefined);
});

test('a version that lies ahead is waited for, and times out after three seconds', async () => {
  const cluster = await startRegistry();
  const version = String(cluster.store.revision + 1);
  const reads = [
    cluster.list('configmaps', { resourceVersion: version }),
    cluster.registry.get(cluster.target('namespaces', { name: 'default' }), { resourceVersion: version }),
  ];
  await cluster.create('configmaps', make.configMap());
  await cluster.clock.advance(100);
  await Promise.all(reads);
  assert.ok(cluster.clock.monotonic() < 3_000);

  const late = rejection(cluster.list('pods', { resourceVersion: '100000' }), 'Timeout');
  await cluster.clock.advance(3_000);
  const { code, message, details } = await late;
  assert.deepEqual(
    [code, message],
    [504, `Timeout: Too large resource version: 100000, current: ${cluster.store.revision}`],
  );
  assert.deepEqual(details, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
});

test("what is no version is refused in upstream's words", async () => {
  const cluster = await startRegistry();
  const messages: Readonly<Record<string, string>> = {
    x: 'strconv.ParseUint: parsing "x": invalid syntax',
    '-1': 'strconv.ParseUint: parsing "-1": invalid syntax',
    '1.5': 'strconv.ParseUint: parsing "1.5": invalid syntax',
    '18446744073709551616': 'strconv.ParseUint: parsing "18446744073709551616": value out of range',
    ['9'.repeat(100)]: `strconv.ParseUint: parsing "${'9'.repeat(100)}": value out of range`,
  };
  for (const [resourceVersion, message] of Object.entries(messages)) {
    const expected = `invalid resource version: resourceVersion: Invalid value: "${resourceVersion}": ${message}`;
    const work = [
      cluster.list('pods', { resourceVersion }),
      cluster.watch('pods', { resourceVersion }),
      cluster.registry.get(cluster.target('namespaces', { name: 'default' }), { resourceVersion }),
    ];
    for (const each of work) assert.equal((await rejection(each, 'BadRequest')).message, expected);
  }
});

test('without a version a watch tells what is there, then what changes', async () => {
  const cluster = await withConfigMaps('a');
  const watch = await cluster.watch('configmaps');
  await cluster.create('configmaps', make.configMap({}, 'b'));
  await cluster.update('configmaps', make.configMap({ data: { k: 'v' } }, 'b'));
  await cluster.delete('configmaps', 'a');
  assert.deepEqual(watch.summary, ['ADDED a', 'ADDED b', 'MODIFIED b', 'DELETED a']);
  watch.cancel();
  await cluster.delete('configmaps', 'b');
  assert.equal(watch.events.length, 4);
  assert.equal(cluster.clock.pending, 0);
});

test('from a version on a watch tells all that came after it, with versions to resume from', async () => {
  const cluster = await withConfigMaps('a', 'b');
  const { resourceVersion } = await cluster.list('configmaps');
  await cluster.delete('configmaps', 'a');
  const watch = await cluster.watch('configmaps', { resourceVersion });
  assert.deepEqual(watch.summary, ['DELETED a']);
  assert.equal(watch.events[0]?.object.metadata?.resourceVersion, String(cluster.store.revision));
  assert.ok(watch.events[0]?.entry, 'stored bytes go out as they are');
});

test('an object that enters a selector is added, one that leaves it deleted', async () => {
  const cluster = await startRegistry();
  const watch = await cluster.watch('configmaps', { labelSelector: 'on=yes' });
  await cluster.create('configmaps', make.configMap({ data: { k: '1' } }));
  await cluster.patch('configmaps', 'config', { metadata: { labels: { on: 'yes' } } });
  await cluster.patch('configmaps', 'config', { data: { k: '2' } });
  await cluster.patch('configmaps', 'config', { metadata: { labels: { on: 'no' } }, data: { k: '3' } });
  await cluster.delete('configmaps', 'config');
  assert.deepEqual(watch.summary, ['ADDED config', 'MODIFIED config', 'DELETED config']);
  const last = watch.events[2]?.object as { data?: { k: string }; metadata?: { resourceVersion?: string } };
  assert.equal(last.data?.k, '2', 'as it last matched');
  assert.equal(Number(last.metadata?.resourceVersion), cluster.store.revision - 1);
});

test('a node watches its own pods', async () => {
  const cluster = await startRegistry();
  const watch = await cluster.watch('pods', { namespace: '', fieldSelector: 'spec.nodeName=n1' });
  await cluster.create('pods', make.pod({}, 'a'));
  await cluster.create('pods', make.pod({ spec: { nodeName: 'n2' } }, 'b'));
  await cluster.create(
    'pods',
    { metadata: { name: 'a' }, target: { name: 'n1' } },
    { name: 'a', subresource: 'binding' },
  );
  assert.deepEqual(watch.summary, ['ADDED a']);
});

test('one object can be watched by its name', async () => {
  const cluster = await withConfigMaps('a', 'b');
  const watch = await cluster.watch('configmaps', { fieldSelector: 'metadata.name=b' });
  await cluster.delete('configmaps', 'a');
  await cluster.delete('configmaps', 'b');
  assert.deepEqual(watch.summary, ['ADDED b', 'DELETED b']);
});

test('a streaming list ends its initial events with a marked bookmark', async () => {
  const cluster = await withConfigMaps('a');
  const watch = await cluster.watch('configmaps', {
    sendInitialEvents: true,
    resourceVersionMatch: 'NotOlderThan',
    allowWatchBookmarks: true,
  });
  assert.deepEqual(watch.summary, ['ADDED a', 'BOOKMARK']);
  const bookmark = watch.events[1]?.object;
  assert.equal(bookmark?.metadata?.annotations?.[initialEventsEnd], 'true');
  assert.equal(bookmark?.metadata?.resourceVersion, String(cluster.store.revision));
  assert.equal(bookmark?.kind, 'ConfigMap');
  watch.cancel();
});

test('sendInitialEvents=false starts from now', async () => {
  const cluster = await withConfigMaps('a');
  const watch = await cluster.watch('configmaps', { sendInitialEvents: false, resourceVersionMatch: 'NotOlderThan' });
  await cluster.create('configmaps', make.configMap({}, 'b'));
  assert.deepEqual(watch.summary, ['ADDED b']);
});

test('bookmarks come about every minute and before the time-out, which ends the watch', async () => {
  const cluster = await startRegistry();
  const resourceVersion = String(cluster.store.revision);
  const watch = await cluster.watch('configmaps', { resourceVersion, allowWatchBookmarks: true, timeoutSeconds: 90 });
  await cluster.clock.advance(61_000);
  assert.deepEqual(watch.summary, ['BOOKMARK']);
  await cluster.clock.advance(28_000);
  assert.deepEqual(watch.summary, ['BOOKMARK', 'BOOKMARK']);
  assert.equal(watch.ended, false);
  await cluster.clock.advance(2_000);
  assert.equal(watch.ended, true);
  assert.equal(cluster.clock.pending, 0);
});

test('a watch from before the history gets 410 Expired as an event, and ends', async () => {
  const cluster = await startRegistry(2);
  for (const name of ['a', 'b', 'c', 'd', 'e']) await cluster.create('configmaps', make.configMap({}, name));
  const watch = await cluster.watch('configmaps', { resourceVersion: '1' });
  assert.deepEqual(
    watch.events.map(({ type, object }) => [type, (object as { code?: number }).code]),
    [['ERROR', 410]],
  );
  assert.equal(watch.ended, true);
});

test('a page token that is too old comes back with one that goes on from now', async () => {
  const cluster = await startRegistry(2);
  for (const name of ['a', 'b', 'c', 'd']) await cluster.create('configmaps', make.configMap({}, name));
  const { continue: recent } = await cluster.list('configmaps', { limit: 1 });
  const token = encodeContinue({ ...decodeContinue(recent, true), revision: 2 }, true);
  const error = await rejection(cluster.list('configmaps', { continue: token }), 'Expired');
  const next = error.toStatus().metadata?.continue ?? '';
  await cluster.create('configmaps', make.configMap({}, 'aa'));
  assert.deepEqual(await cluster.names('configmaps', { continue: next }), ['aa', 'b', 'c', 'd']);
});

test('a closing store ends its watches', async () => {
  const cluster = await startRegistry();
  const watch = await cluster.watch('configmaps', { allowWatchBookmarks: true });
  await cluster.store.close();
  assert.equal(watch.ended, true);
  assert.equal(cluster.clock.pending, 0);
});
