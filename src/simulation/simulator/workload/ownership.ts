/** Who owns whom, and what is held: objects that go with their owners across kinds, and those that a finalizer of a user's keeps for a while. */
import type { KubeObject } from '../../../api/object.ts';
import type { ReplicationController } from '../../../api/schema/types/core-v1.ts';
import type { Resource } from '../../../client/client.ts';
import {
  configMaps,
  deployments,
  namespaces,
  replicationControllers,
  secrets,
  services,
} from '../../../client/resources.ts';
import { goodImages } from '../images.ts';
import { smallPodSpec } from './pods.ts';
import { type Family, hasBadImage, isTeam, isUsers, type World, withImage } from './world.ts';

const namespacesMax = 5;
const heldMax = 6;
const controllersMax = 3;
const finalizer = 'users.example/hold';

/** A chain across kinds: a Secret of a ConfigMap of a Deployment. */
async function createOwned(world: World): Promise<void> {
  const owner = world.pickOf(deployments);
  const { namespace = '', name = '', uid = '' } = owner?.metadata ?? {};
  if (owner === undefined) return;
  const ownerReferences = [
    { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, blockOwnerDeletion: world.oneIn(2) },
  ];
  const metadata = { namespace, generateName: 'settings-', ownerReferences };
  const made = await world.client.create(configMaps, { metadata, data: { key: 'value' } });
  if (world.oneIn(2)) return;
  const parent = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: made.metadata?.name ?? '',
    uid: made.metadata?.uid ?? '',
  };
  await world.client.create(secrets, { metadata: { namespace, generateName: 'keys-', ownerReferences: [parent] } });
}

const isHeld = ({ metadata }: KubeObject): boolean => metadata?.finalizers?.includes(finalizer) === true;
const held: readonly Resource<KubeObject>[] = [configMaps, services, deployments];

async function hold(world: World): Promise<void> {
  if (world.all(configMaps).filter(isHeld).length >= heldMax) return;
  const resource = world.pick(held) ?? configMaps;
  const object = world.pickOf(
    resource,
    ({ metadata }) => metadata?.name !== 'kubernetes' && metadata?.namespace?.startsWith('kube-') !== true,
  );
  await world.patch(resource, object, { metadata: { finalizers: [finalizer] } });
}

/** What is being deleted and what is not: the user does not look. */
async function letGo(world: World): Promise<void> {
  const resource = world.pick(held) ?? configMaps;
  await release(world, resource, world.pick(world.all(resource).filter(isHeld)));
}

const release = (world: World, resource: Resource<KubeObject>, object: KubeObject | undefined): Promise<void> =>
  world.patch(resource, object, { metadata: { '$deleteFromPrimitiveList/finalizers': [finalizer] } });

export const ownershipFamily: Family = {
  name: 'ownership',
  actions: [
    { name: 'create an owned object', weight: 5, act: createOwned },
    { name: 'hold an object', weight: 5, act: hold },
    { name: 'let an object go', weight: 5, act: letGo },
    {
      name: 'delete a config map',
      weight: 3,
      act: (world) =>
        world.delete(
          configMaps,
          world.pickOf(configMaps, (one) => isHeld(one) || one.metadata?.ownerReferences !== undefined),
        ),
    },
  ],
  settle: async (world) => {
    for (const resource of held)
      for (const object of world.all(resource).filter(isHeld)) await release(world, resource, object);
  },
};

export const namespaceFamily: Family = {
  name: 'namespaces',
  actions: [
    {
      name: 'create a namespace',
      weight: 3,
      act: async (world) => {
        if (world.all(namespaces).filter(isUsers).length <= namespacesMax)
          await world.client.create(namespaces, { metadata: { name: `team-${world.below(6)}` } });
      },
    },
    {
      name: 'delete a namespace',
      weight: 1,
      act: (world) => world.delete(namespaces, world.pickOf(namespaces, isTeam), ['Background', 'Foreground']),
    },
  ],
};

function newController(world: World): ReplicationController {
  const name = `controller-${world.below(20)}`;
  const template = { metadata: { labels: { controller: name } }, spec: smallPodSpec(world.oneOf(goodImages)) };
  return {
    metadata: { namespace: world.namespace, name },
    spec: { replicas: world.below(4), selector: { controller: name }, template },
  };
}

export const replicationControllerFamily: Family = {
  name: 'replication controllers',
  actions: [
    {
      name: 'create a replication controller',
      weight: 4,
      act: (world) => world.create(replicationControllers, controllersMax, () => newController(world)),
    },
    {
      name: 'scale a replication controller',
      weight: 4,
      act: (world) =>
        world.patch(replicationControllers, world.pickOf(replicationControllers), {
          spec: { replicas: world.below(5) },
        }),
    },
    {
      name: 'delete a replication controller',
      weight: 1,
      act: (world) => world.delete(replicationControllers, world.pickOf(replicationControllers)),
    },
  ],
  settle: async (world, room) => {
    for (const one of world.living(replicationControllers)) {
      const { replicas = 1, template } = one.spec ?? {};
      if (hasBadImage(template?.spec)) await world.patch(replicationControllers, one, withImage('app:1'));
      await world.patch(replicationControllers, one, {
        spec: { replicas: room.take(template?.spec, Math.min(2, replicas)) },
      });
    }
  },
};
