import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatefulSetSpec } from '../../api/schema/types/apps-v1.ts';
import { controllerRevisions, pods, statefulSets } from '../../client/resources.ts';
import { isDeleting } from '../shared/context.ts';
import { inDefault, startWorld, type World } from '../testing.ts';
import { end, images, makeSet, names, patchSet, readiness, revisions, setImage, setPods, statusOf } from './testing.ts';

async function worldWith(spec: Partial<StatefulSetSpec>): Promise<World> {
  const world = await startWorld();
  await world.client.create(statefulSets, makeSet(spec));
  await world.clock.advance(20_000);
  return world;
}

/** What the images were, each time that they changed, one letter a pod: the image's version, `-` where none is. */
async function history(world: World, replicas: number, forMs: number): Promise<readonly string[]> {
  const seen: string[] = [];
  for (let atMs = 0; atMs < forMs; atMs += 100) {
    const all = new Map((await setPods(world)).map((pod) => [pod.metadata?.name, pod]));
    const row = Array.from({ length: replicas }, (_, index) => {
      const pod = all.get(`db-${index}`);
      return pod === undefined || isDeleting(pod) ? '-' : (pod.spec?.containers[0]?.image?.at(-1) ?? '?');
    }).join('');
    if (seen.at(-1) !== row) seen.push(row);
    await world.clock.advance(100);
  }
  return seen;
}

test('a new template rolls from the highest ordinal down, one pod at a time, and back again', async () => {
  const world = await worldWith({ replicas: 3 });
  const before = await statusOf(world);
  await setImage(world, 'image:2');
  assert.deepEqual(await history(world, 3, 10_000), ['111', '11-', '112', '1-2', '122', '-22', '222']);
  const rolled = await statusOf(world);
  assert.deepEqual([rolled.currentReplicas, rolled.updatedReplicas, rolled.readyReplicas], [3, 3, 3]);
  assert.equal(rolled.currentRevision, rolled.updateRevision);
  assert.notEqual(rolled.currentRevision, before.currentRevision);
  await setImage(world, 'image:1');
  assert.deepEqual((await history(world, 3, 10_000)).at(-1), '111');
  assert.equal((await statusOf(world)).currentRevision, before.currentRevision, 'the old revision is used again');
  const numbers = (await world.list(controllerRevisions)).map(({ revision }) => revision).sort();
  assert.deepEqual(numbers, [2, 3]);
  await world.close();
});

test('an update waits for a pod that is not ready, and the status tells both revisions meanwhile', async () => {
  const world = await worldWith({ replicas: 3 });
  const [, second] = await setPods(world);
  assert.ok(second);
  await world.kubelet.setReady(second, false);
  await setImage(world, 'image:2');
  assert.deepEqual(await history(world, 3, 5000), ['111']);
  const status = await statusOf(world);
  assert.notEqual(status.currentRevision, status.updateRevision);
  assert.deepEqual([status.currentReplicas, status.updatedReplicas ?? 0], [3, 0]);
  await world.kubelet.setReady(second, true);
  assert.equal((await history(world, 3, 10_000)).at(-1), '222');
  await world.close();
});

test('only pods from the partition up are updated; below it pods come back as they were; lowering it goes on', async () => {
  const world = await worldWith({ replicas: 3, updateStrategy: { rollingUpdate: { partition: 3 } } });
  const { currentRevision = '' } = await statusOf(world);
  await setImage(world, 'image:2');
  assert.deepEqual(await history(world, 3, 5000), ['111'], 'above all ordinals it holds everything');
  const { updateRevision = '' } = await statusOf(world);
  const partition = (to: number) => patchSet(world, { updateStrategy: { rollingUpdate: { partition: to } } });
  await partition(2);
  assert.deepEqual(await history(world, 3, 5000), ['111', '11-', '112']);
  assert.deepEqual(await revisions(world), [currentRevision, currentRevision, updateRevision]);
  await world.client.delete(pods, inDefault('db-0'));
  await world.client.delete(pods, inDefault('db-2'));
  await world.clock.advance(10_000);
  assert.deepEqual(await images(world), ['image:1', 'image:1', 'image:2'], 'each came back as it was');
  const half = await statusOf(world);
  assert.deepEqual([half.currentReplicas, half.updatedReplicas, half.currentRevision], [2, 1, currentRevision]);
  await partition(1);
  assert.deepEqual((await history(world, 3, 5000)).at(-1), '122');
  await partition(0);
  assert.deepEqual((await history(world, 3, 5000)).at(-1), '222');
  assert.equal((await statusOf(world)).currentRevision, updateRevision);
  await world.close();
});

test('OnDelete touches no pod; one that is deleted comes back new', async () => {
  const world = await worldWith({ replicas: 3, updateStrategy: { type: 'OnDelete' } });
  await setImage(world, 'image:2');
  assert.deepEqual(await history(world, 3, 5000), ['111']);
  await world.client.delete(pods, inDefault('db-1'));
  assert.equal((await history(world, 3, 5000)).at(-1), '121');
  const { updatedReplicas, currentReplicas, currentRevision, updateRevision } = await statusOf(world);
  assert.deepEqual([updatedReplicas, currentReplicas], [1, 2]);
  assert.notEqual(currentRevision, updateRevision);
  await world.close();
});

test('maxUnavailable lets several go at once: in parallel they come back together', async () => {
  const world = await worldWith({
    replicas: 5,
    podManagementPolicy: 'Parallel',
    updateStrategy: { rollingUpdate: { maxUnavailable: 2 } },
  });
  await setImage(world, 'image:2');
  const seen = await history(world, 5, 15_000);
  assert.deepEqual(seen.slice(0, 3), ['11111', '111--', '11122']);
  assert.equal(seen.at(-1), '22222');
  await world.close();
});

test('maxUnavailable in order: as many go, and come back one by one', async () => {
  const world = await worldWith({ replicas: 4, updateStrategy: { rollingUpdate: { maxUnavailable: '50%' } } });
  await setImage(world, 'image:2');
  assert.deepEqual(await history(world, 4, 15_000), ['1111', '11--', '112-', '1122', '--22', '2-22', '2222']);
  await world.close();
});

test('in parallel, a template that never came up is left behind for one that does', async () => {
  const world = await startWorld();
  world.kubelet.ignore = (pod) => pod.spec?.containers[0]?.image === 'broken:0';
  await world.client.create(statefulSets, makeSet({ podManagementPolicy: 'Parallel' }));
  await world.clock.advance(5000);
  await setImage(world, 'broken:0');
  await world.clock.advance(10_000);
  assert.deepEqual(await images(world), ['image:1', 'image:1', 'broken:0'], 'the broken one stops the update');
  await setImage(world, 'image:2');
  await world.clock.advance(10_000);
  assert.deepEqual(await images(world), ['image:2', 'image:2', 'image:2']);
  assert.deepEqual(await readiness(world), [true, true, true]);
  await world.close();
});

test('history keeps as many revisions as it is told to beside those in use, the oldest go first', async () => {
  const world = await worldWith({ replicas: 1, revisionHistoryLimit: 2 });
  for (const version of [2, 3, 4, 5]) {
    await setImage(world, `image:${version}`);
    await world.clock.advance(10_000);
  }
  const kept = (await world.list(controllerRevisions)).toSorted((a, b) => a.revision - b.revision);
  assert.deepEqual(
    kept.map(({ revision }) => revision),
    [3, 4, 5],
  );
  const inUse = kept.at(-1);
  assert.deepEqual(inUse?.metadata?.labels, {
    app: 'db',
    'controller.kubernetes.io/hash': inUse?.metadata?.name?.slice(3),
  });
  assert.equal(
    JSON.stringify(inUse?.data).slice(0, 77),
    '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"db"}},"s',
    'the names in order: clients compare the bytes',
  );
  await world.close();
});

test('a name that another revision has is counted as a collision, and the next one is free', async () => {
  const world = await worldWith({ replicas: 1 });
  const [first] = await world.list(controllerRevisions);
  await world.client.delete(statefulSets, inDefault('db'), { propagationPolicy: 'Foreground' });
  await world.clock.advance(20_000);
  assert.deepEqual(await world.list(controllerRevisions), [], 'the history goes with its set');
  const metadata = inDefault(first?.metadata?.name ?? '');
  await world.client.create(controllerRevisions, { metadata, data: { other: 'content' }, revision: 1 });
  await world.client.create(statefulSets, makeSet({ replicas: 1 }));
  await world.clock.advance(5000);
  const status = await statusOf(world);
  assert.equal(status.collisionCount, 1);
  assert.notEqual(status.updateRevision, metadata.name);
  assert.deepEqual([await names(world), await readiness(world)], [['db-0'], [true]]);
  await world.close();
});

test('a revision that somebody deletes is made again, and no pod goes for it', async () => {
  const world = await worldWith({ replicas: 2 });
  const uids = async (): Promise<unknown> => (await setPods(world)).map(({ metadata }) => metadata?.uid);
  const before = await uids();
  const [revision] = await world.list(controllerRevisions);
  await world.client.delete(controllerRevisions, inDefault(revision?.metadata?.name ?? ''));
  await world.clock.advance(5000);
  assert.deepEqual(
    (await world.list(controllerRevisions)).map(({ metadata }) => metadata?.name),
    [revision?.metadata?.name],
  );
  assert.deepEqual(await uids(), before);
  await world.close();
});

test('a failed pod does not hold up the update to a template that works', async () => {
  const world = await worldWith({ replicas: 2 });
  await end(world, 'db-1', 'Failed');
  await setImage(world, 'image:2');
  await world.clock.advance(15_000);
  assert.deepEqual(
    [await images(world), await readiness(world)],
    [
      ['image:2', 'image:2'],
      [true, true],
    ],
  );
  await world.close();
});

test('a negative limit keeps the whole history', async () => {
  const world = await worldWith({ replicas: 1, revisionHistoryLimit: -1 });
  for (const version of [2, 3, 4]) {
    await setImage(world, `image:${version}`);
    await world.clock.advance(10_000);
  }
  assert.equal((await world.list(controllerRevisions)).length, 4);
  await world.close();
});
