/** How many calls the loops make where there is much to do, or something that will never be done. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientCall, interceptCalls } from '../client/intercept.ts';
import { configMaps, namespaces, resourceQuotas, secrets } from '../client/resources.ts';
import { startWorld } from './testing.ts';

async function start() {
  const calls: ClientCall[] = [];
  const world = await startWorld({ wrap: (client) => interceptCalls(client, async (call) => void calls.push(call)) });
  const count = (verb: ClientCall['verb'], resource: string, namespace: string): number =>
    calls.filter(
      (call) => call.verb === verb && call.resource.resource === resource && call.reference.namespace === namespace,
    ).length;
  return { ...world, calls, count };
}

test('a namespace of thousands of objects goes in one deletion of each kind', async () => {
  const { client, clock, calls, count, ...world } = await start();
  await client.create(namespaces, { metadata: { name: 'going' } });
  for (let index = 0; index < 1000; index++) {
    await client.create(configMaps, { metadata: { namespace: 'going', name: `c-${index}` } });
  }
  await clock.advance(1000);
  calls.length = 0;
  await client.delete(namespaces, { namespace: '', name: 'going' });
  await clock.advance(10_000);
  assert.equal(await world.get(namespaces, 'going'), undefined);
  assert.equal(count('deleteCollection', 'configmaps', 'going'), 1);
  assert.ok(count('list', 'configmaps', 'going') <= 2);
  assert.ok(count('delete', 'configmaps', 'going') === 0);
  assert.ok(calls.length < 200, `${calls.length} calls`);
  await world.close();
});

test('a namespace that a finalizer keeps is looked at every 15 s, told of once, and nothing in it is deleted twice', async () => {
  const { client, clock, count, ...world } = await start();
  await client.create(namespaces, { metadata: { name: 'going' } });
  const metadata = { namespace: 'going', name: 'held', finalizers: ['example.com/hold'] };
  await client.create(configMaps, { metadata });
  await client.delete(namespaces, { namespace: '', name: 'going' });
  await clock.advance(300_000);
  const version = (await client.get(namespaces, { namespace: '', name: 'going' })).metadata?.resourceVersion;
  const lists = count('list', 'configmaps', 'going');
  assert.equal(count('deleteCollection', 'configmaps', 'going'), 1);
  await clock.advance(600_000);
  const ending = await client.get(namespaces, { namespace: '', name: 'going' });
  assert.equal(ending.metadata?.resourceVersion, version);
  assert.equal(count('deleteCollection', 'configmaps', 'going'), 1);
  const more = count('list', 'configmaps', 'going') - lists;
  assert.ok(more >= 35 && more <= 41, `${more} looks in ten minutes`);
  assert.equal(
    ending.status?.conditions?.find(({ type }) => type === 'NamespaceFinalizersRemaining')?.message,
    'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
  );
  await world.close();
});

test('a quota over thousands of objects is counted a few times when all go at once', async () => {
  const { client, clock, calls, count, ...world } = await start();
  for (let index = 0; index < 1000; index++) {
    await client.create(secrets, { metadata: { namespace: 'default', name: `s-${index}` } });
  }
  const metadata = { namespace: 'default', name: 'quota' };
  await client.create(resourceQuotas, { metadata, spec: { hard: { secrets: '1000' } } });
  await clock.advance(1000);
  assert.equal((await client.get(resourceQuotas, metadata)).status?.used?.['secrets'], '1k');
  calls.length = 0;
  await client.deleteCollection(secrets, { namespace: 'default' });
  await clock.advance(5000);
  assert.equal((await client.get(resourceQuotas, metadata)).status?.used?.['secrets'], '0');
  assert.ok(count('list', 'secrets', 'default') <= 5, `${count('list', 'secrets', 'default')} counts`);
  await world.close();
});

test('of an owner that is not there the server is asked once by each worker, and not for each of hundreds of dependents', async () => {
  const { client, clock, count, ...world } = await start();
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: 'no-such-uid' }];
  for (let index = 0; index < 300; index++) {
    await client.create(secrets, { metadata: { namespace: 'default', name: `s-${index}`, ownerReferences } });
  }
  await clock.advance(5000);
  assert.equal((await world.list(secrets)).length, 0);
  const asked = count('get', 'configmaps', 'default');
  assert.ok(asked >= 1 && asked <= 20, `${asked} questions`);
  await world.close();
});
