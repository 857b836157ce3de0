/**
 * How many pods of a disruption budget may go now. Pure.
 *
 * ```
 *  expected  = what the controllers of the matching pods want together (minAvailable as a number: the pods that match)
 *  desired   = minAvailable of expected, or expected − maxUnavailable; percentages round up
 *  healthy   = matching pods that are ready, are not ending, and were not let go by an eviction a moment ago
 *  allowed   = healthy − desired, never below 0; 0 while nothing is expected
 * ```
 * An eviction that was let through and has not shown within two minutes is taken as one that never happened.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Condition, IntOrString, LabelSelector } from '../../api/schema/types/meta-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/schema/types/policy-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { isDeleting, nameOf, timeMs } from '../shared/context.ts';
import { conditionOf, isFinished, isReady } from '../shared/pods.ts';

export const deletionMsMax = 2 * 60 * 1000;

/** What the matching pods' controllers want, as far as it is needed; `undefined` where the spec does not ask for it. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';
}

export interface BudgetFacts {
  readonly pods: readonly Pod[];
  /** The sum of what the pods' controllers want; read only where `needsScale`. */
  readonly scale: number;
  readonly nowMs: number;
}

export interface BudgetPlan {
  readonly status: PodDisruptionBudgetStatus;
  /** Pods that an eviction was granted for, and that are still there. */
  readonly notDeleted: readonly Pod[];
  /** When the next granted eviction is given up (ms since the epoch). */
  readonly recheckAtMs: number | undefined;
}

export function decideBudget(budget: PodDisruptionBudget, facts: BudgetFacts): BudgetPlan {
  const { expected, desired } = counts(budget, facts);
  const { disruptedPods, notDeleted, recheckAtMs } = stillExpected(budget, facts);
  const healthy = facts.pods.filter(
    (pod) => !isDeleting(pod) && !Object.hasOwn(disruptedPods, nameOf(pod)) && isReady(pod),
  ).length;
  const disruptionsAllowed = expected > 0 ? Math.max(healthy - desired, 0) : 0;
  const observedGeneration = budget.metadata?.generation ?? 0;
  const status: PodDisruptionBudgetStatus = {
    ...(observedGeneration > 0 && { observedGeneration }),
    ...(Object.keys(disruptedPods).length > 0 && { disruptedPods }),
    disruptionsAllowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    conditions: withCondition(budget, {
      status: disruptionsAllowed > 0 ? 'True' : 'False',
      reason: disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration,
      nowMs: facts.nowMs,
    }),
  };
  return { status, notDeleted, recheckAtMs };
}

/** Nobody may go while it is not known what that would mean. */
export function failedStatus(budget: PodDisruptionBudget, why: string, nowMs: number): PodDisruptionBudgetStatus {
  const observedGeneration = budget.status?.observedGeneration ?? 0;
  const condition = { status: 'False', reason: 'SyncFailed', message: why, observedGeneration, nowMs } as const;
  return { ...budget.status, disruptionsAllowed: 0, conditions: withCondition(budget, condition) };
}

/** For the event on a budget that cannot count on the pods' controllers. */
export function unmanagedText({ spec }: PodDisruptionBudget): string {
  return (
    `Pods selected by this PodDisruptionBudget (selector: ${selectorText(spec?.selector)}) were found to be unmanaged. ` +
    'As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. ' +
    'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
  );
}

/** As Go prints it. */
function selectorText(selector: LabelSelector | undefined): string {
  if (selector === undefined) return 'nil';
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const labels = Object.keys(matchLabels)
    .sort()
    .map((name) => `${name}: ${matchLabels[name]},`);
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  const parts = `MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},`;
  return `&LabelSelector{${parts}}`;
}

function counts(
  { spec = {} }: PodDisruptionBudget,
  { pods, scale }: BudgetFacts,
): { expected: number; desired: number } {
  const { maxUnavailable, minAvailable } = spec;
  if (maxUnavailable !== undefined) {
    return { expected: scale, desired: Math.max(scale - scaled(maxUnavailable, scale), 0) };
  }
  if (typeof minAvailable === 'string') return { expected: scale, desired: scaled(minAvailable, scale) };
  return minAvailable === undefined ? { expected: 0, desired: 0 } : { expected: pods.length, desired: minAvailable };
}

function scaled(value: IntOrString, total: number): number {
  if (typeof value === 'number') return value;
  return Math.ceil((Number.parseInt(value, 10) * total) / 100);
}

/** A pod may be called `constructor`. */
const grantedAt = (granted: Readonly<Record<string, string>> = {}, pod: string): string | undefined =>
  Object.hasOwn(granted, pod) ? granted[pod] : undefined;

function stillExpected({ status }: PodDisruptionBudget, { pods, nowMs }: BudgetFacts) {
  const disruptedPods: Record<string, string> = {};
  const notDeleted: Pod[] = [];
  let recheckAtMs: number | undefined;
  for (const pod of pods) {
    const since = grantedAt(status?.disruptedPods, nameOf(pod));
    if (since === undefined || isDeleting(pod)) continue;
    const givenUpAtMs = timeMs(since) + deletionMsMax;
    if (givenUpAtMs < nowMs) {
      notDeleted.push(pod);
      continue;
    }
    disruptedPods[nameOf(pod)] = since;
    recheckAtMs = Math.min(recheckAtMs ?? givenUpAtMs, givenUpAtMs);
  }
  return { disruptedPods, notDeleted, recheckAtMs };
}

const conditionType = 'DisruptionAllowed';

function withCondition(
  { status }: PodDisruptionBudget,
  { nowMs, ...wanted }: Pick<Condition, 'status' | 'reason' | 'message' | 'observedGeneration'> & { nowMs: number },
): readonly Condition[] {
  const before = status?.conditions ?? [];
  const old = before.find(({ type }) => type === conditionType);
  const since = old?.status === wanted.status ? old.lastTransitionTime : undefined;
  const condition = { type: conditionType, ...wanted, lastTransitionTime: since ?? formatTime(nowMs) } as Condition;
  return old === undefined ? [...before, condition] : before.map((each) => (each === old ? condition : each));
}

/**
 * How long the condition DisruptionTarget of a pod that does not go may still stand (ms, 0: it is stale); undefined where there is
 * nothing to clear. What the kubelet says of its own ending of a pod never gets stale.
 */
export function staleInMs(pod: Pod, nowMs: number): number | undefined {
  if (isDeleting(pod) || isFinished(pod)) return undefined;
  const condition = conditionOf(pod, 'DisruptionTarget');
  if (condition?.status !== 'True' || condition.reason === 'TerminationByKubelet') return undefined;
  return Math.max(0, timeMs(condition.lastTransitionTime) + deletionMsMax - nowMs);
}
