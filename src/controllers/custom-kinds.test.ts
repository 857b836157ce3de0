/** The loops that walk over all kinds, with kinds that come and go while they run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import type { CustomResourceDefinition } from '../api/schema/types/apiextensions-v1.ts';
import type { ConfigMap } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Resource } from '../client/client.ts';
import {
  configMaps,
  customResourceDefinitions,
  namespaces,
  podDisruptionBudgets,
  pods,
  resourceQuotas,
} from '../client/resources.ts';
import { makeDefinition } from '../registry/custom/testing.ts';
import { inDefault, startWorld, type World } from './testing.ts';

const widgets: Resource<KubeObject> = {
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  resource: 'widgets',
  namespaced: true,
};

/** Longer than it takes until loops have seen which kinds there are. */
const seenMs = 10_000;

async function startDefined(definition: CustomResourceDefinition = makeDefinition()): Promise<World> {
  const world = await startWorld();
  await world.client.create(customResourceDefinitions, definition);
  await world.clock.advance(seenMs);
  return world;
}

const ownedBy = (owner: KubeObject, name: string, more: object = {}) => {
  const { apiVersion = '', kind = '', metadata } = owner;
  const reference = { apiVersion, kind, name: metadata?.name ?? '', uid: metadata?.uid ?? '', ...more };
  return { metadata: { ...inDefault(name), ownerReferences: [reference] } };
};

test('what a custom object owns goes with it, whatever its kind', async () => {
  const world = await startDefined();
  const owner = await world.client.create(widgets, { metadata: inDefault('owner') });
  await world.client.create(configMaps, ownedBy(owner, 'owned'));
  await world.client.create(widgets, ownedBy(owner, 'below'));
  await world.clock.advance(seenMs);
  assert.ok(await world.client.get(configMaps, inDefault('owned')));
  await world.client.delete(widgets, inDefault('owner'));
  await world.clock.advance(seenMs);
  assert.deepEqual(await namesOf(world, configMaps), []);
  assert.deepEqual(await namesOf(world, widgets), []);
  await world.close();
});

test('a custom object goes with its owner, and in the foreground before it', async () => {
  const world = await startDefined();
  const owner: ConfigMap = await world.client.create(configMaps, { metadata: inDefault('owner') });
  const apiVersion = { apiVersion: 'v1', kind: 'ConfigMap', blockOwnerDeletion: true };
  const held = ownedBy(owner, 'held', apiVersion);
  await world.client.create(widgets, { metadata: { ...held.metadata, finalizers: ['example.com/mine'] } });
  await world.clock.advance(seenMs);
  await world.client.delete(configMaps, inDefault('owner'), { propagationPolicy: 'Foreground' });
  await world.clock.advance(seenMs);
  assert.deepEqual(await namesOf(world, configMaps), ['owner'], 'it waits for its dependent');
  const released = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
  await world.client.patch(widgets, inDefault('held'), released);
  await world.clock.advance(seenMs);
  assert.deepEqual(await namesOf(world, configMaps), []);
  await world.close();
});

test('owners of a kind whose definition is gone are no reason to delete anything', async () => {
  const world = await startDefined();
  const owner = await world.client.create(widgets, { metadata: inDefault('owner') });
  await world.client.create(configMaps, { metadata: inDefault('free') });
  await world.client.delete(customResourceDefinitions, { namespace: '', name: 'widgets.example.com' });
  await world.clock.advance(seenMs);
  await world.client.create(configMaps, ownedBy(owner, 'late'));
  await world.clock.advance(seenMs);
  assert.deepEqual(await namesOf(world, configMaps), ['free', 'late']);
  await world.close();
});

test('a namespace takes its custom objects along, and waits for their finalizers', async () => {
  const world = await startDefined();
  await world.client.create(namespaces, { metadata: { name: 'going' } });
  const metadata = { namespace: 'going', name: 'held', finalizers: ['example.com/mine'] };
  await world.client.create(widgets, { metadata });
  await world.client.create(widgets, { metadata: { namespace: 'going', name: 'free' } });
  await world.client.delete(namespaces, { namespace: '', name: 'going' });
  await world.clock.advance(seenMs);
  assert.deepEqual(await namesOf(world, widgets, 'going'), ['held']);
  const { status } = await world.client.get(namespaces, { namespace: '', name: 'going' });
  const remaining = status?.conditions?.find(({ type }) => type === 'NamespaceContentRemaining');
  assert.equal(remaining?.message, 'Some resources are remaining: widgets.example.com has 1 resource instances');
  const released = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
  await world.client.patch(widgets, { namespace: 'going', name: 'held' }, released);
  await world.clock.advance(60_000);
  const gone = await world.client.get(namespaces, { namespace: '', name: 'going' }).catch((error: unknown) => error);
  assert.ok(hasReason(gone, 'NotFound'));
  await world.close();
});

test('custom objects are counted by quotas, also by one that was there before their kind', async () => {
  const world = await startWorld();
  const hard = { 'count/widgets.example.com': '2' };
  await world.client.create(resourceQuotas, { metadata: inDefault('few'), spec: { hard } });
  await world.clock.advance(seenMs);
  await world.client.create(customResourceDefinitions, makeDefinition());
  await world.clock.advance(seenMs);
  for (const name of ['a', 'b']) await world.client.create(widgets, { metadata: inDefault(name) });
  const late = world.client.create(widgets, { metadata: inDefault('c') });
  const refused = await late.catch((error: unknown) => error);
  assert.ok(hasReason(refused, 'Forbidden'));
  assert.match(
    refused.message,
    /exceeded quota: few, requested: count\/widgets.example.com=1, used: .*=2, limited: .*=2/,
  );
  await world.client.delete(widgets, inDefault('a'));
  await world.clock.advance(1000);
  const { status } = await world.client.get(resourceQuotas, inDefault('few'));
  assert.equal(status?.used?.['count/widgets.example.com'], '1');
  await world.close();
});

test('a budget asks the scale of a custom controller how many pods there should be', async () => {
  const scale = { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' };
  const world = await startDefined(makeDefinition({ versions: [{ subresources: { scale } }] }));
  const controller = await world.client.create(widgets, {
    metadata: inDefault('many'),
    spec: { size: 4 },
  } as KubeObject);
  const owned = ownedBy(controller, 'one', { controller: true });
  const containers = [{ name: 'main', image: 'image' }];
  await world.client.create(pods, { metadata: { ...owned.metadata, labels: { app: 'many' } }, spec: { containers } });
  const selector = { matchLabels: { app: 'many' } };
  await world.client.create(podDisruptionBudgets, {
    metadata: inDefault('half'),
    spec: { minAvailable: '50%', selector },
  });
  await world.clock.advance(seenMs);
  const { status } = await world.client.get(podDisruptionBudgets, inDefault('half'));
  assert.deepEqual([status?.expectedPods, status?.desiredHealthy], [4, 2]);
  await world.close();
});

async function namesOf<T extends KubeObject>(
  world: World,
  resource: Resource<T>,
  namespace = 'default',
): Promise<string[]> {
  const { items } = await world.client.list(resource, { namespace });
  return items.map(({ metadata }) => metadata?.name ?? '').filter((name) => name !== 'kube-root-ca.crt');
}
