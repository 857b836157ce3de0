import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { timedOut, unreachable } from '../../client/errors.ts';
import { intercept } from '../../client/intercept.ts';
import { events, pods, replicaSets } from '../../client/resources.ts';
import { controllerOf } from '../shared/ownership.ts';
import { inDefault, startWorld } from '../testing.ts';
import { podsToDelete } from './ranking.ts';

const labels = { app: 'web' };

function makeReplicaSet(replicas: number, minReadySeconds = 0): ReplicaSet {
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'image' }] } };
  return {
    metadata: inDefault('web'),
    spec: { replicas, minReadySeconds, selector: { matchLabels: labels }, template },
  };
}

describe('of too many pods, first goes', () => {
  const nowMs = Date.UTC(2026, 0, 2);
  const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();
  interface Traits {
    node?: string;
    phase?: string;
    readyFor?: number;
    cost?: string;
    restarts?: number;
    initRestarts?: number;
    /** Its first container runs beside the others. */
    sidecar?: boolean;
    age?: number;
    uid?: string;
  }
  const make = (name: string, traits: Traits): Pod => {
    const { node = 'node', phase = 'Running', readyFor, cost, restarts = 0, age = 1000, uid = name } = traits;
    const status = (container: string, restartCount: number) =>
      ({ name: container, restartCount, image: '', imageID: '', ready: true }) as const;
    const ready = { type: 'Ready', status: 'True', lastTransitionTime: ago(readyFor ?? 0) };
    return {
      metadata: {
        name,
        uid,
        creationTimestamp: ago(age),
        ...(cost && { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
      },
      spec: {
        containers: [],
        initContainers: [{ name: 'first', ...(traits.sidecar && { restartPolicy: 'Always' as const }) }],
        nodeName: node,
      },
      status: {
        phase: phase as 'Running',
        ...(readyFor !== undefined && { conditions: [ready] }),
        containerStatuses: [status('c', restarts)],
        initContainerStatuses: [status('first', traits.initRestarts ?? 0)],
      },
    };
  };
  const cases: readonly { name: string; first: Traits; last: Traits }[] = [
    { name: 'the one without a node', first: { node: '' }, last: { phase: 'Pending' } },
    { name: 'the pending one', first: { phase: 'Pending' }, last: { phase: 'Running' } },
    { name: 'the one that is not ready', first: { cost: '9' }, last: { readyFor: 1, cost: '1' } },
    { name: 'the cheaper one', first: { readyFor: 900, cost: '-1' }, last: { readyFor: 1 } },
    { name: 'the one that was ready for a shorter time', first: { readyFor: 10 }, last: { readyFor: 900 } },
    {
      name: 'of like ages the one whose uid is lower',
      first: { readyFor: 900, uid: 'a' },
      last: { readyFor: 880, uid: 'b' },
    },
    { name: 'the one that restarted more often', first: { restarts: 5 }, last: { restarts: 1, age: 1 } },
    {
      name: 'else the one whose sidecar restarted more often',
      first: { sidecar: true, initRestarts: 5 },
      last: { sidecar: true, age: 1 },
    },
    {
      name: 'whatever an init container of the other did before it',
      first: { age: 10 },
      last: { initRestarts: 5 },
    },
    {
      name: 'whatever the other says its loss costs, in a number that is none',
      first: { age: 10 },
      last: { cost: '-1e3' },
    },
    { name: 'also where the cost has too many digits', first: { age: 10 }, last: { cost: '-99999999999' } },
    { name: 'or begins with a plus sign', first: { age: 10, cost: '+7' }, last: { age: 1000 } },
    { name: 'the younger one', first: { age: 10 }, last: { age: 1000 } },
  ];
  for (const { name, first, last } of cases) {
    test(name, () => {
      const [a, b] = [make('first', first), make('last', last)];
      for (const order of [
        [a, b],
        [b, a],
      ]) {
        assert.deepEqual(
          podsToDelete(order, order, 1, nowMs).map((pod) => pod.metadata?.name),
          ['first'],
        );
      }
    });
  }

  test('the one on the node with more of its kin, also of other ReplicaSets', () => {
    const [a, b] = [make('first', { node: 'crowded', readyFor: 900 }), make('last', { readyFor: 10 })];
    const kin = make('kin', { node: 'crowded' });
    assert.deepEqual(podsToDelete([b, a], [a, b, kin], 1, nowMs), [a]);
  });
});

test('pods that fail, finish or are deleted are replaced', async () => {
  const world = await startWorld();
  await world.client.create(replicaSets, makeReplicaSet(3));
  await world.clock.advance(5000);
  const [first, second] = await world.list(pods);
  await world.client.delete(pods, inDefault(first?.metadata?.name ?? ''));
  const failed = { type: 'merge', body: { status: { phase: 'Failed' } } } as const;
  await world.client.patch(pods, inDefault(second?.metadata?.name ?? ''), failed, { subresource: 'status' });
  await world.clock.advance(5000);
  const running = (await world.list(pods)).filter((pod) => pod.status?.phase === 'Running');
  assert.equal(running.length, 3);
  assert.equal((await world.get(replicaSets, 'web'))?.status?.readyReplicas, 3);
  await world.close();
});

test('orphans that match are adopted, pods that match no more are released, and others are left alone', async () => {
  const world = await startWorld();
  const containers = [{ name: 'main', image: 'image' }];
  const make = (name: string, app: string): Promise<Pod> =>
    world.client.create(pods, { metadata: { ...inDefault(name), labels: { app } }, spec: { containers } });
  await make('orphan', 'web');
  await make('foreign', 'other');
  await world.client.create(replicaSets, makeReplicaSet(2));
  await world.clock.advance(5000);
  assert.equal((await world.list(pods)).length, 3);
  assert.equal(controllerOf((await world.get(pods, 'orphan')) as Pod)?.name, 'web');
  assert.equal(controllerOf((await world.get(pods, 'foreign')) as Pod), undefined);
  const relabel = { type: 'merge', body: { metadata: { labels: { app: 'free' } } } } as const;
  await world.client.patch(pods, inDefault('orphan'), relabel);
  await world.clock.advance(5000);
  assert.equal(controllerOf((await world.get(pods, 'orphan')) as Pod), undefined);
  assert.equal((await world.list(pods)).length, 4);
  await world.close();
});

test('a pod that names a ReplicaSet as an owner that does not control is adopted, once', async () => {
  const world = await startWorld();
  const { metadata } = await world.client.create(replicaSets, makeReplicaSet(0));
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: metadata?.uid ?? '' };
  const friend = { apiVersion: 'v1', kind: 'ConfigMap', name: 'friend', uid: 'friend' };
  const containers = [{ name: 'main', image: 'image' }];
  const body = { spec: { replicas: 1 } };
  await world.client.patch(replicaSets, inDefault('web'), { type: 'merge', body });
  const orphan = { ...inDefault('owned'), labels, ownerReferences: [owner] };
  await world.client.create(pods, { metadata: orphan, spec: { containers } });
  const foreign = { ...inDefault('foreign'), labels, ownerReferences: [{ ...friend, controller: true }] };
  const taken = await world.client.create(pods, { metadata: foreign, spec: { containers } });
  await world.clock.advance(100);
  const adopted = await world.get(pods, 'owned');
  assert.deepEqual(adopted?.metadata?.ownerReferences, [{ ...owner, controller: true, blockOwnerDeletion: true }]);
  assert.deepEqual(controllerOf(taken)?.name, 'friend');
  assert.equal((await world.get(replicaSets, 'web'))?.status?.replicas, 1);
  await world.close();
});

test('a pod counts as available only when it has been ready for minReadySeconds', async () => {
  const world = await startWorld();
  await world.client.create(replicaSets, makeReplicaSet(2, 30));
  await world.clock.advance(5000);
  const counts = async (): Promise<unknown[]> => {
    const { status } = (await world.get(replicaSets, 'web')) ?? {};
    return [status?.readyReplicas, status?.availableReplicas ?? 0];
  };
  assert.deepEqual(await counts(), [2, 0]);
  await world.clock.advance(30_000);
  assert.deepEqual(await counts(), [2, 2]);
  await world.close();
});

test('when creating fails it says so, stops early, and comes through when creating works again', async () => {
  let tried = 0;
  let broken = true;
  const world = await startWorld({
    wrap: (client) =>
      intercept(client, {
        create: (real) => async (resource, object, options) => {
          if (resource.resource === 'pods' && broken) {
            tried++;
            throw unreachable('quota is used up');
          }
          return real.create(resource, object, options);
        },
      }),
  });
  await world.client.create(replicaSets, makeReplicaSet(20));
  await world.clock.advance(3);
  // Once, and once more because of its own status; not twenty times.
  assert.ok(tried <= 2, `${tried} attempts`);
  const failure = (await world.get(replicaSets, 'web'))?.status?.conditions?.[0];
  assert.deepEqual([failure?.type, failure?.status, failure?.reason], ['ReplicaFailure', 'True', 'FailedCreate']);
  const told = (await world.list(events)).filter(({ involvedObject }) => involvedObject.kind === 'ReplicaSet');
  const reasons = told.map(({ reason, message }) => `${reason} ${message}`);
  assert.deepEqual(reasons, ['FailedCreate Error creating: quota is used up']);
  broken = false;
  await world.clock.advance(10_000);
  const status = (await world.get(replicaSets, 'web'))?.status;
  assert.deepEqual([status?.replicas, status?.conditions ?? []], [20, []]);
  await world.close();
});

test('a cache that lags makes no pod twice', async () => {
  // Watch events of pods arrive two seconds late; everything else is at once.
  const world = await startWorld({
    wrap: (client) =>
      intercept(client, {
        watch: (real) => (resource, query, handler) =>
          real.watch(resource, query, {
            event: (event) => {
              if (resource.resource !== 'pods') handler.event(event);
              else clock().after(2000, () => handler.event(event));
            },
            end: (error) => handler.end(error),
          }),
      }),
  });
  const clock = () => world.clock;
  await world.client.create(replicaSets, makeReplicaSet(5));
  for (let step = 0; step < 20; step++) {
    const body = { metadata: { annotations: { step: String(step) } } };
    await world.client.patch(replicaSets, inDefault('web'), { type: 'merge', body });
    await world.clock.advance(100);
  }
  assert.equal((await world.list(pods)).length, 5);
  await world.clock.advance(20_000);
  assert.equal((await world.list(pods)).length, 5);
  await world.client.patch(replicaSets, inDefault('web'), { type: 'merge', body: { spec: { replicas: 2 } } });
  await world.clock.advance(20_000);
  assert.equal((await world.list(pods)).length, 2);
  await world.close();
});

test('a deletion whose answer got lost costs no second pod, also where another one is now the first to go', async () => {
  let deletions = 0;
  const world = await startWorld({
    wrap: (client) =>
      intercept(client, {
        delete: (real) => async (resource, reference, options) => {
          const isFirst = resource.resource === 'pods' && deletions++ === 0;
          await real.delete(resource, reference, options);
          if (!isFirst) return;
          const other = (await real.list(pods)).items.find(({ metadata }) => metadata?.deletionTimestamp === undefined);
          const metadata = { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-100' } };
          const name = other?.metadata?.name ?? '';
          await real.patch(pods, { namespace: 'default', name }, { type: 'merge', body: { metadata } });
          throw timedOut('injected');
        },
        // That a pod is being deleted shows two seconds late; everything else is at once.
        watch: (real) => (resource, query, handler) =>
          real.watch(resource, query, {
            event: (event) => {
              const isEnding = resource.resource === 'pods' && event.object.metadata?.deletionTimestamp !== undefined;
              if (isEnding) clock().after(2000, () => handler.event(event));
              else handler.event(event);
            },
            end: (error) => handler.end(error),
          }),
      }),
  });
  const clock = () => world.clock;
  await world.client.create(replicaSets, makeReplicaSet(5));
  await world.clock.advance(20_000);
  const before = (await world.list(pods)).map(({ metadata }) => metadata?.uid);
  await world.client.patch(replicaSets, inDefault('web'), { type: 'merge', body: { spec: { replicas: 4 } } });
  await world.clock.advance(60_000);
  const after = (await world.list(pods)).map(({ metadata }) => metadata?.uid);
  assert.deepEqual([after.length, after.filter((uid) => before.includes(uid)).length], [4, 4], 'none was replaced');
  await world.close();
});
