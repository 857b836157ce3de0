/**
 * The next steps of a StatefulSet, from what is there: which pods and claims to create, which pods to delete, and the status. Pure.
 *
 * ```
 *  1 replicas   each ordinal in range, from the lowest: finished ──▶ delete; missing ──▶ claims, then the pod; else set right
 *  2 claims     of pods beyond the range: their owners, before the pods go
 *  3 condemned  pods beyond the range, from the highest
 *  4 update     pods of another revision, from the highest down to the partition, as many as may be unavailable
 * ```
 * OrderedReady: one pod after the other; whatever is not yet running and available holds up everything behind it, and one act ends the walk.
 * Parallel: nothing waits for its neighbours; a phase begins when the one before it succeeded. Phases 1 to 3 go before updates.
 */
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '../../api/schema/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';
import { isDeleting, nameOf } from '../shared/context.ts';
import { availableAtMs, isAvailable, isFinished } from '../shared/pods.ts';
import { templateOf } from '../shared/revisions.ts';
import {
  claimsOf,
  hasIdentity,
  hasStorage,
  isInRange,
  isParallel,
  ordinalOf,
  podOf,
  replicasOf,
  startOf,
  withIdentity,
} from './identity.ts';
import { isClaimStaleFor, ownersToSet } from './retention.ts';
import { isRunningAndReady, statusOf } from './status.ts';
import { decideUpdate } from './update.ts';

export interface StatefulSetObserved {
  readonly set: StatefulSet;
  /** Those it controls. */
  readonly pods: readonly Pod[];
  readonly claim: (name: string) => PersistentVolumeClaim | undefined;
  readonly current: ControllerRevision;
  readonly update: ControllerRevision;
  readonly collisionCount: number;
  /** Until the failed pod of this name may be replaced (ms). */
  readonly heldBackMs: (podName: string) => number;
  readonly nowMs: number;
}

/** What to do about a pod's claims: in this order. */
export interface ClaimSteps {
  readonly missing: readonly PersistentVolumeClaim[];
  readonly owners: readonly { readonly claim: PersistentVolumeClaim; readonly to: readonly OwnerReference[] }[];
  /** The names of those that are being deleted: nothing can be done with the pod before they are gone. */
  readonly ending: readonly string[];
}

export type Step =
  | { readonly kind: 'create'; readonly pod: Pod; readonly claims: ClaimSteps }
  | { readonly kind: 'claims'; readonly pod: Pod; readonly claims: ClaimSteps }
  | { readonly kind: 'update'; readonly pod: Pod; readonly claims: ClaimSteps }
  | { readonly kind: 'delete'; readonly pod: Pod; readonly why: 'finished' | 'scale down' | 'update' };

export interface StatefulSetPlan {
  /** A phase that fails ends the plan. */
  readonly phases: readonly (readonly Step[])[];
  /** The steps of a phase may go at the same time. */
  readonly parallel: boolean;
  readonly status: StatefulSetStatus;
  /** When to look again although nothing changed (ms). */
  readonly afterMs: number | undefined;
}

/** One ordinal in range: a pod that stands there, or the one to be made. */
export interface Replica {
  readonly ordinal: number;
  readonly pod: Pod;
  readonly exists: boolean;
}

export function decideStatefulSet(observed: StatefulSetObserved): StatefulSetPlan {
  const { set, nowMs } = observed;
  const replicas = replicasIn(observed);
  const condemned = condemnedOf(observed);
  const phases = isDeleting(set) ? [] : phasesOf(observed, replicas, condemned);
  const pods = [...replicas.filter(({ exists }) => exists).map(({ pod }) => pod), ...condemned];
  const revisions = {
    current: nameOf(observed.current),
    update: nameOf(observed.update),
    collisionCount: observed.collisionCount,
  };
  const leaving = phases.flat().filter((step) => step.kind === 'delete' && step.why === 'update').length;
  return {
    phases: phases.filter((steps) => steps.length > 0),
    parallel: isParallel(set),
    status: statusOf(set, pods, revisions, leaving, nowMs),
    afterMs: soonest([
      ...pods.map((pod) => untilAvailableMs(set, pod, nowMs)),
      ...pods.map((pod) => untilReplacedMs(observed, pod)),
    ]),
  };
}

function replicasIn(observed: StatefulSetObserved): readonly Replica[] {
  const { set, pods } = observed;
  const standing = new Map(pods.map((pod) => [ordinalOf(set, pod), pod]));
  return Array.from({ length: replicasOf(set) }, (_, index) => {
    const ordinal = startOf(set) + index;
    const pod = standing.get(ordinal);
    return { ordinal, pod: pod ?? newPod(observed, ordinal), exists: pod !== undefined };
  });
}

/** Below the partition pods are made as they were. */
function newPod({ set, current, update }: StatefulSetObserved, ordinal: number): Pod {
  const template = set.spec?.template ?? {};
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const revision = ordinal < startOf(set) + partition ? current : update;
  return podOf(set, ordinal, { template: templateOf(revision, template), revision: nameOf(revision) });
}

/** The pods beyond the range, the highest first. */
function condemnedOf({ set, pods }: StatefulSetObserved): readonly Pod[] {
  const beyond = pods.flatMap((pod) => {
    const ordinal = ordinalOf(set, pod);
    return ordinal === undefined || isInRange(set, ordinal) ? [] : [{ pod, ordinal }];
  });
  return beyond.toSorted((a, b) => b.ordinal - a.ordinal).map(({ pod }) => pod);
}

function phasesOf(
  observed: StatefulSetObserved,
  replicas: readonly Replica[],
  condemned: readonly Pod[],
): readonly (readonly Step[])[] {
  const { set, nowMs } = observed;
  const walks = [
    () => walk(replicas, set, (replica) => replicaSteps(observed, replica)),
    () => walk(condemned, set, (pod) => ownerSteps(observed, pod)),
    () => walk(condemned, set, (pod) => condemnedSteps(observed, pod, firstUnavailable(observed, replicas, condemned))),
  ];
  const phases: (readonly Step[])[] = [];
  for (const next of walks) {
    const { steps, stops } = next();
    phases.push(steps);
    if (stops) return phases;
  }
  return [...phases, decideUpdate(set, replicas, nameOf(observed.update), nowMs)];
}

interface Walk {
  readonly steps: readonly Step[];
  /** Nothing behind it may happen yet, where order counts. */
  readonly stops: boolean;
}

const goesOn = (steps: readonly Step[] = []): Walk => ({ steps, stops: false });
const stops = (steps: readonly Step[] = []): Walk => ({ steps, stops: true });

function walk<T>(items: readonly T[], set: StatefulSet, visit: (item: T) => Walk): Walk {
  const steps: Step[] = [];
  for (const item of items) {
    const visited = visit(item);
    steps.push(...visited.steps);
    if (visited.stops && !isParallel(set)) return stops(steps);
  }
  return goesOn(steps);
}

/** Also a pod that succeeded runs again: evicted and lost pods end with whatever code their containers gave. */
function replicaSteps(observed: StatefulSetObserved, { ordinal, pod, exists }: Replica): Walk {
  const { set, nowMs } = observed;
  if (!exists) return creation(observed, ordinal, pod);
  if (isFinished(pod)) {
    const waits = isDeleting(pod) || observed.heldBackMs(nameOf(pod)) > 0;
    return stops(waits ? [] : [{ kind: 'delete', pod, why: 'finished' }]);
  }
  const claims = claimSteps(observed, ordinal, pod);
  const isPending = pod.status?.phase === 'Pending';
  const steps: Step[] = isPending && !isNothing(claims) ? [{ kind: 'claims', pod, claims }] : [];
  if (isDeleting(pod) || !isUp(set, pod, nowMs)) {
    if (!isParallel(set)) return stops(steps);
  }
  if (hasIdentity(set, pod) && hasStorage(set, ordinal, pod) && (isPending || claims.owners.length === 0)) {
    return goesOn(steps);
  }
  const missing = hasStorage(set, ordinal, pod) ? [] : claims.missing;
  return goesOn([...steps, { kind: 'update', pod: withIdentity(set, ordinal, pod), claims: { ...claims, missing } }]);
}

function creation(observed: StatefulSetObserved, ordinal: number, pod: Pod): Walk {
  const { set, claim } = observed;
  const standing = claimsOf(set, ordinal).flatMap((one) => claim(nameOf(one)) ?? []);
  if (standing.some((one) => isClaimStaleFor(set, pod, one))) return stops();
  return stops([{ kind: 'create', pod, claims: claimSteps(observed, ordinal, pod) }]);
}

function claimSteps({ set, claim }: StatefulSetObserved, ordinal: number, pod: Pod): ClaimSteps {
  const wanted = claimsOf(set, ordinal);
  const standing = wanted.flatMap((one) => claim(nameOf(one)) ?? []);
  return {
    missing: wanted.filter((one) => claim(nameOf(one)) === undefined),
    owners: standing.flatMap((one) => {
      const to = ownersToSet(set, pod, one, !isInRange(set, ordinal));
      return to === undefined ? [] : [{ claim: one, to }];
    }),
    ending: standing.filter(isDeleting).map(nameOf),
  };
}

const isNothing = ({ missing, owners, ending }: ClaimSteps): boolean =>
  missing.length + owners.length + ending.length === 0;

function ownerSteps(observed: StatefulSetObserved, pod: Pod): Walk {
  const ordinal = ordinalOf(observed.set, pod) ?? 0;
  const { owners } = claimSteps(observed, ordinal, pod);
  if (owners.length === 0) return goesOn();
  return goesOn([{ kind: 'claims', pod, claims: { missing: [], owners, ending: [] } }]);
}

/** In order, a pod goes only when all others are up; the first that is not may go itself. */
function condemnedSteps({ set, nowMs }: StatefulSetObserved, pod: Pod, unavailable: Pod | undefined): Walk {
  if (isDeleting(pod)) return stops();
  if (!isParallel(set) && !isUp(set, pod, nowMs) && pod !== unavailable) return stops();
  return stops([{ kind: 'delete', pod, why: 'scale down' }]);
}

/** The lowest that is not available, or is ending; of those in range before those beyond it. */
function firstUnavailable(
  { set, nowMs }: StatefulSetObserved,
  replicas: readonly Replica[],
  condemned: readonly Pod[],
): Pod | undefined {
  const lost = (pod: Pod): boolean => isDeleting(pod) || !isUp(set, pod, nowMs);
  return replicas.find(({ exists, pod }) => !exists || lost(pod))?.pod ?? condemned.toReversed().find(lost);
}

const isUp = (set: StatefulSet, pod: Pod, nowMs: number): boolean =>
  isRunningAndReady(pod) && isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);

function untilAvailableMs({ spec }: StatefulSet, pod: Pod, nowMs: number): number {
  return (availableAtMs(pod, spec?.minReadySeconds ?? 0) ?? 0) - nowMs;
}

const untilReplacedMs = ({ heldBackMs }: StatefulSetObserved, pod: Pod): number =>
  isFinished(pod) && !isDeleting(pod) ? heldBackMs(nameOf(pod)) : 0;

function soonest(delaysMs: readonly number[]): number | undefined {
  const coming = delaysMs.filter((delayMs) => delayMs > 0);
  return coming.length === 0 ? undefined : Math.min(...coming);
}
