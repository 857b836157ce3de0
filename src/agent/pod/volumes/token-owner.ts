/**
 * Whose a token's file is, as upstream: where all containers of the pod run as one user, that user's alone; where the pod has a group for
 * its volumes, readable by the group. Pure.
 */
import type { Pod } from '../../../api/schema/types/core-v1.ts';

/** Undefined: the containers run as different users, or one does not say as whom. */
export function commonUser({ spec }: Pod): number | undefined {
  const ofPod = spec?.securityContext?.runAsUser;
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const users = new Set(all.map(({ securityContext }) => securityContext?.runAsUser ?? ofPod));
  const [user] = users;
  return users.size === 1 ? user : undefined;
}

export interface TokenFile {
  readonly mode: number;
  readonly uid?: number;
}

/** @param mode what the volume says */
export function tokenFile(pod: Pod, mode: number): TokenFile {
  const uid = commonUser(pod);
  const isOwned = uid !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
  // For the group, the folder's writer adds the bits.
  return { mode: isOwned ? 0o600 : mode, ...(uid !== undefined && { uid }) };
}
