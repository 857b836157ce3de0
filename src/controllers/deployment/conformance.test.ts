import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Deployment, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import { intercept } from '../../client/intercept.ts';
import { deployments, events, namespaces, pods, replicaSets, resourceQuotas } from '../../client/resources.ts';
import { controllerOf } from '../shared/ownership.ts';
import { inDefault, makeDeployment, startWorld, type World, withImage } from '../testing.ts';
import { revisionAnnotation } from './rollout.ts';

// What upstream's conformance tests of Deployments ask (test/e2e/apps/deployment.go), step by step.

const web = inDefault('web');

/** Made by nobody, and matched by the Deployment `web`. */
const orphan = (name: string, annotations: Readonly<Record<string, string>> = {}): ReplicaSet => {
  const labels = { app: 'web', pod: 'old' };
  return {
    metadata: { namespace: 'default', name, labels, annotations },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'old', image: 'old' }] } },
    },
  };
};

async function withOrphan(
  spec: Partial<NonNullable<Deployment['spec']>>,
  annotations?: Readonly<Record<string, string>>,
): Promise<World> {
  const world = await startWorld();
  await world.client.create(replicaSets, orphan('adopted', annotations));
  await world.clock.advance(5000);
  await world.client.create(deployments, makeDeployment('web', { spec: { replicas: 1, ...spec } }));
  return world;
}

const conditionOf = async (world: World, type: string) =>
  (await world.get(deployments, 'web'))?.status?.conditions?.find((condition) => condition.type === type);

describe('a Deployment that adopts', () => {
  test('an older ReplicaSet takes the next revision from it, however large, and empties it', async () => {
    const world = await withOrphan({}, { [revisionAnnotation]: '3546343826724305832' });
    await world.clock.advance(20_000);
    const deployment = await world.get(deployments, 'web');
    assert.equal(deployment?.metadata?.annotations?.[revisionAnnotation], '3546343826724305833');
    const sets = await world.list(replicaSets);
    assert.ok(sets.every((set) => controllerOf(set)?.uid === deployment?.metadata?.uid));
    assert.deepEqual(sets.map(({ spec }) => spec?.replicas).sort(), [0, 1]);
    assert.equal((await conditionOf(world, 'Progressing'))?.reason, 'NewReplicaSetAvailable');
    await world.close();
  });

  test('and keeps no history deletes it, and no pod of it is made anew', async () => {
    const world = await withOrphan({ revisionHistoryLimit: 0 });
    const made: (string | undefined)[] = [];
    let begun = false;
    world.informers.informer(pods).addHandler({
      added: (pod) => void (begun && made.push(pod.spec?.containers[0]?.name)),
    });
    begun = true;
    await world.clock.advance(20_000);
    assert.deepEqual(made, ['main']);
    assert.equal((await world.list(replicaSets)).length, 1);
    await world.close();
  });

  test('the ReplicaSet that another orphaned makes no second one of the same template', async () => {
    const world = await startWorld();
    await world.client.create(deployments, makeDeployment('web', { spec: { replicas: 1 } }));
    await world.clock.advance(5000);
    const [before] = await world.list(replicaSets);
    await world.client.delete(deployments, web, { propagationPolicy: 'Orphan' });
    await world.clock.advance(5000);
    assert.equal(controllerOf((await world.list(replicaSets))[0] ?? {}), undefined);
    const next = makeDeployment('web', { spec: { replicas: 1 } });
    await world.client.create(deployments, { ...next, metadata: inDefault('next') });
    await world.clock.advance(5000);
    const [after, ...others] = await world.list(replicaSets);
    assert.deepEqual([after?.metadata?.uid, others.length], [before?.metadata?.uid, 0]);
    assert.equal(controllerOf(after ?? {})?.name, 'next');
    const status = (await world.get(deployments, 'next'))?.status;
    assert.deepEqual([status?.updatedReplicas, status?.availableReplicas], [1, 1]);
    await world.close();
  });
});

test('a rollout that is stuck is rolled over by the next, which empties both before it', async () => {
  const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
  const world = await withOrphan({ minReadySeconds: 10, strategy: { type: 'RollingUpdate', rollingUpdate } });
  world.kubelet.ignore = (pod) => pod.spec?.containers[0]?.image === 'image:1';
  await world.clock.advance(10_000);
  const sizes = async (): Promise<string[]> =>
    (await world.list(replicaSets)).map(({ spec, status }) => `${spec?.replicas}/${status?.replicas ?? 0}`).sort();
  assert.deepEqual(await sizes(), ['1/1', '1/1']);
  await world.client.patch(deployments, web, withImage('image:2'));
  await world.clock.advance(60_000);
  assert.equal((await world.get(deployments, 'web'))?.metadata?.annotations?.[revisionAnnotation], '2');
  assert.deepEqual(await sizes(), ['0/0', '0/0', '1/1']);
  await world.close();
});

test('annotations are handed down to the ReplicaSet, but for those that are about the Deployment itself', async () => {
  const world = await startWorld();
  const deployment = makeDeployment('web');
  const applied = 'kubectl.kubernetes.io/last-applied-configuration';
  const annotations = { test: 'copied', [applied]: '{}' };
  await world.client.create(deployments, { ...deployment, metadata: { ...deployment.metadata, annotations } });
  await world.clock.advance(5000);
  const own = async () => (await world.list(replicaSets))[0]?.metadata?.annotations ?? {};
  assert.deepEqual([(await own())['test'], (await own())[applied]], ['copied', undefined]);
  const { generation = 0 } = (await world.get(deployments, 'web'))?.metadata ?? {};
  assert.equal(generation, 1, 'the revision is no change of the Deployment');
  await world.client.patch(deployments, web, { type: 'merge', body: { metadata: { annotations: { test: 'again' } } } });
  await world.clock.advance(5000);
  assert.equal((await own())['test'], 'again');
  const after = await world.get(deployments, 'web');
  assert.deepEqual([after?.metadata?.generation, after?.status?.observedGeneration], [2, 2]);
  await world.close();
});

test('conditions that somebody else wrote stay', async () => {
  const world = await startWorld();
  await world.client.create(deployments, makeDeployment('web'));
  await world.clock.advance(5000);
  const foreign = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from e2e test' };
  const conditions = [...((await world.get(deployments, 'web'))?.status?.conditions ?? []), foreign];
  await world.client.patch(
    deployments,
    web,
    { type: 'merge', body: { status: { conditions } } },
    { subresource: 'status' },
  );
  await world.client.patch(deployments, web, withImage('image:2'));
  await world.clock.advance(20_000);
  assert.equal((await conditionOf(world, 'StatusUpdate'))?.message, 'Set from e2e test');
  assert.equal((await conditionOf(world, 'Progressing'))?.reason, 'NewReplicaSetAvailable');
  await world.close();
});

test('pods that a quota refuses are a failure of the Deployment, until there is room', async () => {
  const world = await startWorld();
  const quota = { metadata: inDefault('few'), spec: { hard: { pods: '2' } } };
  await world.client.create(resourceQuotas, quota);
  await world.clock.advance(2000);
  await world.client.create(deployments, makeDeployment('web'));
  await world.clock.advance(10_000);
  const failure = await conditionOf(world, 'ReplicaFailure');
  assert.deepEqual([failure?.status, failure?.reason], ['True', 'FailedCreate']);
  assert.match(failure?.message ?? '', /^pods "web-.*" is forbidden: exceeded quota: few/);
  const { status } = (await world.get(deployments, 'web')) ?? {};
  assert.deepEqual([status?.replicas, status?.unavailableReplicas], [2, 1]);
  assert.equal((await conditionOf(world, 'Available'))?.status, 'False');
  await world.client.patch(resourceQuotas, inDefault('few'), {
    type: 'merge',
    body: { spec: { hard: { pods: '9' } } },
  });
  await world.clock.advance(120_000);
  assert.equal(await conditionOf(world, 'ReplicaFailure'), undefined);
  assert.equal((await world.get(deployments, 'web'))?.status?.availableReplicas, 3);
  await world.close();
});

test('a ReplicaSet that cannot be made is told of by condition and event, and made when it can be', async () => {
  let refuses = true;
  const world = await startWorld({
    wrap: (client) =>
      intercept(client, {
        create: (real) => async (resource, object, options) => {
          if (refuses && resource.resource === 'replicasets') throw new StatusError(403, 'Forbidden', 'no more sets');
          return real.create(resource, object, options);
        },
      }),
  });
  await world.client.create(deployments, makeDeployment('web'));
  await world.clock.advance(5000);
  const progressing = await conditionOf(world, 'Progressing');
  assert.deepEqual([progressing?.status, progressing?.reason], ['False', 'ReplicaSetCreateError']);
  assert.match(progressing?.message ?? '', /^Failed to create new replica set "web-[a-z0-9]+": no more sets$/);
  const told = (await world.list(events)).find(({ reason }) => reason === 'ReplicaSetCreateError');
  assert.deepEqual([told?.type, told?.message], ['Warning', progressing?.message]);
  refuses = false;
  await world.clock.advance(60_000);
  assert.equal((await conditionOf(world, 'Progressing'))?.reason, 'NewReplicaSetAvailable');
  await world.close();
});

test('in a namespace that ends nobody is told that a ReplicaSet cannot be made', async () => {
  const world = await startWorld();
  await world.client.create(namespaces, { metadata: { name: 'going', finalizers: ['example.com/hold'] } });
  const deployment = makeDeployment('web');
  const metadata = { namespace: 'going', name: 'web', finalizers: ['example.com/hold'] };
  await world.client.create(deployments, { ...deployment, metadata });
  await world.clock.advance(5000);
  await world.client.delete(namespaces, { namespace: '', name: 'going' });
  await world.client.patch(deployments, { namespace: 'going', name: 'web' }, withImage('image:2'));
  await world.clock.advance(5000);
  const told = await world.list(events, 'going');
  assert.ok(told.every(({ reason }) => reason !== 'ReplicaSetCreateError'));
  await world.close();
});

test('with no pods wanted, history is still kept to its limit', async () => {
  const world = await startWorld();
  await world.client.create(deployments, makeDeployment('web', { spec: { replicas: 0, revisionHistoryLimit: 1 } }));
  for (const image of ['image:2', 'image:3', 'image:4']) {
    await world.clock.advance(5000);
    await world.client.patch(deployments, web, withImage(image));
  }
  await world.clock.advance(5000);
  const revisions = (await world.list(replicaSets)).map(({ metadata }) => metadata?.annotations?.[revisionAnnotation]);
  assert.deepEqual(revisions.sort(), ['3', '4']);
  await world.close();
});

test('a pause stops the clock of the deadline, and its end starts it anew', async () => {
  const world = await startWorld();
  world.kubelet.ignore = () => true;
  await world.client.create(deployments, makeDeployment('web', { spec: { progressDeadlineSeconds: 60 } }));
  await world.clock.advance(40_000);
  const pause = (paused: boolean) => ({ type: 'merge', body: { spec: { paused } } }) as const;
  await world.client.patch(deployments, web, pause(true));
  await world.clock.advance(300_000);
  const paused = await conditionOf(world, 'Progressing');
  assert.deepEqual(
    [paused?.status, paused?.reason, paused?.message],
    ['Unknown', 'DeploymentPaused', 'Deployment is paused'],
  );
  await world.client.patch(deployments, web, pause(false));
  await world.clock.advance(50_000);
  const resumed = await conditionOf(world, 'Progressing');
  assert.deepEqual(
    [resumed?.status, resumed?.reason, resumed?.message],
    ['Unknown', 'DeploymentResumed', 'Deployment is resumed'],
  );
  await world.clock.advance(20_000);
  assert.equal((await conditionOf(world, 'Progressing'))?.reason, 'ProgressDeadlineExceeded');
  await world.client.patch(deployments, web, pause(true));
  await world.clock.advance(5000);
  assert.equal(
    (await conditionOf(world, 'Progressing'))?.reason,
    'ProgressDeadlineExceeded',
    'a pause hides no failure',
  );
  await world.close();
});

test('Recreate waits for the last old pod to be gone, however long it takes to end', async () => {
  const world = await startWorld();
  world.kubelet.endMs = 45_000;
  const strategy = { type: 'Recreate' } as const;
  await world.client.create(deployments, makeDeployment('web', { spec: { strategy } }));
  await world.clock.advance(5000);
  await world.client.patch(deployments, web, withImage('image:2'));
  await world.clock.advance(40_000);
  const images = async () => (await world.list(pods)).map(({ spec }) => spec?.containers[0]?.image);
  assert.deepEqual(await images(), ['image:1', 'image:1', 'image:1']);
  const { status } = (await world.get(deployments, 'web')) ?? {};
  assert.deepEqual([status?.replicas, status?.terminatingReplicas], [undefined, 3]);
  await world.clock.advance(20_000);
  assert.deepEqual(await images(), ['image:2', 'image:2', 'image:2']);
  assert.equal((await conditionOf(world, 'Progressing'))?.reason, 'NewReplicaSetAvailable');
  await world.close();
});

test('a rollout that is stuck is scaled in proportion, and what is there stays available', async () => {
  const world = await startWorld();
  const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } as const;
  await world.client.create(deployments, makeDeployment('web', { spec: { replicas: 10, strategy } }));
  await world.clock.advance(5000);
  world.kubelet.ignore = (pod) => pod.spec?.containers[0]?.image === 'webserver:404';
  await world.client.patch(deployments, web, withImage('webserver:404'));
  await world.clock.advance(5000);
  const sizes = async () => (await world.list(replicaSets)).map(({ spec }) => spec?.replicas).sort();
  assert.deepEqual(await sizes(), [5, 8]);
  assert.equal((await world.get(deployments, 'web'))?.status?.availableReplicas, 8);
  await world.client.patch(deployments, web, { type: 'merge', body: { spec: { replicas: 30 } } });
  await world.clock.advance(5000);
  assert.deepEqual(await sizes(), [13, 20]);
  await world.close();
});
