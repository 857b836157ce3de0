/**
 * What PodDisruptionBudgets say to an eviction. Pure: a budget's status was worked out by the disruption controller
 * (`src/controllers/disruption`); here it is only believed, or not, and spent.
 *
 * Kept true: a budget whose status is not of its newest spec, or that was spent, lets nobody go. The map of disrupted pods tells
 * the controller which pods to count as gone although they still stand there.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Condition } from '../../api/schema/types/meta-v1.ts';
import type { PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { forbidden, StatusError } from '../../api/status-error.ts';
import { formatTime } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';

const retryAfterSeconds = 10;

export function budgetsOf(pod: Pod, budgets: readonly PodDisruptionBudget[]): readonly PodDisruptionBudget[] {
  const { namespace, labels = {} } = pod.metadata ?? {};
  return budgets.filter(
    ({ metadata, spec }) =>
      metadata?.namespace === namespace &&
      spec?.selector !== undefined &&
      labelMatcher(spec.selector).matches(labels as Readonly<Record<string, string>>),
  );
}

/** It is over, or was never up: nobody is disrupted by its end. */
export function needsNoBudget({ metadata, status }: Pod): boolean {
  const phase = status?.phase ?? '';
  return ['Succeeded', 'Failed', 'Pending'].includes(phase) || metadata?.deletionTimestamp !== undefined;
}

/** A pod that is not ready counts for nothing, so that its end costs nothing: always, or while enough others are well. */
export function costsNothing(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  const isReady = pod.status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  if (isReady) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/** The budget with one disruption less. @throws StatusError TooManyRequests, Forbidden */
export function spend(budget: PodDisruptionBudget, pod: string, nowMs: number): PodDisruptionBudget {
  const { metadata, status = {} } = budget;
  const { disruptionsAllowed = 0, disruptedPods = {} } = status;
  if ((status.observedGeneration ?? 0) < (metadata?.generation ?? 0)) throw stillProcessed(metadata?.name ?? '');
  if (disruptionsAllowed < 0) throw refused(budget, 'pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length > limits.disruptedPodsMax) {
    throw refused(budget, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (disruptionsAllowed === 0) throw spent(budget);
  const left = disruptionsAllowed - 1;
  const conditions = left > 0 ? status.conditions : withInsufficientPods(budget, nowMs);
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: left,
      disruptedPods: { ...disruptedPods, [pod]: formatTime(nowMs) },
      ...(conditions && { conditions }),
    },
  };
}

const conditionType = 'DisruptionAllowed';

function withInsufficientPods({ status }: PodDisruptionBudget, nowMs: number): readonly Condition[] {
  const before = status?.conditions ?? [];
  const old = before.find(({ type }) => type === conditionType);
  const condition: Condition = {
    type: conditionType,
    status: 'False',
    reason: 'InsufficientPods',
    message: '',
    observedGeneration: status?.observedGeneration ?? 0,
    lastTransitionTime: old?.status === 'False' ? old.lastTransitionTime : formatTime(nowMs),
  };
  return old === undefined ? [...before, condition] : before.map((each) => (each === old ? condition : each));
}

const refusal = "Cannot evict pod as it would violate the pod's disruption budget.";
const cause = (message: string) => [{ reason: 'DisruptionBudget', message }];

/** Worth another try soon: the controller has not caught up. */
export function stillProcessed(budget: string): StatusError {
  const message = `The disruption budget ${budget} is still being processed by the server.`;
  return new StatusError(429, 'TooManyRequests', refusal, { causes: cause(message), retryAfterSeconds });
}

function spent({ metadata, status }: PodDisruptionBudget): StatusError {
  const name = metadata?.name ?? '';
  const failed = status?.conditions?.find(({ type, reason }) => type === conditionType && reason === 'SyncFailed');
  const message =
    failed === undefined
      ? `The disruption budget ${name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`
      : `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${failed.message}`;
  return new StatusError(429, 'TooManyRequests', refusal, { causes: cause(message) });
}

function refused({ metadata }: PodDisruptionBudget, why: string): StatusError {
  return forbidden({ group: 'policy', kind: 'poddisruptionbudget', name: metadata?.name ?? '' }, why);
}
