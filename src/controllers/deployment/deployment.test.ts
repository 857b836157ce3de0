import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { intercept } from '../../client/intercept.ts';
import { deployments, events, pods, replicaSets } from '../../client/resources.ts';
import { isActive, isAvailable } from '../shared/pods.ts';
import { inDefault, makeDeployment, startWorld, type World, withImage } from '../testing.ts';
import { revisionAnnotation } from './rollout.ts';

const reference = inDefault('web');

async function started(spec: Partial<NonNullable<Deployment['spec']>> = {}): Promise<World> {
  const world = await startWorld();
  await world.client.create(deployments, makeDeployment('web', { spec }));
  await world.clock.advance(5000);
  return world;
}

async function statusOf(world: World): Promise<NonNullable<Deployment['status']>> {
  return (await world.get(deployments, 'web'))?.status ?? {};
}

const conditionOf = (status: NonNullable<Deployment['status']>, type: string): string => {
  const found = status.conditions?.find((condition) => condition.type === type);
  return `${found?.status} ${found?.reason}`;
};

const revisionsOf = (sets: readonly ReplicaSet[]): string[] =>
  sets.map((set) => `${set.metadata?.annotations?.[revisionAnnotation]}:${set.spec?.replicas}`).sort();

test('a new Deployment gets its pods, its status and its revision', async () => {
  const world = await started();
  const deployment = await world.get(deployments, 'web');
  assert.equal(deployment?.metadata?.annotations?.[revisionAnnotation], '1');
  const { conditions: _conditions, ...numbers } = deployment?.status ?? {};
  assert.deepEqual(
    { ...numbers },
    {
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      terminatingReplicas: 0,
    },
  );
  assert.equal(conditionOf(deployment?.status ?? {}, 'Available'), 'True MinimumReplicasAvailable');
  assert.equal(conditionOf(deployment?.status ?? {}, 'Progressing'), 'True NewReplicaSetAvailable');
  const [set] = await world.list(replicaSets);
  assert.match(set?.metadata?.name ?? '', /^web-[a-z0-9]+$/);
  for (const pod of await world.list(pods)) {
    assert.match(pod.metadata?.name ?? '', new RegExp(`^${set?.metadata?.name}-[a-z0-9]{5}$`));
    assert.equal(pod.metadata?.labels?.['pod-template-hash'], set?.metadata?.labels?.['pod-template-hash']);
  }
  const messages = (await world.list(events)).map(({ reason, message }) => `${reason}: ${message}`);
  assert.ok(messages.includes(`ScalingReplicaSet: Scaled up replica set ${set?.metadata?.name} from 0 to 3`));
  assert.equal(messages.filter((message) => message.startsWith('SuccessfulCreate: Created pod: web-')).length, 3);
  await world.close();
});

test('a rolling update keeps within surge and unavailable at every change, and ends with the new pods only', async () => {
  for (const [maxSurge, maxUnavailable] of [
    [1, 0],
    [0, 1],
    ['25%', '25%'],
    ['50%', 0],
  ] as const) {
    const world = await started({ replicas: 7, strategy: { rollingUpdate: { maxSurge, maxUnavailable } } });
    const surge = typeof maxSurge === 'string' ? Math.ceil((7 * Number.parseInt(maxSurge, 10)) / 100) : maxSurge;
    const unavailable =
      typeof maxUnavailable === 'string' ? Math.floor((7 * Number.parseInt(maxUnavailable, 10)) / 100) : maxUnavailable;
    const informer = world.informers.informer(pods);
    let changes = 0;
    const check = (): void => {
      changes++;
      const active = informer.cache.list('default').filter(isActive);
      const available = active.filter((pod) => isAvailable(pod, 0, world.clock.now()));
      assert.ok(active.length <= 7 + surge, `${active.length} pods with surge ${maxSurge}`);
      assert.ok(
        available.length >= 7 - unavailable,
        `${available.length} available with unavailable ${maxUnavailable}`,
      );
    };
    const failures: unknown[] = [];
    const guarded = (): void => {
      try {
        check();
      } catch (error) {
        failures.push(error);
      }
    };
    informer.addHandler({ added: guarded, updated: guarded, deleted: guarded });
    await world.client.patch(deployments, reference, withImage('image:2'));
    await world.clock.advance(60_000);
    assert.deepEqual(failures, []);
    assert.ok(changes > 20);
    const images = (await world.list(pods)).map((pod: Pod) => pod.spec?.containers[0]?.image);
    assert.deepEqual(
      images,
      Array.from({ length: 7 }, () => 'image:2'),
    );
    assert.deepEqual(revisionsOf(await world.list(replicaSets)), ['1:0', '2:7']);
    assert.equal(conditionOf(await statusOf(world), 'Progressing'), 'True NewReplicaSetAvailable');
    await world.close();
  }
});

test('going back to an earlier template takes up its ReplicaSet again, as the newest revision', async () => {
  const world = await started();
  await world.client.patch(deployments, reference, withImage('image:2'));
  await world.clock.advance(20_000);
  await world.client.patch(deployments, reference, withImage('image:1'));
  await world.clock.advance(20_000);
  const sets = await world.list(replicaSets);
  assert.deepEqual(revisionsOf(sets), ['2:0', '3:3']);
  const current = sets.find((set) => set.spec?.replicas === 3);
  assert.equal(current?.metadata?.annotations?.['deployment.kubernetes.io/revision-history'], '1');
  assert.equal((await world.get(deployments, 'web'))?.metadata?.annotations?.[revisionAnnotation], '3');
  await world.close();
});

test('a rollout that does not come up stops within its bounds, times out, and goes on when it is put right', async () => {
  const world = await started({ progressDeadlineSeconds: 60 });
  world.kubelet.ignore = (pod) => pod.spec?.containers[0]?.image === 'broken';
  await world.client.patch(deployments, reference, withImage('broken'));
  await world.clock.advance(30_000);
  assert.equal(conditionOf(await statusOf(world), 'Progressing'), 'True ReplicaSetUpdated');
  await world.clock.advance(40_000);
  const status = await statusOf(world);
  assert.equal(conditionOf(status, 'Progressing'), 'False ProgressDeadlineExceeded');
  assert.equal(conditionOf(status, 'Available'), 'True MinimumReplicasAvailable');
  assert.deepEqual([status.replicas, status.availableReplicas, status.updatedReplicas], [4, 3, 1]);
  await world.client.patch(deployments, reference, withImage('image:3'));
  await world.clock.advance(30_000);
  assert.equal(conditionOf(await statusOf(world), 'Progressing'), 'True NewReplicaSetAvailable');
  assert.equal((await world.list(pods)).length, 3);
  await world.close();
});

test('a pod that has become available unnoticed is not given up as a broken one', async () => {
  const late = Promise.withResolvers<void>();
  const isLate = (set: ReplicaSet): boolean => set.status?.availableReplicas === 3;
  const world = await startWorld({
    wrap: (client) =>
      intercept(client, {
        update: (real) => async (resource, object, options) => {
          if (resource.resource === 'replicasets' && isLate(object)) await late.promise;
          return real.update(resource, object, options);
        },
      }),
  });
  let broken: string | undefined;
  world.kubelet.ignore = (pod) => {
    broken ??= pod.metadata?.name;
    return pod.metadata?.name === broken || pod.spec?.containers[0]?.image !== 'image:1';
  };
  const strategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  await world.client.create(deployments, makeDeployment('web', { spec: { strategy } }));
  await world.clock.advance(5000);
  await world.client.patch(deployments, reference, withImage('image:2'));
  await world.clock.advance(5000);
  assert.deepEqual(revisionsOf(await world.list(replicaSets)), ['1:3', '2:1']);

  const recovered = await world.get(pods, broken ?? '');
  assert.ok(recovered);
  await world.kubelet.setReady(recovered, true);
  let least = 3;
  const available = (): void => {
    const active = informer.cache.list('default').filter(isActive);
    least = Math.min(least, active.filter((pod) => isAvailable(pod, 0, world.clock.now())).length);
  };
  const informer = world.informers.informer(pods);
  await world.clock.advance(100);
  informer.addHandler({ added: available, updated: available, deleted: available });
  await world.client.patch(deployments, reference, withImage('image:3'));
  await world.clock.advance(5000);
  late.resolve();
  await world.clock.advance(60_000);
  assert.equal(least, 3);
  assert.deepEqual(revisionsOf(await world.list(replicaSets)), ['1:3', '2:0', '3:1']);
  await world.close();
});

test('Recreate ends all old pods before the first new one begins', async () => {
  const world = await started({ strategy: { type: 'Recreate' } });
  const together: string[] = [];
  const informer = world.informers.informer(pods);
  informer.addHandler({
    added: () =>
      together.push(
        [...new Set(informer.cache.list('default').map((pod) => pod.spec?.containers[0]?.image))].join(' '),
      ),
  });
  together.length = 0;
  await world.client.patch(deployments, reference, withImage('image:2'));
  await world.clock.advance(20_000);
  assert.deepEqual(new Set(together), new Set(['image:2']));
  assert.equal((await statusOf(world)).availableReplicas, 3);
  await world.close();
});

test('scaling up and down changes the pods, and no revision', async () => {
  const world = await started();
  for (const replicas of [6, 0, 2]) {
    await world.client.patch(deployments, reference, { type: 'merge', body: { spec: { replicas } } });
    await world.clock.advance(10_000);
    assert.equal((await world.list(pods)).length, replicas);
    assert.equal((await statusOf(world)).replicas ?? 0, replicas);
  }
  assert.deepEqual(revisionsOf(await world.list(replicaSets)), ['1:2']);
  await world.close();
});

test('a paused Deployment is scaled in proportion and rolls on when resumed', async () => {
  const world = await started({ replicas: 10, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } });
  world.kubelet.ignore = (pod) => pod.spec?.containers[0]?.image === 'image:2';
  await world.client.patch(deployments, reference, withImage('image:2'));
  await world.clock.advance(5000);
  assert.deepEqual(revisionsOf(await world.list(replicaSets)), ['1:8', '2:5']);
  await world.client.patch(deployments, reference, { type: 'merge', body: { spec: { paused: true, replicas: 15 } } });
  await world.clock.advance(5000);
  assert.equal(conditionOf(await statusOf(world), 'Progressing'), 'Unknown DeploymentPaused');
  assert.deepEqual(revisionsOf(await world.list(replicaSets)), ['1:11', '2:7']);
  world.kubelet.ignore = () => false;
  await world.client.patch(deployments, reference, { type: 'merge', body: { spec: { paused: false } } });
  for (const pod of await world.list(pods)) await world.kubelet.setReady(pod, true).catch(() => {});
  await world.clock.advance(60_000);
  assert.deepEqual(revisionsOf(await world.list(replicaSets)), ['1:0', '2:15']);
  await world.close();
});

test('history is kept to its limit, the oldest revisions go', async () => {
  const world = await started({ revisionHistoryLimit: 1 });
  for (const image of ['image:2', 'image:3', 'image:4']) {
    await world.client.patch(deployments, reference, withImage(image));
    await world.clock.advance(20_000);
  }
  assert.deepEqual(revisionsOf(await world.list(replicaSets)), ['3:0', '4:3']);
  await world.close();
});

test('a name that is taken by another template counts as a collision, and another is found', async () => {
  const world = await startWorld();
  const other = await startWorld();
  await other.client.create(deployments, makeDeployment('web'));
  await other.clock.advance(5000);
  const [taken] = await other.list(replicaSets);
  const foreign = makeDeployment('foreign');
  await world.client.create(replicaSets, {
    metadata: inDefault(taken?.metadata?.name ?? ''),
    spec: {
      replicas: 0,
      selector: foreign.spec?.selector ?? {},
      ...(foreign.spec && { template: foreign.spec.template }),
    },
  });
  await world.client.create(deployments, makeDeployment('web'));
  await world.clock.advance(5000);
  const status = await statusOf(world);
  assert.deepEqual([status.collisionCount, status.availableReplicas], [1, 3]);
  await world.close();
  await other.close();
});
