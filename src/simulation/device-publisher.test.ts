import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../client/client.ts';
import { inProcessClient } from '../client/in-process-client.ts';
import {
  deviceClasses,
  deviceTaintRules,
  namespaces,
  nodes,
  pods,
  resourceClaims,
  resourceClaimTemplates,
  resourceSlices,
} from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import { allControllers } from '../controllers/index.ts';
import { makeClaimTemplate, makePodWithClaims } from '../controllers/resource-claim/testing.ts';
import type { Service } from '../lib/service.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { storeAuthorization } from '../server/authorization/store-authorization.ts';
import { countNodes, readNodeTemplates } from './node-template.ts';
import { simulatedNodes } from './simulated-nodes.ts';

const templateOf = (nodesText: string) =>
  readNodeTemplates(`apiVersion: simulation.naru.dev/v1\nkind: SimulatedNodes\nnodes: ${nodesText}`);

/** Nodes that act as themselves, with the rights that nodes have; and who else is asked for. */
async function start(nodesText: string, others: (api: TestApi) => readonly Service[] = () => []) {
  const api = await startTestApi();
  const { authorizer, services: indexes } = storeAuthorization(api.store);
  for (const index of indexes) await index.start();
  await api.client.create(namespaces, { metadata: { name: 'kube-node-lease' } });
  const clientFor = (node: string): Client => {
    const user = { name: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] };
    return inProcessClient({ handler: api.registry, authorizer, user, resources: api.resources });
  };
  const template = templateOf(nodesText);
  const informers = { pods: api.informers.informer(pods), nodes: api.informers.informer(nodes) };
  const count = countNodes(template, undefined);
  const { services } = simulatedNodes({ ...api, ...informers, template, count, clientFor, home: '/nonexistent' });
  const started = [api.informers, ...services, ...others(api)];
  for (const service of started) await service.start();
  await api.clock.advance(5_000);
  const published = async (): Promise<readonly string[]> =>
    (await api.client.list(resourceSlices)).items.map(({ metadata }) => metadata?.name ?? '').toSorted();
  const close = async (): Promise<void> => {
    const closing = (async () => {
      for (const service of [...indexes, ...started].toReversed()) await service.close();
    })();
    await api.clock.advance(20_000);
    await closing;
    await api.store.close();
  };
  return { ...api, published, close };
}

for (const [kind, count] of [
  ['whole agents', 2],
  ['a fleet', 21],
] as const) {
  test(`${kind} publish the devices of each node, and publish them anew for a new Node`, async () => {
    const api = await start(`[{name: gpu, count: ${count}, devices: [{driver: a.b, count: 3}]}]`);
    assert.equal((await api.published()).length, count);
    const reference = { namespace: '', name: 'gpu-1-a.b-0' };
    const { metadata, spec } = await api.client.get(resourceSlices, reference);
    const node = await api.client.get(nodes, { namespace: '', name: 'gpu-1' });
    assert.deepEqual([spec.nodeName, spec.devices?.length], ['gpu-1', 3]);
    assert.equal(metadata?.ownerReferences?.[0]?.uid, node.metadata?.uid);

    await api.client.delete(nodes, { namespace: '', name: 'gpu-1' });
    await api.client.delete(resourceSlices, reference);
    await api.clock.advance(60_000);
    const again = await api.client.get(nodes, { namespace: '', name: 'gpu-1' });
    assert.notEqual(again.metadata?.uid, node.metadata?.uid);
    const anew = await api.client.get(resourceSlices, reference);
    assert.equal(anew.metadata?.ownerReferences?.[0]?.uid, again.metadata?.uid);
    await api.close();
  });
}

test('nodes without devices publish nothing', async () => {
  const api = await start('[{name: plain, count: 2}]');
  assert.deepEqual(await api.published(), []);
  await api.close();
});

test('pods get devices of simulated nodes, wait for one that is free, and lose a broken one', async () => {
  const api = await start('[{name: gpu, count: 2, devices: [{driver: a.b}]}]', (world) => [
    ...allControllers({ ...world, rootCa: 'CA' }),
    new Scheduler(world),
  ]);
  const { client, clock } = api;
  const phases = async (): Promise<readonly string[]> =>
    (await client.list(pods)).items.map(({ metadata, status }) => `${metadata?.name} ${status?.phase}`).toSorted();
  const given = async (): Promise<number> =>
    (await client.list(resourceClaims)).items.filter(({ status }) => status?.allocation !== undefined).length;
  const expression = 'device.driver == "a.b"';
  await client.create(deviceClasses, { metadata: { name: 'gpu' }, spec: { selectors: [{ cel: { expression } }] } });
  await client.create(resourceClaimTemplates, makeClaimTemplate('template'));
  for (const name of ['one', 'three', 'two']) {
    await client.create(pods, makePodWithClaims(name, { name: 'gpu', resourceClaimTemplateName: 'template' }));
    await clock.advance(5_000);
  }
  assert.deepEqual(await phases(), ['one Running', 'three Running', 'two Pending']);
  assert.equal(await given(), 2);

  await client.delete(pods, { namespace: 'default', name: 'one' });
  await clock.advance(60_000);
  assert.deepEqual(await phases(), ['three Running', 'two Running']);

  const { items } = await client.list(pods);
  const broken = items.find(({ metadata }) => metadata?.name === 'two')?.spec?.nodeName ?? '';
  const spec = { deviceSelector: { pool: broken }, taint: { key: 'broken', effect: 'NoExecute' as const } };
  await client.create(deviceTaintRules, { metadata: { name: 'broken' }, spec });
  await clock.advance(60_000);
  assert.deepEqual(await phases(), ['three Running']);
  assert.equal(await given(), 1);
  await api.close();
});
