/**
 * A rolling update keeps its promise: never fewer available pods than the Deployment allows.
 *
 * Exact only where the rollout is all that happens: no pod fails, nobody scales. A node that nobody hears of takes its pods out of the
 * count, so that meanwhile nothing is promised (`silent-nodes.ts`); whoever had all it wants has to have it again. Then the pods themselves
 * tell: a Deployment that had all it wants once has ever after at least `replicas − maxUnavailable` ready pods that are not being deleted.
 * API calls may fail, answers get lost and loops be restarted meanwhile: that is no excuse.
 *
 * "Had" means that the pods were there and the ReplicaSets had told so. Before, a pod that is not ready may rightly be given up as a broken one; it
 * may become ready on the way, and make up the number for a moment, but nobody counted on it. What was decided before a ReplicaSet told fails,
 * since each write to it names the version that it was decided on.
 */

import { type KubeObject, objectKey } from '../../../api/object.ts';
import type { Deployment, ReplicaSet } from '../../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { type Checker, uidOf } from './checker.ts';
import { SilentNodes } from './silent-nodes.ts';

interface Followed {
  deployment: Deployment;
  /** It had all it wants once, and is held to it since. */
  isHeld: boolean;
}

interface FollowedSet {
  replicaSet: ReplicaSet;
  readonly available: Set<string>;
}

export function rollout(): Checker {
  const deployments = new Map<string, Followed>();
  /** Also those that are gone, for their pods. */
  const sets = new Map<string, FollowedSet>();
  const silentNodes = new SilentNodes();
  return {
    name: 'a rolling update keeps enough pods available',
    check: (event) => {
      const { collection } = event.entry.key;
      if (silentNodes.follow(event)) letGo();
      else if (collection === 'deployments.apps') followDeployment(event);
      else if (collection === 'replicasets.apps') return followReplicaSet(event);
      else if (collection === 'pods') return followPod(event);
      return undefined;
    },
  };

  function letGo(): void {
    if (silentNodes.any) for (const followed of deployments.values()) followed.isHeld = false;
  }

  function followDeployment({ type, entry }: StoreEvent): void {
    const deployment = entry.object as Deployment;
    const followed = deployments.get(uidOf(deployment));
    if (type === 'deleted') deployments.delete(uidOf(deployment));
    else if (followed !== undefined) followed.deployment = deployment;
    else deployments.set(uidOf(deployment), { deployment, isHeld: false });
  }

  function followReplicaSet({ entry }: StoreEvent): string | undefined {
    const replicaSet = entry.object as ReplicaSet;
    const followed = sets.get(uidOf(replicaSet));
    if (followed === undefined) sets.set(uidOf(replicaSet), { replicaSet, available: new Set() });
    else followed.replicaSet = replicaSet;
    return judge(controllerUid(replicaSet));
  }

  function followPod({ type, entry }: StoreEvent): string | undefined {
    const pod = entry.object as Pod;
    const set = sets.get(controllerUid(pod));
    if (set === undefined) return undefined;
    if (type !== 'deleted' && isAvailable(pod)) set.available.add(uidOf(pod));
    else set.available.delete(uidOf(pod));
    return judge(controllerUid(set.replicaSet));
  }

  function judge(deploymentUid: string): string | undefined {
    const followed = deployments.get(deploymentUid);
    if (followed === undefined || silentNodes.any) return undefined;
    const { deployment } = followed;
    const own = [...sets.values()].filter(({ replicaSet }) => controllerUid(replicaSet) === deploymentUid);
    followed.isHeld ||= sum(own, relied) >= (deployment.spec?.replicas ?? 1);
    const available = sum(own, (set) => set.available.size);
    const least = leastAvailable(deployment);
    if (!followed.isHeld || available >= least) return undefined;
    return `deployment ${objectKey(deployment)} has ${available} pods available, and must have ${least}`;
  }
}

const sum = (sets: readonly FollowedSet[], value: (set: FollowedSet) => number): number =>
  sets.reduce((total, set) => total + value(set), 0);

/** The pods that are there to stay, and of which the ReplicaSet has told. */
function relied({ replicaSet: { metadata, spec, status }, available }: FollowedSet): number {
  if (status?.observedGeneration !== metadata?.generation) return 0;
  return Math.min(status?.availableReplicas ?? 0, spec?.replicas ?? 1, available.size);
}

const isAvailable = ({ metadata, status }: Pod): boolean =>
  metadata?.deletionTimestamp === undefined &&
  status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

const controllerUid = (object: KubeObject): string =>
  object.metadata?.ownerReferences?.find(({ controller }) => controller)?.uid ?? '';

/** Absolute figures only: the workload of this scenario uses no percentages. */
function leastAvailable({ spec }: Deployment): number {
  const { maxSurge, maxUnavailable } = spec?.strategy?.rollingUpdate ?? {};
  const surge = Number(maxSurge ?? 0);
  const unavailable = Number(maxUnavailable ?? 0);
  return (spec?.replicas ?? 1) - (surge === 0 && unavailable === 0 ? 1 : unavailable);
}
