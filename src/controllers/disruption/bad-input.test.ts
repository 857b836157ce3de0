/** Budgets over pods that nobody can count, or that several budgets claim. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';
import type { PodDisruptionBudgetSpec } from '../../api/schema/types/policy-v1.ts';
import { timedOut } from '../../client/errors.ts';
import { intercept } from '../../client/intercept.ts';
import { events, podDisruptionBudgets, pods } from '../../client/resources.ts';
import { startTestApi } from '../../client/testing.ts';
import { inDefault, startWorld, type World } from '../testing.ts';
import { disruptionControllers } from './controller.ts';

const podOf = (name: string, labels: Record<string, string>, owner?: OwnerReference): Pod => ({
  metadata: { ...inDefault(name), labels, ...(owner && { ownerReferences: [owner] }) },
  spec: { containers: [{ name: 'c', image: 'i' }] },
});

const createBudget = (world: World, name: string, spec: PodDisruptionBudgetSpec) =>
  world.client.create(podDisruptionBudgets, { metadata: inDefault(name), spec });

const saidOf = async (world: World, wanted: string) =>
  (await world.list(events))
    .filter(({ reason }) => reason === wanted)
    .map(({ involvedObject, message }) => `${involvedObject.kind} ${involvedObject.name}: ${message}`);

test('pods of a controller that nobody knows stop all evictions, and both the budget and an event say why', async () => {
  const world = await startWorld();
  const labels = { app: 'web' };
  const owner = { apiVersion: 'apps.test.io/v1', kind: 'TestWorkload', name: 'w', uid: 'b7329742', controller: true };
  await world.client.create(pods, podOf('a', labels, owner));
  await createBudget(world, 'web', { selector: { matchLabels: labels }, minAvailable: '28%' });
  await world.clock.advance(3000);
  const { disruptionsAllowed, conditions = [] } = (await world.get(podDisruptionBudgets, 'web'))?.status ?? {};
  const why = 'no matches for kind "TestWorkload" in version "apps.test.io/v1"';
  assert.deepEqual(
    [disruptionsAllowed, conditions[0]?.type, conditions[0]?.status, conditions[0]?.reason, conditions[0]?.message],
    [0, 'DisruptionAllowed', 'False', 'SyncFailed', why],
  );
  assert.deepEqual(await saidOf(world, 'CalculateExpectedPodCountFailed'), [
    `PodDisruptionBudget web: Failed to calculate the number of expected pods: ${why}`,
  ]);
  await world.close();
});

test('a pod of several budgets is told of, and each of them counts it', async () => {
  const world = await startWorld();
  const labels = { app: 'web' };
  for (const name of ['first', 'second']) {
    await createBudget(world, name, { selector: { matchLabels: labels }, minAvailable: 0 });
  }
  await world.client.create(pods, podOf('a', labels));
  await world.client.create(pods, podOf('other', { app: 'shop' }));
  await world.clock.advance(5000);
  const text = 'Pod "default"/"a" matches multiple PodDisruptionBudgets.  Chose "first" arbitrarily.';
  assert.deepEqual([...new Set(await saidOf(world, 'MultiplePodDisruptionBudgets'))], [`Pod a: ${text}`]);
  for (const name of ['first', 'second']) {
    assert.equal((await world.get(podDisruptionBudgets, name))?.status?.disruptionsAllowed, 1);
  }
  await world.close();
});

test('while the server does not say what a controller wants, nobody may go; then it is counted', async () => {
  let answers = true;
  const owner = { apiVersion: 'example.com/v1', kind: 'Robot', name: 'r', uid: 'robot', controller: true };
  const api = await startTestApi({
    wrap: (client) =>
      intercept(client, {
        get: (real) => async (resource, reference, options) => {
          if (options?.subresource !== 'scale') return real.get(resource, reference, options);
          if (!answers) throw timedOut('nobody home');
          return { metadata: { ...reference, uid: owner.uid }, spec: { replicas: 3 } } as never;
        },
      }),
  });
  const [known] = [...api.resources.all];
  assert.ok(known !== undefined);
  const names = { group: 'example.com', version: 'v1', kind: 'Robot', resource: 'robots', singular: 'robot' };
  const robots = { ...known, ...names, subresources: [{ name: 'scale', verbs: ['get'] as const }] };
  const services = [api.informers, ...disruptionControllers({ ...api, rootCa: 'CA', resources: { all: [robots] } })];
  for (const service of services) await service.start();
  const { client, clock } = api;
  const labels = { app: 'web' };
  const conditions = [{ type: 'Ready', status: 'True' }];
  for (const name of ['a', 'b', 'c']) {
    await client.create(pods, podOf(name, labels, owner));
    const patch = { type: 'strategic', body: { status: { phase: 'Running', conditions } } } as const;
    await client.patch(pods, inDefault(name), patch, { subresource: 'status' });
  }
  const spec = { selector: { matchLabels: labels }, maxUnavailable: 1 };
  await client.create(podDisruptionBudgets, { metadata: inDefault('web'), spec });
  await clock.advance(5000);
  const shown = async () => {
    const { status } = await client.get(podDisruptionBudgets, inDefault('web'));
    return [status?.expectedPods, status?.disruptionsAllowed, status?.conditions?.[0]?.reason];
  };
  assert.deepEqual(await shown(), [3, 1, 'SufficientPods']);
  answers = false;
  const body = { metadata: { annotations: { touched: 'yes' } } };
  await client.patch(pods, inDefault('a'), { type: 'merge', body });
  await clock.advance(5000);
  assert.deepEqual(await shown(), [3, 0, 'SyncFailed']);
  answers = true;
  await clock.advance(60_000);
  assert.deepEqual(await shown(), [3, 1, 'SufficientPods']);
  for (const service of services.toReversed()) await service.close();
  await api.store.close();
});
