/** ReplicaSets that cannot have what they want: bounded tries, a condition that says why, and nothing else held up. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import { intercept } from '../../client/intercept.ts';
import { events, pods, replicaSets, resourceQuotas } from '../../client/resources.ts';
import { controllerOf } from '../shared/ownership.ts';
import { isActive } from '../shared/pods.ts';
import { inDefault, startWorld, type World, writeCounter } from '../testing.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

function makeReplicaSet(name: string, replicas: number, finalizers: readonly string[] = []): ReplicaSet {
  const labels = { app: name };
  const template = { metadata: { labels, finalizers }, spec: { containers: [{ name: 'main', image: 'image' }] } };
  return { metadata: inDefault(name), spec: { replicas, selector: { matchLabels: labels }, template } };
}

const scale = (world: World, replicas: number) =>
  world.client.patch(replicaSets, inDefault('web'), { type: 'merge', body: { spec: { replicas } } });

async function runsBeside(world: World, namespace = 'default'): Promise<void> {
  const set = makeReplicaSet('neighbour', 2);
  await world.client.create(replicaSets, { ...set, metadata: { name: 'neighbour', namespace } });
  await world.clock.advance(10_000);
  const { status } = await world.client.get(replicaSets, { namespace, name: 'neighbour' });
  assert.equal(status?.readyReplicas, 2);
}

describe('a ReplicaSet', () => {
  test('that a quota refuses all pods tries ever more seldom, and says why', async () => {
    const counter = writeCounter();
    const world = await startWorld({ wrap: counter.wrap });
    await world.client.create(resourceQuotas, { metadata: inDefault('none'), spec: { hard: { pods: '0' } } });
    await world.clock.advance(1000);
    await world.client.create(replicaSets, makeReplicaSet('web', 50));
    await world.clock.advance(minuteMs);
    const { status } = (await world.get(replicaSets, 'web')) ?? {};
    const [failure] = status?.conditions ?? [];
    assert.deepEqual([failure?.type, failure?.reason], ['ReplicaFailure', 'FailedCreate']);
    assert.match(failure?.message ?? '', /exceeded quota: none/);
    counter.taken();
    await world.clock.advance(3 * hourMs);
    const { pods: tries = 0, replicasets = 0 } = counter.taken();
    assert.ok(tries >= 5 && tries <= 30, `${tries} tries in three hours`);
    assert.equal(replicasets, 0);
    const told = (await world.list(events)).filter(({ reason }) => reason === 'FailedCreate');
    assert.ok(told.length > 0 && told.length <= 30, `${told.length} events`);
    await world.close();
  });

  test('whose pods somebody holds has others in their place, and is as small as it should be', async () => {
    const counter = writeCounter();
    const world = await startWorld({ wrap: counter.wrap });
    await world.client.create(replicaSets, makeReplicaSet('web', 2, ['example.com/held']));
    await world.clock.advance(5000);
    for (const { metadata } of await world.list(pods)) await world.client.delete(pods, inDefault(metadata?.name ?? ''));
    await world.clock.advance(10_000);
    const { status } = (await world.get(replicaSets, 'web')) ?? {};
    assert.deepEqual([status?.replicas, status?.readyReplicas], [2, 2]);
    assert.equal((await world.list(pods)).length, 4);
    await scale(world, 0);
    await world.clock.advance(10_000);
    assert.equal((await world.get(replicaSets, 'web'))?.status?.replicas ?? 0, 0);
    counter.taken();
    await world.clock.advance(hourMs);
    const { pods: ofPods = 0, replicasets = 0 } = counter.taken();
    assert.deepEqual([ofPods, replicasets], [0, 0]);
    await runsBeside(world);
    await world.close();
  });

  test('of whose pod nobody hears, since it went before it was seen, makes another after five minutes', async () => {
    let unseen: string | undefined;
    const world = await startWorld({
      wrap: (client) =>
        intercept(client, {
          watch: (real) => (resource, query, handler) =>
            real.watch(resource, query, {
              event(event) {
                const { uid = '', labels } = event.object.metadata ?? {};
                if (resource.resource === 'pods' && labels?.['app'] === 'web') unseen ??= uid;
                if (uid !== unseen) handler.event(event);
              },
              end: (error) => handler.end(error),
            }),
        }),
    });
    await world.client.create(replicaSets, makeReplicaSet('web', 1));
    await world.clock.advance(10);
    const [pod] = await world.list(pods);
    await world.client.delete(pods, inDefault(pod?.metadata?.name ?? ''), { gracePeriodSeconds: 0 });
    await world.clock.advance(4 * minuteMs);
    assert.deepEqual(await world.list(pods), [], 'it may only not have been seen yet');
    await world.clock.advance(2 * minuteMs);
    assert.equal((await world.list(pods)).filter(isActive).length, 1);
    assert.equal((await world.get(replicaSets, 'web'))?.status?.readyReplicas, 1);
    await world.close();
  });
});

test('a pod whose ReplicaSet does not exist goes, and one of the same name does not take it', async () => {
  const world = await startWorld();
  await world.client.create(replicaSets, makeReplicaSet('web', 1));
  await world.clock.advance(5000);
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'web',
    uid: '00000000-0000-0000-0000-000000000000',
    controller: true,
  };
  const metadata = { ...inDefault('lost'), labels: { app: 'web' }, ownerReferences: [owner] };
  await world.client.create(pods, { metadata, spec: { containers: [{ name: 'main', image: 'image' }] } });
  await world.clock.advance(minuteMs);
  assert.equal(await world.get(pods, 'lost'), undefined);
  assert.equal((await world.list(pods)).length, 1);
  await runsBeside(world);
  await world.close();
});

test('a ReplicaSet that is made anew under its name has neither the pods nor the expectations of the one before', async () => {
  let lateMs = 0;
  const world = await startWorld({
    wrap: (client) =>
      intercept(client, {
        watch: (real) => (resource, query, handler) =>
          real.watch(resource, query, {
            event(event) {
              if (resource.resource !== 'pods' || lateMs === 0) handler.event(event);
              else clock().after(lateMs, () => handler.event(event));
            },
            end: (error) => handler.end(error),
          }),
      }),
  });
  const clock = () => world.clock;
  lateMs = 3000;
  await world.client.create(replicaSets, makeReplicaSet('web', 4));
  await world.clock.advance(100);
  assert.equal((await world.list(pods)).length, 4);
  await world.client.delete(replicaSets, inDefault('web'), { propagationPolicy: 'Background' });
  await world.clock.advance(100);
  const { metadata } = await world.client.create(replicaSets, makeReplicaSet('web', 4));
  const own = async (): Promise<number> =>
    (await world.list(pods)).filter((pod) => controllerOf(pod)?.uid === metadata?.uid).length;
  await world.clock.advance(100);
  assert.equal(await own(), 4, 'it does not wait for what the other expected');
  for (let step = 0; step < 100; step++) {
    const body = { metadata: { annotations: { step: String(step) } } };
    await world.client.patch(replicaSets, inDefault('web'), { type: 'merge', body });
    await world.clock.advance(100);
    assert.equal(await own(), 4, 'nor takes the pods of the other for those that it made');
  }
  lateMs = 0;
  await world.clock.advance(30_000);
  assert.equal((await world.get(replicaSets, 'web'))?.status?.readyReplicas, 4);
  await world.close();
});
