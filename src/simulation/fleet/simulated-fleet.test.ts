import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '../../api/schema/types/coordination-v1.ts';
import type { Node, Pod, PodSpec } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { type ClientCall, interceptCalls } from '../../client/intercept.ts';
import { leases, namespaces, nodes, pods } from '../../client/resources.ts';
import { startTestApi } from '../../client/testing.ts';
import { outspokenCatalogue } from '../container-behaviour.ts';
import { countNodes, plainNodes, planNodes, readNodeTemplates, type SimulatedNodes } from '../node-template.ts';
import { SimulatedFleet } from './simulated-fleet.ts';

const template = (text: string): SimulatedNodes =>
  readNodeTemplates(`apiVersion: simulation.naru.dev/v1\nkind: SimulatedNodes\n${text}`);

async function startFleet(count: number, simulated: SimulatedNodes = plainNodes) {
  const api = await startTestApi();
  const { clock, prng, log, client, informers } = api;
  await client.create(namespaces, { metadata: { name: 'kube-node-lease' } });
  const calls: ClientCall[] = [];
  const own = interceptCalls(client, async (call) => void calls.push(call));
  const fleet = new SimulatedFleet({
    plans: planNodes(simulated, countNodes(simulated, count)),
    clientFor: () => own,
    pods: informers.informer(pods),
    nodes: informers.informer(nodes),
    catalogue: { ...outspokenCatalogue, stages: simulated.stages },
    events: simulated.events,
    clock,
    prng,
    log,
  });
  await informers.start();
  await fleet.start();
  await clock.advance(1000);
  const run = (spec: Partial<PodSpec> = {}, annotations = {}): Promise<Pod> =>
    client.create(pods, {
      metadata: { namespace: 'default', name: 'web', annotations },
      spec: { nodeName: 'simulated-1', containers: [{ name: 'app', image: 'app:1' }], ...spec },
    });
  const pod = (): Promise<Pod | undefined> =>
    client.get(pods, { namespace: 'default', name: 'web' }).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    });
  const phase = async (): Promise<string | undefined> => (await pod())?.status?.phase;
  const node = (name = 'simulated-1'): Promise<Node> => client.get(nodes, { namespace: '', name });
  const lease = (name = 'simulated-1'): Promise<Lease> => client.get(leases, { namespace: 'kube-node-lease', name });
  const close = async (): Promise<void> => {
    const closing = Promise.all([fleet.close(), informers.close()]);
    await clock.advance(20_000);
    await closing;
    await api.store.close();
  };
  return { ...api, fleet, calls, run, pod, phase, node, lease, close };
}

const timeOf = (lease: Lease): number => Date.parse(lease.spec?.renewTime ?? '');

test('all nodes join, are Ready, and have leases of their own', async () => {
  const api = await startFleet(60);
  const all = (await api.client.list(nodes)).items;
  assert.equal(all.length, 60);
  for (const { status } of all) {
    assert.equal(status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True');
  }
  const [owner] = (await api.lease('simulated-7')).metadata?.ownerReferences ?? [];
  assert.equal(owner?.uid, (await api.node('simulated-7')).metadata?.uid);
  await api.close();
});

test('an idle fleet writes a lease for each node in ten seconds, evenly, and a status in five minutes', async () => {
  const api = await startFleet(30);
  await api.clock.advance(20_000);
  api.calls.length = 0;
  const bySecond: number[] = [];
  for (let second = 0; second < 10; second++) {
    const before = api.calls.length;
    await api.clock.advance(1000);
    bySecond.push(api.calls.slice(before).filter(({ resource }) => resource.resource === 'leases').length);
  }
  assert.equal(
    bySecond.reduce((sum, count) => sum + count),
    30,
  );
  assert.ok(Math.max(...bySecond) <= 4, bySecond.join(' '));
  api.calls.length = 0;
  await api.clock.advance(300_000);
  const of = (resource: string) => api.calls.filter((call) => call.resource.resource === resource);
  assert.equal(of('leases').length, 900);
  assert.equal(of('nodes').length, 30);
  assert.equal(new Set(of('nodes').map(({ reference }) => reference.name)).size, 30);
  assert.equal(api.calls.length, 930);
  await api.close();
});

test('a pod starts, answers its probe, restarts after a crash, and ends with grace', async () => {
  const api = await startFleet(21);
  const readinessProbe = { httpGet: { port: 80 }, periodSeconds: 1 };
  const behaviour = '{"healthyAfterMs": 3000, "exitAfterMs": 8000, "exitCode": 3, "stopMs": 5000}';
  await api.run(
    {
      initContainers: [{ name: 'setup', image: 'setup:1' }],
      containers: [{ name: 'app', image: 'app:1', readinessProbe }],
    },
    { 'simulation.naru.dev/behaviour.app': behaviour },
  );
  const status = async () => (await api.pod())?.status?.containerStatuses?.[0];
  await api.clock.advance(1500);
  assert.equal(await api.phase(), 'Running');
  assert.equal((await status())?.ready, false);
  await api.clock.advance(4000);
  assert.equal((await status())?.ready, true);
  await api.clock.advance(6000);
  assert.equal((await status())?.lastState?.terminated?.exitCode, 3);
  assert.equal((await status())?.restartCount, 1);
  await api.client.delete(pods, { namespace: 'default', name: 'web' });
  await api.clock.advance(2000);
  assert.notEqual((await api.pod())?.metadata?.deletionTimestamp, undefined);
  await api.clock.advance(8000);
  assert.equal(await api.pod(), undefined);
  assert.deepEqual(api.fleet.node('simulated-1')?.runtime?.running(), []);
  await api.close();
});

test('a node says which images it has as soon as it has them, and holds nothing before its first pod', async () => {
  const api = await startFleet(21);
  assert.equal(api.fleet.node('simulated-1')?.runtime, undefined);
  await api.run();
  await api.clock.advance(11_000);
  assert.deepEqual((await api.node()).status?.images?.[0]?.names?.includes('app:1'), true);
  assert.equal(api.fleet.node('simulated-2')?.runtime, undefined);
  await api.close();
});

test('a node that somebody deleted is back at its next turn, with its lease', async () => {
  const api = await startFleet(21);
  await api.client.delete(nodes, { namespace: '', name: 'simulated-3' });
  await api.client.delete(leases, { namespace: 'kube-node-lease', name: 'simulated-3' });
  await api.clock.advance(11_000);
  assert.equal((await api.node('simulated-3')).metadata?.name, 'simulated-3');
  assert.ok(timeOf(await api.lease('simulated-3')) > 0);
  await api.close();
});

test('what somebody else wrote into a status is kept, and what is the node’s own is mended', async () => {
  const api = await startFleet(21);
  const node = await api.node();
  const conditions = (node.status?.conditions ?? []).map((one) =>
    one.type === 'Ready' ? { ...one, status: 'Unknown' } : one,
  );
  const other = { type: 'NetworkUnavailable', status: 'False' };
  const status = { ...node.status, conditions: [...conditions, other] };
  await api.client.update(nodes, { ...node, status }, { subresource: 'status' });
  await api.clock.advance(11_000);
  const after = (await api.node()).status?.conditions ?? [];
  assert.equal(after.find(({ type }) => type === 'Ready')?.status, 'True');
  assert.equal(after.find(({ type }) => type === 'NetworkUnavailable')?.status, 'False');
  await api.close();
});

test('a lost node falls silent; back, it takes up its pods and stops those that were deleted meanwhile', async () => {
  const lost = template('nodes: [{count: 21, stages: [{stage: lost, delay: 30s, for: 60s}]}]');
  const api = await startFleet(21, lost);
  await api.run();
  await api.clock.advance(31_000);
  assert.equal(await api.phase(), 'Running');
  const renewed = timeOf(await api.lease());
  const signal = new AbortController().signal;
  const call = () =>
    api.fleet.handlers.get('simulated-1')?.handle({ method: 'GET', path: '/healthz', headers: {}, signal });
  await assert.rejects(async () => call(), /node simulated-1 does not answer/);
  await api.client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
  await api.clock.advance(50_000);
  assert.equal(timeOf(await api.lease()), renewed);
  assert.equal(api.fleet.node('simulated-1')?.runtime?.running().length, 1);
  await api.clock.advance(25_000);
  assert.ok(timeOf(await api.lease()) > renewed);
  assert.deepEqual(api.fleet.node('simulated-1')?.runtime?.running(), []);
  assert.equal((await call())?.status, 200);
  await api.close();
});

test('a stage evicts a pod', async () => {
  const api = await startFleet(21, template('nodes: [{count: 21}]\nstages: [{stage: evict, delay: 10s}]'));
  await api.run();
  await api.clock.advance(5000);
  assert.equal(await api.phase(), 'Running');
  await api.clock.advance(10_000);
  const status = (await api.pod())?.status;
  assert.deepEqual([status?.phase, status?.reason], ['Failed', 'Evicted']);
  assert.match(status?.message ?? '', /^The node was low on resource: memory\./);
  await api.close();
});

test('a node whose writes fail tries again, with a back-off, and joins in the end', async () => {
  const failing = await startTestApi();
  const { clock, prng, log, client, informers } = failing;
  let isDown = true;
  const flaky = interceptCalls(client, async () => {
    if (isDown) throw new Error('injected');
  });
  await client.create(namespaces, { metadata: { name: 'kube-node-lease' } });
  const fleet = new SimulatedFleet({
    plans: planNodes(plainNodes, 30),
    clientFor: () => flaky,
    pods: informers.informer(pods),
    nodes: informers.informer(nodes),
    catalogue: outspokenCatalogue,
    events: 'all',
    clock,
    prng,
    log,
  });
  await informers.start();
  await fleet.start();
  await clock.advance(15_000);
  assert.equal((await client.list(nodes)).items.length, 0);
  isDown = false;
  await clock.advance(10_000);
  assert.equal((await client.list(nodes)).items.length, 30);
  assert.equal((await client.list(leases)).items.length, 30);
  const closing = Promise.all([fleet.close(), informers.close()]);
  await clock.advance(20_000);
  await closing;
});
