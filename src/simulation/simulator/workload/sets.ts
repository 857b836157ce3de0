/**
 * StatefulSets and DaemonSets.
 *
 * Their pods ask for nothing, so that there is always room for them: a DaemonSet cannot go elsewhere when a node is full. They carry another
 * label than the other pods, since a pod that leaves a StatefulSet keeps its name from it.
 */
import type { DaemonSet, StatefulSet, StatefulSetSpec } from '../../../api/schema/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../../api/schema/types/core-v1.ts';
import { daemonSets, nodes, pods, statefulSets } from '../../../client/resources.ts';
import { badImages, goodImages } from '../images.ts';
import { smallPodSpec } from './pods.ts';
import { claimSpec, classNames } from './storage.ts';
import { type Family, hasBadImage, type World, withImage } from './world.ts';

const label = 'set';
const setsMax = 4;

const template = (world: World, name: string): PodTemplateSpec => ({
  metadata: { labels: { [label]: name } },
  spec: smallPodSpec(world.oneOf(goodImages)),
});

function newStatefulSet(world: World): StatefulSet {
  const name = `set-${world.below(4)}`;
  const rollingUpdate = { partition: world.oneIn(4) ? 1 : 0, maxUnavailable: 1 + world.below(2) };
  return {
    metadata: { namespace: world.namespace, name },
    spec: {
      replicas: world.below(5),
      serviceName: name,
      podManagementPolicy: world.oneOf(['Parallel', 'OrderedReady']),
      updateStrategy: { type: 'RollingUpdate', rollingUpdate },
      revisionHistoryLimit: world.below(3),
      ...(world.oneIn(4) && { minReadySeconds: 5 }),
      ...(world.oneIn(3) && volumes(world)),
      selector: { matchLabels: { [label]: name } },
      template: template(world, name),
    },
  };
}

function volumes(world: World): Partial<StatefulSetSpec> {
  const claim = { metadata: { name: 'data' }, spec: claimSpec(world.oneOf(classNames)) };
  const whenDeleted = world.oneOf(['Retain', 'Delete']);
  const whenScaled = world.oneOf(['Retain', 'Delete']);
  return { volumeClaimTemplates: [claim], persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } };
}

function newDaemonSet(world: World): DaemonSet {
  const name = `daemon-${world.below(4)}`;
  const rollingUpdate = world.oneIn(2) ? { maxSurge: 1, maxUnavailable: 0 } : { maxUnavailable: '50%' };
  const { metadata, spec } = template(world, name);
  const nodeSelector = world.oneOf([{ disk: 'fast' }, { disk: 'slow' }]);
  return {
    metadata: { namespace: world.namespace, name },
    spec: {
      updateStrategy: { type: 'RollingUpdate', rollingUpdate },
      revisionHistoryLimit: world.below(3),
      selector: { matchLabels: { [label]: name } },
      template: {
        ...(metadata && { metadata }),
        ...(spec && { spec: { ...spec, ...(world.oneIn(3) && { nodeSelector }) } }),
      },
    },
  };
}

async function updateOne(world: World, image: string): Promise<void> {
  if (world.oneIn(2)) await world.patch(statefulSets, world.pickOf(statefulSets), withImage(image));
  else await world.patch(daemonSets, world.pickOf(daemonSets), withImage(image));
}

export const setFamily: Family = {
  name: 'sets',
  actions: [
    {
      name: 'create a stateful set',
      weight: 3,
      act: (world) => world.create(statefulSets, setsMax, () => newStatefulSet(world)),
    },
    {
      name: 'create a daemon set',
      weight: 2,
      act: (world) => world.create(daemonSets, setsMax, () => newDaemonSet(world)),
    },
    {
      name: 'scale a stateful set',
      weight: 4,
      act: (world) => world.patch(statefulSets, world.pickOf(statefulSets), { spec: { replicas: world.below(5) } }),
    },
    { name: 'update a set', weight: 4, act: (world) => updateOne(world, world.oneOf(goodImages)) },
    { name: 'update a set to a bad image', weight: 1, act: (world) => updateOne(world, world.oneOf(badImages)) },
    {
      name: 'delete a stateful set',
      weight: 1,
      act: (world) => world.delete(statefulSets, world.pickOf(statefulSets)),
    },
    { name: 'delete a daemon set', weight: 1, act: (world) => world.delete(daemonSets, world.pickOf(daemonSets)) },
  ],
  /**
   * Takes bad images back. In order, a StatefulSet waits for its broken pod also when its template is good again, as upstream's does: a person has
   * to delete that pod.
   */
  settle: async (world, room) => {
    for (const set of world.living(daemonSets)) {
      room.take(set.spec?.template.spec, world.all(nodes).length);
      if (hasBadImage(set.spec?.template.spec)) await world.patch(daemonSets, set, withImage('app:1'));
    }
    for (const set of world.living(statefulSets)) {
      const { replicas = 1, template: { spec } = {} } = set.spec ?? {};
      if (hasBadImage(spec)) await world.patch(statefulSets, set, withImage('app:1'));
      const updateStrategy = { rollingUpdate: { partition: 0 } };
      await world.patch(statefulSets, set, {
        spec: { replicas: room.take(spec, Math.min(3, replicas)), updateStrategy },
      });
    }
    for (const pod of world.living(pods)) {
      if (pod.metadata?.labels?.[label] !== undefined && hasBadImage(pod.spec)) await world.delete(pods, pod);
    }
  },
};
