/** Facts about a pod that several loops decide on. Pure. */
import type { Pod, PodCondition } from '../../api/schema/types/core-v1.ts';
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
