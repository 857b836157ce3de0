import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { csiDrivers, nodes, persistentVolumes, pods, volumeAttachments } from '../../client/resources.ts';
import { inDefault } from '../testing.ts';
import { type Attaching, managed, startAttaching } from './testing.ts';

const nameOf = (volume: string): string => `kubernetes.io/csi/csi.example.com^${volume}`;
const minutes = 60_000;

let world: Attaching;
beforeEach(async () => {
  world = await startAttaching();
  for (const name of ['a', 'b']) await world.addNode(name);
  await world.addVolume('v');
});
afterEach(() => world.close());

const setReady = (node: string, status: 'True' | 'Unknown') =>
  world.setStatus(node, { conditions: [{ type: 'Ready', status }] });

describe('attaching', () => {
  test('a volume is attached where its pod is, told to the node, and to the pod', async () => {
    assert.deepEqual(await world.attachments(), []);
    await world.addPod('pod', 'a', 'v');
    assert.deepEqual(await world.attachments(), ['v@a']);
    const [attachment] = (await world.client.list(volumeAttachments)).items;
    assert.equal(attachment?.spec.attacher, 'csi.example.com');
    // The SHA-256 of the handle, the driver and the node, one after the other: CSI's attacher and kubelets look for this name.
    assert.equal(attachment?.metadata?.name, 'csi-9c0eae655ee5084fc66f2541c9c530723a5134efb4a2b90e1d042d5e3f994fe6');
    assert.deepEqual(await world.reported('a'), []);
    await world.attached('a');
    assert.deepEqual(await world.reported('a'), [nameOf('v')]);
    assert.deepEqual(await world.said(), ['pod SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "v" ']);
  });

  test('not for a driver that needs none, nor on a node that does it by itself', async () => {
    const spec = { attachRequired: false };
    await world.client.create(csiDrivers, { metadata: { name: 'csi.example.com' }, spec });
    await world.addPod('pod', 'a', 'v');
    assert.deepEqual(await world.attachments(), []);
    await world.client.delete(csiDrivers, { namespace: '', name: 'csi.example.com' });
    await world.clock.advance(500);
    assert.deepEqual(await world.attachments(), ['v@a']);
    await world.addNode('c', {});
    await world.addVolume('w');
    await world.addPod('other', 'c', 'w');
    assert.deepEqual(await world.attachments(), ['v@a']);
    const body = { metadata: { annotations: managed } };
    await world.client.patch(nodes, { namespace: '', name: 'c' }, { type: 'merge', body });
    await world.clock.advance(500);
    assert.deepEqual(await world.attachments(), ['v@a', 'w@c']);
  });

  test('what the driver says is wrong is told once, and that it says nothing every two minutes', async () => {
    await world.addPod('pod', 'a', 'v');
    await world.attached('a', 'no such disk');
    await world.clock.advance(1000);
    assert.deepEqual(await world.said(), [
      'pod FailedAttachVolume: AttachVolume.Attach failed for volume "v" : no such disk',
    ]);
    await world.addVolume('w');
    await world.addPod('other', 'b', 'w');
    await world.clock.advance(2 * minutes + 1000);
    const silent =
      'other FailedAttachVolume: AttachVolume.Attach failed for volume "w" : timed out waiting for external-attacher of csi.example.com CSI driver to attach volume w';
    assert.ok((await world.said()).includes(silent));
  });

  test('a volume for one node is refused to a second, which hears who has it, and gets it when that is gone', async () => {
    await world.addPod('first', 'a', 'v');
    await world.attached('a');
    await world.addPod('second', 'b', 'v');
    await world.clock.advance(5000);
    assert.deepEqual(await world.attachments(), ['v@a!']);
    const refused =
      'second FailedAttachVolume: Multi-Attach error for volume "v" Volume is already used by pod(s) first';
    assert.ok((await world.said()).includes(refused));
    await world.removePod('first');
    await world.clock.advance(2000);
    assert.deepEqual(await world.attachments(), ['v@b']);
  });

  test('a volume for many nodes is attached to all', async () => {
    await world.addVolume('shared', 'ReadWriteMany');
    await world.addPod('first', 'a', 'shared');
    await world.addPod('second', 'b', 'shared');
    assert.deepEqual(await world.attachments(), ['shared@a', 'shared@b']);
  });

  test('of two nodes that want a volume for one at once, one gets it', async () => {
    const spec = (nodeName: string) => ({
      nodeName,
      containers: [{ name: 'main', image: 'image' }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'v' } }],
    });
    await Promise.all([
      world.client.create(pods, { metadata: inDefault('first'), spec: spec('a') }),
      world.client.create(pods, { metadata: inDefault('second'), spec: spec('b') }),
    ]);
    await world.clock.advance(2000);
    assert.equal((await world.attachments()).length, 1);
  });
});

describe('detaching', () => {
  beforeEach(async () => {
    await world.addPod('pod', 'a', 'v');
    await world.attached('a');
  });

  const useOnA = () => world.setStatus('a', { volumesInUse: [nameOf('v')] });
  const forced = (reason: string): string => `attachdetach_controller_forced_detaches{reason="${reason}"} 1`;

  test('waits until the node has unmounted, and takes the volume out of its status first', async () => {
    await useOnA();
    await world.removePod('pod');
    await world.clock.advance(10 * minutes);
    assert.deepEqual(await world.attachments(), ['v@a!'], 'a node that is ready is never overruled');
    const [attachment] = (await world.client.list(volumeAttachments)).items;
    const finalizers = ['external-attacher/csi-example-com'];
    const held = { ...attachment, metadata: { ...attachment?.metadata, finalizers } } as NonNullable<typeof attachment>;
    await world.client.update(volumeAttachments, held);
    await world.setStatus('a', { volumesInUse: [] });
    await world.clock.advance(2000);
    assert.deepEqual(await world.reported('a'), []);
    assert.deepEqual(await world.attachments(), ['v@a!-'], 'until the driver has done it');
  });

  test('a pod that comes back to the node in time keeps its volume', async () => {
    await useOnA();
    await world.removePod('pod');
    await setReady('a', 'Unknown');
    await world.clock.advance(4 * minutes);
    await world.addPod('again', 'a', 'v');
    await world.clock.advance(1000);
    await world.removePod('again');
    await world.clock.advance(4 * minutes);
    assert.deepEqual(await world.attachments(), ['v@a!'], 'the wait begins anew');
    assert.deepEqual(await world.reported('a'), [nameOf('v')]);
  });

  test('is forced after six minutes where the node is not ready', async () => {
    await useOnA();
    await setReady('a', 'Unknown');
    await world.removePod('pod');
    await world.clock.advance(5 * minutes);
    assert.deepEqual(await world.attachments(), ['v@a!']);
    await world.clock.advance(2 * minutes);
    assert.deepEqual(await world.attachments(), []);
    assert.deepEqual(await world.reported('a'), []);
    assert.ok(world.metrics.text().includes(forced('timeout')));
  });

  test('is forced after six minutes where the node is gone', async () => {
    await world.client.delete(nodes, { namespace: '', name: 'a' });
    await world.removePod('pod');
    await world.clock.advance(5 * minutes);
    assert.deepEqual(await world.attachments(), ['v@a!']);
    await world.clock.advance(2 * minutes);
    assert.deepEqual(await world.attachments(), []);
  });

  test('does not wait for a node that is out of service', async () => {
    await useOnA();
    await setReady('a', 'Unknown');
    await world.removePod('pod');
    assert.deepEqual(await world.attachments(), ['v@a!']);
    const taints = [{ key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' }];
    const patch = { type: 'merge', body: { spec: { taints } } } as const;
    await world.client.patch(nodes, { namespace: '', name: 'a' }, patch);
    await world.clock.advance(2000);
    assert.deepEqual(await world.attachments(), []);
    assert.ok(world.metrics.text().includes(forced('out-of-service')));
  });

  test('a pod that has ended wants nothing, unless its node keeps what such had', async () => {
    const body = { metadata: { annotations: { 'volumes.kubernetes.io/keep-terminated-pod-volumes': 'true' } } };
    await world.client.patch(nodes, { namespace: '', name: 'a' }, { type: 'merge', body });
    const patch = { type: 'merge', body: { status: { phase: 'Succeeded' } } } as const;
    await world.client.patch(pods, inDefault('pod'), patch, { subresource: 'status' });
    await world.clock.advance(2000);
    assert.deepEqual(await world.attachments(), ['v@a!']);
    const back = { metadata: { annotations: { 'volumes.kubernetes.io/keep-terminated-pod-volumes': 'false' } } };
    await world.client.patch(nodes, { namespace: '', name: 'a' }, { type: 'merge', body: back });
    await world.clock.advance(2000);
    assert.deepEqual(await world.attachments(), []);
  });

  test("nobody else's attachments and no entries of other kinds are touched", async () => {
    const spec = { attacher: 'csi.example.com', nodeName: 'a', source: { persistentVolumeName: 'v' } };
    await world.client.create(volumeAttachments, { metadata: { name: 'mine' }, spec });
    const other = { name: 'kubernetes.io/iscsi/x', devicePath: '/dev/x' };
    const gone = { name: nameOf('gone'), devicePath: '' };
    await world.setStatus('a', { volumesAttached: [other, gone, { name: nameOf('v'), devicePath: '' }] });
    assert.deepEqual(await world.reported('a'), ['kubernetes.io/iscsi/x', nameOf('v')]);
    await world.removePod('pod');
    await world.clock.advance(2000);
    assert.deepEqual(await world.attachments(), ['v@a']);
    assert.deepEqual(await world.reported('a'), ['kubernetes.io/iscsi/x']);
  });

  test('a volume whose claim is gone is detached, too', async () => {
    const body = { spec: { claimRef: { uid: 'another' } } };
    await world.client.patch(persistentVolumes, { namespace: '', name: 'v' }, { type: 'merge', body });
    await world.clock.advance(2000);
    assert.deepEqual(await world.attachments(), []);
  });
});
