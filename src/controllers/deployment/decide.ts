/**
 * The next step of a Deployment, from what is there: which ReplicaSet to create, how many pods each shall have, which to clean up, and
 * the status. Pure.
 *
 * ```
 *  deleting ──▶ status only
 *  rollback asked for (and not paused) ──▶ the Deployment takes the earlier template
 *  paused, or scaled since ──▶ bring to size, rollout stands still
 *  Recreate ──▶ old to none ──▶ when their pods are gone: the new one
 *  RollingUpdate ──▶ new grows ──▶ (if it did not) old shrink
 *  all of the new template and available ──▶ clean up history
 * ```
 * One step at a time: the ReplicaSets' answers bring the next reconciliation.
 */
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { deployments } from '../../client/resources.ts';
import { createdMs, isDeleting, nameOf, namespaceOf, uidOf } from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { contentHash } from '../shared/hash.ts';
import { controllerReference } from '../shared/ownership.ts';
import { isFinished } from '../shared/pods.ts';
import { type Rollback, rollBack, wantedRollback } from './rollback.ts';
import {
  conditionOf,
  type Draft,
  findNew,
  hashLabel,
  isRolling,
  newestRevision,
  newReplicaSetAnnotations,
  replicasOf,
  revisionAnnotation,
  revisionOf,
  sizeAnnotations,
} from './rollout.ts';
import { allOf, emptyOld, growNew, isActive, newSetReplicas, type Sets, scale, shrinkOld, wasScaled } from './scale.ts';
import {
  condition,
  countedStatus,
  deadlineInMs,
  hasDeadline,
  isComplete,
  rolloutStatus,
  withCondition,
} from './status.ts';

export interface DeploymentObserved {
  readonly deployment: Deployment;
  /** Those it controls. */
  readonly replicaSets: readonly ReplicaSet[];
  /** The pods of each, by the ReplicaSet's uid; also those that are ending. */
  readonly podsOf: (uid: string) => readonly Pod[];
  readonly nowMs: number;
}

export interface DeploymentPlan {
  readonly create: ReplicaSet | undefined;
  /** Objects to write, with what they were. */
  readonly update: readonly { readonly from: ReplicaSet; readonly to: ReplicaSet }[];
  readonly remove: readonly ReplicaSet[];
  /** The Deployment's own revision annotation, where it must change. */
  readonly revision: string | undefined;
  /** The Deployment itself is to be written, and nothing else of it. */
  readonly rollback: Rollback | undefined;
  /** Undefined where it stands as it is. */
  readonly status: DeploymentStatus | undefined;
  /** When to look again although nothing changed (ms). */
  readonly afterMs: number | undefined;
}

export function decideDeployment(observed: DeploymentObserved): DeploymentPlan {
  const sets = setsOf(observed);
  const step = nextStep(observed, sets);
  const { deployment, nowMs } = observed;
  const { latest, old } = step.sets;
  const update = allOf(step.sets).flatMap(({ original, object }) =>
    original === undefined || original === object ? [] : [{ from: original, to: object }],
  );
  const status = statusOf(observed, step);
  const revision = latest?.object.metadata?.annotations?.[revisionAnnotation];
  const standing = deployment.metadata?.annotations?.[revisionAnnotation];
  const cleanUp = step.cleanUp || (deployment.spec?.paused === true && !isDeleting(deployment));
  return {
    create: latest !== undefined && latest.original === undefined ? latest.object : undefined,
    update: update.filter(({ from, to }) => !semanticallyEqual(from, to)),
    remove: cleanUp ? history(deployment, old) : [],
    rollback: step.rollback,
    revision: revision === standing || isDeleting(deployment) ? undefined : revision,
    status: sameStatus(status, deployment.status) ? undefined : status,
    afterMs: deadlineInMs(deployment, status, nowMs),
  };
}

interface Step {
  readonly sets: Sets;
  /** The rollout moves: its progress is told. Else only the numbers are. */
  readonly rollout: boolean;
  readonly cleanUp: boolean;
  readonly rollback?: Rollback;
}

function setsOf({ deployment, replicaSets }: DeploymentObserved): Sets {
  const drafts = replicaSets.map((set): Draft => ({ original: set, object: set }));
  const latest = findNew(deployment, drafts);
  return { latest, old: drafts.filter((draft) => draft !== latest) };
}

function nextStep(observed: DeploymentObserved, sets: Sets): Step {
  const { deployment } = observed;
  const still = { rollout: false, cleanUp: false };
  if (isDeleting(deployment)) return { ...still, sets };
  const marked = withRevision(deployment, sets);
  const rollback = rollbackOf(deployment, marked);
  if (rollback !== undefined) return { ...still, sets: marked, rollback };
  if (deployment.spec?.paused === true || wasScaled(deployment, sets))
    return { ...still, sets: scale(deployment, marked) };
  const next = isRolling(deployment) ? roll(deployment, marked) : recreate(observed, marked);
  return { sets: next, rollout: true, cleanUp: isComplete(deployment, deployment.status ?? {}) };
}

/** Where the present template has no ReplicaSet yet it gets one first: what is given up is a revision too. */
function rollbackOf(deployment: Deployment, sets: Sets): Rollback | undefined {
  const wanted = wantedRollback(deployment);
  if (wanted === undefined || deployment.spec?.paused === true || sets.latest === undefined) return undefined;
  return rollBack(
    deployment,
    allOf(sets).map(({ object }) => object),
    wanted,
  );
}

function roll(deployment: Deployment, sets: Sets): Sets {
  if (sets.latest === undefined) return { ...sets, latest: newDraft(deployment, sets) };
  const grown = growNew(deployment, sets);
  const grew = grown.latest !== undefined && replicasOf(grown.latest) !== replicasOf(sets.latest);
  return grew ? grown : shrinkOld(deployment, sets);
}

function recreate({ deployment, podsOf }: DeploymentObserved, sets: Sets): Sets {
  if (sets.old.some(isActive)) return emptyOld(deployment, sets);
  const remain = sets.old.some(
    ({ object }) => (object.status?.replicas ?? 0) > 0 || podsOf(uidOf(object)).some((pod) => !isFinished(pod)),
  );
  if (remain) return sets;
  return sets.latest === undefined ? { ...sets, latest: newDraft(deployment, sets) } : growNew(deployment, sets);
}

const nextRevision = (old: readonly Draft[]): bigint => newestRevision(old.map(({ object }) => object)) + 1n;

/** The ReplicaSet found for the template takes the next revision: also an old one that a rollback came back to. */
function withRevision(deployment: Deployment, sets: Sets): Sets {
  const { latest, old } = sets;
  if (latest === undefined) return sets;
  const { object } = latest;
  const annotations = newReplicaSetAnnotations(deployment, object.metadata?.annotations ?? {}, nextRevision(old));
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  const marked: ReplicaSet = {
    ...object,
    metadata: { ...object.metadata, annotations },
    ...(object.spec && {
      spec: { ...object.spec, ...(minReadySeconds !== (object.spec.minReadySeconds ?? 0) && { minReadySeconds }) },
    }),
  };
  return semanticallyEqual(object, marked) ? sets : { old, latest: { ...latest, object: marked } };
}

/** A Deployment's name may be as long as any; with the hash it must fit too. */
const nameLengthMax = 253;

function newDraft(deployment: Deployment, sets: Sets): Draft {
  const template = deployment.spec?.template ?? {};
  const hash = contentHash(template, deployment.status?.collisionCount ?? 0);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  const selector = deployment.spec?.selector ?? {};
  const minReadySeconds = deployment.spec?.minReadySeconds;
  const object: ReplicaSet = {
    metadata: {
      namespace: namespaceOf(deployment),
      name: `${nameOf(deployment).slice(0, nameLengthMax - 1 - hash.length)}-${hash}`,
      labels,
      annotations: {
        ...newReplicaSetAnnotations(deployment, {}, nextRevision(sets.old)),
        ...sizeAnnotations(deployment),
      },
      ownerReferences: [controllerReference(deployments, deployment)],
    },
    spec: {
      replicas: newSetReplicas(deployment, { ...sets, latest: undefined }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
      ...(minReadySeconds !== undefined && { minReadySeconds }),
    },
  };
  return { object };
}

function statusOf({ deployment, nowMs }: DeploymentObserved, { sets, rollout }: Step): DeploymentStatus {
  const all = allOf(sets).map(({ object }) => object);
  const latest = sets.latest?.object;
  const collisionCount = deployment.status?.collisionCount;
  const counted = countedStatus(deployment, all, latest, collisionCount, nowMs);
  if (isDeleting(deployment)) return counted;
  const marked = withPause(deployment, withFound(deployment, counted, sets.latest, nowMs), nowMs);
  return rollout ? rolloutStatus(deployment, marked, all, latest, nowMs) : marked;
}

/** Progress begins to count when the new ReplicaSet is made, or found. */
function withFound(
  deployment: Deployment,
  status: DeploymentStatus,
  latest: Draft | undefined,
  nowMs: number,
): DeploymentStatus {
  if (latest === undefined || !hasDeadline(deployment)) return status;
  const name = nameOf(latest.object);
  if (latest.original === undefined) {
    const created = condition(
      'Progressing',
      'True',
      'NewReplicaSetCreated',
      `Created new replica set "${name}"`,
      nowMs,
    );
    return { ...status, conditions: withCondition(status.conditions, created) };
  }
  if (conditionOf(status.conditions, 'Progressing') !== undefined) return status;
  const found = condition('Progressing', 'True', 'FoundNewReplicaSet', `Found new replica set "${name}"`, nowMs);
  return { ...status, conditions: withCondition(status.conditions, found) };
}

/** A pause stops the deadline's clock, and its end starts it anew. */
function withPause(deployment: Deployment, status: DeploymentStatus, nowMs: number): DeploymentStatus {
  const current = conditionOf(status.conditions, 'Progressing');
  if (!hasDeadline(deployment) || current?.reason === 'ProgressDeadlineExceeded') return status;
  const paused = deployment.spec?.paused === true;
  const standsPaused = current?.reason === 'DeploymentPaused';
  if (paused === standsPaused) return status;
  const change: DeploymentCondition = paused
    ? condition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused', nowMs)
    : condition('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed', nowMs);
  return { ...status, conditions: withCondition(status.conditions, change) };
}

/** Old ReplicaSets beyond the limit, the lowest revisions first; never one that has, or may still have, pods. */
function history(deployment: Deployment, old: readonly Draft[]): readonly ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit;
  if (limit === undefined || limit === 2 ** 31 - 1) return [];
  const candidates = old.map(({ object }) => object).filter((set) => !isDeleting(set));
  return candidates
    .toSorted((a, b) => Number(revisionOf(a) - revisionOf(b)) || createdMs(a) - createdMs(b))
    .slice(0, Math.max(0, candidates.length - limit))
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        (set.spec?.replicas ?? 0) === 0 &&
        (set.metadata?.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
}

const zeroes: DeploymentStatus = {
  replicas: 0,
  updatedReplicas: 0,
  readyReplicas: 0,
  availableReplicas: 0,
  unavailableReplicas: 0,
};

/** The API leaves out zeroes, but not that of `terminatingReplicas`: there absent means not known. */
const sameStatus = (a: DeploymentStatus, b: DeploymentStatus | undefined): boolean =>
  semanticallyEqual({ ...zeroes, ...a }, { ...zeroes, ...b });

/** For the event's text. */
export const sizeOf = (set: ReplicaSet): number => set.spec?.replicas ?? 0;
