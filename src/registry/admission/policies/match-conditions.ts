/**
 * Match conditions: all must hold, or the policy is not concerned. One that is false settles it, whatever errors the others meet; errors
 * beside no false one are the policy's `failurePolicy` to judge.
 */
import type { CompiledExpression } from '../../../api/cel/policy-expressions.ts';
import { limits } from '../../../lib/limits.ts';
import { OutOfBudget, Run, type RunOptions } from './evaluation.ts';

export type ConditionsResult =
  | { readonly kind: 'met' }
  | { readonly kind: 'not met' }
  | { readonly kind: 'error'; readonly message: string };

export function meetsConditions(
  conditions: readonly CompiledExpression[],
  options: Omit<RunOptions, 'budget'>,
): ConditionsResult {
  if (conditions.length === 0) return { kind: 'met' };
  const run = new Run({ ...options, budget: limits.celMatchConditionsCostMax });
  const errors = new Set<string>();
  try {
    for (const condition of conditions) {
      const outcome = run.evaluate(condition);
      if (outcome.kind === 'error') errors.add(outcome.message);
      else if (outcome.value === false) return { kind: 'not met' };
    }
  } catch (error) {
    if (error instanceof OutOfBudget) return { kind: 'error', message: error.message };
    throw error;
  }
  if (errors.size === 0) return { kind: 'met' };
  const all = [...errors];
  return { kind: 'error', message: all.length === 1 ? all.join('') : `[${all.join(', ')}]` };
}
