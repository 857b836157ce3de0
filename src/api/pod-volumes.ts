/** Which PersistentVolumeClaims a pod has among its volumes, and whether one that was made for a pod is that pod's. Pure. */
import type { PersistentVolumeClaim, Pod, Volume } from './schema/types/core-v1.ts';

interface PodClaim {
  readonly name: string;
  /** Made for the pod, from a template in it: it must be owned by the pod to be used. */
  readonly isEphemeral: boolean;
}

/** Undefined for a volume that is no claim. */
export function claimOf(pod: Pod, { name, persistentVolumeClaim, ephemeral }: Volume): PodClaim | undefined {
  if (persistentVolumeClaim !== undefined) return { name: persistentVolumeClaim.claimName, isEphemeral: false };
  return ephemeral === undefined ? undefined : { name: `${pod.metadata?.name ?? ''}-${name}`, isEphemeral: true };
}

/** Most pods have none; for them nothing is made. */
const none: readonly PodClaim[] = [];

export function claimsOf(pod: Pod): readonly PodClaim[] {
  const volumes = pod.spec?.volumes;
  if (volumes === undefined || volumes.length === 0) return none;
  return volumes.flatMap((volume) => claimOf(pod, volume) ?? []);
}

export const isOwnedBy = ({ metadata }: PersistentVolumeClaim, pod: Pod): boolean =>
  (metadata?.ownerReferences ?? []).some(({ controller, uid }) => controller === true && uid === pod.metadata?.uid);
