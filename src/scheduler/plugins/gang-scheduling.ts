/**
 * GangScheduling (KEP-4671): a pod of a group does not enter the queue before the group is there and, of a gang, as many pods as must run
 * together. What happens then is decided for the whole group at once: `gang/decide-group.ts`.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Plugin } from '../framework/plugin.ts';
import { groupKeyOf, minCountOf } from '../gang/pod-groups.ts';
import { always, type Hint } from '../queue/changes.ts';

/** Somebody gave a pod of the same group a node: one less is wanting. */
const isOfSameGroup: Hint = (pod, { after }) => {
  const { schedulingGroup } = (after as Pod).spec ?? {};
  // Asked of every pod that gets a node, for each one that waits: most belong to no group.
  if (schedulingGroup?.podGroupName !== pod.spec?.schedulingGroup?.podGroupName) return false;
  return groupKeyOf(after as Pod) === groupKeyOf(pod);
};

const isOwnGroup: Hint = (pod, { after }) =>
  groupKeyOf(pod) === `${after?.metadata?.namespace ?? ''}/${after?.metadata?.name ?? ''}`;

export const gangScheduling: Plugin = {
  name: 'GangScheduling',
  preEnqueue: (pod, { groups }) => {
    const name = pod.spec?.schedulingGroup?.podGroupName;
    if (!name) return undefined;
    const group = groups.of(pod);
    if (group?.podGroup === undefined) return `waiting for pod's pod group "${name}" to appear in scheduling queue`;
    if (group.members.size >= minCountOf(group.podGroup)) return undefined;
    return 'waiting for minCount pods from a gang to appear in scheduling queue';
  },
  // Nodes count where the group must stay within one topology: which domains there are hangs on their labels.
  hints: { AssignedPodAdd: isOfSameGroup, PodGroupAdd: isOwnGroup, NodeAdd: always, NodeLabel: always },
};
