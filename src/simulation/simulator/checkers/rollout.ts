/**
 * A rolling update keeps its promise: never fewer available pods than the Deployment allows.
 *
 * Exact only where the rollout is all that happens: no pod fails, no node goes away, nobody scales. Then the pods themselves tell: from the moment
 * on when a Deployment first had all it wants, its ready pods that are not being deleted are at least `replicas − maxUnavailable`. API calls
 * may fail, answers get lost and loops be restarted meanwhile: that is no excuse.
 */

import { type KubeObject, objectKey } from '../../../api/object.ts';
import type { Deployment } from '../../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { type Checker, uidOf } from './checker.ts';

interface Followed {
  deployment: Deployment;
  readonly available: Set<string>;
  /** It had all it wants once, and is held to it since. */
  complete: boolean;
}

export function rollout(): Checker {
  const deployments = new Map<string, Followed>();
  /** From a ReplicaSet's uid to its Deployment's. */
  const owners = new Map<string, string>();
  return {
    name: 'a rolling update keeps enough pods available',
    check: (event) => {
      const { object, key } = event.entry;
      if (key.collection === 'deployments.apps') followDeployment(event);
      else if (key.collection === 'replicasets.apps') owners.set(uidOf(object), controllerUid(object));
      else if (key.collection === 'pods') return podChanged(event);
      return undefined;
    },
  };

  function followDeployment({ type, entry }: StoreEvent): void {
    const deployment = entry.object as Deployment;
    const followed = deployments.get(uidOf(deployment));
    if (type === 'deleted') deployments.delete(uidOf(deployment));
    else if (followed !== undefined) followed.deployment = deployment;
    else deployments.set(uidOf(deployment), { deployment, available: new Set(), complete: false });
  }

  function podChanged({ type, entry }: StoreEvent): string | undefined {
    const pod = entry.object as Pod;
    const followed = deployments.get(owners.get(controllerUid(pod)) ?? '');
    if (followed === undefined) return undefined;
    const { deployment, available } = followed;
    if (type !== 'deleted' && isAvailable(pod)) available.add(uidOf(pod));
    else available.delete(uidOf(pod));
    followed.complete ||= available.size >= (deployment.spec?.replicas ?? 1);
    const least = leastAvailable(deployment);
    if (!followed.complete || available.size >= least) return undefined;
    return `deployment ${objectKey(deployment)} has ${available.size} pods available, and must have ${least}`;
  }
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
