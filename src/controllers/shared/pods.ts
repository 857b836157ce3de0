/** Facts about a pod that several loops decide on. Pure. */
import type { Pod, PodCondition } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { isDeleting, timeMs } from './context.ts';

export function conditionOf(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export const isReady = (pod: Pod): boolean => conditionOf(pod, 'Ready')?.status === 'True';

/** When the pod became ready; 0 where it is not. */
export function readySinceMs(pod: Pod): number {
  const condition = conditionOf(pod, 'Ready');
  return condition?.status === 'True' ? timeMs(condition.lastTransitionTime) : 0;
}

/** When a ready pod has been so for `minReadySeconds` (ms since the epoch); undefined where it is not ready. */
export function availableAtMs(pod: Pod, minReadySeconds: number): number | undefined {
  if (!isReady(pod)) return undefined;
  return minReadySeconds === 0 ? 0 : readySinceMs(pod) + minReadySeconds * 1000;
}

export function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const atMs = availableAtMs(pod, minReadySeconds);
  return atMs !== undefined && atMs <= nowMs;
}

/** It has run to its end, well or not. */
export const isFinished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** It runs or will run: not finished, not being deleted. */
export const isActive = (pod: Pod): boolean => !isFinished(pod) && !isDeleting(pod);

/** It was told to end and has not yet. */
export const isTerminating = (pod: Pod): boolean => !isFinished(pod) && isDeleting(pod);

/** For an informer's index: pods by the name of their node; those without one stand under ''. */
export const nodeIndex = 'spec.nodeName';
export const nodeIndexValues = (pod: Pod): readonly string[] => [pod.spec?.nodeName ?? ''];

/** A node, or what still speaks for one that is lost, ends the pod: why, for those who count failures. */
export function disruptionCondition(pod: Pod, reason: string, message: string, nowMs: number): PodCondition {
  const { generation } = pod.metadata ?? {};
  const type = 'DisruptionTarget';
  const standing = conditionOf(pod, type);
  const lastTransitionTime = standing?.status === 'True' ? standing.lastTransitionTime : undefined;
  return {
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime: lastTransitionTime ?? formatTime(nowMs),
    ...(generation && { observedGeneration: generation }),
  };
}
