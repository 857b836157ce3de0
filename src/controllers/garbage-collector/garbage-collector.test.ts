import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfigMap } from '../../api/schema/types/core-v1.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';
import { intercept } from '../../client/intercept.ts';
import {
  clusterRoles,
  configMaps,
  deployments,
  events,
  namespaces,
  pods,
  replicaSets,
  secrets,
} from '../../client/resources.ts';
import { inDefault, makeDeployment, startWorld, type World } from '../testing.ts';
import { decideOwned, type OwnerState } from './decide.ts';

describe('an object', () => {
  const reference = (uid: string): OwnerReference => ({ apiVersion: 'v1', kind: 'ConfigMap', name: uid, uid });
  const cases: readonly { owners: OwnerState[]; dependents?: boolean; finalizers?: string[]; expected: string }[] = [
    { owners: [], expected: 'keep' },
    { owners: ['solid'], expected: 'keep' },
    { owners: ['solid', 'absent'], expected: 'release 0' },
    { owners: ['waiting', 'solid'], expected: 'release 1' },
    { owners: ['absent', 'absent'], expected: 'delete Background' },
    { owners: ['absent'], finalizers: ['orphan'], expected: 'delete Orphan' },
    { owners: ['absent'], finalizers: ['foregroundDeletion'], expected: 'delete Foreground' },
    { owners: ['waiting'], expected: 'delete Background' },
    { owners: ['unnameable'], expected: 'keep' },
    { owners: ['unnameable', 'absent'], expected: 'keep' },
    { owners: ['solid', 'unnameable', 'absent'], expected: 'keep' },
    { owners: ['waiting', 'absent'], dependents: true, expected: 'delete Foreground' },
  ];
  for (const { owners, dependents = false, finalizers = [], expected } of cases) {
    test(`with owners [${owners.join(', ')}]${dependents ? ' and dependents' : ''} ${finalizers.join()}: ${expected}`, () => {
      const listed = owners.map((state, index) => ({ reference: reference(String(index)), state }));
      const verdict = decideOwned({ object: { metadata: { finalizers } }, owners: listed, hasDependents: dependents });
      const text =
        verdict.kind === 'release'
          ? `release ${verdict.ownerReferences.map(({ uid }) => uid).join()}`
          : verdict.kind === 'delete'
            ? `delete ${verdict.policy}`
            : 'keep';
      assert.equal(text, expected);
    });
  }
});

async function withDeployment(): Promise<World> {
  const world = await startWorld();
  await world.client.create(deployments, makeDeployment('web'));
  await world.clock.advance(5000);
  return world;
}

const countsOf = async (world: World): Promise<number[]> => [
  (await world.list(deployments)).length,
  (await world.list(replicaSets)).length,
  (await world.list(pods)).length,
];

test('in the background the owner goes at once, and all below it soon', async () => {
  const world = await withDeployment();
  assert.deepEqual(await countsOf(world), [1, 1, 3]);
  await world.client.delete(deployments, inDefault('web'), { propagationPolicy: 'Background' });
  assert.equal((await countsOf(world))[0], 0);
  await world.clock.advance(10_000);
  assert.deepEqual(await countsOf(world), [0, 0, 0]);
  await world.close();
});

test('in the foreground the owner goes last', async () => {
  const world = await withDeployment();
  world.kubelet.endMs = 5000;
  await world.client.delete(deployments, inDefault('web'), { propagationPolicy: 'Foreground' });
  await world.clock.advance(3000);
  assert.deepEqual(await countsOf(world), [1, 1, 3]);
  assert.ok((await world.list(pods)).every((pod) => pod.metadata?.deletionTimestamp !== undefined));
  await world.clock.advance(10_000);
  assert.deepEqual(await countsOf(world), [0, 0, 0]);
  await world.close();
});

test('a circle of owners, deleted in the foreground, does not wait for itself', async () => {
  const world = await startWorld();
  const uids = new Map<string, string>();
  for (const name of ['a', 'b', 'c']) {
    const made = await world.client.create(configMaps, { metadata: { name, namespace: 'default' } });
    uids.set(name, made.metadata?.uid ?? '');
  }
  for (const [name, owner] of [
    ['a', 'c'],
    ['b', 'a'],
    ['c', 'b'],
  ] as const) {
    const reference = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: owner,
      uid: uids.get(owner),
      blockOwnerDeletion: true,
    };
    const body = { metadata: { ownerReferences: [reference] } };
    await world.client.patch(configMaps, inDefault(name), { type: 'merge', body });
  }
  await world.client.delete(configMaps, inDefault('a'), { propagationPolicy: 'Foreground' });
  await world.clock.advance(10_000);
  const names = (await world.list(configMaps)).map(({ metadata }) => metadata?.name);
  assert.deepEqual(
    names.filter((name) => uids.has(name ?? '')),
    [],
  );
  await world.close();
});

test('orphans stay, and belong to nobody', async () => {
  const world = await withDeployment();
  await world.client.delete(deployments, inDefault('web'), { propagationPolicy: 'Orphan' });
  await world.clock.advance(10_000);
  assert.deepEqual(await countsOf(world), [0, 1, 3]);
  assert.deepEqual((await world.list(replicaSets))[0]?.metadata?.ownerReferences ?? [], []);
  await world.close();
});

describe('owner references', () => {
  const owned = async (world: World, name: string, owners: readonly OwnerReference[]): Promise<void> => {
    await world.client.create(configMaps, { metadata: { ...inDefault(name), ownerReferences: owners } });
    await world.clock.advance(2000);
  };
  const of = (owner: ConfigMap, more: Partial<OwnerReference> = {}): OwnerReference => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
    ...more,
  });

  test('an owner of the same name but another uid is absent', async () => {
    const world = await startWorld();
    const owner = await world.client.create(configMaps, { metadata: inDefault('owner') });
    await owned(world, 'good', [of(owner)]);
    await owned(world, 'bad', [of(owner, { uid: '11111111-2222-4333-8444-555555555555' })]);
    assert.notEqual(await world.get(configMaps, 'good'), undefined);
    assert.equal(await world.get(configMaps, 'bad'), undefined);
    await world.close();
  });

  test('with one owner left the object stays, and forgets the others', async () => {
    const world = await startWorld();
    const [a, b] = [
      await world.client.create(configMaps, { metadata: inDefault('a') }),
      await world.client.create(configMaps, { metadata: inDefault('b') }),
    ];
    await owned(world, 'shared', [of(a), of(b)]);
    await world.client.delete(configMaps, inDefault('a'));
    await world.clock.advance(2000);
    const shared = await world.get(configMaps, 'shared');
    assert.deepEqual(
      shared?.metadata?.ownerReferences?.map(({ name }) => name),
      ['b'],
    );
    await world.client.delete(configMaps, inDefault('b'));
    await world.clock.advance(2000);
    assert.equal(await world.get(configMaps, 'shared'), undefined);
    await world.close();
  });

  test('a namespaced object may belong to a cluster-wide one, and a kind that nobody serves deletes nothing', async () => {
    const world = await startWorld();
    const owner = await world.client.create(namespaces, { metadata: { name: 'owner' } });
    const reference = { apiVersion: 'v1', kind: 'Namespace', name: 'owner', uid: owner.metadata?.uid ?? '' };
    await world.client.create(secrets, { metadata: { ...inDefault('secret'), ownerReferences: [reference] } });
    await owned(world, 'unknown', [{ apiVersion: 'nobody/v1', kind: 'Thing', name: 'thing', uid: 'x' }]);
    await world.clock.advance(60_000);
    assert.notEqual(await world.get(secrets, 'secret'), undefined);
    assert.notEqual(await world.get(configMaps, 'unknown'), undefined);
    await world.client.delete(namespaces, { namespace: '', name: 'owner' });
    await world.clock.advance(20_000);
    assert.equal(await world.get(secrets, 'secret'), undefined);
    await world.close();
  });

  test('an owner in another namespace is none, and an event on the object that goes says so', async () => {
    const world = await startWorld();
    await world.client.create(namespaces, { metadata: { name: 'other' } });
    const owner = await world.client.create(configMaps, { metadata: { namespace: 'other', name: 'owner' } });
    await owned(world, 'stray', [of(owner)]);
    assert.equal(await world.get(configMaps, 'stray'), undefined);
    const told = (await world.list(events)).find(({ reason }) => reason === 'OwnerRefInvalidNamespace');
    const uid = owner.metadata?.uid;
    assert.equal(
      told?.message,
      `ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: ${uid}] does not exist in namespace "default"`,
    );
    assert.deepEqual(
      [told?.type, told?.involvedObject.kind, told?.involvedObject.name, told?.source?.component],
      ['Warning', 'ConfigMap', 'stray', 'garbage-collector-controller'],
    );
    assert.notEqual(await world.client.get(configMaps, { namespace: 'other', name: 'owner' }), undefined);
    await world.close();
  });

  test('an owner that merely went is no matter for an event', async () => {
    const world = await startWorld();
    const owner = await world.client.create(configMaps, { metadata: inDefault('owner') });
    await owned(world, 'dependent', [of(owner)]);
    await world.client.delete(configMaps, inDefault('owner'));
    await world.clock.advance(2000);
    assert.equal(await world.get(configMaps, 'dependent'), undefined);
    assert.ok((await world.list(events)).every(({ reason }) => reason !== 'OwnerRefInvalidNamespace'));
    await world.close();
  });

  test('a cluster-wide object with a namespaced owner is left alone, with an event, whatever its other owners do', async () => {
    const world = await startWorld();
    const owner = await world.client.create(configMaps, { metadata: inDefault('owner') });
    const absent = { apiVersion: 'v1', kind: 'Namespace', name: 'gone', uid: 'gone' };
    await world.client.create(clusterRoles, { metadata: { name: 'role', ownerReferences: [of(owner), absent] } });
    await world.clock.advance(60_000);
    const role = await world.get(clusterRoles, 'role');
    assert.deepEqual(
      role?.metadata?.ownerReferences?.map(({ name }) => name),
      ['owner', 'gone'],
    );
    const told = (await world.list(events)).find(({ reason }) => reason === 'OwnerRefInvalidNamespace');
    assert.equal(
      told?.message,
      `ownerRef [v1/ConfigMap, namespace: , name: owner, uid: ${owner.metadata?.uid}] does not exist in namespace ""`,
    );
    await world.close();
  });

  test('an object of a valid owner and one that waits for it stays, and holds nobody back', async () => {
    const world = await startWorld();
    const [staying, leaving] = [
      await world.client.create(configMaps, { metadata: inDefault('staying') }),
      await world.client.create(configMaps, { metadata: inDefault('leaving') }),
    ];
    await owned(world, 'both', [of(staying), of(leaving, { blockOwnerDeletion: true })]);
    await owned(world, 'alone', [of(leaving, { blockOwnerDeletion: true })]);
    await world.client.delete(configMaps, inDefault('leaving'), { propagationPolicy: 'Foreground' });
    await world.clock.advance(5000);
    assert.equal(await world.get(configMaps, 'leaving'), undefined);
    assert.equal(await world.get(configMaps, 'alone'), undefined);
    assert.deepEqual(
      (await world.get(configMaps, 'both'))?.metadata?.ownerReferences?.map(({ name }) => name),
      ['staying'],
    );
    await world.close();
  });

  test('a dependent that does not block is ended too, but not waited for', async () => {
    const world = await startWorld();
    const owner = await world.client.create(configMaps, { metadata: inDefault('owner') });
    const metadata = { ...inDefault('held'), finalizers: ['example.com/hold'] };
    for (const [name, blockOwnerDeletion] of [
      ['held', true],
      ['loose', false],
    ] as const) {
      const ownerReferences = [of(owner, { blockOwnerDeletion })];
      await world.client.create(configMaps, { metadata: { ...metadata, name, ownerReferences } });
    }
    await world.client.delete(configMaps, inDefault('owner'), { propagationPolicy: 'Foreground' });
    await world.clock.advance(5000);
    assert.notEqual((await world.get(configMaps, 'loose'))?.metadata?.deletionTimestamp, undefined);
    assert.notEqual(await world.get(configMaps, 'owner'), undefined);
    // Blocking can be given up while the owner waits.
    const body = { metadata: { ownerReferences: [of(owner, { blockOwnerDeletion: false })] } };
    await world.client.patch(configMaps, inDefault('held'), { type: 'merge', body });
    await world.clock.advance(5000);
    assert.equal(await world.get(configMaps, 'owner'), undefined);
    assert.notEqual(await world.get(configMaps, 'held'), undefined);
    await world.close();
  });

  test('one dependent that cannot be written does not keep the others from being orphaned', async () => {
    let refuses = true;
    const world = await startWorld({
      wrap: (client) =>
        intercept(client, {
          patch: (real) => async (resource, reference, patch, options) => {
            if (refuses && reference.name === 'a-stubborn') throw new Error('a webhook says no');
            return real.patch(resource, reference, patch, options);
          },
        }),
    });
    const owner = await world.client.create(configMaps, { metadata: inDefault('owner') });
    await owned(world, 'a-stubborn', [of(owner)]);
    await owned(world, 'b-willing', [of(owner)]);
    await world.client.delete(configMaps, inDefault('owner'), { propagationPolicy: 'Orphan' });
    await world.clock.advance(5000);
    const ownersOf = async (name: string) => (await world.get(configMaps, name))?.metadata?.ownerReferences ?? [];
    assert.deepEqual([(await ownersOf('a-stubborn')).length, (await ownersOf('b-willing')).length], [1, 0]);
    assert.notEqual(await world.get(configMaps, 'owner'), undefined);
    refuses = false;
    await world.clock.advance(120_000);
    assert.deepEqual([(await ownersOf('a-stubborn')).length, await world.get(configMaps, 'owner')], [0, undefined]);
    assert.notEqual(await world.get(configMaps, 'a-stubborn'), undefined);
    await world.close();
  });
});
