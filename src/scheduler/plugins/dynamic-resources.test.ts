import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec, PodStatus } from '../../api/schema/types/core-v1.ts';
import type {
  AllocatedDeviceStatus,
  Device,
  DeviceClassSpec,
  ResourceClaim,
} from '../../api/schema/types/resource-v1.ts';
import { internalError } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { type ClientCall, intercept, interceptCalls } from '../../client/intercept.ts';
import {
  deviceClasses,
  deviceTaintRules,
  events,
  nodes,
  podGroups,
  pods,
  resourceClaims,
  resourceSlices,
} from '../../client/resources.ts';
import { startTestApi, type TestApi } from '../../client/testing.ts';
import { alternatives, makeClaim, makeSlice, plainDevices, request, testDriver } from '../devices/testing.ts';
import { Scheduler } from '../scheduler.ts';

/** The first call of its kind is refused. */
function refusesOnce(isMeant: (call: ClientCall) => boolean): (client: Client) => Client {
  let isDone = false;
  return (client) =>
    interceptCalls(client, (call) => {
      if (isDone || !isMeant(call)) return Promise.resolve();
      isDone = true;
      return Promise.reject(internalError('refused for the test'));
    });
}

interface Setting extends TestApi {
  addNode(name: string, more?: Record<string, string>): Promise<void>;
  addSlice(node: string, devices: readonly Device[]): Promise<void>;
  addClass(name: string, spec?: DeviceClassSpec): Promise<void>;
  addClaim(claim: ResourceClaim): Promise<ResourceClaim>;
  addPod(name: string, claims: readonly string[], spec?: Partial<PodSpec>): Promise<Pod>;
  pod(name: string): Promise<Pod>;
  claim(name: string): Promise<ResourceClaim>;
  /** Why it has no node. */
  reason(name: string): Promise<string | undefined>;
  /** As a driver, or whoever may. */
  setStatus(name: string, change: (claim: ResourceClaim) => ResourceClaim['status']): Promise<void>;
  close(): Promise<void>;
}

async function start(wrap?: (client: Client) => Client): Promise<Setting> {
  const api = await startTestApi(wrap && { wrap });
  const scheduler = new Scheduler(api);
  await scheduler.start();
  await api.informers.start();
  await api.clock.advance(0);
  const { client } = api;
  const at = (name: string) => ({ namespace: 'default', name });
  const pod = (name: string): Promise<Pod> => client.get(pods, at(name));
  const claim = (name: string): Promise<ResourceClaim> => client.get(resourceClaims, at(name));
  const setting: Setting = {
    ...api,
    pod,
    claim,
    async addNode(name, more = {}) {
      await client.create(nodes, { metadata: { name } });
      const body = { spec: { taints: null } };
      const node = await client.patch(nodes, { namespace: '', name }, { type: 'merge', body });
      const status = { allocatable: { cpu: '8', memory: '8Gi', pods: '110', ...more } };
      await client.update(nodes, { ...node, status }, { subresource: 'status' });
    },
    async addSlice(node, devices) {
      await client.create(resourceSlices, makeSlice(node, devices));
    },
    async addClass(name, spec = {}) {
      await client.create(deviceClasses, { metadata: { name }, spec });
    },
    addClaim: ({ metadata, spec }) => {
      const { uid: _made, ...rest } = metadata ?? {};
      return client.create(resourceClaims, { metadata: rest, spec });
    },
    addPod: (name, claims, spec = {}) => {
      const containers = [{ name: 'main', image: 'image', resources: { requests: { cpu: '1' } } }];
      const entries = claims.map((resourceClaimName) => ({ name: resourceClaimName, resourceClaimName }));
      const resources = entries.length > 0 && { resourceClaims: entries };
      return client.create(pods, { metadata: at(name), spec: { containers, ...resources, ...spec } });
    },
    async reason(name) {
      const { status } = await pod(name);
      return status?.conditions?.find(({ type, status: value }) => type === 'PodScheduled' && value === 'False')
        ?.message;
    },
    async setStatus(name, change) {
      const current = await claim(name);
      const status = change(current);
      await client.update(resourceClaims, { ...current, ...(status && { status }) }, { subresource: 'status' });
    },
    async close() {
      await scheduler.close();
      await api.informers.close();
      await api.store.close();
      assert.equal(api.clock.pending, 0);
    },
  };
  return setting;
}

const slow: Device = {
  name: 'gpu-0',
  bindsToNode: true,
  bindingConditions: ['ready'],
  bindingFailureConditions: ['broken'],
};

const devicesOf = ({ status }: ResourceClaim): string[] =>
  (status?.allocation?.devices?.results ?? []).map(({ pool, device }) => `${pool}/${device}`);

const usersOf = ({ status }: ResourceClaim): string[] => (status?.reservedFor ?? []).map(({ name }) => name);

const nodeOf = async (setting: Setting, name: string): Promise<string | undefined> =>
  (await setting.pod(name)).spec?.nodeName;

/** Each of the nodes has so many devices of the class `gpu`. */
async function startWithDevices(count: number, ...names: readonly string[]): Promise<Setting> {
  const setting = await start();
  for (const name of names) {
    await setting.addNode(name);
    await setting.addSlice(name, plainDevices(count));
  }
  await setting.addClass('gpu');
  return setting;
}

test('a pod goes where its devices are, and its claim says which they are and whose', async () => {
  const setting = await start();
  for (const name of ['a', 'b', 'c']) await setting.addNode(name);
  await setting.addSlice('b', plainDevices(2));
  await setting.addClass('gpu');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.addPod('pod', ['claim']);
  await setting.clock.advance(1000);
  assert.equal(await nodeOf(setting, 'pod'), 'b');
  const claim = await setting.claim('claim');
  assert.deepEqual(devicesOf(claim), ['b/gpu-0']);
  assert.deepEqual(usersOf(claim), ['pod']);
  assert.deepEqual(claim.metadata?.finalizers, ['resource.kubernetes.io/delete-protection']);
  assert.notEqual(claim.status?.allocation?.allocationTimestamp, undefined);
  assert.deepEqual(claim.status?.allocation?.nodeSelector?.nodeSelectorTerms[0]?.matchFields?.[0]?.values, ['b']);
  await setting.close();
});

test('no device is given to two claims, however fast pods come', async () => {
  const setting = await startWithDevices(3, 'a', 'b');
  const names = Array.from({ length: 9 }, (_, index) => `p${index}`);
  for (const name of names) await setting.addClaim(makeClaim(name, [request('r')]));
  await Promise.all(names.map((name) => setting.addPod(name, [name])));
  await setting.clock.advance(30_000);
  const given = (await Promise.all(names.map((name) => setting.claim(name)))).flatMap(devicesOf);
  assert.deepEqual(
    given.toSorted(),
    ['a', 'b'].flatMap((node) => [0, 1, 2].map((index) => `${node}/gpu-${index}`)),
  );
  const waiting = (await setting.client.list(pods)).items.filter(({ spec }) => !spec?.nodeName);
  assert.equal(waiting.length, 3);
  assert.equal(
    await setting.reason(waiting[0]?.metadata?.name ?? ''),
    '0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
  );
  await setting.close();
});

test('a pod does not enter the queue before its claims are there', async () => {
  const setting = await startWithDevices(2, 'a');
  await setting.addPod('named', ['claim']);
  await setting.addPod('made', [], { resourceClaims: [{ name: 'mine', resourceClaimTemplateName: 'template' }] });
  await setting.clock.advance(5000);
  assert.equal(await nodeOf(setting, 'named'), undefined);
  assert.equal(await setting.reason('named'), undefined, 'nothing was tried');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.clock.advance(1000);
  assert.equal(await nodeOf(setting, 'named'), 'a');
  const owner = await setting.pod('made');
  const reference = { apiVersion: 'v1', kind: 'Pod', name: 'made', uid: owner.metadata?.uid ?? '', controller: true };
  const claim = makeClaim('made-mine-x', [request('r')]);
  await setting.addClaim({ ...claim, metadata: { ...claim.metadata, ownerReferences: [reference] } });
  await setting.clock.advance(5000);
  assert.equal(await nodeOf(setting, 'made'), undefined, 'nobody said that the claim is for it');
  const resourceClaimStatuses = [{ name: 'mine', resourceClaimName: 'made-mine-x' }];
  const status: PodStatus = { ...owner.status, resourceClaimStatuses };
  await setting.client.update(pods, { ...(await setting.pod('made')), status }, { subresource: 'status' });
  await setting.clock.advance(1000);
  assert.equal(await nodeOf(setting, 'made'), 'a');
  await setting.close();
});

test('what keeps a pod waiting is told, and it goes on when that has changed', async () => {
  const setting = await start();
  await setting.addNode('a');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.addPod('pod', ['claim']);
  await setting.clock.advance(1000);
  assert.match(
    (await setting.reason('pod')) ?? '',
    /^0\/1 nodes are available: request r: device class gpu does not exist\./,
  );
  await setting.addClass('gpu');
  await setting.clock.advance(12_000);
  assert.match((await setting.reason('pod')) ?? '', /^0\/1 nodes are available: 1 cannot allocate all claims\./);
  await setting.addSlice('a', plainDevices(1));
  await setting.clock.advance(12_000);
  assert.equal(await nodeOf(setting, 'pod'), 'a');
  await setting.close();
});

test('pods share a claim, where it is; the second waits until its devices are written', async () => {
  const setting = await startWithDevices(1, 'a', 'b');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  for (const name of ['one', 'two', 'three']) await setting.addPod(name, ['claim']);
  await setting.clock.advance(15_000);
  const claim = await setting.claim('claim');
  assert.deepEqual(usersOf(claim).toSorted(), ['one', 'three', 'two']);
  const [device = ''] = devicesOf(claim);
  for (const name of ['one', 'two', 'three']) assert.equal(await nodeOf(setting, name), device[0]);
  await setting.close();
});

test('devices that become free go to whoever waits for them', async () => {
  const setting = await startWithDevices(1, 'a');
  for (const name of ['first', 'second']) {
    await setting.addClaim(makeClaim(name, [request('r')]));
    await setting.addPod(name, [name]);
    await setting.clock.advance(1000);
  }
  assert.equal(await nodeOf(setting, 'second'), undefined);
  await setting.client.delete(pods, { namespace: 'default', name: 'first' }, { gracePeriodSeconds: 0 });
  await setting.setStatus('first', () => ({}));
  await setting.clock.advance(12_000);
  assert.equal(await nodeOf(setting, 'second'), 'a');
  assert.deepEqual(devicesOf(await setting.claim('second')), ['a/gpu-0']);
  await setting.close();
});

test('a claim that nobody uses gives its devices back where the pod cannot be there', async () => {
  const setting = await startWithDevices(1, 'a', 'b');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.addPod('gone', ['claim'], { nodeSelector: { 'kubernetes.io/hostname': 'a' } });
  const node = await setting.client.get(nodes, { namespace: '', name: 'a' });
  const labels = { ...node.metadata?.labels, 'kubernetes.io/hostname': 'a' };
  await setting.client.update(nodes, { ...node, metadata: { ...node.metadata, labels } });
  await setting.clock.advance(12_000);
  assert.equal(await nodeOf(setting, 'gone'), 'a');
  await setting.client.delete(pods, { namespace: 'default', name: 'gone' }, { gracePeriodSeconds: 0 });
  await setting.setStatus('claim', ({ status }) => ({ ...status, reservedFor: [] }));
  await setting.client.patch(
    nodes,
    { namespace: '', name: 'a' },
    { type: 'merge', body: { spec: { unschedulable: true } } },
  );
  await setting.clock.advance(0);
  await setting.addPod('pod', ['claim']);
  await setting.clock.advance(12_000);
  const told = (await setting.client.list(events)).items.map(({ message }) => message);
  assert.ok(
    told.includes(
      '0/2 nodes are available: 1 node(s) were unschedulable, 1 resourceclaim not available on the node. deallocation of ResourceClaim completed, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
    ),
  );
  assert.equal(await nodeOf(setting, 'pod'), 'b');
  assert.deepEqual(devicesOf(await setting.claim('claim')), ['b/gpu-0']);
  await setting.close();
});

test('a claim with as many users as it can have keeps further pods waiting', async () => {
  const setting = await startWithDevices(1, 'a');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.addPod('first', ['claim']);
  await setting.clock.advance(1000);
  const reservedFor = Array.from({ length: 256 }, (_, at) => ({ resource: 'pods', name: `p${at}`, uid: `u${at}` }));
  await setting.setStatus('claim', ({ status }) => ({ ...status, reservedFor }));
  await setting.addPod('late', ['claim']);
  await setting.clock.advance(1000);
  assert.match((await setting.reason('late')) ?? '', /^0\/1 nodes are available: resourceclaim in use\./);
  await setting.close();
});

test('a binding that fails takes the reservation back, and another attempt has the devices', async () => {
  const setting = await start(refusesOnce(({ subresource }) => subresource === 'binding'));
  await setting.addNode('a');
  await setting.addSlice('a', plainDevices(1));
  await setting.addClass('gpu');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.addPod('pod', ['claim']);
  await setting.clock.advance(500);
  assert.deepEqual(usersOf(await setting.claim('claim')), []);
  assert.deepEqual(devicesOf(await setting.claim('claim')), ['a/gpu-0'], 'they stay the claim’s');
  await setting.clock.advance(12_000);
  assert.equal(await nodeOf(setting, 'pod'), 'a');
  assert.deepEqual(usersOf(await setting.claim('claim')), ['pod']);
  await setting.close();
});

test('devices that cannot be written are free again', async () => {
  const setting = await start(
    refusesOnce(({ resource, subresource }) => resource.resource === 'resourceclaims' && subresource === 'status'),
  );
  await setting.addNode('a');
  await setting.addSlice('a', plainDevices(1));
  await setting.addClass('gpu');
  for (const name of ['first', 'second']) {
    await setting.addClaim(makeClaim(name, [request('r')]));
    await setting.addPod(name, [name]);
  }
  await setting.clock.advance(15_000);
  const given = [...devicesOf(await setting.claim('first')), ...devicesOf(await setting.claim('second'))];
  assert.deepEqual(given, ['a/gpu-0']);
  await setting.close();
});

test('devices that one claim does not get after all go to whoever waits for them', async () => {
  const setting = await start((client) =>
    interceptCalls(client, ({ verb, resource, reference, subresource }) =>
      verb === 'update' && resource === resourceClaims && reference.name === 'first' && subresource === 'status'
        ? setting.clock.sleep(500).then(() => Promise.reject(internalError('refused for the test')))
        : Promise.resolve(),
    ),
  );
  await setting.addNode('a');
  await setting.addSlice('a', plainDevices(1));
  await setting.addClass('gpu');
  for (const name of ['first', 'second']) await setting.addClaim(makeClaim(name, [request('r')]));
  await setting.addPod('first', ['first']);
  await setting.clock.advance(100);
  await setting.addPod('second', ['second']);
  await setting.clock.advance(100);
  assert.match((await setting.reason('second')) ?? '', /cannot allocate all claims/);
  await setting.clock.advance(1300);
  assert.equal(await nodeOf(setting, 'second'), 'a');
  await setting.close();
});

test('many pods that wait for their devices do not hold up others', async () => {
  const setting = await start();
  await setting.addNode('a', { pods: '500', cpu: '500' });
  const many = Array.from({ length: 260 }, (_, index) => `p${index}`);
  await setting.addClass('gpu');
  await setting.addSlice('a', [{ ...slow, allowMultipleAllocations: true }]);
  for (const name of many) await setting.addClaim(makeClaim(name, [request('r')]));
  for (const name of many) await setting.addPod(name, [name]);
  await setting.addPod('plain', []);
  await setting.clock.advance(2000);
  assert.equal(await nodeOf(setting, 'plain'), 'a');
  assert.equal(await nodeOf(setting, 'p259'), undefined);
  await setting.close();
});

test('a pod that goes while its devices are made ready is waited for no longer', async () => {
  const setting = await start();
  await setting.addNode('a');
  await setting.addSlice('a', [slow]);
  await setting.addClass('gpu');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.clock.advance(1000);
  const timers = setting.clock.pending;
  await setting.addPod('pod', ['claim']);
  await setting.clock.advance(10_000);
  // One for the devices, and one for the event that says so, which may become a series.
  assert.equal(setting.clock.pending, timers + 2);
  await setting.client.delete(pods, { namespace: 'default', name: 'pod' }, { gracePeriodSeconds: 0 });
  await setting.setStatus('claim', ({ status }) => ({ ...status, reservedFor: [] }));
  await setting.clock.advance(10_000);
  assert.equal(setting.clock.pending, timers + 1);
  await setting.close();
});

test('gangs whose devices are not all there take none, wake nobody, and are placed when they are', async () => {
  const setting = await startWithDevices(1, 'a');
  for (const group of ['g', 'h']) {
    const metadata = { namespace: 'default', name: group };
    await setting.client.create(podGroups, { metadata, spec: { schedulingPolicy: { gang: { minCount: 2 } } } });
    for (const name of [`${group}-0`, `${group}-1`]) {
      await setting.addClaim(makeClaim(name, [request('r')]));
      await setting.addPod(name, [name], { schedulingGroup: { podGroupName: group } });
    }
  }
  await setting.clock.advance(20_000);
  const refusals = async (): Promise<number> =>
    (await setting.client.list(events)).items
      .filter(({ reason }) => reason === 'FailedScheduling')
      .reduce((sum, { count = 1 }) => sum + count, 0);
  const before = await refusals();
  await setting.clock.advance(120_000);
  assert.equal(await refusals(), before, 'nobody asked again');
  const given = async (): Promise<string[]> =>
    (await setting.client.list(resourceClaims)).items.flatMap(devicesOf).toSorted();
  assert.deepEqual(await given(), []);
  await setting.client.create(resourceSlices, makeSlice('more', plainDevices(1), { nodeName: 'a' }));
  await setting.clock.advance(30_000);
  assert.deepEqual(await given(), ['a/gpu-0', 'more/gpu-0']);
  const placed = (await setting.client.list(pods)).items.filter(({ spec }) => spec?.nodeName);
  assert.equal(new Set(placed.map(({ spec }) => spec?.schedulingGroup?.podGroupName)).size, 1);
  assert.equal(placed.length, 2);
  await setting.close();
});

test('a device is given once, also while the cache lags', async () => {
  const held: (() => void)[] = [];
  let isLate = false;
  const setting = await start((client) =>
    intercept(client, {
      watch: (real) => (resource, query, handler) => {
        const event: typeof handler.event = (change) => {
          if (isLate && resource.resource === 'resourceclaims') held.push(() => handler.event(change));
          else handler.event(change);
        };
        return real.watch(resource, query, { event, end: (error) => handler.end(error) });
      },
    }),
  );
  await setting.addNode('a');
  await setting.addSlice('a', plainDevices(1));
  await setting.addClass('gpu');
  for (const name of ['first', 'second', 'third']) await setting.addClaim(makeClaim(name, [request('r')]));
  await setting.clock.advance(0);
  isLate = true;
  await setting.addPod('first', ['first']);
  await setting.clock.advance(1000);
  await setting.addPod('second', ['second']);
  await setting.clock.advance(30_000);
  assert.deepEqual(devicesOf(await setting.claim('first')), ['a/gpu-0']);
  assert.deepEqual(devicesOf(await setting.claim('second')), []);
  // The finalizer is told first: a form of the claim without devices, which is older than what was written.
  held.shift()?.();
  await setting.addPod('third', ['third']);
  await setting.clock.advance(30_000);
  assert.deepEqual(devicesOf(await setting.claim('third')), []);
  isLate = false;
  for (const release of held.splice(0)) release();
  await setting.clock.advance(30_000);
  assert.deepEqual(devicesOf(await setting.claim('third')), []);
  assert.deepEqual(devicesOf(await setting.claim('second')), []);
  await setting.close();
});

test('whoever writes to a claim at the same time is not overwritten', async () => {
  let isFirst = true;
  const setting = await start((client) =>
    interceptCalls(client, async ({ verb, resource, reference }) => {
      if (!isFirst || verb !== 'update' || resource.resource !== 'resourceclaims') return;
      isFirst = false;
      const body = { metadata: { labels: { other: 'label' } } };
      await client.patch(resourceClaims, reference, { type: 'merge', body });
    }),
  );
  await setting.addNode('a');
  await setting.addSlice('a', plainDevices(1));
  await setting.addClass('gpu');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.addPod('pod', ['claim']);
  await setting.clock.advance(1000);
  assert.equal(await nodeOf(setting, 'pod'), 'a');
  assert.deepEqual((await setting.claim('claim')).metadata?.labels, { other: 'label' });
  await setting.close();
});

test('of the nodes the one that has what is wanted first is preferred', async () => {
  const setting = await start();
  await setting.addClass('gpu');
  await setting.addClass('fast', {
    selectors: [{ cel: { expression: `has(device.attributes["${testDriver}"].fast)` } }],
  });
  for (const name of ['a', 'b', 'c', 'd']) await setting.addNode(name);
  await setting.addSlice('a', plainDevices(4));
  await setting.addSlice('b', plainDevices(4));
  await setting.addSlice('c', [{ name: 'gpu-0', attributes: { fast: { bool: true } } }]);
  await setting.addSlice('d', plainDevices(4));
  await setting.addClaim(makeClaim('claim', [alternatives('r', { deviceClassName: 'fast' }, {})]));
  await setting.addPod('pod', ['claim']);
  await setting.clock.advance(1000);
  assert.equal(await nodeOf(setting, 'pod'), 'c');
  assert.equal((await setting.claim('claim')).status?.allocation?.devices?.results?.[0]?.request, 'r/sub-0');
  await setting.close();
});

test('a rule that taints devices keeps pods off them, and its end lets them on', async () => {
  const setting = await startWithDevices(1, 'a');
  const taint = { key: 'sick', effect: 'NoSchedule' } as const;
  const spec = { deviceSelector: { driver: testDriver, device: 'gpu-0' }, taint };
  await setting.client.create(deviceTaintRules, { metadata: { name: 'rule' }, spec });
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.addPod('pod', ['claim']);
  await setting.clock.advance(1000);
  assert.match((await setting.reason('pod')) ?? '', /cannot allocate all claims/);
  await setting.client.delete(deviceTaintRules, { namespace: '', name: 'rule' });
  await setting.clock.advance(12_000);
  assert.equal(await nodeOf(setting, 'pod'), 'a');
  await setting.close();
});

function reported(claim: ResourceClaim, type: string): AllocatedDeviceStatus[] {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const condition = { type, status: 'True', reason: 'Because', message: 'so it is', lastTransitionTime } as const;
  return (claim.status?.allocation?.devices?.results ?? []).map(({ driver, pool, device }) => ({
    driver,
    pool,
    device,
    conditions: [condition],
  }));
}

test('a pod is bound when its devices are ready, and not before', async () => {
  const setting = await start();
  await setting.addNode('a');
  await setting.addSlice('a', [slow]);
  await setting.addClass('gpu');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.addPod('pod', ['claim']);
  await setting.clock.advance(60_000);
  assert.equal(await nodeOf(setting, 'pod'), undefined);
  assert.deepEqual(usersOf(await setting.claim('claim')), ['pod']);
  const told = (await setting.client.list(events)).items.map(({ reason, message }) => `${reason}: ${message}`);
  assert.ok(told.includes('BindingConditionsPending: waiting for binding conditions for device on node a'));
  const claim = await setting.claim('claim');
  await setting.setStatus('claim', ({ status }) => ({ ...status, devices: reported(claim, 'ready') }));
  await setting.clock.advance(10);
  assert.equal(await nodeOf(setting, 'pod'), 'a');
  await setting.close();
});

test('devices that fail, or are not ready in time, are given up for others', async () => {
  for (const isTold of [true, false]) {
    const setting = await start();
    await setting.addNode('a');
    await setting.addSlice('a', [slow]);
    await setting.addClass('gpu');
    await setting.addClaim(makeClaim('claim', [request('r')]));
    await setting.addPod('pod', ['claim']);
    await setting.clock.advance(1000);
    await setting.addNode('b');
    await setting.addSlice('b', plainDevices(1));
    await setting.clock.advance(1000);
    const claim = await setting.claim('claim');
    assert.deepEqual(devicesOf(claim), ['a/gpu-0']);
    if (isTold) await setting.setStatus('claim', ({ status }) => ({ ...status, devices: reported(claim, 'broken') }));
    await setting.clock.advance(isTold ? 30_000 : 630_000);
    assert.equal(await nodeOf(setting, 'pod'), 'b', isTold ? 'failed' : 'late');
    assert.deepEqual(devicesOf(await setting.claim('claim')), ['b/gpu-0']);
    await setting.close();
  }
});

test('a scheduler that closes does not wait for devices', async () => {
  const setting = await start();
  await setting.addNode('a');
  await setting.addSlice('a', [slow]);
  await setting.addClass('gpu');
  await setting.addClaim(makeClaim('claim', [request('r')]));
  await setting.addPod('pod', ['claim']);
  await setting.clock.advance(1000);
  await setting.close();
});

const asking = (amount: string, resource: string): Partial<PodSpec> => ({
  containers: [
    { name: 'main', image: 'image', resources: { requests: { [resource]: amount }, limits: { [resource]: amount } } },
  ],
});

test('an extended resource comes as devices where a node has none of it itself', async () => {
  const setting = await start();
  await setting.addNode('a');
  await setting.addSlice('a', plainDevices(3));
  await setting.addPod('early', [], asking('2', 'example.com/gpu'));
  await setting.clock.advance(1000);
  assert.match((await setting.reason('early')) ?? '', /1 Insufficient example.com\/gpu/);
  await setting.addClass('gpu', { extendedResourceName: 'example.com/gpu' });
  await setting.clock.advance(12_000);
  const pod = await setting.pod('early');
  assert.equal(pod.spec?.nodeName, 'a');
  const { resourceClaimName = '', requestMappings } = pod.status?.extendedResourceClaimStatus ?? {};
  assert.match(resourceClaimName, /^early-extended-resources-/);
  const requestName = 'container-0-request-0';
  assert.deepEqual(requestMappings, [{ containerName: 'main', resourceName: 'example.com/gpu', requestName }]);
  const claim = await setting.claim(resourceClaimName);
  assert.deepEqual(devicesOf(claim), ['a/gpu-0', 'a/gpu-1']);
  assert.deepEqual(usersOf(claim), ['early']);
  assert.equal(claim.metadata?.annotations?.['resource.kubernetes.io/extended-resource-claim'], 'true');
  await setting.addPod('late', [], asking('2', 'example.com/gpu'));
  await setting.clock.advance(1000);
  assert.match((await setting.reason('late')) ?? '', /1 cannot allocate all claims\. still not schedulable/);
  await setting.close();
});

test('a node that has the resource itself gives it without devices', async () => {
  const setting = await start();
  await setting.addNode('a', { 'example.com/gpu': '1' });
  await setting.addClass('gpu', { extendedResourceName: 'example.com/gpu' });
  for (const name of ['first', 'second']) await setting.addPod(name, [], asking('1', 'example.com/gpu'));
  await setting.clock.advance(1000);
  const placed = (await setting.client.list(pods)).items.filter(({ spec }) => spec?.nodeName);
  assert.equal(placed.length, 1);
  assert.equal((await setting.client.list(resourceClaims)).items.length, 0);
  await setting.close();
});

test('the claim for extended resources goes where the pod was not bound, and another attempt makes another', async () => {
  const setting = await start(refusesOnce(({ subresource }) => subresource === 'binding'));
  await setting.addNode('a');
  await setting.addSlice('a', plainDevices(1));
  await setting.addClass('gpu', { extendedResourceName: 'example.com/gpu' });
  await setting.addPod('pod', [], asking('1', 'example.com/gpu'));
  await setting.clock.advance(500);
  assert.equal((await setting.client.list(resourceClaims)).items.length, 0);
  await setting.clock.advance(12_000);
  assert.equal(await nodeOf(setting, 'pod'), 'a');
  assert.equal((await setting.client.list(resourceClaims)).items.length, 1);
  await setting.close();
});
