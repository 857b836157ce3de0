/**
 * Updates of StatefulSets and DaemonSets, and evictions that ask a budget, keep enough pods available: as `rollout.ts` for Deployments, and exact
 * where that is: nothing else happens to the pods, and while nobody hears of a node (`silent-nodes.ts`), nothing is promised.
 *
 * Whoever had all it wants, by the pods themselves and by its own status, is held from then on to what its strategy or its spec allows.
 */
import { type KubeObject, objectKey } from '../../../api/object.ts';
import type { DaemonSet, StatefulSet } from '../../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../../api/schema/types/policy-v1.ts';
import { labelMatcher } from '../../../api/selector.ts';
import { type Checker, uidOf } from './checker.ts';
import { controllerUid, Followed, isDeleting } from './followed.ts';
import { SilentNodes } from './silent-nodes.ts';

/** What one kind promises of its pods. */
interface Promised<T extends KubeObject> {
  readonly collection: string;
  readonly owns: (owner: T, pod: Pod) => boolean;
  readonly wanted: (owner: T) => number;
  /** How many it tells of as available; undefined while its status is not of its newest spec. */
  readonly told: (owner: T) => number | undefined;
  readonly least: (owner: T) => number;
}

const amount = (value: unknown): number => Number(value ?? 0);
const isObserved = ({
  metadata,
  status,
}: {
  metadata?: { generation?: number };
  status?: { observedGeneration?: number };
}): boolean => status?.observedGeneration === metadata?.generation;

export const statefulSetPromise: Promised<StatefulSet> = {
  collection: 'statefulsets.apps',
  owns: (set, pod) => controllerUid(pod) === uidOf(set),
  wanted: ({ spec }) => spec?.replicas ?? 1,
  told: (set) => (isObserved(set) ? set.status?.availableReplicas : undefined),
  least: ({ spec }) => (spec?.replicas ?? 1) - amount(spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1),
};

/** Whole numbers only. Pods of one node make up for each other, so nodes are counted. */
export const daemonSetPromise: Promised<DaemonSet> = {
  collection: 'daemonsets.apps',
  owns: (set, pod) => controllerUid(pod) === uidOf(set),
  wanted: ({ status }) => status?.desiredNumberScheduled ?? 0,
  told: (set) => (isObserved(set) ? set.status?.numberAvailable : undefined),
  least: ({ spec, status }) =>
    (status?.desiredNumberScheduled ?? 0) - amount(spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1),
};

export const budgetPromise: Promised<PodDisruptionBudget> = {
  collection: 'poddisruptionbudgets.policy',
  owns: ({ metadata, spec }, pod) =>
    metadata?.namespace === pod.metadata?.namespace &&
    spec?.selector !== undefined &&
    labelMatcher(spec.selector).matches(pod.metadata?.labels ?? {}),
  wanted: ({ status }) => status?.expectedPods ?? Number.POSITIVE_INFINITY,
  told: (budget) => (isObserved(budget) ? budget.status?.currentHealthy : undefined),
  least: ({ status }) => status?.desiredHealthy ?? 0,
};

export function keptAvailable<T extends KubeObject>(promised: Promised<T>): Checker {
  const owners = new Followed<T>(promised.collection);
  const pods = new Followed<Pod>('pods');
  const silentNodes = new SilentNodes();
  /** How many it had when it had all: who wants more since is held to nothing until it has them. */
  const held = new Map<string, number>();
  return {
    name: `${promised.collection} keep enough pods available`,
    check: (event) => {
      if (silentNodes.follow(event) && silentNodes.any) held.clear();
      if (owners.follow(event)) return event.type === 'deleted' ? undefined : judge(event.entry.object as T);
      if (!pods.follow(event)) return undefined;
      const pod = event.entry.object as Pod;
      for (const owner of owners.where((one) => promised.owns(one, pod))) {
        const problem = judge(owner);
        if (problem !== undefined) return problem;
      }
      return undefined;
    },
  };

  function judge(owner: T): string | undefined {
    if (silentNodes.any) return undefined;
    const own = pods.where((pod) => promised.owns(owner, pod) && isAvailable(pod));
    const available = new Set(
      own.map((pod) => (promised.collection === 'daemonsets.apps' ? pod.spec?.nodeName : uidOf(pod))),
    ).size;
    const wanted = promised.wanted(owner);
    const least = promised.least(owner);
    // A budget may ask for more than there is yet.
    const enough = Math.max(wanted, least, 1);
    if (available >= enough && (promised.told(owner) ?? 0) >= enough) held.set(uidOf(owner), wanted);
    if (held.get(uidOf(owner)) !== wanted || available >= least) return undefined;
    return `${promised.collection} ${objectKey(owner)} has ${available} pods available, and must have ${least}`;
  }
}

const isAvailable = (pod: Pod): boolean =>
  !isDeleting(pod) &&
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
