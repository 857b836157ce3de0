import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec } from '../api/schema/types/core-v1.ts';
import type { Client } from '../client/client.ts';
import { timedOut, unreachable } from '../client/errors.ts';
import { intercept } from '../client/intercept.ts';
import {
  events,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  priorityClasses,
  storageClasses,
} from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import { Scheduler } from './scheduler.ts';

interface Setting extends TestApi {
  pod(name: string): Promise<Pod>;
  create(name: string, cpu?: string, spec?: Partial<PodSpec>): Promise<void>;
  addNode(name: string, cpu?: string): Promise<void>;
  close(): Promise<void>;
}

async function start(wrap?: (client: Client) => Client): Promise<Setting> {
  const api = await startTestApi(wrap && { wrap });
  const scheduler = new Scheduler(api);
  await scheduler.start();
  await api.informers.start();
  await api.clock.advance(0);
  const { client } = api;
  return {
    ...api,
    pod: (name) => client.get(pods, { namespace: 'default', name }),
    async create(name, cpu = '1', spec = {}) {
      const containers = [{ name: 'main', image: 'image', resources: { requests: { cpu } } }];
      await client.create(pods, { metadata: { namespace: 'default', name }, spec: { containers, ...spec } });
    },
    async addNode(name, cpu = '4') {
      await client.create(nodes, { metadata: { name } });
      // The loop that finds a node ready does not run here.
      const body = { spec: { taints: null } };
      const node = await client.patch(nodes, { namespace: '', name }, { type: 'merge', body });
      const status = { allocatable: { cpu, memory: '8Gi', pods: '110' } };
      await client.update(nodes, { ...node, status }, { subresource: 'status' });
    },
    async close() {
      await scheduler.close();
      await api.informers.close();
      await api.store.close();
      assert.equal(api.clock.pending, 0);
    },
  };
}

test('pods are bound where they fit, evenly, and it is told', async () => {
  const setting = await start();
  await setting.addNode('a');
  await setting.addNode('b');
  for (let index = 0; index < 8; index++) await setting.create(`pod-${index}`);
  await setting.clock.advance(100);
  const placed = (await setting.client.list(pods)).items.map((pod) => pod.spec?.nodeName);
  assert.equal(placed.filter((node) => node === 'a').length, 4);
  assert.equal(placed.filter((node) => node === 'b').length, 4);
  const pod = await setting.pod('pod-0');
  assert.equal(pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.status, 'True');
  const [event] = (await setting.client.list(events)).items.filter(
    ({ involvedObject }) => involvedObject.name === 'pod-0',
  );
  assert.deepEqual(
    [event?.reason, event?.message],
    ['Scheduled', `Successfully assigned default/pod-0 to ${pod.spec?.nodeName}`],
  );
  const { action, reportingComponent, eventTime, series, firstTimestamp } = event ?? {};
  assert.deepEqual([action, reportingComponent], ['Binding', 'default-scheduler']);
  assert.match(eventTime ?? '', /\.\d{6}Z$/);
  assert.deepEqual([series ?? null, firstTimestamp ?? null], [null, null]);
  await setting.close();
});

test('no node is filled beyond what it has, however fast pods come', async () => {
  const setting = await start();
  for (const name of ['a', 'b', 'c']) await setting.addNode(name);
  await Promise.all(Array.from({ length: 40 }, (_, index) => setting.create(`pod-${index}`)));
  await setting.clock.advance(5000);
  const counts = new Map<string, number>();
  for (const { spec } of (await setting.client.list(pods)).items) {
    counts.set(spec?.nodeName ?? '', (counts.get(spec?.nodeName ?? '') ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(counts), { a: 4, b: 4, c: 4, '': 28 });
  await setting.close();
});

test('a pod that fits nowhere says why, and is placed when a node comes or a pod goes', async () => {
  const setting = await start();
  await setting.create('early');
  await setting.clock.advance(100);
  const none = (await setting.pod('early')).status?.conditions?.find(({ type }) => type === 'PodScheduled');
  assert.deepEqual(
    [none?.status, none?.reason, none?.message],
    ['False', 'Unschedulable', 'no nodes available to schedule pods'],
  );
  await setting.addNode('a', '1');
  await setting.clock.advance(2000);
  assert.equal((await setting.pod('early')).spec?.nodeName, 'a');
  await setting.create('late');
  await setting.clock.advance(100);
  const full = (await setting.pod('late')).status?.conditions?.find(({ type }) => type === 'PodScheduled');
  assert.equal(
    full?.message,
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
  );
  const reasons = (await setting.client.list(events)).items.map(({ reason, type }) => `${type} ${reason}`);
  assert.ok(reasons.includes('Warning FailedScheduling'));
  await setting.client.delete(pods, { namespace: 'default', name: 'early' }, { gracePeriodSeconds: 0 });
  await setting.clock.advance(2000);
  assert.equal((await setting.pod('late')).spec?.nodeName, 'a');
  await setting.close();
});

test('the more important pod goes first, and makes room where there is none', async () => {
  const setting = await start();
  await setting.addNode('a', '1');
  for (const [name, value] of [
    ['low', 1],
    ['high', 10],
  ] as const) {
    await setting.client.create(priorityClasses, { metadata: { name }, value });
  }
  await setting.create('low', '1', { priorityClassName: 'low' });
  await setting.clock.advance(100);
  assert.equal((await setting.pod('low')).spec?.nodeName, 'a');
  await setting.create('high', '1', { priorityClassName: 'high' });
  await setting.clock.advance(100);
  assert.notEqual((await setting.pod('low')).metadata?.deletionTimestamp, undefined);
  assert.equal((await setting.pod('high')).status?.nominatedNodeName, 'a');
  await setting.client.delete(pods, { namespace: 'default', name: 'low' }, { gracePeriodSeconds: 0 });
  await setting.clock.advance(15_000);
  assert.equal((await setting.pod('high')).spec?.nodeName, 'a');
  await setting.close();
});

test('pods of other schedulers and pods behind gates are left alone', async () => {
  const setting = await start();
  await setting.addNode('a');
  await setting.create('other', '1', { schedulerName: 'other' });
  await setting.create('gated', '1', { schedulingGates: [{ name: 'example.com/wait' }] });
  await setting.clock.advance(10_000);
  assert.equal((await setting.pod('other')).spec?.nodeName, undefined);
  assert.equal((await setting.pod('gated')).spec?.nodeName, undefined);
  await setting.client.patch(
    pods,
    { namespace: 'default', name: 'gated' },
    { type: 'merge', body: { spec: { schedulingGates: [] } } },
  );
  await setting.clock.advance(1000);
  assert.equal((await setting.pod('gated')).spec?.nodeName, 'a');
  await setting.close();
});

test('a binding that fails gives the room back and is tried again', async () => {
  let failures = 3;
  const setting = await start((client) =>
    intercept(client, {
      createSubresource: (real) => async (resource, reference, subresource, body) => {
        if (failures-- > 0) throw unreachable('injected');
        return real.createSubresource(resource, reference, subresource, body);
      },
    }),
  );
  await setting.addNode('a', '1');
  await setting.create('pod');
  await setting.clock.advance(60_000);
  assert.equal((await setting.pod('pod')).spec?.nodeName, 'a');
  await setting.close();
});

test('a binding whose answer got lost keeps its room, also while the cache lags', async () => {
  let bindings = 0;
  const held: (() => void)[] = [];
  const setting = await start((client) =>
    intercept(client, {
      createSubresource: (real) => async (resource, reference, subresource, body) => {
        const isFirst = bindings++ === 0;
        const result = await real.createSubresource(resource, reference, subresource, body);
        if (isFirst) throw timedOut('injected');
        return result;
      },
      watch: (real) => (resource, query, handler) => {
        const event: typeof handler.event = (change) => {
          if (bindings > 0) held.push(() => handler.event(change));
          else handler.event(change);
        };
        return real.watch(resource, query, { event, end: (error) => handler.end(error) });
      },
    }),
  );
  await setting.addNode('a', '1');
  await setting.create('one');
  await setting.create('two');
  await setting.clock.advance(30_000);
  for (const release of held.splice(0)) release();
  await setting.clock.advance(30_000);
  const nodes = [(await setting.pod('one')).spec?.nodeName, (await setting.pod('two')).spec?.nodeName];
  assert.deepEqual(nodes, ['a', undefined]);
  await setting.close();
});

test('a claim that waits for its pod gets a volume where the pod can go, and the pod waits until both are bound', async () => {
  const setting = await start();
  const { client, clock } = setting;
  await setting.addNode('a');
  await setting.addNode('b');
  await client.create(storageClasses, {
    metadata: { name: 'local' },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
  });
  const matchFields = [{ key: 'metadata.name', operator: 'In' as const, values: ['b'] }];
  const volume = await client.create(persistentVolumes, {
    metadata: { name: 'disk' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'local',
      local: { path: '/disk' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchFields }] } },
    },
  });
  await client.update(persistentVolumes, { ...volume, status: { phase: 'Available' } }, { subresource: 'status' });
  const reference = { namespace: 'default', name: 'data' };
  await setting.create('pod', '1', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] });
  await clock.advance(100);
  const why = (await setting.pod('pod')).status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
  assert.equal(
    why,
    '0/2 nodes are available: persistentvolumeclaim "data" not found. ' +
      'no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
  );
  await client.create(persistentVolumeClaims, {
    metadata: reference,
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'local', resources: { requests: { storage: '1Gi' } } },
  });
  await clock.advance(3000);
  const { claimRef } = (await client.get(persistentVolumes, { namespace: '', name: 'disk' })).spec ?? {};
  assert.deepEqual([claimRef?.namespace, claimRef?.name], ['default', 'data']);
  assert.equal((await setting.pod('pod')).spec?.nodeName, undefined);
  // What the loop that binds volumes does.
  const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' };
  const body = { metadata: { annotations }, spec: { volumeName: 'disk' } };
  await client.patch(persistentVolumeClaims, reference, { type: 'merge', body });
  await clock.advance(3000);
  assert.equal((await setting.pod('pod')).spec?.nodeName, 'b');
  await setting.close();
});
