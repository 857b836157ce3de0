/**
 * How pods and ResourceClaims belong together (KEP-4381): which claim an entry of a pod stands for, whose a generated claim is, for whom a
 * claim is reserved. Whoever starts, places, evicts or cleans up after a pod asks here. Pure.
 */
import type { Pod, PodResourceClaim } from './schema/types/core-v1.ts';
import type { ResourceClaim, ResourceClaimConsumerReference } from './schema/types/resource-v1.ts';

/** Keeps a claim while it has devices. */
export const claimFinalizer = 'resource.kubernetes.io/delete-protection';

/** On a generated claim: the name of the pod's entry that it was made for. */
export const podClaimAnnotation = 'resource.kubernetes.io/pod-claim-name';

/** As the API allows in `status.reservedFor`. */
const consumersMax = 256;

/** The claim of `entry`: its name, undefined where none was made yet, null where it was found that none is needed. */
export function claimNameOf({ status }: Pod, entry: PodResourceClaim): string | null | undefined {
  if (entry.resourceClaimName !== undefined) return entry.resourceClaimName;
  const made = status?.resourceClaimStatuses?.find(({ name }) => name === entry.name);
  return made === undefined ? undefined : (made.resourceClaimName ?? null);
}

/** Only a claim made from a template is for one pod alone. */
export const isGenerated = ({ resourceClaimName }: PodResourceClaim): boolean => resourceClaimName === undefined;

/** Nearly all pods have no claims; for them nothing is made. */
const none: readonly never[] = [];

/** All claims that the pod names so far: its own, those made for it, and the one for its extended resources. */
export function claimNamesOf(pod: Pod): readonly string[] {
  const entries = pod.spec?.resourceClaims ?? none;
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  if (entries.length === 0 && extended === undefined) return none;
  const names = entries.map((entry) => claimNameOf(pod, entry));
  return [...new Set([...names, extended].flatMap((name) => name || []))];
}

export function ownerPodOf({ metadata }: ResourceClaim): { readonly name: string; readonly uid: string } | undefined {
  return metadata?.ownerReferences?.find(
    ({ controller, apiVersion, kind }) => controller === true && apiVersion === 'v1' && kind === 'Pod',
  );
}

export const isOwnedBy = (claim: ResourceClaim, pod: Pod): boolean =>
  ownerPodOf(claim)?.uid === pod.metadata?.uid && claim.metadata?.namespace === pod.metadata?.namespace;

export const isPodReference = ({ apiGroup = '', resource }: ResourceClaimConsumerReference): boolean =>
  apiGroup === '' && resource === 'pods';

export const isReservedFor = ({ status }: ResourceClaim, pod: Pod): boolean =>
  (status?.reservedFor ?? []).some((consumer) => isPodReference(consumer) && consumer.uid === pod.metadata?.uid);

export const canBeReserved = ({ status }: ResourceClaim): boolean => (status?.reservedFor?.length ?? 0) < consumersMax;
