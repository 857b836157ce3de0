/**
 * What users do with StatefulSets and DaemonSets, and how it is brought to rest.
 *
 * Their pods ask for nothing, so that there is always room for them: a DaemonSet cannot go elsewhere when a node is full. They carry another
 * label than the other pods, since a pod that leaves a StatefulSet keeps its name from it.
 */
import type { DaemonSet, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { PodSpec, PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import { daemonSets, pods, statefulSets } from '../../client/resources.ts';
import { badImages, goodImages } from './images.ts';
import type { Action, World } from './workload.ts';

const label = 'set';
const setsMax = 4;

const podSpec = (image: string): PodSpec => ({
  terminationGracePeriodSeconds: 2,
  containers: [{ name: 'main', image, imagePullPolicy: 'IfNotPresent' }],
});

const template = (world: World, name: string): PodTemplateSpec => ({
  metadata: { labels: { [label]: name } },
  spec: podSpec(world.pick(goodImages) ?? ''),
});

function newStatefulSet(world: World): StatefulSet {
  const name = `set-${world.below(4)}`;
  const rollingUpdate = { partition: world.below(4) === 0 ? 1 : 0, maxUnavailable: 1 + world.below(2) };
  return {
    metadata: { namespace: world.namespace, name },
    spec: {
      replicas: world.below(5),
      serviceName: name,
      podManagementPolicy: world.below(2) === 0 ? 'Parallel' : 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate },
      revisionHistoryLimit: world.below(3),
      ...(world.below(4) === 0 && { minReadySeconds: 5 }),
      selector: { matchLabels: { [label]: name } },
      template: template(world, name),
    },
  };
}

function newDaemonSet(world: World): DaemonSet {
  const name = `daemon-${world.below(4)}`;
  const rollingUpdate = world.below(2) === 0 ? { maxSurge: 1, maxUnavailable: 0 } : { maxUnavailable: '50%' };
  return {
    metadata: { namespace: world.namespace, name },
    spec: {
      updateStrategy: { type: 'RollingUpdate', rollingUpdate },
      revisionHistoryLimit: world.below(3),
      selector: { matchLabels: { [label]: name } },
      template: template(world, name),
    },
  };
}

const withImage = (image: string | undefined): object => ({
  spec: { template: { spec: { containers: [{ name: 'main', image: image ?? '' }] } } },
});

async function updateOne(world: World, image: string | undefined): Promise<void> {
  if (world.below(2) === 0) await world.patch(statefulSets, world.pickOf(statefulSets), withImage(image));
  else await world.patch(daemonSets, world.pickOf(daemonSets), withImage(image));
}

export const setActions: readonly Action[] = [
  {
    name: 'create a stateful set',
    weight: 3,
    act: async (world) => {
      if (world.all(statefulSets).length < setsMax) await world.client.create(statefulSets, newStatefulSet(world));
    },
  },
  {
    name: 'create a daemon set',
    weight: 2,
    act: async (world) => {
      if (world.all(daemonSets).length < setsMax) await world.client.create(daemonSets, newDaemonSet(world));
    },
  },
  {
    name: 'scale a stateful set',
    weight: 4,
    act: async (world) => world.patch(statefulSets, world.pickOf(statefulSets), { spec: { replicas: world.below(5) } }),
  },
  { name: 'update a set', weight: 4, act: (world) => updateOne(world, world.pick(goodImages)) },
  { name: 'update a set to a bad image', weight: 1, act: (world) => updateOne(world, world.pick(badImages)) },
  {
    name: 'delete a stateful set',
    weight: 1,
    act: async (world) => world.delete(statefulSets, world.pickOf(statefulSets)),
  },
  {
    name: 'delete a daemon set',
    weight: 1,
    act: async (world) => world.delete(daemonSets, world.pickOf(daemonSets)),
  },
];

/**
 * Takes bad images back. In order, a StatefulSet waits for its broken pod also when its template is good again, as upstream's does: a person has to
 * delete that pod.
 */
export async function settleSets(world: World): Promise<void> {
  const isBad = (spec: PodSpec | undefined): boolean =>
    (badImages as readonly string[]).includes(spec?.containers[0]?.image ?? '');
  for (const set of world.all(statefulSets)) {
    if (isBad(set.spec?.template.spec)) await world.patch(statefulSets, set, withImage('app:1'));
    await world.patch(statefulSets, set, { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
  }
  for (const set of world.all(daemonSets)) {
    if (isBad(set.spec?.template.spec)) await world.patch(daemonSets, set, withImage('app:1'));
  }
  for (const pod of world.all(pods)) {
    const { namespace = '', name = '', labels, deletionTimestamp } = pod.metadata ?? {};
    if (labels?.[label] === undefined || deletionTimestamp !== undefined || !isBad(pod.spec)) continue;
    await world.client.delete(pods, { namespace, name });
  }
}
