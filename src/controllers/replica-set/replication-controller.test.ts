import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplicationController } from '../../api/schema/types/core-v1.ts';
import { unreachable } from '../../client/errors.ts';
import { intercept } from '../../client/intercept.ts';
import { events, pods, replicationControllers } from '../../client/resources.ts';
import { controllerOf } from '../shared/ownership.ts';
import { inDefault, startWorld, type World } from '../testing.ts';
import { replicationControllerKind } from './kinds.ts';

const labels = { app: 'old' };
const containers = [{ name: 'main', image: 'image' }];

function makeController(replicas: number, spec: ReplicationController['spec'] = {}): ReplicationController {
  return {
    metadata: { ...inDefault('old'), labels },
    spec: { replicas, selector: labels, template: { metadata: { labels }, spec: { containers } }, ...spec },
  };
}

const statusOf = async (world: World) => (await world.get(replicationControllers, 'old'))?.status;

test('a ReplicationController keeps its pods, by scale and by hand, and takes them along when it goes', async () => {
  const world = await startWorld();
  await world.client.create(replicationControllers, makeController(2));
  await world.clock.advance(5000);
  const running = await world.list(pods);
  assert.equal(running.length, 2);
  const owner = controllerOf(running[0] ?? {});
  assert.deepEqual([owner?.apiVersion, owner?.kind, owner?.name], ['v1', 'ReplicationController', 'old']);
  assert.deepEqual(await statusOf(world), {
    replicas: 2,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    observedGeneration: 1,
  });
  await world.client.delete(pods, inDefault(running[0]?.metadata?.name ?? ''));
  const scale = { type: 'merge', body: { spec: { replicas: 3 } } } as const;
  await world.client.patch(replicationControllers, inDefault('old'), scale, { subresource: 'scale' });
  await world.clock.advance(5000);
  const { readyReplicas, observedGeneration } = (await statusOf(world)) ?? {};
  assert.deepEqual([readyReplicas, observedGeneration], [3, 2]);
  assert.ok(
    (await world.list(events)).some(
      ({ reason, source }) => reason === 'SuccessfulCreate' && source?.component === 'replication-controller',
    ),
  );
  await world.client.delete(replicationControllers, inDefault('old'), { propagationPolicy: 'Background' });
  await world.clock.advance(10_000);
  assert.deepEqual(await world.list(pods), []);
  await world.close();
});

test('it adopts pods that match when it is made, and releases those that match no more', async () => {
  const world = await startWorld();
  await world.client.create(pods, { metadata: { ...inDefault('orphan'), labels }, spec: { containers } });
  await world.client.create(replicationControllers, makeController(1));
  await world.clock.advance(5000);
  const [adopted, ...others] = await world.list(pods);
  assert.deepEqual([adopted?.metadata?.name, others], ['orphan', []]);
  assert.equal(controllerOf(adopted ?? {})?.name, 'old');
  const body = { metadata: { labels: { app: 'other' } } };
  await world.client.patch(pods, inDefault('orphan'), { type: 'merge', body });
  await world.clock.advance(5000);
  assert.equal(controllerOf((await world.get(pods, 'orphan')) ?? {}), undefined);
  assert.equal((await world.list(pods)).length, 2);
  await world.close();
});

test('pods that are refused show as its condition, which goes when it wants no more than it may have', async () => {
  let room = 2;
  const world = await startWorld({
    wrap: (client) =>
      intercept(client, {
        create: (real) => async (resource, object, options) => {
          if (resource.resource === 'pods' && room-- <= 0) throw unreachable('exceeded quota: few');
          return real.create(resource, object, options);
        },
      }),
  });
  await world.client.create(replicationControllers, makeController(3));
  await world.clock.advance(5000);
  const { conditions: [condition] = [], replicas } = (await statusOf(world)) ?? {};
  assert.deepEqual(
    [condition?.type, condition?.status, condition?.reason, condition?.message, replicas],
    ['ReplicaFailure', 'True', 'FailedCreate', 'exceeded quota: few', 2],
  );
  const body = { spec: { replicas: 2 } };
  await world.client.patch(replicationControllers, inDefault('old'), { type: 'merge', body });
  await world.clock.advance(30_000);
  const after = await statusOf(world);
  assert.deepEqual([after?.conditions ?? [], after?.replicas], [[], 2]);
  await world.close();
});

test('it is told from a ReplicaSet of the same name, and an empty selector is none', () => {
  const { isNamedBy, selectorOf } = replicationControllerKind;
  const reference = { name: 'old', uid: '1', kind: 'ReplicationController' };
  assert.ok(isNamedBy({ ...reference, apiVersion: 'v1' }));
  assert.ok(!isNamedBy({ ...reference, apiVersion: 'apps/v1' }));
  assert.ok(!isNamedBy({ ...reference, apiVersion: 'v1', kind: 'ReplicaSet' }));
  assert.equal(selectorOf({ spec: { selector: {} } }), undefined);
});
