/** DaemonSets that cannot have what they want: bounded tries, an event that says why, and nothing else held up. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DaemonSet } from '../../api/schema/types/apps-v1.ts';
import { intercept } from '../../client/intercept.ts';
import { controllerRevisions, daemonSets, events, pods } from '../../client/resources.ts';
import { isDeleting } from '../shared/context.ts';
import { controllerOf } from '../shared/ownership.ts';
import { inDefault, type World, writeCounter } from '../testing.ts';
import { daemonPods, layout, makeSet, patchDaemonSet, startDaemonWorld, statusOf } from './testing.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const end = (world: World, name: string, phase: string) =>
  world.client.patch(pods, inDefault(name), { type: 'merge', body: { status: { phase } } }, { subresource: 'status' });

/** Like a kubelet that refuses each pod of the set at once. */
async function refuseAll(world: World, forMs: number): Promise<number> {
  const uids = new Set<string>();
  for (let atMs = 0; atMs < forMs; atMs += 1000) {
    for (const pod of await daemonPods(world)) {
      if (isDeleting(pod) || pod.status?.phase === 'Failed') continue;
      uids.add(pod.metadata?.uid ?? '');
      await end(world, pod.metadata?.name ?? '', 'Failed');
    }
    await world.clock.advance(1000);
  }
  return uids.size;
}

async function runsBeside(world: World): Promise<void> {
  const { spec } = makeSet();
  assert.ok(spec);
  const labels = { app: 'neighbour' };
  const template = { ...spec.template, metadata: { labels } };
  world.kubelet.ignore = (pod) => pod.metadata?.labels?.['app'] !== 'neighbour';
  const metadata = inDefault('neighbour');
  await world.client.create(daemonSets, { metadata, spec: { ...spec, template, selector: { matchLabels: labels } } });
  await world.clock.advance(10_000);
  assert.ok(((await world.get(daemonSets, 'neighbour'))?.status?.numberReady ?? 0) > 0);
}

describe('a DaemonSet', () => {
  test('that a node refuses pods of is not fought with, also where it may have a second one beside the first', async () => {
    const updateStrategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    const world = await startDaemonWorld(['a']);
    world.kubelet.ignore = () => true;
    await world.client.create(daemonSets, makeSet({ updateStrategy }));
    await world.clock.advance(1000);
    const refused = await refuseAll(world, 5 * minuteMs);
    assert.ok(refused >= 4 && refused <= 12, `${refused} pods in five minutes`);
    assert.ok((await daemonPods(world)).length <= 2, 'nor do they pile up');
    const told = (await world.list(events)).filter(({ reason }) => reason === 'FailedDaemonPod');
    assert.ok(told.length > 0);
    await runsBeside(world);
    await world.close();
  });

  test('that would take all pods of its namespace takes none, and is told why', async () => {
    const world = await startDaemonWorld(['a']);
    const containers = [{ name: 'main', image: 'image' }];
    await world.client.create(pods, {
      metadata: { ...inDefault('other'), labels: { app: 'other' } },
      spec: { containers },
    });
    const set = await world.client.create(daemonSets, makeSet({}, { nodeSelector: { none: 'such' } }));
    await world.clock.advance(1000);
    // The API takes no such selector: it comes from elsewhere.
    const key = { collection: 'daemonsets.apps', namespace: 'default', name: 'agent' };
    const expectedRevision = world.store.get(key)?.revision ?? 0;
    const standing = await world.client.get(daemonSets, inDefault('agent'));
    const object = { ...standing, spec: { ...set.spec, selector: {} } } as DaemonSet;
    await world.store.write({ kind: 'put', key, object, expectedRevision });
    await world.clock.advance(10_000);
    const other = await world.get(pods, 'other');
    assert.equal(other && controllerOf(other), undefined);
    const told = (await world.list(events)).filter(({ involvedObject }) => involvedObject.kind === 'DaemonSet');
    assert.deepEqual(
      told.map(({ type, reason, message }) => `${type} ${reason}: ${message}`),
      ['Warning SelectingAll: This daemon set is selecting all pods. A non-empty selector is required.'],
    );
    await world.close();
  });

  test('whose pods somebody holds waits for them on their nodes, and writes nothing meanwhile', async () => {
    const counter = writeCounter();
    const world = await startDaemonWorld(['a', 'b'], { wrap: counter.wrap });
    const set = makeSet();
    assert.ok(set.spec);
    const metadata = { ...set.spec.template.metadata, finalizers: ['example.com/held'] };
    await world.client.create(daemonSets, {
      ...set,
      spec: { ...set.spec, template: { ...set.spec.template, metadata } },
    });
    await world.clock.advance(5000);
    world.kubelet.endMs = 24 * hourMs;
    const onA = (await daemonPods(world)).find(({ spec }) => spec?.nodeName === 'a')?.metadata?.name ?? '';
    await world.client.delete(pods, inDefault(onA));
    await world.clock.advance(minuteMs);
    assert.deepEqual(await layout(world), ['b 1'], 'the node has it still');
    counter.taken();
    await world.clock.advance(hourMs);
    const { pods: ofPods = 0, daemonsets = 0 } = counter.taken();
    assert.deepEqual([ofPods, daemonsets], [0, 0]);
    world.kubelet.endMs = 500;
    await world.client.patch(pods, inDefault(onA), { type: 'merge', body: { metadata: { finalizers: null } } });
    await world.client.delete(pods, inDefault(onA), { gracePeriodSeconds: 0 });
    await world.clock.advance(10_000);
    assert.deepEqual(await layout(world), ['a 1', 'b 1']);
    await world.close();
  });

  test('of whose pod nobody hears, since it went before it was seen, makes another after five minutes', async () => {
    let unseen: string | undefined;
    const world = await startDaemonWorld(['a'], {
      wrap: (client) =>
        intercept(client, {
          watch: (real) => (resource, query, handler) =>
            real.watch(resource, query, {
              event(event) {
                const { uid = '' } = event.object.metadata ?? {};
                if (resource.resource === 'pods') unseen ??= uid;
                if (uid !== unseen) handler.event(event);
              },
              end: (error) => handler.end(error),
            }),
        }),
    });
    await world.client.create(daemonSets, makeSet());
    await world.clock.advance(10);
    const [pod] = await world.list(pods);
    await world.client.delete(pods, inDefault(pod?.metadata?.name ?? ''), { gracePeriodSeconds: 0 });
    await world.clock.advance(4 * minuteMs);
    assert.deepEqual(await world.list(pods), [], 'it may only not have been seen yet');
    await world.clock.advance(2 * minuteMs);
    assert.deepEqual(await layout(world), ['a 1']);
    assert.equal((await statusOf(world))?.observedGeneration, 1);
    await world.close();
  });
});

test('a pod whose DaemonSet does not exist goes', async () => {
  const world = await startDaemonWorld(['a']);
  await world.client.create(daemonSets, makeSet());
  await world.clock.advance(5000);
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    name: 'agent',
    uid: '00000000-0000-0000-0000-000000000000',
    controller: true,
  };
  const containers = [{ name: 'main', image: 'image:1' }];
  const metadata = { ...inDefault('lost'), labels: { app: 'agent' }, ownerReferences: [owner] };
  await world.client.create(pods, { metadata, spec: { containers, nodeName: 'a' } });
  await world.clock.advance(minuteMs);
  assert.equal(await world.get(pods, 'lost'), undefined);
  assert.deepEqual(await layout(world), ['a 1']);
  await world.close();
});

test('a DaemonSet that is made anew under its name has neither the pods nor the expectations of the one before', async () => {
  let lateMs = 3000;
  const world = await startDaemonWorld(['a', 'b'], {
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
  await world.client.create(daemonSets, makeSet());
  await world.clock.advance(100);
  assert.equal((await daemonPods(world)).length, 2);
  await world.client.delete(daemonSets, inDefault('agent'), { propagationPolicy: 'Background' });
  await world.clock.advance(100);
  const { metadata } = await world.client.create(daemonSets, makeSet());
  for (let step = 0; step < 100; step++) {
    await world.clock.advance(100);
    const own = (await daemonPods(world)).filter((pod) => controllerOf(pod)?.uid === metadata?.uid);
    assert.equal(own.length, 2, 'one on each node, from the beginning');
    const body = { metadata: { annotations: { step: String(step) } } };
    await world.client.patch(daemonSets, inDefault('agent'), { type: 'merge', body });
  }
  lateMs = 0;
  await world.clock.advance(30_000);
  assert.deepEqual(await layout(world), ['a 1', 'b 1']);
  await world.close();
});

test('a revision that somebody makes for a DaemonSet without its hash is known by its name from then on', async () => {
  const world = await startDaemonWorld(['a']);
  await world.client.create(daemonSets, makeSet());
  await world.clock.advance(5000);
  const [revision] = await world.list(controllerRevisions);
  const metadata = {
    ...inDefault('agent-older'),
    labels: { app: 'agent' },
    ownerReferences: revision?.metadata?.ownerReferences ?? [],
  };
  await world.client.create(controllerRevisions, { metadata, data: { spec: {} }, revision: 0 });
  await patchDaemonSet(world, { minReadySeconds: 1 });
  await world.clock.advance(5000);
  const older = await world.get(controllerRevisions, 'agent-older');
  assert.equal(older?.metadata?.labels?.['controller-revision-hash'], 'agent-older');
  await world.close();
});
