import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { bindCompleted, selectedNode } from '../../api/persistent-volumes.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import {
  events,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
} from '../../client/resources.ts';
import { startTestApi, type TestApi } from '../../client/testing.ts';
import { Scheduler } from '../scheduler.ts';

const data = { namespace: 'default', name: 'data' };

describe('a pod whose claim gets its volume where the pod goes', () => {
  let api: TestApi;
  let scheduler: Scheduler;

  beforeEach(async () => {
    api = await startTestApi();
    scheduler = new Scheduler(api);
    await scheduler.start();
    await api.informers.start();
    await api.clock.advance(0);
    for (const name of ['a', 'b']) await addNode(name);
    await api.client.create(storageClasses, {
      metadata: { name: 'made' },
      provisioner: 'example.com/maker',
      volumeBindingMode: 'WaitForFirstConsumer',
    });
    await api.client.create(persistentVolumeClaims, {
      metadata: data,
      spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'made', resources: { requests: { storage: '1Gi' } } },
    });
    await api.client.create(pods, {
      metadata: { namespace: 'default', name: 'pod' },
      spec: {
        containers: [{ name: 'main', image: 'image' }],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
      },
    });
    await api.clock.advance(1500);
  });
  afterEach(async () => {
    await scheduler.close();
    await api.informers.close();
    await api.store.close();
  });

  async function addNode(name: string): Promise<void> {
    await api.client.create(nodes, { metadata: { name } });
    const body = { spec: { taints: null } };
    const node = await api.client.patch(nodes, { namespace: '', name }, { type: 'merge', body });
    const status = { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } };
    await api.client.update(nodes, { ...node, status }, { subresource: 'status' });
  }

  const pod = (): Promise<Pod> => api.client.get(pods, { namespace: 'default', name: 'pod' });
  const claim = (): Promise<PersistentVolumeClaim> => api.client.get(persistentVolumeClaims, data);
  const change = (body: object): Promise<unknown> =>
    api.client.patch(persistentVolumeClaims, data, { type: 'merge', body });
  const chosen = async () => (await claim()).metadata?.annotations?.[selectedNode];
  const bindTo = (volumeName: string) =>
    change({ metadata: { annotations: { [bindCompleted]: 'yes' } }, spec: { volumeName } });

  function addVolume(name: string, zone?: string): Promise<PersistentVolume> {
    const matchFields = [{ key: 'metadata.name', operator: 'In' as const, values: [zone ?? ''] }];
    return api.client.create(persistentVolumes, {
      metadata: { name },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'made',
        csi: { driver: 'example.com', volumeHandle: name },
        claimRef: { ...data, uid: 'x' },
        ...(zone !== undefined && { nodeAffinity: { required: { nodeSelectorTerms: [{ matchFields }] } } }),
      },
    });
  }

  test('waits there until it is bound', async () => {
    assert.ok(['a', 'b'].includes((await chosen()) ?? ''));
    assert.equal((await pod()).spec?.nodeName, undefined);
    await addVolume('v', await chosen());
    await bindTo('v');
    await api.clock.advance(1500);
    assert.equal((await pod()).spec?.nodeName, await chosen());
  });

  test('is decided on again at once where who makes volumes gives the node back', async () => {
    const first = await chosen();
    const body = { spec: { unschedulable: true } };
    await api.client.patch(nodes, { namespace: '', name: first ?? '' }, { type: 'merge', body });
    await change({ metadata: { annotations: { [selectedNode]: null, other: 'x' } } });
    await api.clock.advance(15_000);
    const second = await chosen();
    assert.deepEqual([first, second].toSorted(), ['a', 'b']);
    const failed = (await api.client.list(events)).items.filter(({ reason }) => reason === 'FailedScheduling');
    assert.match(failed.map(({ message }) => message).join(), /binding volumes: provisioning failed for PVC "data"/);
    await addVolume('v', second);
    await bindTo('v');
    await api.clock.advance(1500);
    assert.equal((await pod()).spec?.nodeName, second);
  });

  test('is not bound where its volume was made for another node', async () => {
    const first = await chosen();
    const other = first === 'a' ? 'b' : 'a';
    await addVolume('v', other);
    await bindTo('v');
    await api.clock.advance(15_000);
    assert.equal((await pod()).spec?.nodeName, other);
  });

  test('lets go of what it had reserved when it is deleted', async () => {
    await api.client.delete(pods, { namespace: 'default', name: 'pod' });
    await api.clock.advance(1500);
    const said = (await api.client.list(events)).items.map(({ reason }) => reason);
    assert.ok(!said.includes('FailedScheduling'), 'nothing is said of a pod that is gone');
    // Nothing under way is left that it would wait for.
    let closed = false;
    void scheduler.close().then(() => {
      closed = true;
    });
    await api.clock.advance(0);
    assert.ok(closed);
  });
});
