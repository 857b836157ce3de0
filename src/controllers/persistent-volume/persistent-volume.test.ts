import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { boundByController, volumeBoundTo } from '../../api/persistent-volumes.ts';
import { hasReason } from '../../api/status-error.ts';
import { persistentVolumeClaims, persistentVolumes, pods } from '../../client/resources.ts';
import { inDefault } from '../testing.ts';
import { makeClaim, type Storage, startStorage } from './testing.ts';

let storage: Storage;
afterEach(() => storage.close());

const phases = async (volume: string, claim: string) => [
  (await storage.volume(volume)).status?.phase,
  (await storage.claim(claim)).status?.phase,
];

const removeClaim = async (name: string): Promise<void> => {
  const body = { metadata: { finalizers: null } };
  await storage.client.patch(persistentVolumeClaims, inDefault(name), { type: 'merge', body });
  await storage.client.delete(persistentVolumeClaims, inDefault(name));
  await storage.clock.advance(1_000);
};

describe('binding', () => {
  test('a claim gets a volume, and both say so', async () => {
    storage = await startStorage();
    await storage.addVolume('v', { capacity: { storage: '2Gi' } });
    assert.equal((await storage.volume('v')).status?.phase, 'Available');
    await storage.addClaim('data');
    const [volume, claim] = [await storage.volume('v'), await storage.claim('data')];
    assert.deepEqual(await phases('v', 'data'), ['Bound', 'Bound']);
    assert.equal(claim.spec?.volumeName, 'v');
    assert.deepEqual(claim.status?.capacity, { storage: '2Gi' });
    assert.deepEqual(claim.status?.accessModes, ['ReadWriteOnce']);
    assert.deepEqual(claim.metadata?.annotations, {
      'pv.kubernetes.io/bind-completed': 'yes',
      'pv.kubernetes.io/bound-by-controller': 'yes',
    });
    const { kind, namespace, name, uid } = volume.spec?.claimRef ?? {};
    assert.deepEqual([kind, namespace, name, uid], ['PersistentVolumeClaim', 'default', 'data', claim.metadata?.uid]);
    assert.deepEqual(volume.metadata?.annotations, { 'pv.kubernetes.io/bound-by-controller': 'yes' });
  });

  test('a claim that was first waits, says so once, and gets the volume that comes', async () => {
    storage = await startStorage();
    await storage.addClaim('data');
    await storage.addVolume('small', { capacity: { storage: '1Mi' } });
    const failed = 'FailedBinding: no persistent volumes available for this claim and no storage class is set';
    assert.deepEqual(await storage.said(), [failed]);
    assert.equal((await storage.claim('data')).status?.phase, 'Pending');
    await storage.addVolume('v');
    assert.deepEqual(await phases('v', 'data'), ['Bound', 'Bound']);
  });

  test('of two claims one gets the only volume', async () => {
    storage = await startStorage();
    await storage.addVolume('v');
    await Promise.all([storage.addClaim('a'), storage.addClaim('b')]);
    const both = [await storage.claim('a'), await storage.claim('b')].map(({ status }) => status?.phase);
    assert.deepEqual(both.toSorted(), ['Bound', 'Pending']);
  });

  test('a volume that was reserved for a claim waits for it', async () => {
    storage = await startStorage();
    await storage.addVolume('v', { claimRef: { namespace: 'default', name: 'data' } });
    await storage.addClaim('other');
    assert.deepEqual(await phases('v', 'other'), ['Available', 'Pending']);
    await storage.addClaim('data');
    assert.deepEqual(await phases('v', 'data'), ['Bound', 'Bound']);
    assert.equal((await storage.volume('v')).metadata?.annotations?.[boundByController], undefined);
  });

  test('a claim that names its volume gets it where it will do, and hears why it will not', async () => {
    storage = await startStorage();
    await storage.addClaim('data', { volumeName: 'v', resources: { requests: { storage: '2Gi' } } });
    assert.equal((await storage.claim('data')).status?.phase, 'Pending');
    await storage.addVolume('v');
    assert.deepEqual(await phases('v', 'data'), ['Available', 'Pending']);
    assert.deepEqual(await storage.said(), [
      'VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small',
    ]);
    const body = { spec: { capacity: { storage: '3Gi' } } };
    await storage.client.patch(persistentVolumes, { namespace: '', name: 'v' }, { type: 'merge', body });
    await storage.clock.advance(1_000);
    assert.deepEqual(await phases('v', 'data'), ['Bound', 'Bound']);
    assert.equal((await storage.claim('data')).metadata?.annotations?.[boundByController], undefined);
    await storage.addClaim('late', { volumeName: 'v' });
    assert.ok((await storage.said()).includes('FailedBinding: volume "v" already bound to a different claim.'));
  });

  test('a volume that was taken for a claim which has another is free again', async () => {
    storage = await startStorage();
    await storage.addVolume('a');
    const claim = await storage.addClaim('data');
    const volume = await storage.addVolume('b');
    const fresh = await storage.volume('b');
    await storage.client.update(persistentVolumes, volumeBoundTo(fresh, claim) ?? volume);
    await storage.clock.advance(1_000);
    const after = await storage.volume('b');
    assert.equal(after.spec?.claimRef, undefined);
    assert.equal(after.status?.phase, 'Available');
    assert.deepEqual(await phases('a', 'data'), ['Bound', 'Bound']);
  });

  test('a claim that lost its volume to another before it was bound is left as it is, and hears of it', async () => {
    storage = await startStorage();
    const claimRef = { namespace: 'default', name: 'other', uid: 'o' };
    await storage.addVolume('v', { claimRef, persistentVolumeReclaimPolicy: 'Retain' });
    const { metadata, ...claim } = makeClaim('data', { volumeName: 'v' });
    const annotations = { [boundByController]: 'yes' };
    await storage.client.create(persistentVolumeClaims, { ...claim, metadata: { ...metadata, annotations } });
    const status = { phase: 'Bound', accessModes: ['ReadWriteOnce'] };
    const patch = { type: 'merge', body: { status } } as const;
    await storage.client.patch(persistentVolumeClaims, inDefault('data'), patch, { subresource: 'status' });
    await storage.clock.advance(1_000);
    assert.deepEqual((await storage.claim('data')).status, status);
    assert.deepEqual(await storage.said(), ['FailedBinding: volume "v" already bound to a different claim.']);
  });

  test('a volume for a claim that wants the other mode is told to both, and neither is bound', async () => {
    storage = await startStorage();
    const claim = await storage.addClaim('data', { volumeMode: 'Block' });
    const claimRef = { namespace: 'default', name: 'data', uid: claim.metadata?.uid ?? '' };
    await storage.addVolume('v', { claimRef });
    const said = (await storage.said()).filter((one) => one.startsWith('VolumeMismatch'));
    assert.deepEqual([...new Set(said)].toSorted(), [
      'VolumeMismatch: Cannot bind PersistentVolume "v" to requested PersistentVolumeClaim due to incompatible volumeMode.',
      'VolumeMismatch: Cannot bind PersistentVolume to requested PersistentVolumeClaim "data" due to incompatible volumeMode.',
    ]);
    assert.equal((await storage.claim('data')).status?.phase, 'Pending');
  });

  test('a claim of a volume that is still to grow has the size of its file system', async () => {
    storage = await startStorage();
    await storage.addVolume('v', { capacity: { storage: '5Gi' } });
    const annotations = { 'volume.alpha.kubernetes.io/pre-resize-capacity': '2Gi' };
    const patch = { type: 'merge', body: { metadata: { annotations } } } as const;
    await storage.client.patch(persistentVolumes, { namespace: '', name: 'v' }, patch);
    await storage.addClaim('data');
    assert.deepEqual((await storage.claim('data')).status?.capacity, { storage: '2Gi' });
  });

  test('a claim whose volume vanished is lost, with what it had from it', async () => {
    storage = await startStorage();
    const volumeAttributesClassName = 'gold';
    await storage.addCsiVolume('v', { volumeAttributesClassName });
    await storage.addClaim('data', { storageClassName: 'csi', volumeAttributesClassName });
    assert.equal((await storage.claim('data')).status?.currentVolumeAttributesClassName, 'gold');
    const reference = { namespace: '', name: 'v' };
    await storage.client.patch(persistentVolumes, reference, {
      type: 'merge',
      body: { metadata: { finalizers: null } },
    });
    await storage.client.delete(persistentVolumes, reference);
    await storage.clock.advance(1_000);
    const { status } = await storage.claim('data');
    assert.deepEqual(status, { phase: 'Lost' });
    const said = 'ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!';
    assert.deepEqual(await storage.said(), [said]);
  });
});

describe('classes', () => {
  test('a claim without a class gets the default one, also when that comes later', async () => {
    storage = await startStorage();
    const { storageClassName: _none, ...spec } = makeClaim('data').spec ?? {};
    await storage.client.create(persistentVolumeClaims, { metadata: inDefault('data'), spec });
    await storage.addClaim('without');
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    await storage.addClass('standard', { metadata: { name: 'standard', annotations } });
    assert.equal((await storage.claim('data')).spec?.storageClassName, 'standard');
    assert.equal((await storage.claim('without')).spec?.storageClassName, '');
  });

  test('who makes volumes is told by annotations, and what was made is bound', async () => {
    storage = await startStorage();
    await storage.addClaim('data', { storageClassName: 'made' });
    assert.deepEqual(await storage.said(), ['ProvisioningFailed: storageclass.storage.k8s.io "made" not found']);
    await storage.addClass('made');
    const claim = await storage.claim('data');
    assert.deepEqual(claim.metadata?.annotations, {
      'volume.beta.kubernetes.io/storage-provisioner': 'example.com/maker',
      'volume.kubernetes.io/storage-provisioner': 'example.com/maker',
    });
    const waiting =
      "ExternalProvisioning: Waiting for a volume to be created either by the external provisioner 'example.com/maker' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.";
    assert.ok((await storage.said()).includes(waiting));
    const claimRef = { namespace: 'default', name: 'data', uid: claim.metadata?.uid ?? '' };
    await storage.addVolume('made', { storageClassName: 'made', claimRef });
    assert.deepEqual(await phases('made', 'data'), ['Bound', 'Bound']);
  });

  test('a claim that waits for a pod gets what the scheduler reserves, and nothing else', async () => {
    storage = await startStorage();
    const provisioner = 'kubernetes.io/no-provisioner';
    await storage.addClass('local', { provisioner, volumeBindingMode: 'WaitForFirstConsumer' });
    await storage.addVolume('v', { storageClassName: 'local' });
    const claim = await storage.addClaim('data', { storageClassName: 'local' });
    assert.deepEqual(await phases('v', 'data'), ['Available', 'Pending']);
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
    const spec = { containers: [{ name: 'main', image: 'image' }], volumes };
    await storage.client.create(pods, { metadata: inDefault('pod'), spec });
    await storage.clock.advance(1_000);
    assert.deepEqual(await storage.said(), [
      'WaitForFirstConsumer: waiting for first consumer to be created before binding',
      'WaitForPodScheduled: waiting for pod pod to be scheduled',
    ]);
    const volume = await storage.volume('v');
    await storage.client.update(persistentVolumes, volumeBoundTo(volume, claim) ?? volume);
    await storage.clock.advance(1_000);
    assert.deepEqual(await phases('v', 'data'), ['Bound', 'Bound']);
  });

  test('a claim whose node is chosen gets what is made for it there, and no volume that is free', async () => {
    storage = await startStorage();
    await storage.addClass('made', { volumeBindingMode: 'WaitForFirstConsumer' });
    await storage.addVolume('free', { storageClassName: 'made' });
    const { metadata, ...claim } = makeClaim('data', { storageClassName: 'made' });
    const annotations = { 'volume.kubernetes.io/selected-node': 'node' };
    await storage.client.create(persistentVolumeClaims, { ...claim, metadata: { ...metadata, annotations } });
    await storage.clock.advance(1_000);
    assert.deepEqual(await phases('free', 'data'), ['Available', 'Pending']);
    const asked = (await storage.claim('data')).metadata?.annotations?.['volume.kubernetes.io/storage-provisioner'];
    assert.equal(asked, 'example.com/maker');
    const claimRef = { namespace: 'default', name: 'data' };
    await storage.addVolume('made', { storageClassName: 'made', claimRef });
    assert.deepEqual(await phases('made', 'data'), ['Bound', 'Bound']);
  });
});

describe('when the claim is gone', () => {
  const bound = async (spec: object, annotations = {}): Promise<void> => {
    await storage.addVolume('v', spec);
    await storage.addClaim('data');
    const reference = { namespace: '', name: 'v' };
    await storage.client.patch(persistentVolumes, reference, { type: 'merge', body: { metadata: { annotations } } });
    await removeClaim('data');
  };

  test("a volume to be kept is released, and is nobody else's until it is freed by hand", async () => {
    storage = await startStorage();
    await bound({ persistentVolumeReclaimPolicy: 'Retain' });
    assert.equal((await storage.volume('v')).status?.phase, 'Released');
    await storage.addClaim('data');
    assert.deepEqual(await phases('v', 'data'), ['Released', 'Pending']);
    const body = { spec: { claimRef: null } };
    await storage.client.patch(persistentVolumes, { namespace: '', name: 'v' }, { type: 'merge', body });
    await storage.clock.advance(1_000);
    assert.deepEqual(await phases('v', 'data'), ['Bound', 'Bound']);
  });

  test('a folder below /tmp is deleted with its volume', async () => {
    storage = await startStorage();
    await bound({ persistentVolumeReclaimPolicy: 'Delete' });
    assert.deepEqual(storage.removed, ['/tmp/v']);
    const volume = await storage.volume('v').catch((error: unknown) => {
      assert.ok(hasReason(error, 'NotFound'));
    });
    assert.ok(volume === undefined || volume.metadata?.deletionTimestamp !== undefined);
  });

  test('a folder is deleted also where its volume was to go first', async () => {
    storage = await startStorage();
    await storage.addVolume('v', { persistentVolumeReclaimPolicy: 'Delete' });
    await storage.addClaim('data');
    const reference = { namespace: '', name: 'v' };
    await storage.client.delete(persistentVolumes, reference);
    await storage.clock.advance(1_000);
    assert.notEqual((await storage.volume('v')).metadata?.deletionTimestamp, undefined);
    assert.deepEqual(storage.removed, []);
    await removeClaim('data');
    assert.deepEqual(storage.removed, ['/tmp/v']);
  });

  test('a CSI volume that nobody says to have made is left to its driver', async () => {
    storage = await startStorage();
    await storage.addCsiVolume('v', { persistentVolumeReclaimPolicy: 'Delete' });
    await storage.addClaim('data', { storageClassName: 'csi' });
    await removeClaim('data');
    const { phase, message } = (await storage.volume('v')).status ?? {};
    assert.deepEqual([phase, message], ['Released', undefined]);
  });

  const refusals: readonly { name: string; spec: object; reason: string; message: string; reachesNode?: boolean }[] = [
    {
      name: 'another folder is not',
      spec: { persistentVolumeReclaimPolicy: 'Delete', hostPath: { path: '/etc' } },
      reason: 'VolumeFailedDelete',
      message: 'host_path deleter only supports /tmp/.+ but received provided /etc',
    },
    {
      name: 'a folder on a machine that is not this one is not',
      spec: { persistentVolumeReclaimPolicy: 'Delete' },
      reachesNode: false,
      reason: 'VolumeFailedDelete',
      message: 'the folder of the volume is not on this machine',
    },
    {
      name: 'nothing is recycled',
      spec: { persistentVolumeReclaimPolicy: 'Recycle' },
      reason: 'VolumeFailedRecycle',
      message: 'No recycler plugin found for the volume!',
    },
  ];
  for (const { name, spec, reason, message, reachesNode = true } of refusals) {
    test(name, async () => {
      storage = await startStorage({ reachesNode });
      await bound(spec);
      const { status } = await storage.volume('v');
      assert.deepEqual([status?.phase, status?.message], ['Failed', message]);
      assert.ok((await storage.said()).includes(`${reason}: ${message}`));
      assert.deepEqual(storage.removed, []);
    });
  }

  test('what somebody else made is left to them', async () => {
    storage = await startStorage();
    const annotations = { 'pv.kubernetes.io/provisioned-by': 'example.com/maker' };
    await bound({ persistentVolumeReclaimPolicy: 'Delete' }, annotations);
    assert.equal((await storage.volume('v')).status?.phase, 'Released');
    assert.deepEqual(storage.removed, []);
  });
});
