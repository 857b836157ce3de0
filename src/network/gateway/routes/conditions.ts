/** Conditions of a status, brought to what is to be said: those of others stay, and a time changes only with its status. Pure. */
import type { Condition } from '../../../api/schema/types/gateway-v1.ts';
import type { Verdict } from './objects.ts';

export interface WantedCondition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export function condition(type: string, { isGood, reason, message }: Verdict): WantedCondition {
  return { type, status: isGood ? 'True' : 'False', reason, message };
}

/** In bytes of the API's schema; what is longer is cut. */
const messageLengthMax = 32_768;

/**
 * `own`: the types that this controller says, and takes back where they are not wanted any more. `now` is RFC 3339.
 * The result keeps the order in which conditions stood.
 */
export function withConditions(
  before: readonly Condition[] = [],
  wanted: readonly WantedCondition[],
  { generation, now, own }: { readonly generation: number; readonly now: string; readonly own: readonly string[] },
): Condition[] {
  const made = wanted.map((each): Condition => {
    const known = before.find(({ type }) => type === each.type);
    const lastTransitionTime = known?.status === each.status ? known.lastTransitionTime : now;
    const message = each.message.slice(0, messageLengthMax);
    return { ...each, message, lastTransitionTime, observedGeneration: generation };
  });
  const byType = new Map(made.map((each) => [each.type, each]));
  const kept = before.flatMap((each) => byType.get(each.type) ?? (own.includes(each.type) ? [] : [each]));
  const known = new Set(kept.map(({ type }) => type));
  return [...kept, ...made.filter(({ type }) => !known.has(type))];
}
