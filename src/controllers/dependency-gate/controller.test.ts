import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { deployments, events, jobs, pods } from '../../client/resources.ts';
import { inDefault, makeDeployment, startWorld, type World, writeCounter } from '../testing.ts';

function gated(name: string, waits: unknown): Deployment {
  const labels = { app: name };
  const annotations = { 'naru.io/depends-on': typeof waits === 'string' ? waits : JSON.stringify(waits) };
  const containers = [{ name: 'main', image: 'image' }];
  const spec = { schedulingGates: [{ name: 'naru.io/depends-on' }, { name: 'example.com/other' }], containers };
  return makeDeployment(name, { spec: { replicas: 1, template: { metadata: { labels, annotations }, spec } } });
}

async function gatesOf(world: World, app: string): Promise<string[]> {
  const pod = (await world.list<Pod>(pods)).find(({ metadata }) => metadata?.labels?.['app'] === app);
  return (pod?.spec?.schedulingGates ?? []).map(({ name }) => name);
}

async function told(world: World): Promise<string[]> {
  return (await world.list(events))
    .filter(({ reason }) => reason === 'WaitingForDependencies' || reason === 'InvalidDependencies')
    .map(({ message = '' }) => message)
    .toSorted();
}

test('a pod waits for a workload that comes later, and the gate goes when it is ready; gates of others stay', async () => {
  const world = await startWorld();
  await world.client.create(deployments, gated('web', [{ service: 'db', condition: 'service_healthy' }]));
  await world.clock.advance(5000);
  assert.deepEqual(await gatesOf(world, 'web'), ['naru.io/depends-on', 'example.com/other']);
  assert.deepEqual(await told(world), ['Waits for db, which is not there']);
  world.kubelet.readyMs = 20_000;
  await world.client.create(deployments, makeDeployment('db', { spec: { replicas: 1 } }));
  await world.clock.advance(10_000);
  assert.deepEqual(await gatesOf(world, 'web'), ['naru.io/depends-on', 'example.com/other']);
  assert.deepEqual(await told(world), [
    'Waits for db to be healthy: none of its pods is ready',
    'Waits for db, which is not there',
  ]);
  await world.clock.advance(20_000);
  assert.deepEqual(await gatesOf(world, 'web'), ['example.com/other']);
  await world.close();
});

test('a pod waits for a Job to complete, also over a restart of the loops', async () => {
  const world = await startWorld();
  await world.client.create(
    deployments,
    gated('web', [{ service: 'migrate', condition: 'service_completed_successfully' }]),
  );
  const containers = [{ name: 'main', image: 'image' }];
  const spec = { template: { spec: { restartPolicy: 'Never' as const, containers } } };
  await world.client.create(jobs, { metadata: inDefault('migrate'), spec });
  await world.clock.advance(10_000);
  assert.equal((await gatesOf(world, 'web')).length, 2);
  await world.restart(1000);
  await world.clock.advance(5000);
  assert.equal((await gatesOf(world, 'web')).length, 2);
  const worker = (await world.list<Pod>(pods)).find(({ metadata }) => metadata?.labels?.['job-name'] === 'migrate');
  const body = { status: { phase: 'Succeeded' } };
  await world.client.patch(
    pods,
    inDefault(worker?.metadata?.name ?? ''),
    { type: 'strategic', body },
    { subresource: 'status' },
  );
  await world.clock.advance(10_000);
  assert.deepEqual(await gatesOf(world, 'web'), ['example.com/other']);
  await world.close();
});

test('an annotation that cannot be read is told, once, and the pod waits', async () => {
  const world = await startWorld();
  await world.client.create(deployments, gated('web', 'db'));
  await world.clock.advance(5000);
  await world.client.create(deployments, makeDeployment('other', { spec: { replicas: 1 } }));
  await world.clock.advance(10_000);
  assert.equal((await gatesOf(world, 'web')).length, 2);
  assert.deepEqual(await told(world), ['The annotation naru.io/depends-on cannot be read: it is not JSON']);
  await world.close();
});

test('a gate that names nothing opens at once; pods without the gate are left alone', async () => {
  const writes = writeCounter();
  const world = await startWorld({ wrap: writes.wrap });
  await world.client.create(deployments, gated('web', []));
  await world.clock.advance(5000);
  assert.deepEqual(await gatesOf(world, 'web'), ['example.com/other']);
  writes.taken();
  const metadata = { ...inDefault('plain'), annotations: { 'naru.io/depends-on': '[{"service":"db"}]' } };
  await world.client.create(pods, { metadata, spec: { containers: [{ name: 'main', image: 'image' }] } });
  await world.clock.advance(5000);
  assert.equal((await world.get<Pod>(pods, 'plain'))?.status?.phase, 'Running');
  await world.close();
});
