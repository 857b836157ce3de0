/**
 * A resize of one pod as its worker sees it: what to tell, and what still to do (KEP-1287). Which containers must be told, which started
 * anew, and what the status shows. Pure.
 */
import { formatQuantity, quantityFromInteger, quantityFromMilli } from '../../api/quantity.ts';
import type { Container, PodCondition, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import { type Change, changeOf, type Figures, needsRestart } from '../resources/decide-resize.ts';
import type { ContainerStatus, ResourceLimits } from '../runtime.ts';

export interface ResizeView {
  /** What is wanted waits. */
  readonly pending?: { readonly reason: string; readonly message: string; readonly generation: number };
  /** Limits that were promised and do not all hold yet, by container; absent: none. */
  readonly wanted?: ReadonlyMap<string, ResourceLimits>;
  /** Of the pod that `wanted` comes from. */
  readonly generation?: number;
  /** Why they do not hold yet. */
  readonly problem?: string;
  /** All but the containers that start anew have been told. */
  readonly hasActed: boolean;
  /** Not before this, after a problem. */
  readonly retryAtMs: number;
}

export interface ResizeStep {
  /** Ids of containers to tell. */
  readonly update: readonly string[];
  readonly restart: readonly { readonly run: ContainerStatus; readonly container: Container }[];
  /** There is something to do for `resize-pod`. */
  readonly isDue: boolean;
}

/** @param runs the running containers of the pod's sandbox, with their definitions */
export function resizeStep(
  { wanted, hasActed }: ResizeView,
  runs: readonly { readonly run: ContainerStatus; readonly container: Container }[],
): ResizeStep {
  if (wanted === undefined) return { update: [], restart: [], isDue: false };
  const changes = runs.flatMap(({ run, container }) => {
    const limits = wanted.get(container.name);
    const change: Change = limits === undefined ? { cpu: false, memory: false } : changeOf(run.resources, limits);
    return change.cpu || change.memory ? [{ run, container, change }] : [];
  });
  // What the runtime does not tell of cannot be compared: it is told, and taken at its word.
  const restart = changes.filter(
    ({ run, container, change }) => run.resources !== undefined && needsRestart(container, change),
  );
  const update = changes.filter((change) => !restart.includes(change)).map(({ run }) => run.id);
  return { update, restart, isDue: update.length > 0 || restart.length === 0 || !hasActed };
}

type Told = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message' | 'observedGeneration'>;

/** Upstream's conditions; they go when there is nothing to tell. */
export function resizeConditions(view: ResizeView | undefined): readonly Told[] {
  if (view === undefined) return [];
  const { pending, wanted, problem, generation } = view;
  const told: Told[] = [];
  if (pending !== undefined) {
    const { reason, message } = pending;
    told.push({ type: 'PodResizePending', status: 'True', reason, message, observedGeneration: pending.generation });
  }
  if (wanted !== undefined) {
    told.push({
      type: 'PodResizeInProgress',
      status: 'True',
      ...(problem !== undefined && { reason: 'Error', message: problem }),
      ...(generation !== undefined && { observedGeneration: generation }),
    });
  }
  return told;
}

export const resizeConditionTypes: readonly string[] = ['PodResizePending', 'PodResizeInProgress'];

/** What holds for a container of a pod that is being resized: what was given to it, where the runtime does not say otherwise. */
export function actualResources(
  given: ResourceRequirements,
  now: Figures | undefined,
  wanted: Figures | undefined,
): ResourceRequirements {
  if (now === undefined || wanted === undefined) return given;
  const { cpu, memory } = changeOf(now, wanted);
  const milliRequest = Math.ceil((now.cpuShares * 1000) / 1024);
  const milliLimit = Math.floor((now.cpuQuotaUs * 1000) / Math.max(1, now.cpuPeriodUs));
  const { requests, limits } = given;
  return {
    ...given,
    ...(requests && {
      requests: {
        ...requests,
        ...(cpu && 'cpu' in requests && now.cpuShares !== wanted.cpuShares && { cpu: milli(milliRequest) }),
      },
    }),
    ...(limits && {
      limits: {
        ...limits,
        ...(cpu &&
          'cpu' in limits &&
          milliLimit > 0 &&
          now.cpuQuotaUs !== wanted.cpuQuotaUs && { cpu: milli(milliLimit) }),
        ...(memory && 'memory' in limits && now.memoryLimitBytes > 0 && { memory: bytes(now.memoryLimitBytes) }),
      },
    }),
  };
}

const milli = (amount: number): string => formatQuantity(quantityFromMilli(amount));
const bytes = (amount: number): string => formatQuantity(quantityFromInteger(amount, 'BinarySI'));
