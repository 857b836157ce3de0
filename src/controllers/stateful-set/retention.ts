/**
 * Who owns the claims of a StatefulSet, so that the garbage collector takes them along when the retention policy says so. Pure.
 *
 * ```
 *  whenScaled  whenDeleted   while its ordinal is in range   once it is scaled away
 *  Retain      Retain        nobody                          nobody
 *  Retain      Delete        the set                         the set
 *  Delete      Retain        nobody                          its pod
 *  Delete      Delete        the set                         its pod
 * ```
 * Kept true: a claim that another controller owns, or an earlier object of the same name, gets no owner from here.
 */
import type { KubeObject } from '../../api/object.ts';
import { apiVersionOf } from '../../api/resources.ts';
import type { StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';
import type { Resource } from '../../client/client.ts';
import { pods, statefulSets } from '../../client/resources.ts';
import { nameOf, uidOf } from '../shared/context.ts';
import { controllerReference } from '../shared/ownership.ts';

type Reference = (reference: OwnerReference) => boolean;

const names = (resource: Resource<KubeObject>, owner: KubeObject): Reference => {
  const apiVersion = apiVersionOf(resource);
  return (reference) =>
    reference.apiVersion === apiVersion && reference.kind === resource.kind && reference.name === nameOf(owner);
};

const is =
  (owner: KubeObject): Reference =>
  (reference) =>
    reference.uid === uidOf(owner);

const policyOf = (set: StatefulSet) => set.spec?.persistentVolumeClaimRetentionPolicy;
const deletesScaled = (set: StatefulSet): boolean => policyOf(set)?.whenScaled === 'Delete';
const deletesDeleted = (set: StatefulSet): boolean => policyOf(set)?.whenDeleted === 'Delete';

const ownersOf = (claim: PersistentVolumeClaim): readonly OwnerReference[] => claim.metadata?.ownerReferences ?? [];

/** Its owner was an object that is gone, and with it goes the claim: nobody else may have it. */
export function isStale(claim: PersistentVolumeClaim, owner: KubeObject, resource: Resource<KubeObject>): boolean {
  const named = ownersOf(claim).find(names(resource, owner));
  return named !== undefined && !is(owner)(named);
}

/** Where scaling deletes claims, one that still belongs to an earlier pod of this name is about to go: the next pod must not get it. */
export const isClaimStaleFor = (set: StatefulSet, pod: Pod, claim: PersistentVolumeClaim): boolean =>
  deletesScaled(set) && isStale(claim, pod, pods);

/** The owners that the claim must have; undefined where it has them. */
export function ownersToSet(
  set: StatefulSet,
  pod: Pod,
  claim: PersistentVolumeClaim,
  isScaledAway: boolean,
): readonly OwnerReference[] | undefined {
  if (isStale(claim, set, statefulSets) || isStale(claim, pod, pods)) return undefined;
  const ours = ownersOf(claim).filter((reference) => is(set)(reference) || is(pod)(reference));
  const others = ownersOf(claim).filter((reference) => !ours.includes(reference));
  const wanted = hasForeignController(set, others) ? [] : wantedOwners(set, pod, isScaledAway);
  const stands = wanted.length === ours.length && wanted.every(({ uid }) => ours.some((one) => one.uid === uid));
  return stands && ours.every(({ controller }) => controller === true) ? undefined : [...others, ...wanted];
}

function hasForeignController(set: StatefulSet, others: readonly OwnerReference[]): boolean {
  return (deletesScaled(set) || deletesDeleted(set)) && others.some(({ controller }) => controller === true);
}

function wantedOwners(set: StatefulSet, pod: Pod, isScaledAway: boolean): readonly OwnerReference[] {
  if (deletesScaled(set) && isScaledAway) return [controllerReference(pods, pod)];
  return deletesDeleted(set) ? [controllerReference(statefulSets, set)] : [];
}
