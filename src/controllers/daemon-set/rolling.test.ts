import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonSetSpec } from '../../api/schema/types/apps-v1.ts';
import { controllerRevisions, daemonSets, pods } from '../../client/resources.ts';
import { isDeleting } from '../shared/context.ts';
import { isReady } from '../shared/pods.ts';
import { inDefault, type World } from '../testing.ts';
import {
  daemonPods,
  labels,
  layout,
  makeSet,
  patchDaemonSet,
  setImage,
  startDaemonWorld,
  statusOf,
  taint,
} from './testing.ts';

async function worldWith(nodes: string, spec: Partial<DaemonSetSpec> = {}): Promise<World> {
  const world = await startDaemonWorld(nodes.split(''));
  await world.client.create(daemonSets, makeSet(spec));
  await world.clock.advance(10_000);
  return world;
}

/** The fewest ready pods and the most that are not ending that were seen at any instant of `forMs`. */
async function extremes(world: World, forMs: number): Promise<{ readonly ready: number; readonly living: number }> {
  let ready = Number.POSITIVE_INFINITY;
  let living = 0;
  for (let atMs = 0; atMs < forMs; atMs += 100) {
    const all = await daemonPods(world);
    const staying = all.filter((pod) => !isDeleting(pod));
    ready = Math.min(ready, staying.filter(isReady).length);
    living = Math.max(living, staying.length);
    await world.clock.advance(100);
  }
  return { ready, living };
}

const history = async (world: World) =>
  (await world.list(controllerRevisions)).toSorted((a, b) => a.revision - b.revision);

test('a new template rolls over the nodes, one at a time', async () => {
  const world = await worldWith('abc');
  const [first] = await history(world);
  assert.equal(first?.revision, 1);
  await setImage(world, 'image:2');
  assert.deepEqual(await extremes(world, 20_000), { ready: 2, living: 3 });
  assert.deepEqual(await layout(world), ['a 2', 'b 2', 'c 2']);
  const [, second] = await history(world);
  assert.equal(second?.revision, 2);
  const hash = second?.metadata?.labels?.['controller-revision-hash'] ?? '';
  assert.equal(second?.metadata?.name, `agent-${hash}`);
  assert.ok((await daemonPods(world)).every((pod) => pod.metadata?.labels?.['controller-revision-hash'] === hash));
  assert.equal((await statusOf(world))?.updatedNumberScheduled, 3);
  await world.close();
});

test('maxUnavailable as a share rounds up', async () => {
  const world = await worldWith('abcde', { updateStrategy: { rollingUpdate: { maxUnavailable: '30%' } } });
  await setImage(world, 'image:2');
  assert.deepEqual(await extremes(world, 20_000), { ready: 3, living: 5 });
  assert.equal((await layout(world)).filter((row) => row.endsWith(' 2')).length, 5);
  await world.close();
});

test('with surge a node keeps its old pod until the new one is available', async () => {
  const updateStrategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  const world = await worldWith('abc', { updateStrategy, minReadySeconds: 3 });
  await setImage(world, 'image:2');
  const { ready, living } = await extremes(world, 40_000);
  assert.deepEqual([ready >= 3, living], [true, 4]);
  assert.deepEqual(await layout(world), ['a 2', 'b 2', 'c 2']);
  await world.close();
});

test('with surge a new template that never comes up takes no pod away, and is taken back without a restart', async () => {
  const world = await startDaemonWorld(['a', 'b']);
  world.kubelet.ignore = (pod) => pod.spec?.containers[0]?.image === 'broken:0';
  await world.client.create(
    daemonSets,
    makeSet({ updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }),
  );
  await world.clock.advance(10_000);
  const before = (await daemonPods(world)).map(({ metadata }) => metadata?.uid).sort();
  await setImage(world, 'broken:0');
  await world.clock.advance(20_000);
  assert.deepEqual(await layout(world), ['a 0!', 'a 1', 'b 1']);
  await setImage(world, 'image:1');
  await world.clock.advance(10_000);
  assert.deepEqual((await daemonPods(world)).map(({ metadata }) => metadata?.uid).sort(), before);
  await world.close();
});

test('with surge, pods on nodes that are no longer wanted go when new ones elsewhere are up', async () => {
  const world = await worldWith('ab', { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
  await taint(world, 'a', [{ key: 'only', value: 'gpu', effect: 'NoSchedule' }]);
  await setImage(world, 'image:2');
  await world.clock.advance(10_000);
  assert.deepEqual(await layout(world), ['b 2']);
  await world.close();
});

test('a rollout that hangs is rolled back without restarting the pods that it had not reached', async () => {
  const world = await startDaemonWorld(['a', 'b', 'c']);
  world.kubelet.ignore = (pod) => pod.spec?.containers[0]?.image === 'broken:0';
  await world.client.create(daemonSets, makeSet());
  await world.clock.advance(10_000);
  await setImage(world, 'broken:0');
  await world.clock.advance(20_000);
  const rows = await layout(world);
  assert.deepEqual(
    [rows.filter((row) => row.endsWith('0!')).length, rows.filter((row) => row.endsWith(' 1')).length],
    [1, 2],
  );
  const untouched = (await daemonPods(world)).filter(isReady).map(({ metadata }) => metadata?.uid);
  await setImage(world, 'image:1');
  await world.clock.advance(20_000);
  assert.deepEqual(await layout(world), ['a 1', 'b 1', 'c 1']);
  const uids = (await daemonPods(world)).map(({ metadata }) => metadata?.uid);
  assert.ok(untouched.every((uid) => uids.includes(uid)));
  assert.deepEqual(
    (await history(world)).map(({ revision }) => revision),
    [2, 3],
  );
  await world.close();
});

test('OnDelete touches no pod; one that is deleted comes back new', async () => {
  const world = await worldWith('ab', { updateStrategy: { type: 'OnDelete' } });
  await setImage(world, 'image:2');
  await world.clock.advance(10_000);
  assert.deepEqual(await layout(world), ['a 1', 'b 1']);
  const onA = (await daemonPods(world)).find(({ spec }) => spec?.nodeName === 'a');
  await world.client.delete(pods, inDefault(onA?.metadata?.name ?? ''));
  await world.clock.advance(10_000);
  assert.deepEqual(await layout(world), ['a 2', 'b 1']);
  assert.equal((await statusOf(world))?.updatedNumberScheduled, 1);
  await world.close();
});

test('history keeps as many revisions as it is told to, the oldest go first', async () => {
  const world = await worldWith('a', { revisionHistoryLimit: 2 });
  for (const version of [2, 3, 4, 5]) {
    await setImage(world, `image:${version}`);
    await world.clock.advance(10_000);
  }
  assert.deepEqual(
    (await history(world)).map(({ revision }) => revision),
    [3, 4, 5],
  );
  await world.close();
});

/** The steps of upstream's conformance test 'ControllerRevision should manage the lifecycle of a ControllerRevision'. */
test('a second revision of the same template may stand beside the first, and take its place', async () => {
  const world = await worldWith('ab');
  const uids = async () => (await daemonPods(world)).map(({ metadata }) => metadata?.uid).sort();
  const before = await uids();
  const [initial] = await history(world);
  assert.ok(initial);
  await world.client.create(controllerRevisions, {
    metadata: {
      ...inDefault('agent-second'),
      labels: { ...labels, 'controller-revision-hash': 'second' },
      ownerReferences: initial.metadata?.ownerReferences ?? [],
    },
    ...(initial.data && { data: initial.data }),
    revision: 2,
  });
  await world.clock.advance(1000);
  assert.equal((await history(world)).length, 2);
  await world.client.delete(controllerRevisions, inDefault(initial.metadata?.name ?? ''));
  await world.clock.advance(20_000);
  assert.deepEqual(
    (await history(world)).map(({ metadata }) => metadata?.name),
    ['agent-second'],
  );
  assert.deepEqual(await uids(), before, 'no pod goes for it');
  await patchDaemonSet(world, { template: { spec: { terminationGracePeriodSeconds: 1 } } });
  await world.clock.advance(20_000);
  assert.deepEqual(
    (await history(world)).map(({ revision }) => revision),
    [2, 3],
  );
  await world.client.delete(controllerRevisions, inDefault('agent-second'));
  await world.clock.advance(5000);
  assert.deepEqual(
    (await history(world)).map(({ revision }) => revision),
    [3],
  );
  await world.close();
});

test('two revisions of one template become one, and the pods of the other are told so instead of being replaced', async () => {
  const world = await worldWith('ab');
  const [initial] = await history(world);
  assert.ok(initial);
  const before = (await daemonPods(world)).map(({ metadata }) => metadata?.uid).sort();
  const metadata = { ...inDefault('agent-second'), labels: { ...labels, 'controller-revision-hash': 'second' } };
  await world.client.create(controllerRevisions, {
    metadata,
    ...(initial.data && { data: initial.data }),
    revision: 2,
  });
  await patchDaemonSet(world, { minReadySeconds: 1 });
  await world.clock.advance(20_000);
  assert.deepEqual(
    (await history(world)).map((one) => one.metadata?.name),
    ['agent-second'],
  );
  const after = await daemonPods(world);
  assert.deepEqual(after.map((pod) => pod.metadata?.uid).sort(), before);
  assert.ok(after.every((pod) => pod.metadata?.labels?.['controller-revision-hash'] === 'second'));
  await world.close();
});

test('a name that another revision has is counted as a collision, and the next one is free', async () => {
  const world = await worldWith('a');
  const [first] = await history(world);
  await world.client.delete(daemonSets, inDefault('agent'), { propagationPolicy: 'Foreground' });
  await world.clock.advance(20_000);
  assert.deepEqual(await history(world), [], 'the history goes with its set');
  const metadata = inDefault(first?.metadata?.name ?? '');
  await world.client.create(controllerRevisions, { metadata, data: { other: 'content' }, revision: 1 });
  await world.client.create(daemonSets, makeSet());
  await world.clock.advance(5000);
  assert.equal((await statusOf(world))?.collisionCount, 1);
  assert.deepEqual(await layout(world), ['a 1']);
  await world.close();
});
