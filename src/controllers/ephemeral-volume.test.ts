import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { events, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../client/resources.ts';
import { makeClaim, makeVolume } from './persistent-volume/testing.ts';
import { inDefault, startWorld, type World } from './testing.ts';

let world: World;
afterEach(() => world.close());

const addPod = (name: string): Promise<Pod> => {
  const { spec = {} } = makeClaim('');
  const volumeClaimTemplate = { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } }, spec };
  const volumes = [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }];
  const containers = [{ name: 'main', image: 'image' }];
  return world.client.create(pods, { metadata: inDefault(name), spec: { containers, volumes } });
};

const claim = () => world.get(persistentVolumeClaims, 'pod-scratch');

describe('a generic ephemeral volume', () => {
  test("gets a claim that is the pod's, and goes with it", async () => {
    world = await startWorld();
    const pod = await addPod('pod');
    await world.clock.advance(1_000);
    const made = await claim();
    const { labels, annotations, ownerReferences } = made?.metadata ?? {};
    assert.deepEqual([labels, annotations], [{ a: 'b' }, { c: 'd' }]);
    const { name, uid = '' } = pod.metadata ?? {};
    assert.deepEqual(ownerReferences, [
      { apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true },
    ]);
    await world.client.delete(pods, inDefault('pod'));
    await world.clock.advance(10_000);
    assert.equal(await claim(), undefined);
  });

  test('never uses a claim of somebody else, and gets its own when that is gone', async () => {
    world = await startWorld();
    const foreign = await world.client.create(persistentVolumeClaims, makeClaim('pod-scratch'));
    world.kubelet.binds = false;
    await addPod('pod');
    await world.clock.advance(5_000);
    assert.equal((await claim())?.metadata?.uid, foreign.metadata?.uid);
    assert.equal((await claim())?.metadata?.ownerReferences, undefined);
    await world.client.delete(persistentVolumeClaims, inDefault('pod-scratch'));
    await world.clock.advance(10_000);
    assert.equal((await claim())?.metadata?.ownerReferences?.[0]?.name, 'pod');
  });
});

test('a claim that asks for more than it has waits for whoever made its volume', async () => {
  world = await startWorld();
  await world.client.create(persistentVolumes, makeVolume('v', { storageClassName: 'grows' }));
  const provisioner = 'example.com/maker';
  const metadata = { name: 'grows' };
  await world.client.create(storageClasses, { metadata, provisioner, allowVolumeExpansion: true });
  await world.client.create(persistentVolumeClaims, makeClaim('data', { storageClassName: 'grows' }));
  await world.clock.advance(1_000);
  const body = { spec: { resources: { requests: { storage: '2Gi' } } } };
  await world.client.patch(persistentVolumeClaims, inDefault('data'), { type: 'merge', body });
  await world.clock.advance(1_000);
  const said = (await world.list(events)).map(({ reason, message }) => `${reason}: ${message}`);
  assert.deepEqual(
    said.filter((one) => one.startsWith('External')),
    ['ExternalExpanding: waiting for an external controller to expand this PVC'],
  );
  assert.equal((await world.get(persistentVolumeClaims, 'data'))?.status?.capacity?.['storage'], '1Gi');
});
