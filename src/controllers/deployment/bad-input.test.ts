/** Deployments that cannot become what they should: what is said of it, how much is written for it, and that nothing else waits. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { deployments, pods, replicaSets } from '../../client/resources.ts';
import { isDeleting } from '../shared/context.ts';
import { inDefault, makeDeployment, startWorld, type World, withImage, writeCounter } from '../testing.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const conditionOf = async (world: World, type: string): Promise<string | undefined> => {
  const { status } = (await world.get(deployments, 'web')) ?? {};
  const condition = status?.conditions?.find((one) => one.type === type);
  return condition && `${condition.status} ${condition.reason}`;
};

/** Like a kubelet whose container crashes again and again, each time five minutes after the last. */
function crash(world: World, pod: Pod): void {
  const { name = '', uid } = pod.metadata ?? {};
  let restartCount = 0;
  const again = (): void => {
    restartCount++;
    const state = { waiting: { reason: 'CrashLoopBackOff' } };
    const container = { name: 'main', image: 'image:1', imageID: '', ready: false, restartCount, state };
    const conditions = [{ type: 'Ready', status: 'False' }];
    const body = { metadata: { uid }, status: { phase: 'Running', conditions, containerStatuses: [container] } };
    void world.client.patch(pods, inDefault(name), { type: 'strategic', body }, { subresource: 'status' });
    world.clock.after(5 * minuteMs, again);
  };
  again();
}

async function runsBeside(world: World): Promise<void> {
  await world.client.create(deployments, makeDeployment('neighbour'));
  await world.clock.advance(10_000);
  assert.equal((await world.get(deployments, 'neighbour'))?.status?.availableReplicas, 3);
}

describe('a Deployment', () => {
  test('whose pods always crash says so at its deadline, and writes nothing more for all the crashes', async () => {
    const counter = writeCounter();
    const world = await startWorld({ wrap: counter.wrap });
    world.kubelet.ignore = (pod) => pod.metadata?.labels?.['app'] === 'web';
    await world.client.create(deployments, makeDeployment('web'));
    await world.clock.advance(1000);
    for (const pod of await world.list(pods)) crash(world, pod);
    await world.clock.advance(9 * minuteMs);
    assert.equal(await conditionOf(world, 'Progressing'), 'True ReplicaSetUpdated');
    await world.clock.advance(2 * minuteMs);
    assert.equal(await conditionOf(world, 'Progressing'), 'False ProgressDeadlineExceeded');
    assert.equal(await conditionOf(world, 'Available'), 'False MinimumReplicasUnavailable');
    counter.taken();
    await world.clock.advance(3 * hourMs);
    const { deployments: own = 0, replicasets = 0, pods: ofPods = 0 } = counter.taken();
    assert.deepEqual([own, replicasets], [0, 0]);
    assert.ok(ofPods >= 3 * 36, 'they crashed all the while');
    await runsBeside(world);
    await world.client.patch(deployments, inDefault('web'), withImage('image:2'));
    world.kubelet.ignore = () => false;
    await world.clock.advance(20_000);
    assert.equal(await conditionOf(world, 'Progressing'), 'True NewReplicaSetAvailable');
    await world.close();
  });

  test('whose old pods somebody holds rolls on all the same, and counts them until they are let go', async () => {
    const counter = writeCounter();
    const world = await startWorld({ wrap: counter.wrap });
    const { spec, ...deployment } = makeDeployment('web');
    assert.ok(spec);
    const template = { ...spec.template, metadata: { ...spec.template.metadata, finalizers: ['example.com/held'] } };
    await world.client.create(deployments, { ...deployment, spec: { ...spec, template } });
    await world.clock.advance(5000);
    await world.client.patch(deployments, inDefault('web'), withImage('image:2'));
    await world.clock.advance(minuteMs);
    // The player of the kubelet ends what is deleted, so those that are held count as ended, not as ending.
    assert.equal(await conditionOf(world, 'Progressing'), 'True NewReplicaSetAvailable');
    assert.equal((await world.list(pods)).filter(isDeleting).length, 3);
    counter.taken();
    await world.clock.advance(hourMs);
    const { deployments: own = 0, replicasets = 0 } = counter.taken();
    assert.deepEqual([own, replicasets], [0, 0]);
    await runsBeside(world);
    await world.close();
  });

  test('that makes all anew waits for a pod that cannot end, says that nothing is available, and writes nothing', async () => {
    const counter = writeCounter();
    const world = await startWorld({ wrap: counter.wrap });
    await world.client.create(deployments, makeDeployment('web', { spec: { strategy: { type: 'Recreate' } } }));
    await world.clock.advance(5000);
    world.kubelet.endMs = 24 * hourMs;
    await world.client.patch(deployments, inDefault('web'), withImage('image:2'));
    await world.clock.advance(15 * minuteMs);
    assert.equal(await conditionOf(world, 'Available'), 'False MinimumReplicasUnavailable');
    const { status } = (await world.get(deployments, 'web')) ?? {};
    assert.deepEqual([status?.replicas ?? 0, status?.terminatingReplicas], [0, 3]);
    counter.taken();
    await world.clock.advance(hourMs);
    const { deployments: own = 0, replicasets = 0 } = counter.taken();
    assert.deepEqual([own, replicasets], [0, 0]);
    await runsBeside(world);
    await world.close();
  });
});

test('a ReplicaSet whose Deployment does not exist goes, with its pods', async () => {
  const world = await startWorld();
  const { spec } = makeDeployment('web');
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: 'nobody',
    uid: '00000000-0000-0000-0000-000000000000',
    controller: true,
  };
  assert.ok(spec);
  const { replicas = 1, selector, template } = spec;
  const metadata = { ...inDefault('web-1'), ownerReferences: [owner] };
  await world.client.create(replicaSets, { metadata, spec: { replicas, selector, template } });
  await world.clock.advance(minuteMs);
  assert.deepEqual([await world.get(replicaSets, 'web-1'), await world.list(pods)], [undefined, []]);
  await world.close();
});
