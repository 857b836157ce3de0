/**
 * Match conditions of webhooks, compiled and evaluated; loaded with the first webhook that has some (`match-conditions.ts`).
 *
 * Kept true, as upstream: one that is false settles it, whatever errors the others meet; an error beside no false one refuses the request
 * (403) where calls that fail do, and else the webhook is not asked.
 */
import { type CompiledExpression, expressionRoles, PolicyExpressions } from '../../../api/cel/policy-expressions.ts';
import { forbidden } from '../../../api/status-error.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Authorizer } from '../../request.ts';
import type { Asked, Form } from '../asked.ts';
import { requestInputs } from '../policies/inputs.ts';
import { meetsConditions } from '../policies/match-conditions.ts';
import { authorizerInputs, questionsTo, settled } from '../policies/questions.ts';
import type { Hook } from './hook.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

/** What conditions may need beside the request. */
export interface ConditionDependencies {
  readonly authorizer: Authorizer | undefined;
  readonly clock: Clock;
  readonly metrics: WebhookMetrics;
}

/** Whose conditions, about what. */
export interface Condition {
  readonly hook: Hook;
  readonly asked: Asked;
  readonly form: Form;
}

/** All webhooks' expressions know the same names. */
let shared: PolicyExpressions | undefined;

export function compileMatchCondition(expression: string): CompiledExpression {
  shared ??= new PolicyExpressions({ hasParams: false, hasVariables: false });
  return shared.compile(expression, expressionRoles.condition);
}

/** Is the webhook to be asked? @throws StatusError Forbidden */
export async function meetsAll(
  conditions: readonly CompiledExpression[],
  { hook, asked, form }: Condition,
  { authorizer, clock, metrics }: ConditionDependencies,
): Promise<boolean> {
  const attributes = await asked.as(form);
  const startMs = clock.monotonic();
  const questions = questionsTo(authorizer);
  const inputs = {
    ...requestInputs(attributes, form.resource),
    namespaceObject: () => null,
    ...authorizerInputs(asked, questions),
  };
  const result = await settled(questions, () => meetsConditions(conditions, { inputs }));
  metrics.conditionsTook(hook, asked.operation, clock.monotonic() - startMs);
  if (result.kind === 'met') return true;
  if (result.kind === 'not met') {
    metrics.excluded(hook, asked.operation);
    return false;
  }
  metrics.conditionsFailed(hook, asked.operation);
  if (hook.failsOpen) return false;
  const { group, resource } = asked.own.resource;
  throw forbidden({ group, kind: resource, name: asked.name }, result.message);
}
