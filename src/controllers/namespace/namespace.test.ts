import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intercept } from '../../client/intercept.ts';
import { configMaps, deployments, namespaces, pods, secrets, serviceAccounts } from '../../client/resources.ts';
import { inDefault, makeDeployment, startWorld } from '../testing.ts';

test('every namespace gets its default service account and the root certificate, again where they are changed', async () => {
  const world = await startWorld();
  await world.client.create(namespaces, { metadata: { name: 'new' } });
  await world.clock.advance(1000);
  for (const namespace of ['default', 'new']) {
    assert.deepEqual(
      (await world.list(serviceAccounts, namespace)).map(({ metadata }) => metadata?.name),
      ['default'],
    );
    const certificate = await world.client.get(configMaps, { namespace, name: 'kube-root-ca.crt' });
    assert.equal(certificate.data?.['ca.crt'], 'CA');
  }
  await world.client.delete(serviceAccounts, inDefault('default'));
  const body = { data: { 'ca.crt': 'forged', more: 'x' } };
  await world.client.patch(configMaps, inDefault('kube-root-ca.crt'), { type: 'merge', body });
  await world.clock.advance(1000);
  assert.notEqual(await world.get(serviceAccounts, 'default'), undefined);
  assert.deepEqual({ ...(await world.get(configMaps, 'kube-root-ca.crt'))?.data }, { 'ca.crt': 'CA' });
  await world.close();
});

test('a namespace that is deleted takes all it holds with it, pods first', async () => {
  const world = await startWorld();
  world.kubelet.endMs = 5000;
  await world.client.create(namespaces, { metadata: { name: 'going' } });
  const web = makeDeployment('web');
  await world.client.create(deployments, { ...web, metadata: { ...web.metadata, namespace: 'going' } });
  await world.client.create(configMaps, { metadata: { namespace: 'going', name: 'needed' } });
  await world.clock.advance(5000);
  assert.equal((await world.list(pods, 'going')).length, 3);
  await world.client.delete(namespaces, { namespace: '', name: 'going' });
  await world.clock.advance(3000);
  const ending = await world.get(namespaces, 'going');
  assert.equal(ending?.status?.phase, 'Terminating');
  const remaining = ending?.status?.conditions?.find(({ type }) => type === 'NamespaceContentRemaining');
  assert.deepEqual([remaining?.status, remaining?.reason], ['True', 'SomeResourcesRemain']);
  assert.match(remaining?.message ?? '', /pods\. has 3 resource instances/);
  assert.ok((await world.list(configMaps, 'going')).length > 0);
  await world.clock.advance(20_000);
  assert.equal(await world.get(namespaces, 'going'), undefined);
  assert.equal((await world.list(pods, 'going')).length, 0);
  assert.equal((await world.list(configMaps, 'going')).length, 0);
  assert.equal((await world.list(deployments, 'going')).length, 0);
  await world.close();
});

test('what a finalizer holds back is named, and the namespace goes when it lets go', async () => {
  const world = await startWorld();
  await world.client.create(namespaces, { metadata: { name: 'going' } });
  await world.client.create(configMaps, {
    metadata: { namespace: 'going', name: 'held', finalizers: ['example.com/hold'] },
  });
  await world.client.delete(namespaces, { namespace: '', name: 'going' });
  await world.clock.advance(10_000);
  const conditions = (await world.get(namespaces, 'going'))?.status?.conditions ?? [];
  const held = conditions.find(({ type }) => type === 'NamespaceFinalizersRemaining');
  assert.equal(held?.reason, 'SomeFinalizersRemain');
  assert.match(held?.message ?? '', /example\.com\/hold in 1 resource instances/);
  const release = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
  await world.client.patch(configMaps, { namespace: 'going', name: 'held' }, release);
  await world.clock.advance(10_000);
  assert.equal(await world.get(namespaces, 'going'), undefined);
  await world.close();
});

test('what cannot be deleted is named and holds nothing else up; when it can be, the namespace goes', async () => {
  let refuses = true;
  const world = await startWorld({
    wrap: (client) =>
      intercept(client, {
        deleteCollection: (real) => async (resource, reference, options) => {
          if (refuses && resource.resource === 'secrets') throw new Error('a webhook says no');
          return real.deleteCollection(resource, reference, options);
        },
      }),
  });
  await world.client.create(namespaces, { metadata: { name: 'going' } });
  await world.client.create(configMaps, { metadata: { namespace: 'going', name: 'a' } });
  await world.client.create(secrets, { metadata: { namespace: 'going', name: 'b' } });
  await world.client.delete(namespaces, { namespace: '', name: 'going' });
  await world.clock.advance(5000);
  const failure = async () =>
    (await world.get(namespaces, 'going'))?.status?.conditions?.find(
      ({ type }) => type === 'NamespaceDeletionContentFailure',
    );
  assert.equal((await failure())?.message, 'Failed to delete all resource types, 1 remaining: a webhook says no');
  assert.equal((await world.list(configMaps, 'going')).length, 0);
  refuses = false;
  await world.clock.advance(10_000);
  assert.equal(await world.get(namespaces, 'going'), undefined);
  await world.close();
});

test("a namespace that somebody else's finalizer holds is emptied, and goes when that is taken away", async () => {
  const world = await startWorld();
  const own = 'e2e.example.com/fakeFinalizer';
  const made = await world.client.create(namespaces, { metadata: { name: 'going' } });
  await world.client.update(
    namespaces,
    { ...made, spec: { finalizers: [...(made.spec?.finalizers ?? []), own] } },
    { subresource: 'finalize' },
  );
  await world.client.create(configMaps, { metadata: { namespace: 'going', name: 'a' } });
  await world.client.delete(namespaces, { namespace: '', name: 'going' });
  await world.clock.advance(10_000);
  const held = await world.get(namespaces, 'going');
  assert.deepEqual(held?.spec?.finalizers, [own]);
  assert.equal((await world.list(configMaps, 'going')).length, 0);
  assert.ok(held?.status?.conditions?.every(({ status }) => status === 'False'));
  await world.client.update(namespaces, { ...held, spec: { finalizers: [] } }, { subresource: 'finalize' });
  await world.clock.advance(1000);
  assert.equal(await world.get(namespaces, 'going'), undefined);
  await world.close();
});
