import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import type { PersistentVolumeClaim, Pod, PodPhase } from '../../api/schema/types/core-v1.ts';
import type { Resource } from '../../client/client.ts';
import { persistentVolumeClaims, persistentVolumes, pods, volumeAttributesClasses } from '../../client/resources.ts';
import { makeClaim, makeVolume } from '../persistent-volume/testing.ts';
import { inDefault, startWorld, type World } from '../testing.ts';
import { attributesClassesOfClaim, decideProtection, usesClaim } from './decide.ts';

const finalizer = 'kubernetes.io/pvc-protection';

describe('who uses a claim', () => {
  const owned = (uid: string): PersistentVolumeClaim => ({
    metadata: {
      name: 'pod-scratch',
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'pod', uid, controller: true }],
    },
  });
  const pod = (more: { node?: string; volume?: object; graceSeconds?: number; phase?: PodPhase }): Pod => ({
    metadata: {
      name: 'pod',
      uid: 'u',
      ...(more.graceSeconds !== undefined && {
        deletionTimestamp: '2026-01-01T00:00:00Z',
        deletionGracePeriodSeconds: more.graceSeconds,
      }),
    },
    spec: {
      containers: [],
      nodeName: more.node ?? 'node',
      volumes: [{ name: 'scratch', ...(more.volume ?? { ephemeral: {} }) }],
    },
    status: { phase: more.phase ?? 'Running' },
  });
  const named = { persistentVolumeClaim: { claimName: 'pod-scratch' } };
  const cases: readonly (readonly [name: string, pod: Pod, claim: PersistentVolumeClaim, used: boolean])[] = [
    ['a pod that names it', pod({ volume: named }), { metadata: { name: 'pod-scratch' } }, true],
    ['not one that names another', pod({ volume: named }), { metadata: { name: 'other' } }, false],
    ['not one without a node', pod({ volume: named, node: '' }), { metadata: { name: 'pod-scratch' } }, false],
    ['a finished pod', pod({ volume: named, phase: 'Succeeded' }), { metadata: { name: 'pod-scratch' } }, true],
    ['the pod whose ephemeral volume it is', pod({}), owned('u'), true],
    ['not a later pod of the same name', pod({}), owned('earlier'), false],
    ['not a pod that only has an ephemeral volume of that name', pod({}), { metadata: { name: 'pod-scratch' } }, false],
    ['a pod that is ending', pod({ graceSeconds: 30 }), owned('u'), true],
    ['not a pod that has ended and waits for others', pod({ graceSeconds: 0 }), owned('u'), false],
    ['a pod that has ended, where it names the claim', pod({ graceSeconds: 0, volume: named }), owned('u'), true],
  ];
  for (const [name, one, claim, used] of cases) test(name, () => assert.equal(usesClaim(one, claim), used));
});

describe('what a loop does about a finalizer', () => {
  const object = (deleting: boolean, ...finalizers: string[]): KubeObject => ({
    metadata: { finalizers, ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
  });

  test('depends on whether it is there, and whether the object is to go', () => {
    assert.equal(decideProtection(object(false), finalizer), 'add');
    assert.equal(decideProtection(object(false, finalizer), finalizer), 'leave');
    assert.equal(decideProtection(object(true, 'a', finalizer), finalizer), 'ask');
    assert.equal(decideProtection(object(true, 'a'), finalizer), 'leave');
  });
});

test('a claim uses the class of attributes that it has, that it wants and that it is getting', () => {
  const spec = { accessModes: [], resources: {}, volumeAttributesClassName: 'wanted' } as const;
  const status = {
    currentVolumeAttributesClassName: 'had',
    modifyVolumeStatus: { targetVolumeAttributesClassName: 'coming', status: 'InProgress' },
  } as const;
  assert.deepEqual(attributesClassesOfClaim({ spec, status }), ['wanted', 'had', 'coming']);
  assert.deepEqual(attributesClassesOfClaim({ spec: { ...spec, volumeAttributesClassName: '' } }), []);
});

describe('what is used', () => {
  let world: World;
  afterEach(() => world.close());

  const claim = (name: string): PersistentVolumeClaim => ({
    metadata: { namespace: 'default', name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      volumeAttributesClassName: 'fast',
    },
  });
  const podWith = (name: string, volume: object): Pod => ({
    metadata: { namespace: 'default', name },
    spec: {
      containers: [{ name: 'main', image: 'image:1' }],
      volumes: [{ name: 'scratch', ...volume }],
      terminationGracePeriodSeconds: 1,
    },
  });
  const isThere = async (resource: Resource<KubeObject>, name: string): Promise<boolean> =>
    (await world.get(resource, name)) !== undefined;

  test('stays as long: a claim until its pod is gone', async () => {
    world = await startWorld();
    const { client, clock } = world;
    await client.create(persistentVolumeClaims, claim('data'));
    await client.create(persistentVolumeClaims, claim('unused'));
    await client.create(pods, podWith('pod', { persistentVolumeClaim: { claimName: 'data' } }));
    await clock.advance(5_000);
    for (const name of ['data', 'unused']) await client.delete(persistentVolumeClaims, inDefault(name));
    await clock.advance(60_000);
    assert.equal(await isThere(persistentVolumeClaims, 'unused'), false);
    assert.deepEqual((await world.get(persistentVolumeClaims, 'data'))?.metadata?.finalizers, [finalizer]);
    await client.delete(pods, inDefault('pod'));
    await clock.advance(10_000);
    assert.equal(await isThere(persistentVolumeClaims, 'data'), false);
  });

  test('a claim of a pod that nothing has placed can go', async () => {
    world = await startWorld({ services: () => [] });
    const { client, clock } = world;
    await client.create(persistentVolumeClaims, claim('data'));
    await client.create(pods, podWith('pod', { persistentVolumeClaim: { claimName: 'data' } }));
    await client.delete(persistentVolumeClaims, inDefault('data'));
    await clock.advance(5_000);
    assert.equal(await isThere(persistentVolumeClaims, 'data'), false);
  });

  test('a pod that the cache has not seen yet holds its claim', async () => {
    world = await startWorld();
    const { client, clock, informers } = world;
    const cached = informers.informer(pods).cache;
    await client.create(persistentVolumeClaims, claim('data'));
    await client.create(pods, podWith('pod', { persistentVolumeClaim: { claimName: 'data' } }));
    await clock.advance(5_000);
    const { byIndex } = cached;
    Object.defineProperty(cached, 'byIndex', { value: () => [], configurable: true });
    await client.delete(persistentVolumeClaims, inDefault('data'));
    await clock.advance(5_000);
    Object.defineProperty(cached, 'byIndex', { value: byIndex.bind(cached) });
    assert.equal(await isThere(persistentVolumeClaims, 'data'), true);
  });

  test('a volume stays while it is bound', async () => {
    world = await startWorld();
    const { client, clock } = world;
    await client.create(persistentVolumes, makeVolume('v'));
    await client.create(persistentVolumeClaims, makeClaim('data'));
    await clock.advance(1_000);
    await client.delete(persistentVolumes, { namespace: '', name: 'v' });
    await clock.advance(5_000);
    const { status, metadata } = await client.get(persistentVolumes, { namespace: '', name: 'v' });
    assert.deepEqual([status?.phase, metadata?.finalizers], ['Bound', ['kubernetes.io/pv-protection']]);
    await client.delete(persistentVolumeClaims, inDefault('data'));
    await clock.advance(5_000);
    assert.equal(await isThere(persistentVolumes, 'v'), false);
  });

  test('a class of attributes stays while a claim names it', async () => {
    world = await startWorld();
    const { client, clock } = world;
    await client.create(volumeAttributesClasses, {
      metadata: { name: 'fast' },
      driverName: 'example.com',
      parameters: { a: 'b' },
    });
    await client.create(persistentVolumeClaims, claim('data'));
    await clock.advance(1_000);
    await client.delete(volumeAttributesClasses, { namespace: '', name: 'fast' });
    await clock.advance(5_000);
    assert.equal(await isThere(volumeAttributesClasses, 'fast'), true);
    await client.delete(persistentVolumeClaims, inDefault('data'));
    await clock.advance(5_000);
    assert.equal(await isThere(volumeAttributesClasses, 'fast'), false);
  });

  test('what has lost its finalizer gets it back', async () => {
    world = await startWorld();
    const { client, clock } = world;
    await client.create(persistentVolumeClaims, claim('data'));
    const body = { metadata: { finalizers: null } };
    await client.patch(persistentVolumeClaims, inDefault('data'), { type: 'merge', body });
    await clock.advance(1_000);
    assert.deepEqual((await world.get(persistentVolumeClaims, 'data'))?.metadata?.finalizers, [finalizer]);
  });
});
