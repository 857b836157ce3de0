/** What lies on the node for pods that it has no more, and what pods that have ended no longer need. Pure. */
import type { ContainerStatus, PodIdentity, RuntimeState } from '../runtime.ts';

/** Whom the node keeps something for. */
export interface Kept {
  /** By uid: folders, and cgroups. */
  readonly uids: readonly string[];
  readonly logs: readonly PodIdentity[];
}

export function orphansOf(kept: Kept, isKnown: (uid: string) => boolean): Kept {
  const isOrphan = (uid: string): boolean => isUid(uid) && !isKnown(uid);
  return {
    uids: [...new Set(kept.uids)].filter(isOrphan),
    logs: kept.logs.filter(({ uid }) => isOrphan(uid)),
  };
}

/** What is named otherwise was not made for a pod, and is not ours to remove. */
function isUid(name: string): boolean {
  return /^[\w-]{1,253}$/.test(name);
}

export interface Unused {
  readonly containers: readonly ContainerStatus[];
  readonly sandboxIds: readonly string[];
}

/** @param isOver tells whether a pod has ended for good, and nothing of it is under way any more */
export function unusedOf({ containers, sandboxes }: RuntimeState, isOver: (uid: string) => boolean): Unused {
  const over = containers.filter(({ pod, state }) => state === 'exited' && isOver(pod.uid));
  const removed = new Set(over.map(({ id }) => id));
  const kept = new Set(containers.filter(({ id }) => !removed.has(id)).map(({ sandboxId }) => sandboxId));
  const empty = sandboxes.filter(({ id, ready, pod }) => !ready && isOver(pod.uid) && !kept.has(id));
  return { containers: over, sandboxIds: empty.map(({ id }) => id) };
}
