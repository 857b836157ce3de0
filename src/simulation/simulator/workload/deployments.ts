/** Deployments through their whole life, and what hangs on them: ReplicaSets left alone, pods that keep away from each other. */
import type { Deployment } from '../../../api/schema/types/apps-v1.ts';
import type { PodSpec } from '../../../api/schema/types/core-v1.ts';
import { deployments, replicaSets } from '../../../client/resources.ts';
import { badImages, goodImages } from '../images.ts';
import { podSpec, smallPodSpec } from './pods.ts';
import { type Family, hasBadImage, imageOf, isBare, type World, withImage } from './world.ts';

const deploymentsMax = 10;
const apartMax = 3;
const hostPorts = [8080, 8081] as const;

export const setImage = (world: World, deployment: Deployment | undefined, image: string): Promise<void> =>
  world.patch(deployments, deployment, withImage(image));

function newDeployment(world: World): Deployment {
  const app = `app-${world.below(1000)}`;
  const rollingUpdate = world.oneOf([
    { maxSurge: 1, maxUnavailable: 0 },
    { maxSurge: 0, maxUnavailable: 1 },
    { maxSurge: '25%', maxUnavailable: '25%' },
    { maxSurge: 2, maxUnavailable: 1 },
  ]);
  return {
    metadata: { namespace: world.namespace, name: app },
    spec: {
      replicas: world.below(6),
      ...(world.oneIn(4) && { minReadySeconds: 5 }),
      revisionHistoryLimit: world.below(4),
      selector: { matchLabels: { app } },
      strategy: world.oneIn(4) ? { type: 'Recreate' } : { type: 'RollingUpdate', rollingUpdate },
      template: { metadata: { labels: { app } }, spec: podSpec(world, world.oneOf(goodImages)) },
    },
  };
}

/** As `kubectl rollout undo`: the template of some earlier ReplicaSet. */
export async function rollBack(world: World): Promise<void> {
  const deployment = world.pickOf(deployments);
  const uid = deployment?.metadata?.uid;
  const set = world.pickOf(
    replicaSets,
    ({ metadata }) => metadata?.ownerReferences?.some((owner) => owner.uid === uid) === true,
  );
  if (set !== undefined) await setImage(world, deployment, imageOf(set.spec?.template?.spec));
}

export const deploymentFamily: Family = {
  name: 'deployments',
  actions: [
    {
      name: 'create a deployment',
      weight: 10,
      act: (world) => world.create(deployments, deploymentsMax, () => newDeployment(world)),
    },
    {
      name: 'scale',
      weight: 10,
      act: (world) => world.patch(deployments, world.pickOf(deployments), { spec: { replicas: world.below(8) } }),
    },
    {
      name: 'update the image',
      weight: 10,
      act: (world) => setImage(world, world.pickOf(deployments), world.oneOf(goodImages)),
    },
    {
      name: 'update to a bad image',
      weight: 3,
      act: (world) => setImage(world, world.pickOf(deployments), world.oneOf(badImages)),
    },
    { name: 'roll back', weight: 6, act: rollBack },
    {
      name: 'pause or resume',
      weight: 2,
      act: (world) => world.patch(deployments, world.pickOf(deployments), { spec: { paused: world.oneIn(2) } }),
    },
    { name: 'delete a deployment', weight: 4, act: (world) => world.delete(deployments, world.pickOf(deployments)) },
    { name: 'delete a replica set', weight: 2, act: (world) => world.delete(replicaSets, world.pickOf(replicaSets)) },
  ],
  settle: async (world, room) => {
    for (const deployment of world.living(deployments).filter((one) => !isApart(one))) {
      const { replicas = 1, template } = deployment.spec ?? {};
      await world.patch(deployments, deployment, {
        spec: { paused: false, replicas: room.take(template?.spec, Math.min(3, replicas)) },
      });
      if (hasBadImage(template?.spec)) await setImage(world, deployment, 'app:1');
    }
    for (const [index, set] of world.living(replicaSets).filter(isBare).entries()) {
      const { replicas = 1, template } = set.spec ?? {};
      const stays = index % 3 === 0 && !hasBadImage(template?.spec) && !isCrowding(template?.spec);
      const kept = stays ? room.take(template?.spec, Math.min(1, replicas)) : 0;
      if (kept > 0) await world.patch(replicaSets, set, { spec: { replicas: kept } });
      else await world.delete(replicaSets, set, ['Background']);
    }
  },
};

/** Labelled otherwise than other pods, as nobody may relabel these: the scheduler decides by what the labels are at the binding. */
function newApart(world: World): Deployment {
  const apart = `apart-${world.below(100)}`;
  const labelSelector = { matchLabels: { apart } };
  const topologyKey = 'kubernetes.io/hostname';
  const spec = smallPodSpec('app:1');
  const [container] = spec.containers;
  const ports = [{ containerPort: 80, hostPort: world.oneOf(hostPorts) }];
  const required = [{ labelSelector, topologyKey }];
  const kinds: readonly [PodSpec, ...PodSpec[]] = [
    { ...spec, affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } },
    { ...spec, containers: container === undefined ? [] : [{ ...container, ports }] },
    {
      ...spec,
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector }],
    },
  ];
  return {
    metadata: { namespace: world.namespace, name: apart, labels: { apart } },
    spec: {
      replicas: 1 + world.below(4),
      selector: labelSelector,
      template: { metadata: { labels: { apart } }, spec: world.oneOf(kinds) },
    },
  };
}

const isApart = ({ metadata }: Deployment): boolean => metadata?.labels?.apart !== undefined;
const isCrowding = (spec: PodSpec | undefined): boolean =>
  spec?.affinity !== undefined ||
  spec?.topologySpreadConstraints !== undefined ||
  spec?.containers.some(({ ports }) => ports?.some(({ hostPort }) => hostPort)) === true;

export const apartFamily: Family = {
  name: 'apart',
  actions: [
    {
      name: 'create a deployment whose pods keep apart',
      weight: 6,
      act: async (world) => {
        if (world.all(deployments).filter(isApart).length < apartMax)
          await world.client.create(deployments, newApart(world));
      },
    },
    {
      name: 'update what keeps apart',
      weight: 6,
      act: (world) => setImage(world, world.pickOf(deployments, isApart), world.oneOf(['app:1', 'app:3'])),
    },
    {
      name: 'scale what keeps apart',
      weight: 5,
      act: (world) =>
        world.patch(deployments, world.pickOf(deployments, isApart), { spec: { replicas: world.below(6) } }),
    },
    {
      name: 'delete what keeps apart',
      weight: 2,
      act: (world) => world.delete(deployments, world.pickOf(deployments, isApart), ['Background', 'Foreground']),
    },
  ],
  /** One of them fits on any two nodes, also while it is updated. */
  settle: async (world, room) => {
    for (const [index, deployment] of world.living(deployments).filter(isApart).entries()) {
      const kept = index === 0 ? room.take(deployment.spec?.template.spec, 1) : 0;
      if (kept === 0) await world.delete(deployments, deployment, ['Background']);
      else await world.patch(deployments, deployment, { spec: { paused: false, replicas: 1 } });
      if (kept > 0 && hasBadImage(deployment.spec?.template.spec)) await setImage(world, deployment, 'app:1');
    }
  },
};
