/**
 * `matchConditions` of a webhook: expressions in CEL over the request, all of which must be true for the webhook to be asked. Compiled once,
 * when they are first needed; what reads CEL is loaded then.
 */
import type { CompiledExpression } from '../../../api/cel/policy-expressions.ts';
import type { MatchCondition } from '../../../api/schema/types/admissionregistration-v1.ts';
import type { Condition, ConditionDependencies } from './evaluate-conditions.ts';

export class MatchConditions {
  readonly isEmpty: boolean;
  readonly #declared: readonly MatchCondition[];
  #compiled: readonly CompiledExpression[] | undefined;

  constructor(declared: readonly MatchCondition[]) {
    this.isEmpty = declared.length === 0;
    this.#declared = declared;
  }

  /** Is the webhook to be asked? @throws StatusError Forbidden */
  async areMet(condition: Condition, dependencies: ConditionDependencies): Promise<boolean> {
    const { compileMatchCondition, meetsAll } = await import('./evaluate-conditions.ts');
    this.#compiled ??= this.#declared.map(({ expression }) => compileMatchCondition(expression));
    return meetsAll(this.#compiled, condition, dependencies);
  }
}
