/** Bare pods: those that serve, those that end, those that wait for a gate, those that leave a bad node early; deleted and relabelled. */
import type { Pod, PodSpec } from '../../../api/schema/types/core-v1.ts';
import type { Client } from '../../../client/client.ts';
import { pods, priorityClasses } from '../../../client/resources.ts';
import { goodImages, jobImages } from '../images.ts';
import { type Family, hasBadImage, isBare, isDeleting, referenceOf, type World } from './world.ts';

const barePodsMax = 15;
const gate = 'users.example/ready';

/** A pod that asks for something of its node; some of them push others aside. */
export function podSpec(world: World, image: string): PodSpec {
  const requests = {
    cpu: world.oneOf(['50m', '100m', '250m', '0.6']),
    memory: world.oneOf(['32Mi', '128Mi', '0.5Gi']),
  };
  const readinessProbe = { httpGet: { path: '/', port: 80 }, periodSeconds: 5 };
  const isProbed = image.startsWith('slow:') || world.oneIn(4);
  return {
    terminationGracePeriodSeconds: 1 + world.below(10),
    ...(world.oneIn(6) && { priorityClassName: 'urgent' }),
    ...(world.oneIn(6) && { tolerations: [shortPatience(world.below(30))] }),
    containers: [
      {
        name: 'main',
        image,
        imagePullPolicy: 'IfNotPresent',
        resources: { requests },
        ...(isProbed && { readinessProbe }),
      },
    ],
  };
}

const shortPatience = (tolerationSeconds: number) => ({
  key: 'node.kubernetes.io/unreachable',
  operator: 'Exists' as const,
  effect: 'NoExecute' as const,
  tolerationSeconds,
});

/** A pod that always finds room. */
export const smallPodSpec = (image: string): PodSpec => ({
  terminationGracePeriodSeconds: 2,
  containers: [{ name: 'main', image, imagePullPolicy: 'IfNotPresent' }],
});

function newPod(world: World): Pod {
  const isJob = world.oneIn(2);
  const image = world.oneOf(isJob ? jobImages : goodImages);
  const restartPolicy = isJob ? (image === 'job:1' && world.oneIn(2) ? 'OnFailure' : 'Never') : 'Always';
  const metadata = { namespace: world.namespace, name: `pod-${world.below(1000)}` };
  const schedulingGates = [{ name: gate }];
  return { metadata, spec: { ...podSpec(world, image), restartPolicy, ...(world.oneIn(5) && { schedulingGates }) } };
}

const isGated = ({ spec }: Pod): boolean => (spec?.schedulingGates?.length ?? 0) > 0;
const withoutGates = { spec: { schedulingGates: [{ $patch: 'delete', name: gate }] } };

/** A pod leaves its ReplicaSet, which makes another, or comes back to it. */
function relabel(world: World): Promise<void> {
  const pod = world.pickOf(pods, ({ metadata }) => metadata?.labels?.app !== undefined);
  const app = pod?.metadata?.labels?.app ?? '';
  return world.patch(pods, pod, {
    metadata: { labels: { app: app.endsWith('-out') ? app.slice(0, -4) : `${app}-out` } },
  });
}

export const podFamily: Family = {
  name: 'pods',
  actions: [
    {
      name: 'create a pod',
      weight: 6,
      act: async (world) => {
        if (world.all(pods).filter(isBare).length < barePodsMax) await world.client.create(pods, newPod(world));
      },
    },
    { name: 'open a gate', weight: 3, act: (world) => world.patch(pods, world.pickOf(pods, isGated), withoutGates) },
    { name: 'delete a pod', weight: 8, act: (world) => world.delete(pods, world.pickOf(pods)) },
    { name: 'delete a bare pod', weight: 6, act: (world) => world.delete(pods, world.pickOf(pods, isBare)) },
    { name: 'relabel a pod', weight: 2, act: relabel },
  ],
  prepare: async (client: Client) => {
    await client.create(priorityClasses, { metadata: { name: 'urgent' }, value: 1000 });
  },
  settle: async (world, room) => {
    for (const pod of world.all(pods).filter((one) => isBare(one) && !isDeleting(one))) {
      // What waits for a volume that may be gone, too, is taken back.
      const waits = !pod.spec?.nodeName && (isGated(pod) || pod.spec?.volumes?.some(isClaim) === true);
      const stays = !waits && !hasBadImage(pod.spec) && room.take(pod.spec, 1) > 0;
      if (!stays) await world.delete(pods, pod);
    }
  },
};

const isClaim = (volume: NonNullable<PodSpec['volumes']>[number]): boolean =>
  volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined;

/** As `kubectl drain` does for each pod: the budgets are asked. */
export async function evict(world: World, pod: Pod): Promise<void> {
  const { namespace, name } = referenceOf(pod);
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
  await world.client.createSubresource(pods, { namespace, name }, 'eviction', eviction);
}
