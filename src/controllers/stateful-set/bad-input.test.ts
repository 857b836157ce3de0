/** StatefulSets that cannot have what they want: bounded tries, an event or condition that says why, and nothing else held up. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { intercept } from '../../client/intercept.ts';
import { events, persistentVolumeClaims, pods, statefulSets } from '../../client/resources.ts';
import { Scheduler } from '../../scheduler/scheduler.ts';
import { isDeleting } from '../shared/context.ts';
import { conditionOf } from '../shared/pods.ts';
import { addNode, inDefault, startWorld, type World, writeCounter } from '../testing.ts';
import { claimTemplate, end, makeSet, names, patchSet, readiness, statusOf } from './testing.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

async function runsBeside(world: World): Promise<void> {
  const labels = { app: 'neighbour' };
  const { spec } = makeSet({ replicas: 2 });
  assert.ok(spec);
  const template = { ...spec.template, metadata: { labels } };
  const metadata = inDefault('neighbour');
  await world.client.create(statefulSets, { metadata, spec: { ...spec, template, selector: { matchLabels: labels } } });
  await world.clock.advance(10_000);
  assert.equal((await world.get(statefulSets, 'neighbour'))?.status?.readyReplicas, 2);
}

const told = async (world: World, reason: string): Promise<readonly string[]> =>
  (await world.list(events)).filter((event) => event.reason === reason).map(({ message }) => message ?? '');

describe('a StatefulSet', () => {
  test('whose claim can never be bound waits, its pod says for what, and nothing is written', async () => {
    const counter = writeCounter();
    const world = await startWorld({ wrap: counter.wrap, services: (api) => [new Scheduler(api)] });
    await addNode(world.client, 'a');
    const claim = claimTemplate('data');
    const volumeClaimTemplates = [{ ...claim, spec: { ...claim.spec, storageClassName: '' } }];
    await world.client.create(statefulSets, makeSet({ volumeClaimTemplates }));
    await world.clock.advance(minuteMs);
    assert.deepEqual(await names(world), ['db-0'], 'the next ones wait for the first');
    const pod = await world.get(pods, 'db-0');
    const scheduled = pod && conditionOf(pod, 'PodScheduled');
    assert.deepEqual([scheduled?.status, scheduled?.reason], ['False', 'Unschedulable']);
    assert.match(scheduled?.message ?? '', /unbound immediate PersistentVolumeClaims/);
    const status = await statusOf(world);
    assert.deepEqual([status.replicas, status.readyReplicas ?? 0], [1, 0]);
    counter.taken();
    await world.clock.advance(3 * hourMs);
    const { statefulsets = 0, controllerrevisions = 0 } = counter.taken();
    assert.deepEqual([statefulsets, controllerrevisions], [0, 0]);
    await runsBeside(world);
    await world.close();
  });

  test('whose claim is ending for ever says so, ever more seldom, and comes up when it is gone', async () => {
    const counter = writeCounter();
    const world = await startWorld({ wrap: counter.wrap });
    const held = { ...inDefault('data-db-0'), finalizers: ['example.com/held'] };
    await world.client.create(persistentVolumeClaims, { ...claimTemplate('data'), metadata: held });
    await world.client.delete(persistentVolumeClaims, inDefault('data-db-0'));
    await world.client.create(statefulSets, makeSet({ replicas: 1, volumeClaimTemplates: [claimTemplate('data')] }));
    await world.clock.advance(minuteMs);
    assert.deepEqual(await told(world, 'FailedCreate'), [
      'create Pod db-0 in StatefulSet db failed error: pvc data-db-0 is being deleted',
    ]);
    counter.taken();
    const tries = async (): Promise<number> =>
      (await world.list(events)).find(({ reason }) => reason === 'FailedCreate')?.count ?? 0;
    const before = await tries();
    await world.clock.advance(50 * minuteMs);
    const more = (await tries()) - before;
    assert.ok(more >= 2 && more <= 15, `${more} tries in fifty minutes`);
    const { statefulsets = 0, pods: ofPods = 0, persistentvolumeclaims = 0 } = counter.taken();
    assert.deepEqual([statefulsets, ofPods, persistentvolumeclaims], [0, 0, 0]);
    await runsBeside(world);
    const body = { metadata: { finalizers: null } };
    await world.client.patch(persistentVolumeClaims, inDefault('data-db-0'), { type: 'merge', body });
    await world.clock.advance(10_000);
    assert.deepEqual(await readiness(world), [true], 'at once, not after the back-off');
    await world.close();
  });

  test('whose pod somebody holds waits for it, and goes on when it is let go', async () => {
    const counter = writeCounter();
    const world = await startWorld({ wrap: counter.wrap });
    const { spec } = makeSet();
    assert.ok(spec);
    const metadata = { ...spec.template.metadata, finalizers: ['example.com/held'] };
    await world.client.create(statefulSets, makeSet({ template: { ...spec.template, metadata } }));
    await world.clock.advance(10_000);
    for (const ended of ['db-1', 'db-2']) await world.client.delete(pods, inDefault(ended));
    await patchSet(world, { replicas: 5 });
    await world.clock.advance(minuteMs);
    assert.deepEqual(
      await names(world),
      ['db-0', 'db-1', 'db-2'],
      'no other has the name meanwhile, and order is order',
    );
    const status = await statusOf(world);
    assert.deepEqual([status.replicas, status.readyReplicas, status.currentReplicas], [3, 1, 1]);
    counter.taken();
    await world.clock.advance(hourMs);
    assert.deepEqual(counter.taken().pods ?? 0, 0);
    await runsBeside(world);
    for (const ended of ['db-1', 'db-2']) {
      await world.client.patch(pods, inDefault(ended), { type: 'merge', body: { metadata: { finalizers: null } } });
    }
    await world.clock.advance(20_000);
    assert.deepEqual(await readiness(world), [true, true, true, true, true]);
    await world.close();
  });

  test('in parallel, does not wait for the held pod of another number', async () => {
    const world = await startWorld();
    await world.client.create(statefulSets, makeSet({ podManagementPolicy: 'Parallel' }));
    await world.clock.advance(5000);
    const held = { metadata: { finalizers: ['example.com/held'] } };
    await world.client.patch(pods, inDefault('db-1'), { type: 'merge', body: held });
    await world.client.delete(pods, inDefault('db-1'));
    await patchSet(world, { replicas: 5 });
    await world.clock.advance(10_000);
    const { readyReplicas, replicas } = await statusOf(world);
    assert.deepEqual([readyReplicas, replicas], [4, 5]);
    await patchSet(world, { replicas: 1 });
    await world.clock.advance(10_000);
    assert.deepEqual(await names(world), ['db-0', 'db-1']);
    await world.close();
  });

  test('that finds a pod under a name of its own without the storage says why that cannot be mended', async () => {
    const counter = writeCounter();
    const world = await startWorld({ wrap: counter.wrap });
    const metadata = { ...inDefault('db-0'), labels: { app: 'db' } };
    await world.client.create(pods, { metadata, spec: { containers: [{ name: 'main', image: 'image:1' }] } });
    await world.clock.advance(5000);
    await world.client.create(statefulSets, makeSet({ volumeClaimTemplates: [claimTemplate('data')] }));
    await world.clock.advance(minuteMs);
    assert.match(
      (await told(world, 'FailedUpdate'))[0] ?? '',
      /^update Pod db-0 in StatefulSet db failed error: .*volumes/s,
    );
    counter.taken();
    await world.clock.advance(3 * hourMs);
    const { pods: tries = 0, statefulsets = 0 } = counter.taken();
    assert.ok(tries >= 3 && tries <= 30, `${tries} tries in three hours`);
    assert.equal(statefulsets, 0);
    await runsBeside(world);
    await world.client.delete(pods, inDefault('db-0'));
    await world.clock.advance(20_000);
    assert.deepEqual(await readiness(world), [true, true, true]);
    await world.close();
  });

  test('whose failed pod cannot be deleted tries ever more seldom, and says why', async () => {
    let refuses = true;
    const world = await startWorld({
      wrap: (client) =>
        intercept(client, {
          delete: (real) => async (resource, reference, options) => {
            if (refuses && resource.resource === 'pods') throw new Error('somebody says no');
            await real.delete(resource, reference, options);
          },
        }),
    });
    await world.client.create(statefulSets, makeSet({ replicas: 1 }));
    await world.clock.advance(5000);
    await end(world, 'db-0', 'Failed');
    await world.clock.advance(hourMs);
    assert.deepEqual(await told(world, 'FailedDelete'), [
      'delete Pod db-0 in StatefulSet db failed error: somebody says no',
    ]);
    const tries = (await world.list(events)).find(({ reason }) => reason === 'FailedDelete')?.count ?? 0;
    assert.ok(tries >= 3 && tries <= 30, `${tries} tries in an hour`);
    refuses = false;
    await runsBeside(world);
    await world.clock.advance(20 * minuteMs);
    assert.deepEqual(await readiness(world), [true]);
    await world.close();
  });
});

test('a pod whose StatefulSet does not exist goes, and one of the same name has its own then', async () => {
  const world = await startWorld();
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    name: 'db',
    uid: '00000000-0000-0000-0000-000000000000',
    controller: true,
  };
  const metadata = { ...inDefault('db-0'), labels: { app: 'db' }, ownerReferences: [owner] };
  const lost = await world.client.create(pods, {
    metadata,
    spec: { containers: [{ name: 'main', image: 'image:1' }] },
  });
  await world.client.create(statefulSets, makeSet({ replicas: 1 }));
  await world.clock.advance(minuteMs);
  const pod = await world.get(pods, 'db-0');
  assert.ok(pod && !isDeleting(pod));
  assert.notEqual(pod.metadata?.uid, lost.metadata?.uid);
  assert.deepEqual(await readiness(world), [true]);
  await world.close();
});
