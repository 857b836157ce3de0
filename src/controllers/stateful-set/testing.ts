/** For tests of StatefulSets: one to begin with, and what is seen of its pods. */
import type { StatefulSet, StatefulSetSpec } from '../../api/schema/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import { pods, statefulSets } from '../../client/resources.ts';
import { isReady } from '../shared/pods.ts';
import { inDefault, type World } from '../testing.ts';
import { podRevisionOf } from './identity.ts';

export const labels = { app: 'db' };

export function makeSet(spec: Partial<StatefulSetSpec> = {}): StatefulSet {
  const containers = [{ name: 'main', image: 'image:1' }];
  return {
    metadata: inDefault('db'),
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
      ...spec,
    },
  };
}

export const claimTemplate = (name: string): PersistentVolumeClaim => ({
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

export async function setPods(world: World): Promise<readonly Pod[]> {
  const all = (await world.list(pods)).filter((pod) => pod.metadata?.labels?.app === 'db');
  return all.toSorted((a, b) => (ordinal(a) < ordinal(b) ? -1 : 1));
}

const ordinal = (pod: Pod): number => Number(pod.metadata?.name?.split('-').at(-1));

export const names = async (world: World): Promise<readonly string[]> =>
  (await setPods(world)).map((pod) => pod.metadata?.name ?? '');

export const images = async (world: World): Promise<readonly string[]> =>
  (await setPods(world)).map((pod) => pod.spec?.containers[0]?.image ?? '');

export const revisions = async (world: World): Promise<readonly string[]> => (await setPods(world)).map(podRevisionOf);

export const readiness = async (world: World): Promise<readonly boolean[]> => (await setPods(world)).map(isReady);

export async function patchSet(world: World, spec: object): Promise<StatefulSet> {
  return world.client.patch(statefulSets, inDefault('db'), { type: 'strategic', body: { spec } });
}

export const setImage = (world: World, image: string): Promise<StatefulSet> =>
  patchSet(world, { template: { spec: { containers: [{ name: 'main', image }] } } });

export const statusOf = async (world: World): Promise<NonNullable<StatefulSet['status']>> =>
  (await world.get(statefulSets, 'db'))?.status ?? { replicas: 0 };

/** Like a kubelet that ends a pod: evicted, or run to its end. */
export async function end(world: World, name: string, phase: 'Failed' | 'Succeeded'): Promise<void> {
  const patch = { type: 'merge', body: { status: { phase } } } as const;
  await world.client.patch(pods, inDefault(name), patch, { subresource: 'status' });
}
