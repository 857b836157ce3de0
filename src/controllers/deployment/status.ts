/** A Deployment's status and conditions, with upstream's reasons and messages. Pure. */
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { nameOf, timeMs } from '../shared/context.ts';
import { conditionOf, fenceposts, wantedReplicas } from './rollout.ts';

export type Reason =
  | 'NewReplicaSetCreated'
  | 'FoundNewReplicaSet'
  | 'ReplicaSetUpdated'
  | 'NewReplicaSetAvailable'
  | 'ProgressDeadlineExceeded'
  | 'ReplicaSetCreateError'
  | 'DeploymentPaused'
  | 'DeploymentResumed'
  | 'MinimumReplicasAvailable'
  | 'MinimumReplicasUnavailable';

const noDeadline = 2 ** 31 - 1;

export function hasDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== noDeadline;
}

export function condition(
  type: 'Progressing' | 'Available' | 'ReplicaFailure',
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  message: string,
  nowMs: number,
): DeploymentCondition {
  const now = formatTime(nowMs);
  return { type, status, lastUpdateTime: now, lastTransitionTime: now, reason, message };
}

/** One of the same status and reason stands as it is; one of the same status keeps the time of its transition. */
export function withCondition(
  conditions: readonly DeploymentCondition[] | undefined = [],
  added: DeploymentCondition,
): readonly DeploymentCondition[] {
  const standing = conditionOf(conditions, added.type);
  if (standing?.status === added.status && standing.reason === added.reason) return conditions;
  const kept = standing?.status === added.status ? standing.lastTransitionTime : undefined;
  return [...without(conditions, added.type), { ...added, ...(kept !== undefined && { lastTransitionTime: kept }) }];
}

const without = (conditions: readonly DeploymentCondition[], type: string): readonly DeploymentCondition[] =>
  conditions.filter((condition) => condition.type !== type);

/** The numbers, and whether enough is available; other conditions as they were. */
export function countedStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  latest: ReplicaSet | undefined,
  collisionCount: number | undefined,
  nowMs: number,
): DeploymentStatus {
  const total = (value: (set: ReplicaSet) => number | undefined): number =>
    all.reduce((sum, set) => sum + (value(set) ?? 0), 0);
  const terminatingReplicas = terminatingOf(all);
  const availableReplicas = total((set) => set.status?.availableReplicas);
  const enough = availableReplicas >= wantedReplicas(deployment) - fenceposts(deployment).unavailable;
  const available = enough
    ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', nowMs)
    : condition(
        'Available',
        'False',
        'MinimumReplicasUnavailable',
        'Deployment does not have minimum availability.',
        nowMs,
      );
  return {
    observedGeneration: deployment.metadata?.generation ?? 0,
    replicas: total((set) => set.status?.replicas),
    updatedReplicas: latest?.status?.replicas ?? 0,
    readyReplicas: total((set) => set.status?.readyReplicas),
    availableReplicas,
    // Of those that are wanted, whether they exist or not.
    unavailableReplicas: Math.max(0, total((set) => set.spec?.replicas) - availableReplicas),
    ...(terminatingReplicas !== undefined && { terminatingReplicas }),
    ...(collisionCount !== undefined && { collisionCount }),
    conditions: withCondition(deployment.status?.conditions, available),
  };
}

/** Undefined while one of them has not been counted yet: a sum would look as if nothing ended any more. */
function terminatingOf(all: readonly ReplicaSet[]): number | undefined {
  let sum = 0;
  for (const { status } of all) {
    if (status?.terminatingReplicas === undefined) return undefined;
    sum += status.terminatingReplicas;
  }
  return sum;
}

/** All pods are of the new template and available, and nothing else is left. The API leaves out zeroes. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = wantedReplicas(deployment);
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  return (
    updatedReplicas === wanted &&
    replicas === wanted &&
    availableReplicas === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

/** Something moved since the status that stands. */
function isProgressing(deployment: Deployment, status: DeploymentStatus): boolean {
  const before = deployment.status ?? {};
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number => replicas - updatedReplicas;
  return (
    (status.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(status) < old(before) ||
    (status.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (status.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function hasTimedOut(deployment: Deployment, conditions: readonly DeploymentCondition[], nowMs: number): boolean {
  const current = conditionOf(conditions, 'Progressing');
  if (current === undefined || current.reason === 'NewReplicaSetAvailable') return false;
  if (current.reason === 'ProgressDeadlineExceeded') return true;
  return nowMs > timeMs(current.lastUpdateTime) + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
}

/** `counted` with how the rollout goes on, and with the failures of its ReplicaSets. */
export function rolloutStatus(
  deployment: Deployment,
  counted: DeploymentStatus,
  all: readonly ReplicaSet[],
  latest: ReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const progressed = progressConditions(deployment, counted, latest, nowMs);
  const failure = failureOf(all, latest);
  const conditions = failure === undefined ? without(progressed, 'ReplicaFailure') : withCondition(progressed, failure);
  return { ...counted, conditions };
}

function progressConditions(
  deployment: Deployment,
  status: DeploymentStatus,
  latest: ReplicaSet | undefined,
  nowMs: number,
): readonly DeploymentCondition[] {
  const conditions = status.conditions ?? [];
  if (!hasDeadline(deployment)) return without(conditions, 'Progressing');
  const current = conditionOf(conditions, 'Progressing');
  if (status.replicas === status.updatedReplicas && current?.reason === 'NewReplicaSetAvailable') return conditions;
  const subject = latest === undefined ? `Deployment "${nameOf(deployment)}"` : `ReplicaSet "${nameOf(latest)}"`;
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    return withCondition(conditions, condition('Progressing', 'True', 'NewReplicaSetAvailable', message, nowMs));
  }
  if (isProgressing(deployment, status)) {
    const moved = condition('Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`, nowMs);
    const since = current?.status === 'True' ? current.lastTransitionTime : undefined;
    return [
      ...without(conditions, 'Progressing'),
      { ...moved, ...(since !== undefined && { lastTransitionTime: since }) },
    ];
  }
  if (hasTimedOut(deployment, conditions, nowMs)) {
    const message = `${subject} has timed out progressing.`;
    return withCondition(conditions, condition('Progressing', 'False', 'ProgressDeadlineExceeded', message, nowMs));
  }
  return conditions;
}

/** The new ReplicaSet's failure, or else that of any. */
function failureOf(all: readonly ReplicaSet[], latest: ReplicaSet | undefined): DeploymentCondition | undefined {
  for (const set of latest === undefined ? all : [latest, ...all]) {
    const failure = set.status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
    if (failure !== undefined) {
      const lastUpdateTime = failure.lastTransitionTime;
      return { ...failure, ...(lastUpdateTime !== undefined && { lastUpdateTime }) };
    }
  }
  return undefined;
}

/** Until the deadline could pass (ms); undefined where there is nothing to wait for. */
export function deadlineInMs(deployment: Deployment, status: DeploymentStatus, nowMs: number): number | undefined {
  const current = conditionOf(status.conditions, 'Progressing');
  if (!hasDeadline(deployment) || current === undefined) return undefined;
  if (isComplete(deployment, status) || current.reason === 'ProgressDeadlineExceeded') return undefined;
  const deadlineMs = timeMs(current.lastUpdateTime) + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
  return Math.max(0, deadlineMs - nowMs) + 1000;
}
