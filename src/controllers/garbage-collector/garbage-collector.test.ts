import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfigMap } from '../../api/schema/types/core-v1.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';
import { configMaps, deployments, namespaces, pods, replicaSets, secrets } from '../../client/resources.ts';
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
});
