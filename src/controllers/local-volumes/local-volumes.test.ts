import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { localProvisioner, localVolumeName } from '../../api/local-volumes.ts';
import { selectedNode } from '../../api/persistent-volumes.ts';
import type { PersistentVolumeClaimSpec } from '../../api/schema/types/core-v1.ts';
import type { StorageClass } from '../../api/schema/types/storage-v1.ts';
import type { Client } from '../../client/client.ts';
import { inProcessClient } from '../../client/in-process-client.ts';
import {
  events,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
} from '../../client/resources.ts';
import { startTestApi, type TestApi } from '../../client/testing.ts';
import { Scheduler } from '../../scheduler/scheduler.ts';
import { storeAuthorization } from '../../server/authorization/store-authorization.ts';
import { serviceAccount } from '../../server/rbac/testing.ts';
import { persistentVolumeBinder } from '../persistent-volume/controller.ts';
import { makeClaim } from '../persistent-volume/testing.ts';
import { storageProtection } from '../storage-protection/controller.ts';
import { addNode, inDefault } from '../testing.ts';
import { localVolumeProvisioner } from './controller.ts';

interface Lab extends TestApi {
  /** `node/volume` of every folder that a node was asked to remove. */
  readonly removed: string[];
  /** Nodes that do not answer. */
  readonly away: Set<string>;
  addClaim(name: string, spec?: PersistentVolumeClaimSpec): Promise<void>;
  choose(claim: string, node: string | null): Promise<void>;
  volumeOf(claim: string): Promise<string>;
  said(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const localClass = (more: Partial<StorageClass> = {}): StorageClass => ({
  metadata: { name: 'naru-local' },
  provisioner: localProvisioner,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
  ...more,
});

/** The loops with the rights of their accounts and no more. */
async function startLab({ schedules = false } = {}): Promise<Lab> {
  const api = await startTestApi();
  const { authorizer, services: indexes } = storeAuthorization(api.store);
  const clientFor = (account: string): Client => {
    const user = serviceAccount('kube-system', account);
    return inProcessClient({ handler: api.registry, authorizer, user, resources: api.resources });
  };
  const removed: string[] = [];
  const away = new Set<string>();
  const removeLocalVolume = async (node: string, volume: string): Promise<void> => {
    if (away.has(node)) throw new Error(`node "${node}" is not connected`);
    removed.push(`${node}/${volume}`);
  };
  const context = { ...api, clientFor, rootCa: 'CA', removeLocalVolume };
  const loops = [
    ...persistentVolumeBinder(context),
    ...storageProtection(context),
    ...localVolumeProvisioner(context),
    ...(schedules ? [new Scheduler(api)] : []),
  ];
  const started = [...indexes, api.informers, ...loops];
  for (const service of started) await service.start();
  const { client, clock } = api;
  await client.create(storageClasses, localClass());
  for (const name of ['one', 'two']) {
    await addNode(client, name);
    const body = { metadata: { labels: { 'kubernetes.io/hostname': `host-${name}` } }, spec: { taints: null } };
    await client.patch(nodes, { namespace: '', name }, { type: 'merge', body });
  }
  await clock.advance(1000);
  return {
    ...api,
    removed,
    away,
    async addClaim(name, spec = {}) {
      await client.create(persistentVolumeClaims, makeClaim(name, { storageClassName: 'naru-local', ...spec }));
      await clock.advance(1000);
    },
    async choose(claim, node) {
      const body = { metadata: { annotations: { [selectedNode]: node } } };
      await client.patch(persistentVolumeClaims, inDefault(claim), { type: 'merge', body });
      await clock.advance(2000);
    },
    volumeOf: async (claim) =>
      localVolumeName((await client.get(persistentVolumeClaims, inDefault(claim))).metadata?.uid ?? ''),
    async said() {
      await clock.advance(10_000);
      return (await client.list(events)).items.map(({ reason, message }) => `${reason}: ${message}`);
    },
    async close() {
      for (const service of started.toReversed()) await service.close();
      await api.store.close();
    },
  };
}

let lab: Lab;
afterEach(() => lab.close());

const volumeNames = async () => (await lab.client.list(persistentVolumes)).items.map(({ metadata }) => metadata?.name);
const get = (name: string) => lab.client.get(persistentVolumes, { namespace: '', name });
const phaseOf = async (claim: string) => (await lab.client.get(persistentVolumeClaims, inDefault(claim))).status?.phase;

describe('a claim that asks for a folder of a node', () => {
  test('gets a volume on the node that was chosen, and not before', async () => {
    lab = await startLab();
    await lab.addClaim('data', { resources: { requests: { storage: '5Gi' } } });
    assert.deepEqual(await volumeNames(), []);
    await lab.choose('data', 'two');
    const name = await lab.volumeOf('data');
    const { spec, status, metadata } = await get(name);
    assert.equal(status?.phase, 'Bound');
    assert.equal(await phaseOf('data'), 'Bound');
    assert.deepEqual(spec?.capacity, { storage: '5Gi' });
    assert.deepEqual(spec?.local, { path: `/var/lib/naru/volumes/${name}` });
    const [term] = spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
    assert.deepEqual(term?.matchExpressions, [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['host-two'] }]);
    assert.equal(metadata?.annotations?.['pv.kubernetes.io/provisioned-by'], 'naru.io/local');
  });

  test('shows the folder that its node tells of', async () => {
    lab = await startLab();
    const body = { metadata: { annotations: { 'naru.io/volumes': '/srv/naru/volumes' } } };
    await lab.client.patch(nodes, { namespace: '', name: 'one' }, { type: 'merge', body });
    await lab.addClaim('data');
    await lab.choose('data', 'one');
    const name = await lab.volumeOf('data');
    assert.equal((await get(name)).spec?.local?.path, `/srv/naru/volumes/${name}`);
  });

  test('gets it where the scheduler puts its pod, and the next pod goes there, too', async () => {
    lab = await startLab({ schedules: true });
    await lab.addClaim('data');
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
    const spec = { containers: [{ name: 'main', image: 'image' }], volumes };
    for (const name of ['first', 'second', 'third']) {
      await lab.client.create(pods, { metadata: inDefault(name), spec });
      await lab.clock.advance(5000);
    }
    const placed = (await lab.client.list(pods)).items.map((pod) => pod.spec?.nodeName);
    assert.equal(placed.length, 3);
    assert.equal(new Set(placed).size, 1);
    assert.ok(placed[0]);
    assert.equal(await phaseOf('data'), 'Bound');
  });

  test('hears why a folder cannot be what it asks for', async () => {
    lab = await startLab();
    await lab.client.create(storageClasses, localClass({ metadata: { name: 'odd' }, parameters: { size: 'big' } }));
    await lab.client.create(
      storageClasses,
      localClass({ metadata: { name: 'at-once' }, volumeBindingMode: 'Immediate' }),
    );
    await lab.addClaim('wide', { accessModes: ['ReadWriteMany'] });
    await lab.addClaim('block', { volumeMode: 'Block' });
    await lab.addClaim('odd', { storageClassName: 'odd' });
    await lab.addClaim('at-once', { storageClassName: 'at-once' });
    for (const name of ['wide', 'block', 'odd']) await lab.choose(name, 'one');
    assert.deepEqual(await volumeNames(), []);
    const failures = (await lab.said()).filter((one) => one.startsWith('ProvisioningFailed')).join('\n');
    for (const why of [
      /cannot be ReadWriteMany; ask for ReadWriteOnce/,
      /no block devices/,
      /parameter "size"/,
      /WaitForFirstConsumer/,
    ]) {
      assert.match(failures, why);
    }
  });

  test('is placed anew where the chosen node is gone', async () => {
    lab = await startLab();
    await lab.addClaim('data');
    await lab.choose('data', 'gone');
    const claim = await lab.client.get(persistentVolumeClaims, inDefault('data'));
    assert.equal(claim.metadata?.annotations?.[selectedNode], undefined);
    assert.deepEqual(await volumeNames(), []);
  });

  test('of a class of others is left to them', async () => {
    lab = await startLab();
    await lab.client.create(storageClasses, localClass({ metadata: { name: 'csi' }, provisioner: 'csi.example.com' }));
    await lab.addClaim('data', { storageClassName: 'csi' });
    await lab.choose('data', 'one');
    assert.deepEqual(await volumeNames(), []);
  });
});

describe('a volume that is a folder', () => {
  async function released(): Promise<string> {
    lab = await startLab();
    await lab.addClaim('data');
    await lab.choose('data', 'one');
    return lab.volumeOf('data');
  }

  const removeClaim = async (): Promise<void> => {
    await lab.client.delete(persistentVolumeClaims, inDefault('data'));
    await lab.clock.advance(2000);
  };

  test('goes with its claim, the folder first', async () => {
    const name = await released();
    await removeClaim();
    assert.deepEqual(lab.removed, [`one/${name}`]);
    assert.deepEqual(await volumeNames(), []);
  });

  test('waits for its node, which is asked until it answers', async () => {
    const name = await released();
    lab.away.add('one');
    await removeClaim();
    await lab.clock.advance(60_000);
    assert.deepEqual(await volumeNames(), [name]);
    assert.ok((await lab.said()).some((one) => one.startsWith('VolumeFailedDelete: the folder on node one is not')));
    lab.away.clear();
    await lab.clock.advance(20_000);
    assert.deepEqual(lab.removed, [`one/${name}`]);
    assert.deepEqual(await volumeNames(), []);
  });

  test('goes without its folder when its node is gone for good', async () => {
    await released();
    lab.away.add('one');
    await removeClaim();
    await lab.client.delete(nodes, { namespace: '', name: 'one' });
    await lab.clock.advance(2000);
    assert.deepEqual(await volumeNames(), []);
    assert.deepEqual(lab.removed, []);
  });

  test('that somebody deletes before its claim goes when the claim does, and so does its folder', async () => {
    const name = await released();
    await lab.client.delete(persistentVolumes, { namespace: '', name });
    await lab.clock.advance(2000);
    assert.deepEqual(lab.removed, []);
    await removeClaim();
    assert.deepEqual(lab.removed, [`one/${name}`]);
    assert.deepEqual(await volumeNames(), []);
  });

  test('that is to be kept stays with its folder; its object can be deleted', async () => {
    const name = await released();
    const body = { spec: { persistentVolumeReclaimPolicy: 'Retain' } };
    await lab.client.patch(persistentVolumes, { namespace: '', name }, { type: 'merge', body });
    await removeClaim();
    assert.equal((await get(name)).status?.phase, 'Released');
    await lab.client.delete(persistentVolumes, { namespace: '', name });
    await lab.clock.advance(2000);
    assert.deepEqual(await volumeNames(), []);
    assert.deepEqual(lab.removed, []);
  });
});
