/**
 * What is to be done about a pod's claims, and about a claim whose users may be gone. Pure.
 *
 * ```
 *  pod with templates ─ decideEntry ─▶ nothing │ adopt one made before │ create │ no template
 *  pod with a node    ─ claimsToReserve ─▶ claims that have devices and do not know the pod
 *  claim              ─ decideUpkeep ─▶ users that stay, whether it keeps its devices, its finalizer, itself
 * ```
 * Kept true: devices are given back when the last user goes, not where there never was one: they may have been handed out before the pod
 * was written down as a user.
 */
import {
  canBeReserved,
  claimFinalizer,
  claimNameOf,
  isGenerated,
  isOwnedBy,
  isReservedFor,
  podClaimAnnotation,
} from '../../api/pod-resource-claims.ts';
import type { Pod, PodResourceClaim } from '../../api/schema/types/core-v1.ts';
import type {
  ResourceClaim,
  ResourceClaimConsumerReference,
  ResourceClaimTemplate,
} from '../../api/schema/types/resource-v1.ts';
import { isDeleting, nameOf, namespaceOf, uidOf } from '../shared/context.ts';
import { isFinished } from '../shared/pods.ts';

/** None of its containers runs, and none ever will. */
export const isPodDone = (pod: Pod): boolean => isFinished(pod) || (isDeleting(pod) && !pod.spec?.nodeName);

export interface ClaimsView {
  /** By name, in the pod's namespace. */
  readonly claim: (name: string) => ResourceClaim | undefined;
  /** Those that the pod controls, also what was made a moment ago. */
  readonly owned: readonly ResourceClaim[];
  readonly template: (name: string) => ResourceClaimTemplate | undefined;
}

export type EntryPlan =
  | { readonly kind: 'nothing' }
  /** Made before, and not written down in the pod's status. */
  | { readonly kind: 'adopt'; readonly claim: ResourceClaim }
  | { readonly kind: 'create'; readonly claim: ResourceClaim }
  | { readonly kind: 'no template'; readonly name: string };

export function decideEntry(pod: Pod, entry: PodResourceClaim, view: ClaimsView): EntryPlan {
  const name = claimNameOf(pod, entry);
  const templateName = entry.resourceClaimTemplateName;
  if (!isGenerated(entry) || name === null || templateName === undefined) return { kind: 'nothing' };
  // Where another's claim has the name by now, only a person can help.
  if (name !== undefined && view.claim(name) !== undefined) return { kind: 'nothing' };
  const made = view.owned.find(({ metadata }) => metadata?.annotations?.[podClaimAnnotation] === entry.name);
  if (made !== undefined) return nameOf(made) === name ? { kind: 'nothing' } : { kind: 'adopt', claim: made };
  const template = view.template(templateName);
  return template === undefined
    ? { kind: 'no template', name: templateName }
    : { kind: 'create', claim: claimFrom(template, pod, entry) };
}

function claimFrom({ spec }: ResourceClaimTemplate, pod: Pod, entry: PodResourceClaim): ResourceClaim {
  const { annotations, labels } = spec.metadata ?? {};
  const owner = { apiVersion: 'v1', kind: 'Pod', name: nameOf(pod), uid: uidOf(pod) };
  return {
    metadata: {
      namespace: namespaceOf(pod),
      generateName: generatedBase(nameOf(pod), entry.name),
      annotations: { ...annotations, [podClaimAnnotation]: entry.name },
      ...(labels && { labels }),
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    spec: spec.spec,
  };
}

/** Room for five characters of chance, and one more, in a name of 63. */
const baseLengthMax = 57;

/** `POD-ENTRY-`; where that is too long each of the two loses its share, so that something of both is left. */
function generatedBase(pod: string, entry: string): string {
  const base = `${pod}-${entry}-`;
  if (base.length <= baseLengthMax) return base;
  const share = (text: string): string => text.slice(0, Math.floor((text.length * baseLengthMax) / base.length));
  return `${share(pod)}-${share(entry)}`;
}

/** For pods that somebody gave a node past the scheduler: claims that have devices, and are not told that the pod uses them. */
export function claimsToReserve(pod: Pod, view: Pick<ClaimsView, 'claim'>): readonly ResourceClaim[] {
  if (!pod.spec?.nodeName) return [];
  return (pod.spec.resourceClaims ?? []).flatMap((entry) => {
    const claim = view.claim(claimNameOf(pod, entry) ?? '');
    if (claim?.status?.allocation === undefined || isReservedFor(claim, pod) || !canBeReserved(claim)) return [];
    return isGenerated(entry) && !isOwnedBy(claim, pod) ? [] : [claim];
  });
}

export interface UpkeepPlan {
  /** To be written; undefined: the status stays. */
  readonly status: ResourceClaim['status'] | undefined;
  /** After that. */
  readonly releases: boolean;
  /** It was made for a pod that will not run any more. */
  readonly deletes: boolean;
}

/**
 * @param stays is this user still there? Users that are no pods are nobody's to judge here, and stay.
 * @param owner the pod that it was made for, as far as known
 */
export function decideUpkeep(
  claim: ResourceClaim,
  stays: (consumer: ResourceClaimConsumerReference) => boolean,
  owner: { readonly uid: string; readonly pod: Pod } | undefined,
): UpkeepPlan {
  const { status, metadata } = claim;
  const users = status?.reservedFor ?? [];
  const left = users.filter(stays);
  const isHeld = metadata?.finalizers?.includes(claimFinalizer) ?? false;
  const isFreed = left.length === 0 && (users.length > 0 || isDeleting(claim)) && isHeld;
  const isOver = owner !== undefined && (uidOf(owner.pod) !== owner.uid || isPodDone(owner.pod));
  const { allocation, reservedFor: _users, ...others } = status ?? {};
  const next = {
    ...others,
    ...(left.length > 0 && { reservedFor: left }),
    ...(allocation && !isFreed && { allocation }),
  };
  const changes = left.length < users.length || (isFreed && allocation !== undefined);
  return { status: changes ? next : undefined, releases: isFreed, deletes: left.length === 0 && isOver };
}
