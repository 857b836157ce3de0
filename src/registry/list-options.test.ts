import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../lib/limits.ts';
import { decodeContinue, presentRevision } from './continue-token.ts';
import type { ListOptions } from './request.ts';
import { make, rejection, startRegistry, type TestRegistry } from './testing.ts';

/** Config maps a, b, c; then a changes, b goes and d comes. Gives the revision in between. */
async function withPast(): Promise<{ cluster: TestRegistry; past: string }> {
  const cluster = await startRegistry();
  for (const name of ['a', 'b', 'c']) await cluster.create('configmaps', make.configMap({}, name));
  const past = String(cluster.store.revision);
  await cluster.update('configmaps', make.configMap({ data: { k: 'v' } }, 'a'));
  await cluster.delete('configmaps', 'b');
  await cluster.create('configmaps', make.configMap({}, 'd'));
  return { cluster, past };
}

test('which moment a list shows, and how much of it', async () => {
  const { cluster, past } = await withPast();
  const now = String(cluster.store.revision);
  const cases: readonly (readonly [ListOptions, string, string, remaining: number | undefined])[] = [
    [{}, 'acd', now, undefined],
    [{ limit: 2 }, 'ac', now, 1],
    [{ resourceVersion: '0' }, 'acd', now, undefined],
    [{ resourceVersion: '0', limit: 2 }, 'acd', now, undefined],
    [{ resourceVersion: '0', resourceVersionMatch: 'NotOlderThan', limit: 2 }, 'acd', now, undefined],
    [{ resourceVersion: past }, 'acd', now, undefined],
    [{ resourceVersion: past, resourceVersionMatch: 'NotOlderThan' }, 'acd', now, undefined],
    [{ resourceVersion: past, resourceVersionMatch: 'NotOlderThan', limit: 2 }, 'ac', now, 1],
    [{ resourceVersion: past, limit: 2 }, 'ab', past, 1],
    [{ resourceVersion: past, limit: 3 }, 'abc', past, undefined],
    [{ resourceVersion: past, resourceVersionMatch: 'Exact' }, 'abc', past, undefined],
    [{ resourceVersion: past, resourceVersionMatch: 'Exact', limit: 1 }, 'a', past, 2],
    [{ resourceVersion: past, limit: -1 }, 'acd', now, undefined],
    [{ fieldSelector: 'metadata.name=c', limit: 1 }, 'c', now, undefined],
    [{ fieldSelector: 'metadata.name=b', resourceVersion: past, limit: 1 }, '', now, undefined],
    [{ fieldSelector: 'metadata.name=b', resourceVersion: past, resourceVersionMatch: 'Exact' }, 'b', past, undefined],
    [{ fieldSelector: 'metadata.name=c', continue: 'ignored' }, 'c', now, undefined],
    [{ fieldSelector: ',', limit: 1 }, 'a', now, 2],
    [{ fieldSelector: 'metadata.name!=a', limit: 1 }, 'c', now, undefined],
  ];
  for (const [options, names, revision, remaining] of cases) {
    const list = await cluster.list('configmaps', options);
    const found = list.entries.map(({ key }) => key.name).join('');
    assert.deepEqual(
      [found, list.resourceVersion, list.remainingItemCount],
      [names, revision, remaining],
      JSON.stringify(options),
    );
  }
});

test('pages go on with the moment of the first, whatever selector they ask with', async () => {
  const { cluster, past } = await withPast();
  const first = await cluster.list('configmaps', { resourceVersion: past, resourceVersionMatch: 'Exact', limit: 1 });
  await cluster.delete('configmaps', 'c');
  assert.deepEqual(await cluster.names('configmaps', { continue: first.continue }), ['b', 'c']);
  assert.deepEqual(await cluster.names('configmaps', { continue: first.continue, fieldSelector: 'metadata.name!=b' }), [
    'c',
  ]);
  assert.deepEqual(await cluster.names('configmaps', { continue: first.continue, resourceVersion: '0', limit: 1 }), [
    'b',
    'c',
  ]);
  const error = await rejection(
    cluster.list('configmaps', { continue: first.continue, resourceVersion: past }),
    'BadRequest',
  );
  assert.equal(error.message, 'specifying resource version is not allowed when using continue');
});

test('pages over all namespaces go on in the middle of one', async () => {
  const cluster = await startRegistry();
  await cluster.create('namespaces', make.namespace({}, 'kube'));
  for (const namespace of ['default', 'kube', 'kube-system'])
    for (const name of ['a', 'b']) await cluster.create('secrets', make.secret({}, name), { namespace });
  const seen: string[] = [];
  let next = '';
  do {
    const page = await cluster.list('secrets', { namespace: '', limit: 1, ...(next && { continue: next }) });
    seen.push(...page.entries.map(({ key }) => `${key.namespace}/${key.name}`));
    next = page.continue;
  } while (next !== '');
  assert.deepEqual(seen, ['default/a', 'default/b', 'kube-system/a', 'kube-system/b', 'kube/a', 'kube/b']);
});

test('a moment that the history has lost is Expired, for a page with a token that goes on in the present', async () => {
  const cluster = await startRegistry(2);
  await cluster.create('configmaps', make.configMap({}, 'a'));
  await cluster.create('configmaps', make.configMap({}, 'b'));
  const { continue: token } = await cluster.list('configmaps', { limit: 1 });
  // Other lists push the kept one out.
  for (let index = 0; index < 40; index++) {
    await cluster.create('configmaps', make.configMap({}, `c${index}`));
    await cluster.list('configmaps', { limit: 1 });
  }
  const exact = cluster.list('configmaps', { resourceVersion: '5', resourceVersionMatch: 'Exact' });
  assert.equal((await rejection(exact, 'Expired')).message, 'The resourceVersion for the provided list is too old.');
  const error = await rejection(cluster.list('configmaps', { continue: token }), 'Expired');
  assert.equal(error.code, 410);
  assert.match(
    error.message,
    /^The provided continue parameter is too old to display a consistent list result\. You can /,
  );
  const next = error.toStatus().metadata?.continue ?? '';
  assert.equal(decodeContinue(next, true).revision, presentRevision);
  const rest = await cluster.list('configmaps', { continue: next, limit: 2 });
  assert.deepEqual(
    rest.entries.map(({ key }) => key.name),
    ['b', 'c0'],
  );
  assert.equal(rest.resourceVersion, String(cluster.store.revision));
  assert.equal(rest.remainingItemCount, 39);
});

test('a token expires with the history, also where its list is at hand', async () => {
  const cluster = await startRegistry(2);
  for (const name of ['a', 'b', 'c', 'd', 'e']) await cluster.create('configmaps', make.configMap({}, name));
  const { continue: token } = await cluster.list('configmaps', { limit: 1 });
  for (const name of ['f', 'g', 'h', 'i']) await cluster.create('configmaps', make.configMap({}, name));
  await cluster.clock.advance(limits.watchHistoryMsMax - 1);
  assert.deepEqual(await cluster.names('configmaps', { continue: token, limit: 1 }), ['b']);
  await cluster.clock.advance(2);
  await rejection(cluster.list('configmaps', { continue: token }), 'Expired');
});

test('a collection is deleted as it is listed: by selector, and in pages', async () => {
  const { cluster } = await withPast();
  const { registry } = cluster;
  const target = cluster.target('configmaps');
  await registry.deleteCollection(target, { fieldSelector: 'metadata.name!=a', limit: 1 }, {});
  assert.deepEqual(await cluster.names('configmaps'), ['a', 'd']);
  await rejection(registry.deleteCollection(target, { fieldSelector: 'data=x' }, {}), 'BadRequest');
  await rejection(registry.deleteCollection(target, { continue: 'x' }, {}), 'BadRequest');
  await registry.deleteCollection(target, { resourceVersion: '0' }, {});
  assert.deepEqual(await cluster.names('configmaps'), []);
});
