/** The claims that a pod names, found and checked. Pure. */
import { objectKey } from '../../api/object.ts';
import { claimNameOf, isGenerated, isOwnedBy } from '../../api/pod-resource-claims.ts';
import type { Pod, PodResourceClaim } from '../../api/schema/types/core-v1.ts';
import type { ResourceClaim } from '../../api/schema/types/resource-v1.ts';

type ClaimReader = (namespace: string, name: string) => ResourceClaim | undefined;

/** What keeps the pod waiting, in upstream's words. */
type FoundClaims = { readonly claims: readonly ResourceClaim[] } | { readonly problem: string };

export function claimsOfPod(pod: Pod, claimBy: ClaimReader): FoundClaims {
  const claims: ResourceClaim[] = [];
  for (const entry of pod.spec?.resourceClaims ?? []) {
    const found = claimOf(pod, entry, claimBy);
    if (typeof found === 'string') return { problem: found };
    if (found !== undefined) claims.push(found);
  }
  return { claims };
}

/** Undefined: it was found that the entry needs none. */
function claimOf(pod: Pod, entry: PodResourceClaim, claimBy: ClaimReader): ResourceClaim | string | undefined {
  if (entry.resourceClaimName === undefined && entry.resourceClaimTemplateName === undefined) {
    return `Pod ${objectKey(pod)}, spec.resourceClaim ${entry.name}: none of the supported fields are set`;
  }
  const name = claimNameOf(pod, entry);
  if (name === undefined) return `Pod ${objectKey(pod)}: ResourceClaim not created yet`;
  if (name === null) return undefined;
  const claim = claimBy(pod.metadata?.namespace ?? '', name);
  if (claim === undefined) return `resourceclaim.resource.k8s.io "${name}" not found`;
  if (claim.metadata?.deletionTimestamp !== undefined) return `resourceclaim "${name}" is being deleted`;
  if (isGenerated(entry) && !isOwnedBy(claim, pod)) {
    return `ResourceClaim ${objectKey(claim)} was not created for Pod ${objectKey(pod)} (Pod is not owner)`;
  }
  return claim;
}

/** Whether the pod names the claim. */
export function namesClaim(pod: Pod, { metadata }: ResourceClaim): boolean {
  if (metadata?.namespace !== pod.metadata?.namespace) return false;
  return (pod.spec?.resourceClaims ?? []).some((entry) => claimNameOf(pod, entry) === metadata?.name);
}
