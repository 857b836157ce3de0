/** What a DeviceTaintRule says of the evictions that it causes: one condition, in upstream's words. Pure. */
import type { Condition } from '../../api/schema/types/meta-v1.ts';
import type { DeviceTaintRule } from '../../api/schema/types/resource-v1beta2.ts';
import { timeMs } from '../shared/context.ts';

const type = 'EvictionInProgress';

/** The condition is written no more often; only a new spec is answered at once. */
export const rulePeriodMs = 10_000;

/** What would happen, or happens. */
export interface RuleCounts {
  /** That wait for their end, or would. */
  readonly pods: number;
  readonly namespaces: number;
  /** Selected ones: that drivers published, that claims got. */
  readonly published: number;
  readonly allocated: number;
}

export const conditionOf = ({ status }: DeviceTaintRule): Condition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

/** How long until the condition may be written again; 0: now. */
export function ruleWaitMs(rule: DeviceTaintRule, nowMs: number): number {
  const standing = conditionOf(rule);
  if (standing === undefined || standing.observedGeneration !== rule.metadata?.generation) return 0;
  return Math.max(0, timeMs(standing.lastTransitionTime) + rulePeriodMs - nowMs);
}

/** @param evicted pods that went because of this rule since the loop began. @returns without the time of the change */
export function ruleCondition(
  { metadata, spec }: DeviceTaintRule,
  counts: RuleCounts,
  evicted: number,
): Omit<Condition, 'lastTransitionTime'> {
  const { reason, message } = outcomeOf(spec.taint.effect, counts, evicted);
  const since = evicted > 0 ? [`${count(evicted, 'pod')} evicted since starting the controller.`] : [];
  return {
    type,
    status: reason === 'PodsPendingEviction' ? 'True' : 'False',
    reason,
    message: [...(message === '' ? [] : [message]), ...since].join(' '),
    observedGeneration: metadata?.generation ?? 0,
  };
}

const count = (amount: number, thing: string): string => `${amount} ${thing}${amount === 1 ? '' : 's'}`;
const across = (namespaces: number): string =>
  namespaces === 1 ? '1 namespace' : `${namespaces} different namespaces`;

function outcomeOf(
  effect: string,
  { pods, namespaces, published, allocated }: RuleCounts,
  evicted: number,
): { readonly reason: string; readonly message: string } {
  if (effect === 'None') {
    const selected = `${count(published, 'published device')} selected. ${count(allocated, 'allocated device')} selected.`;
    const would = `${count(pods, 'pod')} would be evicted in ${across(namespaces)} if the effect was NoExecute.`;
    const once = 'This information will not be updated again. Recreate the DeviceTaintRule to trigger an update.';
    return { reason: 'NoEffect', message: `${selected} ${would} ${once}` };
  }
  if (effect !== 'NoExecute') {
    return { reason: 'OtherEffect', message: 'Eviction only happens for the NoExecute effect.' };
  }
  if (pods > 0) {
    const need = pods === 1 ? 'needs' : 'need';
    const message = `${count(pods, 'pod')} ${need} to be evicted in ${across(namespaces)}.`;
    return { reason: 'PodsPendingEviction', message };
  }
  return { reason: evicted > 0 ? 'Completed' : 'NotStarted', message: '' };
}
