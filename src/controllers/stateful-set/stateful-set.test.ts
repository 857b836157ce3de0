import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timedOut, unreachable } from '../../client/errors.ts';
import { intercept } from '../../client/intercept.ts';
import {
  controllerRevisions,
  events,
  persistentVolumeClaims,
  pods,
  resourceQuotas,
  statefulSets,
} from '../../client/resources.ts';
import { isDeleting } from '../shared/context.ts';
import { controllerOf } from '../shared/ownership.ts';
import { inDefault, startWorld, type World } from '../testing.ts';
import {
  claimTemplate,
  end,
  images,
  labels,
  makeSet,
  names,
  patchSet,
  readiness,
  setPods,
  statusOf,
} from './testing.ts';

test('pods come one after the other, each when the one before is ready, with their names, labels and storage', async () => {
  const world = await startWorld();
  await world.client.create(statefulSets, makeSet({ volumeClaimTemplates: [claimTemplate('data')] }));
  await world.clock.advance(900);
  assert.deepEqual(await names(world), ['db-0']);
  await world.clock.advance(1000);
  assert.deepEqual(
    [await names(world), await readiness(world)],
    [
      ['db-0', 'db-1'],
      [true, false],
    ],
  );
  await world.clock.advance(5000);
  const [first, , third] = await setPods(world);
  const { revision: _number, metadata } = (await world.list(controllerRevisions))[0] ?? { revision: 0 };
  assert.deepEqual(third?.metadata?.labels, {
    app: 'db',
    'apps.kubernetes.io/pod-index': '2',
    'statefulset.kubernetes.io/pod-name': 'db-2',
    'controller-revision-hash': metadata?.name,
  });
  assert.deepEqual([first?.spec?.hostname, first?.spec?.subdomain], ['db-0', 'db']);
  assert.equal(first?.metadata?.generateName, 'db-');
  assert.deepEqual(first?.spec?.volumes?.[0]?.persistentVolumeClaim, { claimName: 'data-db-0' });
  const claims = await world.list(persistentVolumeClaims);
  assert.deepEqual(
    claims.map((claim) => [claim.metadata?.name, claim.metadata?.labels, claim.metadata?.ownerReferences ?? []]),
    [0, 1, 2].map((index) => [`data-db-${index}`, labels, []]),
  );
  const status = await statusOf(world);
  assert.deepEqual(status, {
    observedGeneration: 1,
    replicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    currentReplicas: 3,
    updatedReplicas: 3,
    currentRevision: metadata?.name,
    updateRevision: metadata?.name,
    collisionCount: 0,
  });
  const told = (await world.list(events)).map(({ reason, message }) => `${reason} ${message}`);
  assert.ok(told.includes('SuccessfulCreate create Pod db-0 in StatefulSet db successful'));
  assert.ok(told.includes('SuccessfulCreate create Claim data-db-0 Pod db-0 in StatefulSet db success'));
  await world.close();
});

test('scaling goes in order and halts while a pod is not ready', async () => {
  const world = await startWorld();
  await world.client.create(statefulSets, makeSet({ replicas: 1 }));
  await world.clock.advance(3000);
  const [first] = await setPods(world);
  assert.ok(first);
  await world.kubelet.setReady(first, false);
  await patchSet(world, { replicas: 3 });
  await world.clock.advance(10_000);
  assert.deepEqual(await names(world), ['db-0']);
  await world.kubelet.setReady(first, true);
  await world.clock.advance(10_000);
  assert.deepEqual(await names(world), ['db-0', 'db-1', 'db-2']);
  for (const pod of await setPods(world)) await world.kubelet.setReady(pod, false);
  await world.clock.advance(1000);
  await patchSet(world, { replicas: 0 });
  await world.clock.advance(10_000);
  assert.deepEqual(await names(world), ['db-0', 'db-1', 'db-2'], 'and down only when those below are ready');
  for (const pod of await setPods(world)) await world.kubelet.setReady(pod, true);
  await world.clock.advance(100);
  assert.deepEqual((await setPods(world)).map(isDeleting), [false, false, true], 'the highest first');
  await world.clock.advance(10_000);
  assert.deepEqual(await names(world), []);
  const { replicas, readyReplicas } = await statusOf(world);
  assert.deepEqual([replicas, readyReplicas ?? 0], [0, 0]);
  await world.close();
});

test('in parallel, scaling runs to its end with pods that are not ready', async () => {
  const world = await startWorld();
  world.kubelet.ignore = () => true;
  await world.client.create(statefulSets, makeSet({ replicas: 3, podManagementPolicy: 'Parallel' }));
  await world.clock.advance(2000);
  assert.deepEqual(await readiness(world), [false, false, false]);
  await patchSet(world, { replicas: 5 });
  await world.clock.advance(2000);
  assert.equal((await names(world)).length, 5);
  await patchSet(world, { replicas: 0 });
  await world.clock.advance(5000);
  assert.deepEqual(await names(world), []);
  await world.close();
});

test('pods that failed, succeeded or were deleted come back under their names; those that fail again wait longer each time', async () => {
  const world = await startWorld();
  await world.client.create(statefulSets, makeSet({ replicas: 2 }));
  await world.clock.advance(5000);
  const before = (await setPods(world)).map((pod) => pod.metadata?.uid);
  await end(world, 'db-1', 'Succeeded');
  await world.client.delete(pods, inDefault('db-0'));
  await world.clock.advance(5000);
  const after = await setPods(world);
  assert.deepEqual(await readiness(world), [true, true]);
  assert.ok(after.every((pod) => !before.includes(pod.metadata?.uid)));
  // A node that refuses the pod at once, for a minute.
  world.kubelet.ignore = (pod) => pod.metadata?.name === 'db-1';
  const uids = new Set<string>();
  for (let second = 0; second < 60; second++) {
    const pod = await world.get(pods, 'db-1');
    if (pod !== undefined && !isDeleting(pod) && pod.status?.phase !== 'Failed') {
      uids.add(pod.metadata?.uid ?? '');
      await end(world, 'db-1', 'Failed');
    }
    await world.clock.advance(1000);
  }
  assert.ok(uids.size >= 4 && uids.size <= 8, `${uids.size} pods in a minute`);
  world.kubelet.ignore = () => false;
  await world.clock.advance(130_000);
  assert.deepEqual(await readiness(world), [true, true]);
  await world.close();
});

test('orphans of its names are adopted, and a pod that matches no more is released', async () => {
  const world = await startWorld();
  await world.client.create(statefulSets, makeSet({ replicas: 2 }));
  await world.clock.advance(5000);
  const [first] = await setPods(world);
  const remove = { type: 'merge', body: { metadata: { ownerReferences: null } } } as const;
  await world.client.patch(pods, inDefault('db-0'), remove);
  await world.clock.advance(1000);
  const adopted = await world.get(pods, 'db-0');
  assert.deepEqual([adopted?.metadata?.uid, adopted && controllerOf(adopted)?.name], [first?.metadata?.uid, 'db']);
  const relabel = { type: 'merge', body: { metadata: { labels: { app: 'free' } } } } as const;
  await world.client.patch(pods, inDefault('db-0'), relabel);
  await world.clock.advance(1000);
  const released = await world.get(pods, 'db-0');
  assert.equal(released && controllerOf(released), undefined);
  const told = (await world.list(events)).filter(({ reason }) => reason === 'FailedCreate');
  assert.deepEqual(
    told.map(({ message }) => message),
    [
      'create Pod db-0 in StatefulSet db failed error: pods "db-0" already exists, the server was not able to generate a unique name for the object',
    ],
    'its name is taken now',
  );
  await world.client.delete(pods, inDefault('db-0'));
  await world.clock.advance(60_000);
  assert.deepEqual(await readiness(world), [true, true]);
  await world.close();
});

test('a pod whose number is written otherwise is nobody of the set', async () => {
  const world = await startWorld();
  await world.client.create(statefulSets, makeSet({ replicas: 2 }));
  await world.clock.advance(5000);
  const containers = [{ name: 'main', image: 'image:1' }];
  await world.client.create(pods, { metadata: { ...inDefault('db-01'), labels }, spec: { containers } });
  await world.clock.advance(5000);
  const [first, second] = [await world.get(pods, 'db-01'), await world.get(pods, 'db-1')];
  assert.deepEqual([first && controllerOf(first), second && controllerOf(second)?.name], [undefined, 'db']);
  await patchSet(world, { replicas: 1 });
  await world.clock.advance(5000);
  assert.deepEqual(await names(world), ['db-0', 'db-01']);
  await world.close();
});

test('a label that somebody takes from a pod is put back', async () => {
  const world = await startWorld();
  await world.client.create(statefulSets, makeSet({ replicas: 1 }));
  await world.clock.advance(3000);
  const body = { metadata: { labels: { 'statefulset.kubernetes.io/pod-name': null } } };
  await world.client.patch(pods, inDefault('db-0'), { type: 'merge', body });
  await world.clock.advance(1000);
  const label = (await world.get(pods, 'db-0'))?.metadata?.labels?.['statefulset.kubernetes.io/pod-name'];
  assert.equal(label, 'db-0');
  await world.close();
});

test('ordinals begin where they are told to, and moving the start moves the pods', async () => {
  const world = await startWorld();
  await world.client.create(statefulSets, makeSet({ replicas: 2, ordinals: { start: 4 } }));
  await world.clock.advance(5000);
  assert.deepEqual(await names(world), ['db-4', 'db-5']);
  await patchSet(world, { ordinals: { start: 5 } });
  await world.clock.advance(10_000);
  assert.deepEqual(await names(world), ['db-5', 'db-6']);
  const { replicas, availableReplicas } = await statusOf(world);
  assert.deepEqual([replicas, availableReplicas], [2, 2]);
  await world.close();
});

test('with minReadySeconds the next pod waits until the one before is available', async () => {
  const world = await startWorld();
  await world.client.create(statefulSets, makeSet({ replicas: 2, minReadySeconds: 30 }));
  await world.clock.advance(20_000);
  assert.deepEqual(await names(world), ['db-0']);
  const early = await statusOf(world);
  assert.deepEqual([early.readyReplicas, early.availableReplicas], [1, 0]);
  await world.clock.advance(15_000);
  assert.deepEqual(await names(world), ['db-0', 'db-1']);
  await world.clock.advance(40_000);
  const late = await statusOf(world);
  assert.deepEqual([late.readyReplicas, late.availableReplicas], [2, 2]);
  await world.close();
});

async function claimsAfterScalingAndDeleting(policy: {
  whenScaled?: string;
  whenDeleted?: string;
}): Promise<unknown[]> {
  const world = await startWorld();
  const persistentVolumeClaimRetentionPolicy = policy as { whenScaled: 'Delete' };
  const volumeClaimTemplates = [claimTemplate('data')];
  await world.client.create(statefulSets, makeSet({ volumeClaimTemplates, persistentVolumeClaimRetentionPolicy }));
  await world.clock.advance(10_000);
  const claims = async (): Promise<readonly string[]> =>
    (await world.list(persistentVolumeClaims)).map(({ metadata }) => metadata?.name ?? '');
  await patchSet(world, { replicas: 1 });
  await world.clock.advance(30_000);
  const scaled = await claims();
  await patchSet(world, { replicas: 3 });
  await world.clock.advance(30_000);
  const back = (await readiness(world)).filter((ready) => ready).length;
  await world.client.delete(statefulSets, inDefault('db'), { propagationPolicy: 'Background' });
  await world.clock.advance(60_000);
  const result = [scaled.length, back, (await claims()).length];
  await world.close();
  return result;
}

test('claims stay when pods are scaled away and when the set is deleted', async () => {
  assert.deepEqual(await claimsAfterScalingAndDeleting({ whenScaled: 'Retain', whenDeleted: 'Retain' }), [3, 3, 3]);
});

test('claims go with pods that are scaled away, where the policy says so', async () => {
  assert.deepEqual(await claimsAfterScalingAndDeleting({ whenScaled: 'Delete', whenDeleted: 'Retain' }), [1, 3, 3]);
});

test('claims go with the set, where the policy says so', async () => {
  assert.deepEqual(await claimsAfterScalingAndDeleting({ whenScaled: 'Retain', whenDeleted: 'Delete' }), [3, 3, 0]);
});

test('claims go with both, where the policy says so', async () => {
  assert.deepEqual(await claimsAfterScalingAndDeleting({ whenScaled: 'Delete', whenDeleted: 'Delete' }), [1, 3, 0]);
});

test('a policy that changes changes the owners of standing claims', async () => {
  const world = await startWorld();
  await world.client.create(statefulSets, makeSet({ replicas: 1, volumeClaimTemplates: [claimTemplate('data')] }));
  await world.clock.advance(5000);
  const owners = async (): Promise<readonly string[]> =>
    ((await world.get(persistentVolumeClaims, 'data-db-0'))?.metadata?.ownerReferences ?? []).map(({ kind }) => kind);
  assert.deepEqual(await owners(), []);
  await patchSet(world, { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' } });
  await world.clock.advance(5000);
  assert.deepEqual(await owners(), ['StatefulSet']);
  await patchSet(world, { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' } });
  await world.clock.advance(5000);
  assert.deepEqual(await owners(), []);
  await world.close();
});

test('what cannot be created is told, tried again more and more slowly, and comes through', async () => {
  const world = await startWorld();
  await world.client.create(resourceQuotas, { metadata: inDefault('none'), spec: { hard: { pods: '0' } } });
  await world.clock.advance(1000);
  await world.client.create(statefulSets, makeSet({ replicas: 1 }));
  await world.clock.advance(60_000);
  const told = (await world.list(events)).filter(({ reason }) => reason === 'FailedCreate');
  assert.match(
    told[0]?.message ?? '',
    /^create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: exceeded quota: none/,
  );
  const attempts = told[0]?.count ?? 0;
  assert.ok(attempts > 1 && attempts < 20, `${attempts} attempts`);
  assert.equal((await statusOf(world)).observedGeneration, 1, 'the status is told all the same');
  await world.client.delete(resourceQuotas, inDefault('none'));
  await world.clock.advance(200_000);
  assert.deepEqual(await readiness(world), [true]);
  await world.close();
});

test('answers that get lost make no pod twice and lose none', async () => {
  let calls = 0;
  const lost = (): boolean => calls++ % 3 === 0;
  const world: World = await startWorld({
    wrap: (client) =>
      intercept(client, {
        create: (real) => async (resource, object, options) => {
          const created = await real.create(resource, object, options);
          if (['pods', 'controllerrevisions', 'persistentvolumeclaims'].includes(resource.resource) && lost())
            throw timedOut('injected');
          return created;
        },
        delete: (real) => async (resource, reference, options) => {
          await real.delete(resource, reference, options);
          if (resource.resource === 'pods' && lost()) throw unreachable('injected');
        },
      }),
  });
  await world.client.create(statefulSets, makeSet({ replicas: 4, volumeClaimTemplates: [claimTemplate('data')] }));
  await world.clock.advance(60_000);
  assert.deepEqual(await readiness(world), [true, true, true, true]);
  await patchSet(world, { template: { spec: { containers: [{ name: 'main', image: 'image:2' }] } } });
  await world.clock.advance(60_000);
  assert.deepEqual(await images(world), ['image:2', 'image:2', 'image:2', 'image:2']);
  assert.deepEqual((await world.list(controllerRevisions)).map(({ revision }) => revision).sort(), [1, 2]);
  await patchSet(world, { replicas: 1 });
  await world.clock.advance(60_000);
  assert.deepEqual(await names(world), ['db-0']);
  assert.equal((await world.list(persistentVolumeClaims)).length, 4);
  await world.close();
});
