import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timedOut } from '../../client/errors.ts';
import { intercept } from '../../client/intercept.ts';
import { daemonSets, events, nodes, pods, resourceQuotas } from '../../client/resources.ts';
import { isDeleting } from '../shared/context.ts';
import { controllerOf } from '../shared/ownership.ts';
import { inDefault, type World } from '../testing.ts';
import {
  addLiveNode,
  daemonPods,
  layout,
  makeSet,
  patchDaemonSet,
  patchNode,
  startDaemonWorld,
  statusOf,
  taint,
} from './testing.ts';

const end = (world: World, name: string, phase: string) =>
  world.client.patch(pods, inDefault(name), { type: 'merge', body: { status: { phase } } }, { subresource: 'status' });

test('each node gets one pod, bound to it by its name, and the status counts them', async () => {
  const world = await startDaemonWorld(['a', 'b']);
  await world.client.create(daemonSets, makeSet({}, { tolerations: [{ key: 'own', operator: 'Exists' }] }));
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), ['a 1', 'b 1']);
  const [pod] = await daemonPods(world);
  assert.deepEqual(pod?.spec?.affinity, {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [pod?.spec?.nodeName] }] }],
      },
    },
  });
  assert.deepEqual(
    pod?.spec?.tolerations?.map(({ key, operator, effect }) => [key, operator, effect]),
    [
      ['own', 'Exists', undefined],
      ['node.kubernetes.io/not-ready', 'Exists', 'NoExecute'],
      ['node.kubernetes.io/unreachable', 'Exists', 'NoExecute'],
      ['node.kubernetes.io/disk-pressure', 'Exists', 'NoSchedule'],
      ['node.kubernetes.io/memory-pressure', 'Exists', 'NoSchedule'],
      ['node.kubernetes.io/pid-pressure', 'Exists', 'NoSchedule'],
      ['node.kubernetes.io/unschedulable', 'Exists', 'NoSchedule'],
    ],
  );
  assert.equal(pod?.metadata?.labels?.['pod-template-generation'], '1');
  assert.ok(pod?.metadata?.labels?.['controller-revision-hash']);
  assert.deepEqual(await statusOf(world), {
    observedGeneration: 1,
    desiredNumberScheduled: 2,
    currentNumberScheduled: 2,
    numberMisscheduled: 0,
    numberReady: 2,
    updatedNumberScheduled: 2,
    numberAvailable: 2,
  });
  const told = await world.list(events);
  assert.ok(
    told.some(({ reason, source }) => reason === 'SuccessfulCreate' && source?.component === 'daemonset-controller'),
  );
  await world.close();
});

test('a pod that is deleted comes back; nodes that come get one, and those that go lose theirs', async () => {
  const world = await startDaemonWorld(['a', 'b']);
  await world.client.create(daemonSets, makeSet());
  await world.clock.advance(5000);
  const [first] = await daemonPods(world);
  await world.client.delete(pods, inDefault(first?.metadata?.name ?? ''));
  await addLiveNode(world, 'c');
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), ['a 1', 'b 1', 'c 1']);
  assert.ok(!(await daemonPods(world)).some(({ metadata }) => metadata?.uid === first?.metadata?.uid));
  await world.client.delete(nodes, { namespace: '', name: 'c' });
  await world.clock.advance(1000);
  const status = await statusOf(world);
  assert.deepEqual([status?.desiredNumberScheduled, status?.numberReady], [2, 2]);
  await world.close();
});

test('a pod that waits for a node that is gone is deleted', async () => {
  const world = await startDaemonWorld(['a']);
  const lost = { matchFields: [{ key: 'metadata.name', operator: 'In' as const, values: ['gone'] }] };
  await world.client.create(daemonSets, makeSet());
  await world.clock.advance(5000);
  const set = await world.get(daemonSets, 'agent');
  const reference = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    name: 'agent',
    uid: set?.metadata?.uid ?? '',
    controller: true,
  };
  await world.client.create(pods, {
    metadata: { ...inDefault('lost'), labels: { app: 'agent' }, ownerReferences: [reference] },
    spec: {
      containers: [{ name: 'main', image: 'image:1' }],
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [lost] } } },
    },
  });
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), ['a 1']);
  await world.close();
});

test('node selector and affinity choose the nodes, and changes of labels move the pods', async () => {
  const world = await startDaemonWorld(['a', 'b']);
  await world.client.create(daemonSets, makeSet({}, { nodeSelector: { color: 'blue' } }));
  await world.clock.advance(3000);
  assert.deepEqual(await layout(world), []);
  await patchNode(world, 'a', { metadata: { labels: { color: 'blue' } } });
  await world.clock.advance(3000);
  assert.deepEqual(await layout(world), ['a 1']);
  await patchNode(world, 'a', { metadata: { labels: { color: 'green' } } });
  await world.clock.advance(3000);
  assert.deepEqual(await layout(world), []);
  await patchDaemonSet(world, { template: { spec: { nodeSelector: { color: 'green' } } } });
  await world.clock.advance(3000);
  assert.deepEqual(await layout(world), ['a 1']);
  const term = { matchExpressions: [{ key: 'color', operator: 'DoesNotExist' }] };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } };
  await patchDaemonSet(world, { template: { spec: { nodeSelector: null, affinity } } });
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), ['b 1']);
  await world.close();
});

test('a template that names its node has its pod there, where all else allows it, and nowhere else', async () => {
  const world = await startDaemonWorld(['a', 'b']);
  await patchNode(world, 'a', { metadata: { labels: { color: 'blue' } } });
  await world.client.create(daemonSets, makeSet({}, { nodeName: 'a', nodeSelector: { color: 'blue' } }));
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), ['a 1']);
  await patchDaemonSet(world, { template: { spec: { nodeName: 'b' } } });
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), [], 'the one that is named has not the color');
  await patchDaemonSet(world, { template: { spec: { nodeName: 'none', nodeSelector: null } } });
  await world.clock.advance(5000);
  const status = await statusOf(world);
  assert.deepEqual([await layout(world), status?.desiredNumberScheduled], [[], 0]);
  await world.close();
});

test('only pods in the network of the node itself come to one without a network; ports and room are not looked at', async () => {
  const world = await startDaemonWorld(['a', 'b']);
  const body = { status: { conditions: [{ type: 'NetworkUnavailable', status: 'True' }] } };
  const isolate = { type: 'strategic', body } as const;
  await world.client.patch(nodes, { namespace: '', name: 'a' }, isolate, { subresource: 'status' });
  await world.clock.advance(1000);
  const resources = { requests: { cpu: '1000' } };
  const containers = [{ name: 'main', image: 'image:1', ports: [{ containerPort: 80, hostPort: 80 }], resources }];
  await world.client.create(daemonSets, makeSet({}, { containers }));
  await world.clock.advance(5000);
  assert.equal((await statusOf(world))?.desiredNumberScheduled, 1);
  await patchDaemonSet(world, { template: { spec: { hostNetwork: true } } });
  await world.clock.advance(5000);
  assert.equal((await statusOf(world))?.desiredNumberScheduled, 2);
  await world.close();
});

test('NoSchedule keeps new pods away and lets those stay that are there; NoExecute does not; cordons do not count', async () => {
  const world = await startDaemonWorld(['a', 'b', 'c']);
  await taint(world, 'a', [{ key: 'only', value: 'gpu', effect: 'NoSchedule' }]);
  await patchNode(world, 'c', { spec: { unschedulable: true } });
  await world.client.create(daemonSets, makeSet());
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), ['b 1', 'c 1']);
  await taint(world, 'b', [{ key: 'only', value: 'gpu', effect: 'NoSchedule' }]);
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), ['b 1', 'c 1']);
  const status = await statusOf(world);
  assert.deepEqual([status?.desiredNumberScheduled, status?.numberMisscheduled], [1, 1]);
  await taint(world, 'b', [{ key: 'only', value: 'gpu', effect: 'NoExecute' }]);
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), ['c 1']);
  await patchDaemonSet(world, { template: { spec: { tolerations: [{ key: 'only', operator: 'Exists' }] } } });
  await world.clock.advance(10_000);
  assert.deepEqual(await layout(world), ['a 1', 'b 1', 'c 1']);
  await world.close();
});

test('failed pods are replaced, ever more slowly where they fail again; those that succeeded at once', async () => {
  const world = await startDaemonWorld(['a']);
  await world.client.create(daemonSets, makeSet());
  await world.clock.advance(5000);
  await end(world, (await daemonPods(world))[0]?.metadata?.name ?? '', 'Succeeded');
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), ['a 1']);
  world.kubelet.ignore = () => true;
  const uids = new Set<string>();
  for (let second = 0; second < 60; second++) {
    for (const pod of await daemonPods(world)) {
      if (isDeleting(pod) || pod.status?.phase === 'Failed') continue;
      uids.add(pod.metadata?.uid ?? '');
      await end(world, pod.metadata?.name ?? '', 'Failed');
    }
    await world.clock.advance(1000);
  }
  assert.ok(uids.size >= 4 && uids.size <= 8, `${uids.size} pods in a minute`);
  const told = (await world.list(events)).map(({ reason, message }) => `${reason} ${message}`);
  assert.ok(
    told.some((text) =>
      /^FailedDaemonPod Found failed daemon pod default\/agent-\w+ on node a, will try to kill it$/.test(text),
    ),
  );
  assert.ok(
    told.some((text) =>
      /^SucceededDaemonPod Found succeeded daemon pod default\/agent-\w+ on node a, will try to delete it$/.test(text),
    ),
  );
  world.kubelet.ignore = () => false;
  await world.clock.advance(130_000);
  assert.deepEqual(await layout(world), ['a 1']);
  await world.close();
});

test('of two pods on a node the older one stays; orphans are adopted, and pods that match no more released', async () => {
  const world = await startDaemonWorld(['a', 'b']);
  const containers = [{ name: 'main', image: 'image:0' }];
  await world.client.create(pods, {
    metadata: { ...inDefault('orphan'), labels: { app: 'agent' } },
    spec: { containers, nodeName: 'a' },
  });
  await world.clock.advance(2000);
  await world.client.create(daemonSets, makeSet({ updateStrategy: { type: 'OnDelete' } }));
  await world.clock.advance(5000);
  const orphan = await world.get(pods, 'orphan');
  assert.equal(orphan && controllerOf(orphan)?.name, 'agent');
  assert.deepEqual(await layout(world), ['a 0', 'b 1']);
  const on = async (node: string) =>
    (await daemonPods(world)).find(({ spec }) => spec?.nodeName === node)?.metadata?.name ?? '';
  const released = await on('b');
  await world.client.patch(pods, inDefault(released), {
    type: 'merge',
    body: { metadata: { labels: { app: 'free' } } },
  });
  await world.clock.advance(5000);
  assert.deepEqual(await layout(world), ['a 0', 'b 1']);
  assert.equal((await world.get(pods, released))?.metadata?.ownerReferences, undefined);
  await world.client.patch(pods, inDefault(released), {
    type: 'merge',
    body: { metadata: { labels: { app: 'agent' } } },
  });
  await world.clock.advance(5000);
  assert.equal(await on('b'), released, 'the younger one went');
  await world.close();
});

test('a cache that lags, and answers that get lost, make no second pod on a node', async () => {
  let calls = 0;
  let most = 0;
  const world = await startDaemonWorld(['a', 'b', 'c'], {
    wrap: (client) =>
      intercept(client, {
        delete: (real) => async (resource, reference, options) => {
          await real.delete(resource, reference, options);
          if (resource.resource === 'pods' && calls++ % 2 === 0) throw timedOut('injected');
        },
        watch: (real) => (resource, query, handler) =>
          real.watch(resource, query, {
            event: (event) => {
              if (resource.resource !== 'pods') handler.event(event);
              else clock().after(700, () => handler.event(event));
            },
            end: (error) => handler.end(error),
          }),
      }),
  });
  const clock = () => world.clock;
  await world.client.create(daemonSets, makeSet());
  const missing = async (): Promise<number> => {
    const living = (await daemonPods(world)).filter((pod) => !isDeleting(pod) && pod.status?.phase === 'Running');
    most = Math.max(most, (await daemonPods(world)).length);
    return 3 - living.length;
  };
  await world.clock.advance(20_000);
  assert.equal(await missing(), 0);
  await patchDaemonSet(world, { template: { metadata: { annotations: { again: 'yes' } } } });
  let worst = 0;
  for (let step = 0; step < 200; step++) {
    await patchDaemonSet(world, { template: { metadata: { annotations: { again: 'yes' } } } });
    await world.clock.advance(200);
    worst = Math.max(worst, await missing());
  }
  assert.deepEqual([worst, most], [1, 3]);
  assert.equal((await statusOf(world))?.updatedNumberScheduled, 3);
  await world.close();
});

test('what cannot be created is told and tried again more and more slowly', async () => {
  const world = await startDaemonWorld(['a', 'b', 'c']);
  await world.client.create(resourceQuotas, { metadata: inDefault('few'), spec: { hard: { pods: '1' } } });
  await world.clock.advance(1000);
  await world.client.create(daemonSets, makeSet());
  await world.clock.advance(30_000);
  assert.equal((await layout(world)).length, 1);
  const told = (await world.list(events)).filter(({ reason }) => reason === 'FailedCreate');
  assert.match(told[0]?.message ?? '', /^Error creating: pods "agent-\w+" is forbidden: exceeded quota: few/);
  const status = await statusOf(world);
  assert.deepEqual(
    [status?.desiredNumberScheduled, status?.currentNumberScheduled, status?.numberUnavailable],
    [3, 1, 2],
  );
  await world.client.delete(resourceQuotas, inDefault('few'));
  await world.clock.advance(100_000);
  assert.deepEqual(await layout(world), ['a 1', 'b 1', 'c 1']);
  await world.close();
});
