/**
 * Which pods belong to which PodGroup, as the informers tell (KEP-4671): members that have not ended, whether they wait or have a node,
 * and the group itself, which may come before them or after.
 *
 * Kept true: a pod that names no group costs one look at a field; a group without members and without an object is forgotten.
 */
import { objectKey } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { PodGroup } from '../../api/schema/types/scheduling-v1alpha2.ts';

export interface PodGroupState {
  readonly key: string;
  /** Undefined where pods name a group that is not there. */
  readonly podGroup: PodGroup | undefined;
  /** By key: all that have not ended. */
  readonly members: ReadonlyMap<string, Pod>;
}

/** One whose object is there: decisions are made about no others. */
export interface KnownGroup extends PodGroupState {
  readonly podGroup: PodGroup;
}

export const isKnown = (group: PodGroupState | undefined): group is KnownGroup => group?.podGroup !== undefined;

export interface PodGroupReader {
  /** Undefined where the pod names none, or one of which nothing is known. */
  of(pod: Pod): PodGroupState | undefined;
}

export function groupKeyOf({ metadata, spec }: Pod): string | undefined {
  const name = spec?.schedulingGroup?.podGroupName;
  return name ? `${metadata?.namespace ?? ''}/${name}` : undefined;
}

/** How many members must have nodes before one of them may run. */
export const minCountOf = ({ spec }: PodGroup): number => spec?.schedulingPolicy.gang?.minCount ?? 1;

export const groupPriorityOf = ({ spec }: PodGroup): number => spec?.priority ?? 0;

/** The label whose value must be the same for the nodes of all members. */
export const topologyKeyOf = ({ spec }: PodGroup): string | undefined =>
  spec?.schedulingConstraints?.topology?.[0]?.key;

class Group implements PodGroupState {
  readonly key: string;
  podGroup: PodGroup | undefined;
  readonly members = new Map<string, Pod>();

  constructor(key: string) {
    this.key = key;
  }
}

export class PodGroups implements PodGroupReader {
  readonly #groups = new Map<string, Group>();
  readonly #reconsider: (pod: string) => void;

  /** `reconsider`: there are enough of that pod's group now. */
  constructor(reconsider: (pod: string) => void = () => {}) {
    this.#reconsider = reconsider;
  }

  of(pod: Pod): PodGroupState | undefined {
    if (pod.spec?.schedulingGroup === undefined) return undefined;
    return this.#groups.get(groupKeyOf(pod) ?? '');
  }

  setGroup(podGroup: PodGroup): PodGroupState {
    const group = this.#group(objectKey(podGroup));
    const isNew = group.podGroup?.metadata?.uid !== podGroup.metadata?.uid || group.podGroup === undefined;
    group.podGroup = podGroup;
    if (isNew && group.members.size >= minCountOf(podGroup)) this.#reconsiderAll(group);
    return group;
  }

  removeGroup(podGroup: PodGroup): void {
    const group = this.#groups.get(objectKey(podGroup));
    if (group === undefined) return;
    group.podGroup = undefined;
    this.#drop(group);
  }

  setPod(pod: Pod): void {
    const key = groupKeyOf(pod);
    if (key === undefined) return;
    const group = this.#group(key);
    const isNew = !group.members.has(objectKey(pod));
    group.members.set(objectKey(pod), pod);
    // Once there are enough, no later one changes that for those before it.
    if (isNew && isKnown(group) && group.members.size === minCountOf(group.podGroup)) this.#reconsiderAll(group);
  }

  removePod(pod: Pod): void {
    const group = this.#groups.get(groupKeyOf(pod) ?? '');
    if (group?.members.delete(objectKey(pod))) this.#drop(group);
  }

  #reconsiderAll({ members }: PodGroupState): void {
    for (const key of members.keys()) this.#reconsider(key);
  }

  #group(key: string): Group {
    const standing = this.#groups.get(key);
    if (standing !== undefined) return standing;
    const group = new Group(key);
    this.#groups.set(key, group);
    return group;
  }

  #drop(group: Group): void {
    if (group.podGroup === undefined && group.members.size === 0) this.#groups.delete(group.key);
  }
}
