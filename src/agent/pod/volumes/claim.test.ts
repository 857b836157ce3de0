import assert from 'node:assert/strict';
import { chmod, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/schema/types/core-v1.ts';
import { make } from '../../testing.ts';
import { type StorageFixture, storageFixture } from './testing.ts';

const claim = (changes: Partial<PersistentVolumeClaim> = {}, name = 'data'): PersistentVolumeClaim => ({
  metadata: { namespace: 'default', name, uid: 'c-1', ...changes.metadata },
  spec: { volumeName: 'pv-1', ...changes.spec },
  status: { phase: 'Bound', ...changes.status },
});

const volume = (spec: PersistentVolume['spec'], annotations = {}): PersistentVolume => ({
  metadata: { name: 'pv-1', annotations },
  spec: { claimRef: { namespace: 'default', name: 'data', uid: 'c-1' }, accessModes: ['ReadWriteOnce'], ...spec },
});

const spec = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] };

function bind({ claims, volumes }: StorageFixture, pv: PersistentVolume, pvc = claim()): void {
  claims.set(pvc.metadata?.name ?? '', pvc);
  volumes.set('pv-1', pv);
}

test('a pod waits until its claim stands, is bound, and its volume is bound to it', async (context) => {
  const fixture = await storageFixture(context);
  const waits = async (why: string) => {
    const list = 'unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]';
    const message = `Unable to attach or mount volumes: ${list}: error processing PVC default/data: ${why}`;
    await assert.rejects(fixture.prepare(spec), { name: 'VolumeError', message });
  };
  await waits('failed to fetch PVC from API server: persistentvolumeclaims "data" not found');
  fixture.claims.set('data', claim({ status: { phase: 'Pending' } }));
  await waits('PVC is not bound');
  fixture.claims.set('data', claim({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }));
  await waits('PVC is being deleted');
  fixture.claims.set('data', claim());
  await waits('failed to fetch PV pv-1 from API server: persistentvolumes "pv-1" not found');
  fixture.volumes.set('pv-1', { metadata: { name: 'pv-1' }, spec: {} });
  await waits('found PV object pv-1 with a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim');
  fixture.volumes.set('pv-1', volume({ claimRef: { uid: 'c-2' } }));
  await waits('found PV object pv-1 with a pv.Spec.ClaimRef.UID c-2 that does not point to claim.UID c-1');
  const folder = path.join(fixture.root, 'disk');
  bind(fixture, volume({ hostPath: { path: folder } }));
  await fixture.prepare(spec);
  const { mounts } = await fixture.container(spec, { volumeMounts: [{ name: 'v', mountPath: '/v' }] });
  assert.deepEqual(mounts[0], { hostPath: folder, containerPath: '/v', readOnly: false });
  assert.deepEqual(fixture.folders.places(make.pod(spec)), [
    { name: 'v', path: folder, usage: 'foreign', claim: 'data' },
  ]);
});

test('a claim that was made for another pod is not this one’s', async (context) => {
  const fixture = await storageFixture(context);
  const own = { volumes: [{ name: 'v', ephemeral: {} }] };
  const owner = (uid: string) => [{ apiVersion: 'v1', kind: 'Pod', name: 'web', uid, controller: true }];
  const pv = volume({ hostPath: { path: path.join(fixture.root, 'disk') } });
  bind(fixture, pv, claim({ metadata: { ownerReferences: owner('u-2') } }, 'web-v'));
  await assert.rejects(
    fixture.prepare(own),
    /PVC default\/web-v was not created for pod default\/web \(pod is not owner\)$/,
  );
  bind(fixture, pv, claim({ metadata: { ownerReferences: owner('u-1') } }, 'web-v'));
  await fixture.prepare(own);
});

test('a local volume must be there, on a node that it may be used on', async (context) => {
  const fixture = await storageFixture(context);
  const disk = path.join(fixture.root, 'disk');
  const on = (name: string): PersistentVolume['spec'] => ({
    local: { path: disk },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }] }],
      },
    },
  });
  bind(fixture, volume(on('node-2')));
  await assert.rejects(fixture.prepare(spec), {
    message: 'MountVolume.NodeAffinity check failed for volume "pv-1" : no matching NodeSelectorTerms',
  });
  bind(fixture, volume(on('node-1')));
  await assert.rejects(fixture.prepare(spec), {
    message: `MountVolume.NewMounter initialization failed for volume "pv-1" : path "${disk}" does not exist`,
  });
  await mkdir(disk, { mode: 0o700 });
  const { gid } = await stat(disk);
  const grouped = { ...spec, securityContext: { fsGroup: gid } };
  await fixture.prepare(grouped);
  assert.equal((await stat(disk)).mode & 0o7777, 0o2770);
  await chmod(disk, 0o700);
  fixture.restart();
  await fixture.prepare(grouped);
  assert.equal((await stat(disk)).mode & 0o7777, 0o700, 'once in the life of a pod');
});

test('a volume for one pod alone is given to one pod alone, until that has ended', async (context) => {
  const fixture = await storageFixture(context);
  const hostPath = { path: path.join(fixture.root, 'disk') };
  bind(fixture, volume({ hostPath, accessModes: ['ReadWriteOncePod'] }));
  await fixture.prepare(spec);
  await assert.rejects(fixture.prepare(spec, 'u-2'), {
    message:
      'MountVolume.SetUp failed for volume "pv-1" : volume uses the ReadWriteOncePod access mode and is already in use by another pod',
  });
  await fixture.folders.remove('u-1');
  await fixture.prepare(spec, 'u-2');
});

test('a claim that is read-only is so in every mount, and the volume’s group may use it', async (context) => {
  const fixture = await storageFixture(context);
  const hostPath = { path: path.join(fixture.root, 'disk') };
  bind(fixture, volume({ hostPath }, { 'pv.beta.kubernetes.io/gid': '1234' }));
  const readOnly = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data', readOnly: true } }] };
  await fixture.prepare(readOnly);
  const { mounts, groups } = await fixture.container(readOnly, { volumeMounts: [{ name: 'v', mountPath: '/v' }] });
  assert.equal(mounts[0]?.readOnly, true);
  assert.deepEqual(groups, [1234]);
});

test('a disk is passed as a device, and a file system is mounted, never the other way round', async (context) => {
  const fixture = await storageFixture(context);
  const use = (changes: object) => ({ ...spec, containers: [make.container('app', changes)] });
  const devices = use({ volumeDevices: [{ name: 'v', devicePath: '/dev/xvda' }] });
  const mounts = use({ volumeMounts: [{ name: 'v', mountPath: '/v' }] });
  bind(fixture, volume({ hostPath: { path: fixture.root } }));
  await assert.rejects(fixture.prepare(devices), {
    message: 'volume v has volumeMode Filesystem, but is specified in volumeDevices',
  });
  bind(fixture, volume({ local: { path: '/dev/null' }, volumeMode: 'Block' }));
  await assert.rejects(fixture.prepare(mounts), {
    message: 'volume v has volumeMode Block, but is specified in volumeMounts',
  });
  await assert.rejects(fixture.prepare(devices), {
    message: 'MapVolume.SetUp failed for volume "pv-1" : /dev/null is not a block device',
  });
});

test('a volume of a kind that the node cannot mount is refused by its name', async (context) => {
  const fixture = await storageFixture(context);
  bind(fixture, volume({ csi: { driver: 'disk.example.com', volumeHandle: 'x' } }));
  await assert.rejects(
    fixture.prepare(spec),
    /^VolumeError: MountVolume.SetUp failed for volume "pv-1" : volumes of type csi are not supported on this node: use/,
  );
});

test('a volume that naru makes is a folder of its own, open to all users of images, wherever its object points; it goes when it is released', async (context) => {
  const fixture = await storageFixture(context);
  const name = 'pvc-0f9e8d7c-6b5a-4433-8221-00ffeeddccbb';
  const marks = { 'pv.kubernetes.io/provisioned-by': 'naru.io/local' };
  const made = volume({ local: { path: '/etc' } }, marks);
  const named = (volumeName: string) => {
    fixture.claims.set('data', claim({ spec: { volumeName } }));
    fixture.volumes.set(volumeName, { ...made, metadata: { ...made.metadata, name: volumeName } });
  };
  named(name);
  await fixture.prepare({ ...spec, securityContext: { fsGroup: 2000 } });
  const folder = path.join(fixture.local, name);
  const { mounts } = await fixture.container(spec, { volumeMounts: [{ name: 'v', mountPath: '/v' }] });
  assert.equal(mounts[0]?.hostPath, folder);
  const { mode, gid } = await stat(folder);
  assert.deepEqual([mode & 0o7777, gid], [0o2777, 2000]);

  await assert.rejects(fixture.folders.removeVolume(name), /is used by a pod of this node/);
  await fixture.folders.remove('u-1');
  await stat(folder);
  await fixture.folders.removeVolume(name);
  await assert.rejects(stat(folder), { code: 'ENOENT' });
  await fixture.folders.removeVolume(name);

  // As a crash left it between two steps.
  await mkdir(folder, { mode: 0o700 });
  await fixture.prepare(spec, 'u-3');
  assert.equal((await stat(folder)).mode & 0o777, 0o777);

  for (const wrong of ['..', 'pvc-1', `${name}/../..`, 'disk', '']) {
    await assert.rejects(fixture.folders.removeVolume(wrong), /is not a volume that naru made/);
  }
  named('disk');
  await assert.rejects(
    fixture.prepare(spec, 'u-2'),
    /MountVolume.SetUp failed for volume "disk" : "disk" is not a volume/,
  );
});
