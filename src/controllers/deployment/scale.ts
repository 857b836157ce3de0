/**
 * How many pods each ReplicaSet of a Deployment shall have: a rolling update's next step, or the shares of a scaled rollout.
 * Pure: drafts in, drafts out. Each function mirrors one of upstream's, whose invariants clients count on:
 *
 *   all pods ≤ wanted + surge          available pods ≥ wanted − unavailable
 */
import type { Deployment } from '../../api/schema/types/apps-v1.ts';
import {
  annotationNumber,
  availableOf,
  type Draft,
  desiredReplicasAnnotation,
  fenceposts,
  isRolling,
  maxReplicasAnnotation,
  oldestFirst,
  replicasOf,
  sizeAnnotations,
  sum,
  wantedReplicas,
} from './rollout.ts';

/** All ReplicaSets of a Deployment; `latest` is the one of its template. */
export interface Sets {
  readonly latest: Draft | undefined;
  readonly old: readonly Draft[];
}

export const allOf = ({ latest, old }: Sets): readonly Draft[] => (latest === undefined ? old : [...old, latest]);

export const isActive = (draft: Draft): boolean => replicasOf(draft) > 0;

/** `draft` with `replicas`, and with the annotations that tell for which size of the Deployment that is. */
export function resized(deployment: Deployment, draft: Draft, replicas: number): Draft {
  const { object } = draft;
  const annotations = { ...object.metadata?.annotations, ...sizeAnnotations(deployment) };
  return {
    ...draft,
    object: {
      ...object,
      metadata: { ...object.metadata, annotations },
      ...(object.spec && { spec: { ...object.spec, replicas } }),
    },
  };
}

const resizedIfNeeded = (deployment: Deployment, draft: Draft, replicas: number): Draft =>
  replicasOf(draft) === replicas ? draft : resized(deployment, draft, replicas);

/** How many replicas the new ReplicaSet may have now, the others being as they are. */
export function newSetReplicas(deployment: Deployment, sets: Sets): number {
  const wanted = wantedReplicas(deployment);
  if (!isRolling(deployment)) return wanted;
  const current = sets.latest === undefined ? 0 : replicasOf(sets.latest);
  const room = wanted + fenceposts(deployment).surge - sum(allOf(sets), replicasOf);
  return room <= 0 ? current : current + Math.min(room, wanted - current);
}

/** Rolling update, first half: the new ReplicaSet grows into the room that the surge leaves, or shrinks to what is wanted. */
export function growNew(deployment: Deployment, sets: Sets): Sets {
  const { latest } = sets;
  if (latest === undefined) return sets;
  const wanted = wantedReplicas(deployment);
  const replicas = replicasOf(latest) > wanted ? wanted : newSetReplicas(deployment, sets);
  return { ...sets, latest: resizedIfNeeded(deployment, latest, replicas) };
}

/**
 * Rolling update, second half: old ReplicaSets give up what is not needed for the minimum. Pods that never became available go first,
 * since losing them costs nothing.
 */
export function shrinkOld(deployment: Deployment, sets: Sets): Sets {
  const { latest } = sets;
  if (latest === undefined || sum(sets.old, replicasOf) === 0) return sets;
  const minimum = wantedReplicas(deployment) - fenceposts(deployment).unavailable;
  const newUnavailable = replicasOf(latest) - availableOf(latest);
  const spare = sum(allOf(sets), replicasOf) - minimum - newUnavailable;
  if (spare <= 0) return sets;
  const healed = takeFrom(deployment, sets.old, spare, (draft) => replicasOf(draft) - availableOf(draft));
  const spareAvailable = sum(allOf({ latest, old: healed }), availableOf) - minimum;
  return { latest, old: takeFrom(deployment, healed, spareAvailable, replicasOf) };
}

/** Takes `total` replicas, from each in order of age at most `limit`. */
function takeFrom(
  deployment: Deployment,
  old: readonly Draft[],
  total: number,
  limit: (draft: Draft) => number,
): readonly Draft[] {
  let left = total;
  return old.toSorted(oldestFirst).map((draft) => {
    const taken = Math.max(0, Math.min(left, limit(draft), replicasOf(draft)));
    left -= taken;
    return taken === 0 ? draft : resized(deployment, draft, replicasOf(draft) - taken);
  });
}

export const emptyOld = (deployment: Deployment, sets: Sets): Sets => ({
  ...sets,
  old: sets.old.map((draft) => resizedIfNeeded(deployment, draft, 0)),
});

/** The Deployment was scaled since its ReplicaSets were sized. */
export function wasScaled(deployment: Deployment, sets: Sets): boolean {
  return allOf(sets)
    .filter(isActive)
    .some(({ object }) => {
      const desired = annotationNumber(object, desiredReplicasAnnotation);
      return desired !== undefined && desired !== wantedReplicas(deployment);
    });
}

/** Brings a scaled or paused Deployment to its size without moving the rollout on. */
export function scale(deployment: Deployment, sets: Sets): Sets {
  const wanted = wantedReplicas(deployment);
  const only = activeOrLatest(sets);
  if (only !== undefined) return replaced(sets, only, resized(deployment, only, wanted));
  if (isSaturated(deployment, sets.latest)) return emptyOld(deployment, sets);
  return isRolling(deployment) ? scaleInProportion(deployment, sets) : sets;
}

/** The one that has all pods; where none has any, the new one or the youngest. Undefined where several share them. */
function activeOrLatest(sets: Sets): Draft | undefined {
  const active = allOf(sets).filter(isActive);
  if (active.length === 0) return sets.latest ?? sets.old.toSorted(oldestFirst).at(-1);
  return active.length === 1 ? active[0] : undefined;
}

/** The new ReplicaSet has all that is wanted, and it is available. */
function isSaturated(deployment: Deployment, latest: Draft | undefined): boolean {
  const wanted = wantedReplicas(deployment);
  if (latest === undefined || replicasOf(latest) !== wanted || availableOf(latest) !== wanted) return false;
  return annotationNumber(latest.object, desiredReplicasAnnotation) === wanted;
}

/** Several ReplicaSets share what is added or taken by their size, the largest first; it also takes what rounding leaves. */
function scaleInProportion(deployment: Deployment, sets: Sets): Sets {
  const wanted = wantedReplicas(deployment);
  const active = allOf(sets).filter(isActive);
  const allowed = wanted > 0 ? wanted + fenceposts(deployment).surge : 0;
  const change = allowed - sum(active, replicasOf);
  const byAge = change > 0 ? (a: Draft, b: Draft) => oldestFirst(b, a) : oldestFirst;
  const ordered = active.toSorted((a, b) => replicasOf(b) - replicasOf(a) || byAge(a, b));
  let given = 0;
  const shares = ordered.map((draft) => {
    const share = shareOf(deployment, draft, change, given);
    given += share;
    return share;
  });
  return ordered.reduce((result, draft, index) => {
    const leftover = index === 0 ? change - given : 0;
    const replicas = Math.max(0, replicasOf(draft) + (shares[index] ?? 0) + leftover);
    return replaced(result, draft, resized(deployment, draft, replicas));
  }, sets);
}

/** What one gets of `change`, `given` being what others got: never more than is left. */
function shareOf(deployment: Deployment, draft: Draft, change: number, given: number): number {
  if (change === 0 || change === given) return 0;
  const share = fractionOf(deployment, draft);
  return change > 0 ? Math.min(share, change - given) : Math.max(share, change - given);
}

/** The change that keeps its part of the whole the same, rounded half away from zero. */
function fractionOf(deployment: Deployment, draft: Draft): number {
  const wanted = wantedReplicas(deployment);
  if (wanted === 0) return -replicasOf(draft);
  const before = annotationNumber(draft.object, maxReplicasAnnotation) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  const size = (replicasOf(draft) * (wanted + fenceposts(deployment).surge)) / before;
  return Math.floor(size + 0.5) - replicasOf(draft);
}

function replaced(sets: Sets, draft: Draft, by: Draft): Sets {
  if (sets.latest === draft) return { ...sets, latest: by };
  return { ...sets, old: sets.old.map((candidate) => (candidate === draft ? by : candidate)) };
}
