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
import { claimsOf, isOwnedBy } from '../../api/pod-volumes.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import { isDeleting, nameOf, namespaceOf } from '../shared/context.ts';

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

/** For an informer's index: pods by the keys of their claims. */
export const podsByClaim = 'claim';
export const claimKeysOf = (pod: Pod): string[] => claimsOf(pod).map(({ name }) => `${namespaceOf(pod)}/${name}`);

export function usesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  // Before it has a node, no kubelet has seen it; and none starts it with a claim that goes.
  if (!pod.spec?.nodeName) return false;
  const belongs = !isShutDown(pod) && isOwnedBy(claim, pod);
  return claimsOf(pod).some(({ name, isEphemeral }) => name === nameOf(claim) && (!isEphemeral || belongs));
}

/**
 * Its node is done with it, or will not be asked: what still holds it are finalizers. They may wait for the very claim that the pod made,
 * and so it does not hold that.
 */
const isShutDown = (pod: Pod): boolean => isDeleting(pod) && pod.metadata?.deletionGracePeriodSeconds === 0;

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
