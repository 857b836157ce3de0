/**
 * Claims and volumes. Volumes are made by hand, as an administrator would: for a class that binds at once and for one that waits for a pod, whose
 * volumes stand on one node each. Nothing is stored on simulated nodes; what binds them is real.
 */

import type { StatefulSet } from '../../../api/schema/types/apps-v1.ts';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  Pod,
} from '../../../api/schema/types/core-v1.ts';
import type { StorageClass } from '../../../api/schema/types/storage-v1.ts';
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  statefulSets,
  storageClasses,
} from '../../../client/resources.ts';
import { smallPodSpec } from './pods.ts';
import { type Family, isDeleting, type World } from './world.ts';

export const classNames = ['by-hand', 'local'] as const;
const claimsMax = 12;
const volumesMax = 12;
const podsMax = 6;
/** So many more than claims wait and stateful sets ask for: those of other pods that are still to come. */
const spare = 6;

export const claimSpec = (storageClassName: string): PersistentVolumeClaimSpec => ({
  storageClassName,
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
});

const classes = classNames.map(
  (name): StorageClass => ({
    metadata: { name },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: name === 'local' ? 'WaitForFirstConsumer' : 'Immediate',
  }),
);

function newVolume(world: World, storageClassName: string, nodeName?: string): PersistentVolume {
  const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In' as const, values: [nodeName ?? ''] }];
  return {
    metadata: { generateName: `${storageClassName}-` },
    spec: {
      storageClassName,
      capacity: { storage: world.oneOf(['1Gi', '2Gi']) },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path: '/data' },
      ...(nodeName !== undefined && { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } } }),
    },
  };
}

function anyVolume(world: World): PersistentVolume {
  const name = world.oneOf(classNames);
  return newVolume(world, name, name === 'local' ? world.pickOf(nodes)?.metadata?.name : undefined);
}

function newClaim(world: World): PersistentVolumeClaim {
  const metadata = { namespace: world.namespace, name: `claim-${world.below(30)}` };
  return { metadata, spec: claimSpec(world.oneOf(classNames)) };
}

/** A pod with a claim of somebody's, or with one that comes and goes with it. */
function newPod(world: World): Pod | undefined {
  const claim = world.pickOf(persistentVolumeClaims);
  const isOwn = claim === undefined || world.oneIn(3);
  const own = { ephemeral: { volumeClaimTemplate: { spec: claimSpec(world.oneOf(classNames)) } } };
  const volume = isOwn ? own : { persistentVolumeClaim: { claimName: claim.metadata?.name ?? '' } };
  const namespace = isOwn ? world.namespace : (claim.metadata?.namespace ?? '');
  const metadata = { namespace, name: `volume-pod-${world.below(100)}` };
  return { metadata, spec: { ...smallPodSpec('app:1'), volumes: [{ name: 'data', ...volume }] } };
}

const hasClaim = ({ spec }: Pod): boolean =>
  spec?.volumes?.some((volume) => volume.persistentVolumeClaim ?? volume.ephemeral) === true;
/** How many it asks for in all. */
const claimsOf = ({ spec }: StatefulSet): number => (spec?.volumeClaimTemplates?.length ?? 0) * (spec?.replicas ?? 1);
const isReleased = ({ status }: PersistentVolume): boolean => status?.phase === 'Released';

export const storageFamily: Family = {
  name: 'storage',
  actions: [
    {
      name: 'create a volume',
      weight: 6,
      act: (world) => world.create(persistentVolumes, volumesMax, () => anyVolume(world)),
    },
    {
      name: 'create a claim',
      weight: 4,
      act: (world) => world.create(persistentVolumeClaims, claimsMax, () => newClaim(world)),
    },
    {
      name: 'create a pod with a volume',
      weight: 5,
      act: async (world) => {
        const pod = world.all(pods).filter(hasClaim).length < podsMax ? newPod(world) : undefined;
        if (pod !== undefined) await world.client.create(pods, pod);
      },
    },
    {
      name: 'delete a pod with a volume',
      weight: 3,
      act: (world) => world.delete(pods, world.pickOf(pods, hasClaim)),
    },
    {
      name: 'delete a claim',
      weight: 3,
      act: (world) => world.delete(persistentVolumeClaims, world.pickOf(persistentVolumeClaims)),
    },
    {
      name: 'delete a volume',
      weight: 1,
      act: (world) => world.delete(persistentVolumes, world.pickOf(persistentVolumes)),
    },
    {
      name: 'give a released volume back',
      weight: 3,
      act: (world) =>
        world.patch(persistentVolumes, world.pickOf(persistentVolumes, isReleased), { spec: { claimRef: null } }),
    },
  ],
  prepare: async (client) => {
    for (const one of classes) await client.create(storageClasses, one);
  },
  settle: async (world) => {
    await releaseClaims(world);
    const toCome = world.living(statefulSets).reduce((sum, set) => sum + claimsOf(set), 0);
    const there = world.all(persistentVolumeClaims).length + world.all(persistentVolumes).length;
    if (there + toCome === 0) return;
    const waiting = world.living(persistentVolumeClaims).filter(({ status }) => status?.phase !== 'Bound');
    for (const name of classNames) {
      for (let index = 0; index < waiting.length + toCome + spare; index++)
        await world.client.create(persistentVolumes, newVolume(world, name));
    }
  },
};

/** A claim that is being deleted waits for its pods, and a volume for its claim: nobody else would end them. */
async function releaseClaims(world: World): Promise<void> {
  const leaving = world.all(persistentVolumes).filter(isDeleting);
  const bound = new Set(leaving.map(({ metadata }) => metadata?.name));
  for (const claim of world.living(persistentVolumeClaims))
    if (bound.has(claim.spec?.volumeName)) await world.delete(persistentVolumeClaims, claim);
  const ending = new Set(
    world
      .all(persistentVolumeClaims)
      .filter(isDeleting)
      .map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`),
  );
  for (const pod of world.living(pods)) {
    const { namespace, name } = pod.metadata ?? {};
    const claims = (pod.spec?.volumes ?? []).map((volume) =>
      volume.ephemeral ? `${name}-${volume.name}` : volume.persistentVolumeClaim?.claimName,
    );
    if (claims.some((claim) => ending.has(`${namespace}/${claim}`))) await world.delete(pods, pod);
  }
}
