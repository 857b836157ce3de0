/**
 * Who uses a claim, a volume, a class of volume attributes; and what that means for the finalizer that protects them. Pure.
 *
 * ```
 *  claim   is used by a pod on a node that has it among its volumes, finished pods too: their node may still have it mounted
 *  volume  is used while it is bound
 *  class   is used by every claim and volume that has it, gets it, or wants it
 * ```
 */
import type { KubeObject } from '../../api/object.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../api/schema/types/core-v1.ts';
import { isDeleting, nameOf, namespaceOf, uidOf } from '../shared/context.ts';

/** `ask`: it is to go; take the finalizer away where nobody uses it. */
export type ProtectionPlan = 'leave' | 'add' | 'ask';

export function decideProtection(object: KubeObject, finalizer: string): ProtectionPlan {
  const isProtected = object.metadata?.finalizers?.includes(finalizer) ?? false;
  if (isDeleting(object)) return isProtected ? 'ask' : 'leave';
  return isProtected ? 'leave' : 'add';
}

export function withFinalizer<T extends KubeObject>(object: T, finalizer: string): T {
  return withFinalizers(object, [...(object.metadata?.finalizers ?? []), finalizer]);
}

export function withoutFinalizer<T extends KubeObject>(object: T, finalizer: string): T {
  const { finalizers = [] } = object.metadata ?? {};
  return withFinalizers(
    object,
    finalizers.filter((one) => one !== finalizer),
  );
}

const withFinalizers = <T extends KubeObject>(object: T, finalizers: readonly string[]): T => ({
  ...object,
  metadata: { ...object.metadata, finalizers },
});

/** The names of the claims that the pod has among its volumes, those of ephemeral volumes with them. */
export function claimsOf(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => claimOf(pod, volume) ?? []);
}

/** For an informer's index: pods by the keys of their claims. */
export const podsByClaim = 'claim';
export const claimKeysOf = (pod: Pod): string[] => claimsOf(pod).map((claim) => `${namespaceOf(pod)}/${claim}`);

function claimOf(pod: Pod, { name, persistentVolumeClaim, ephemeral }: Volume): string | undefined {
  if (persistentVolumeClaim !== undefined) return persistentVolumeClaim.claimName;
  return ephemeral === undefined ? undefined : `${nameOf(pod)}-${name}`;
}

export function usesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  // Before it has a node, no kubelet has seen it; and none starts it with a claim that goes.
  if (!pod.spec?.nodeName) return false;
  const belongs = !isShutDown(pod) && isControlledBy(claim, pod);
  return (pod.spec.volumes ?? []).some(
    (volume) => claimOf(pod, volume) === nameOf(claim) && (volume.persistentVolumeClaim !== undefined || belongs),
  );
}

/**
 * Its node is done with it, or will not be asked: what still holds it are finalizers. They may wait for the very claim that the pod made,
 * and so it does not hold that.
 */
const isShutDown = (pod: Pod): boolean => isDeleting(pod) && pod.metadata?.deletionGracePeriodSeconds === 0;

const isControlledBy = (claim: PersistentVolumeClaim, pod: Pod): boolean =>
  claim.metadata?.ownerReferences?.some(({ controller, uid }) => controller === true && uid === uidOf(pod)) ?? false;

/** May `pod`, as it has become, have let go of a claim? */
export const letsGo = (pod: Pod, before: Pod): boolean => isShutDown(pod) && !isShutDown(before);

export const isVolumeUsed = ({ status }: PersistentVolume): boolean => status?.phase === 'Bound';

export function attributesClassesOfClaim({ spec, status }: PersistentVolumeClaim): string[] {
  const { currentVolumeAttributesClassName: current, modifyVolumeStatus } = status ?? {};
  const names = [spec?.volumeAttributesClassName, current, modifyVolumeStatus?.targetVolumeAttributesClassName];
  return names.flatMap((name) => name || []);
}

export const attributesClassesOfVolume = ({ spec }: PersistentVolume): string[] =>
  spec?.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [];
