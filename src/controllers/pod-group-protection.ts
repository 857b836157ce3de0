/**
 * A PodGroup that pods still belong to does not go: the loop takes its finalizer away when the last of them has ended or is deleted, since
 * the scheduler and who makes the pods decide by it until then. Admission sets the finalizer at the group's creation.
 */
import { objectKey } from '../api/object.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { protectionFinalizers } from '../api/storage-protection.ts';
import { podGroups, pods as podsResource } from '../client/resources.ts';
import type { Service } from '../lib/service.ts';
import { type ControllerContext, namespaceOf } from './shared/context.ts';
import { protectionLoop } from './storage-protection/controller.ts';

const podsByGroup = 'podGroup';

function groupKeysOf(pod: Pod): string[] {
  const name = pod.spec?.schedulingGroup?.podGroupName;
  return name ? [`${namespaceOf(pod)}/${name}`] : [];
}

const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

export function podGroupProtection(context: ControllerContext): Service {
  const pods = context.informers.informer(podsResource).addIndex(podsByGroup, groupKeysOf);
  const loop = protectionLoop(context, {
    name: 'podgroup-protection-controller',
    resource: podGroups,
    finalizer: protectionFinalizers['podgroups.scheduling.k8s.io'],
    informers: [pods],
    isUsed: (group) => pods.cache.byIndex(podsByGroup, objectKey(group)).some((pod) => !isOver(pod)),
  });
  const wake = (pod: Pod): void => {
    for (const key of groupKeysOf(pod)) loop.queue.add(key);
  };
  pods.addHandler({
    deleted: wake,
    updated: (pod, before) => {
      if (isOver(pod) && !isOver(before)) wake(pod);
    },
  });
  return loop;
}
