/** What a ReplicaSet needs: more pods, fewer, or only its status told. Pure. */
import type { ReplicaSetCondition, ReplicaSetStatus } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { matchLabels } from '../../api/selector.ts';
import { formatTime } from '../../lib/clock.ts';
import { availableAtMs, isAvailable, isReady } from '../shared/pods.ts';
import type { Replicated } from './kinds.ts';
import { podsToDelete } from './ranking.ts';

export interface ReplicaPlan {
  readonly create: number;
  readonly remove: readonly Pod[];
}

/** As upstream's `BurstReplicas`: no more in one go; the rest follows. */
const burstMax = 500;

export function decideReplicas(
  replicaSet: Replicated,
  active: readonly Pod[],
  related: readonly Pod[],
  nowMs: number,
): ReplicaPlan {
  const missing = (replicaSet.spec?.replicas ?? 1) - active.length;
  if (missing >= 0) return { create: Math.min(missing, burstMax), remove: [] };
  return { create: 0, remove: podsToDelete(active, related, Math.min(-missing, burstMax), nowMs) };
}

/** Why the last attempt to create or delete pods failed. */
export interface ReplicaFailure {
  readonly reason: 'FailedCreate' | 'FailedDelete';
  readonly message: string;
}

export function statusOf(
  replicaSet: Replicated,
  pods: { readonly active: readonly Pod[]; readonly terminating: readonly Pod[] },
  failure: ReplicaFailure | undefined,
  nowMs: number,
): ReplicaSetStatus {
  const { active, terminating } = pods;
  const minReadySeconds = replicaSet.spec?.minReadySeconds ?? 0;
  const labeled = matchLabels(replicaSet.spec?.template?.metadata?.labels ?? {});
  const conditions = conditionsOf(replicaSet, failure, nowMs);
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => labeled.matches(pod.metadata?.labels ?? {})).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length,
    terminatingReplicas: terminating.length,
    observedGeneration: replicaSet.metadata?.generation ?? 0,
    ...(conditions.length > 0 && { conditions }),
  };
}

/** A failure that stands already keeps its first time and message, as upstream's. */
function conditionsOf(
  replicaSet: Replicated,
  failure: ReplicaFailure | undefined,
  nowMs: number,
): readonly ReplicaSetCondition[] {
  const conditions = replicaSet.status?.conditions ?? [];
  const others = conditions.filter(({ type }) => type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  const standing = conditions.find(({ type }) => type === 'ReplicaFailure');
  const { reason, message } = failure;
  const lastTransitionTime = formatTime(nowMs);
  return [...others, standing ?? { type: 'ReplicaFailure', status: 'True', lastTransitionTime, reason, message }];
}

/** How long until the next ready pod counts as available (ms); undefined where none is to come. */
export function nextAvailabilityMs(replicaSet: Replicated, active: readonly Pod[], nowMs: number): number | undefined {
  const minReadySeconds = replicaSet.spec?.minReadySeconds ?? 0;
  let soonest: number | undefined;
  for (const pod of active) {
    const atMs = availableAtMs(pod, minReadySeconds);
    if (atMs !== undefined && atMs > nowMs && (soonest === undefined || atMs < soonest)) soonest = atMs;
  }
  return soonest === undefined ? undefined : soonest - nowMs;
}
