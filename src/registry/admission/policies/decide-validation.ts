/**
 * What a ValidatingAdmissionPolicy says of one request, with one binding's parameters. Pure, but for the time that expressions take.
 *
 * ```
 *  match conditions ─ not met ─▶ nothing
 *        └ met ─▶ validations, one budget ─▶ their messages, of what is left ─▶ decisions
 *              └▶ audit annotations, a budget of their own ─▶ values to publish, or errors
 * ```
 */
import type { CompiledExpression } from '../../../api/cel/policy-expressions.ts';
import type { StatusReason } from '../../../api/status-error.ts';
import { limits } from '../../../lib/limits.ts';
import type { CompiledAnnotation, CompiledValidatingPolicy, CompiledValidation } from './compiled-policies.ts';
import { type Outcome, OutOfBudget, Run } from './evaluation.ts';
import type { Inputs } from './inputs.ts';
import { meetsConditions } from './match-conditions.ts';
import { type CheckError, checkError } from './metrics.ts';

export interface Decision {
  readonly action: 'admit' | 'deny';
  /** Empty where it holds. */
  readonly message: string;
  readonly error: CheckError;
  /** Absent: it could not be evaluated. */
  readonly reason?: StatusReason;
  readonly seconds: number;
}

export type AnnotationDecision =
  | { readonly kind: 'publish'; readonly key: string; readonly value: string }
  | { readonly kind: 'error'; readonly message: string; readonly seconds: number };

export interface PolicyDecisions {
  /** In the order of the policy's validations; one alone where none could be evaluated. */
  readonly decisions: readonly Decision[];
  readonly annotations: readonly AnnotationDecision[];
}

export interface ValidationOptions {
  readonly policy: CompiledValidatingPolicy;
  readonly inputs: Inputs;
  /** Not for match conditions. */
  readonly namespace: Inputs;
  readonly failurePolicy: 'Fail' | 'Ignore';
  /** Seconds, from anywhere. */
  readonly now: () => number;
  /** Told where there are conditions. */
  conditionsTook(seconds: number, failed: boolean): void;
}

const nothing: PolicyDecisions = { decisions: [], annotations: [] };

/** Yields after each expression, whose cost is bounded: whoever drives it may let others have their turn. */
export function* decideValidation(options: ValidationOptions): Generator<void, PolicyDecisions> {
  const { policy, inputs } = options;
  const { variables, conditions } = policy;
  const noNamespace = { ...inputs, namespaceObject: () => null };
  const startSeconds = options.now();
  const met = meetsConditions(conditions, { inputs: noNamespace, variables });
  if (conditions.length > 0) options.conditionsTook(options.now() - startSeconds, met.kind === 'error');
  if (met.kind === 'not met') return nothing;
  // A condition that fails leaves the policy out where failures are ignored.
  if (met.kind === 'error') return options.failurePolicy === 'Ignore' ? nothing : failed(options, met.message);
  try {
    return { decisions: yield* decisionsOf(options), annotations: yield* annotationsOf(options) };
  } catch (error) {
    if (error instanceof OutOfBudget) return failed(options, error.message);
    throw error;
  }
}

function failed({ failurePolicy }: ValidationOptions, message: string): PolicyDecisions {
  return { decisions: [failure(failurePolicy, message, 0)], annotations: [] };
}

function failure(failurePolicy: 'Fail' | 'Ignore', message: string, seconds: number): Decision {
  const action = failurePolicy === 'Ignore' ? 'admit' : 'deny';
  return { action, message, error: checkError(message), seconds };
}

interface Timed {
  readonly outcome: Outcome;
  readonly seconds: number;
}

function timed(run: Run, expression: CompiledExpression, now: () => number): Timed {
  const start = now();
  const outcome = run.evaluate(expression);
  return { outcome, seconds: now() - start };
}

function runOf({ policy, inputs, namespace }: ValidationOptions, budget: number): Run {
  return new Run({ inputs: { ...inputs, ...namespace }, variables: policy.variables, budget });
}

/** @throws OutOfBudget */
function* decisionsOf(options: ValidationOptions): Generator<void, Decision[]> {
  const { policy, failurePolicy, now } = options;
  const run = runOf(options, limits.celPolicyCostMax);
  const results: Timed[] = [];
  for (const { expression } of policy.validations) {
    results.push(timed(run, expression, now));
    yield;
  }
  const messages = yield* messagesOf(options, run.budget);
  return policy.validations.map((validation, index) => {
    const { outcome, seconds } = results[index] as Timed;
    if (outcome.kind === 'error') return failure(failurePolicy, outcome.message, seconds);
    if (messages === undefined) {
      return failure(failurePolicy, `failed messageExpression: ${new OutOfBudget().message}`, seconds);
    }
    if (outcome.value === true) return { action: 'admit', message: '', error: 'no_error', seconds };
    const message = messageOf(validation, messages[index]);
    const reason = (validation.validation.reason ?? 'Invalid') as StatusReason;
    return { action: 'deny', message, error: 'invalid_error', reason, seconds };
  });
}

/** Undefined: what is left did not suffice. */
function* messagesOf(
  options: ValidationOptions,
  budget: number,
): Generator<void, readonly (Outcome | undefined)[] | undefined> {
  const { validations } = options.policy;
  if (validations.every(({ message }) => message === undefined)) return [];
  const run = runOf(options, budget);
  const messages: (Outcome | undefined)[] = [];
  try {
    for (const { message } of validations) {
      messages.push(message && run.evaluate(message));
      yield;
    }
    return messages;
  } catch (error) {
    if (error instanceof OutOfBudget) return undefined;
    throw error;
  }
}

function messageOf({ validation }: CompiledValidation, outcome: Outcome | undefined): string {
  return (
    evaluatedMessage(outcome) || validation.message?.trim() || `failed expression: ${validation.expression.trim()}`
  );
}

/** Empty where it is none that can be shown. */
function evaluatedMessage(outcome: Outcome | undefined): string {
  if (outcome?.kind !== 'value' || typeof outcome.value !== 'string') return '';
  const message = outcome.value.trim();
  const isTooLong = Buffer.byteLength(message) > limits.policyMessageBytesMax;
  return isTooLong || message.includes('\n') ? '' : message;
}

/** @throws OutOfBudget */
function* annotationsOf(options: ValidationOptions): Generator<void, AnnotationDecision[]> {
  const { annotations } = options.policy;
  if (annotations.length === 0) return [];
  const run = runOf(options, limits.celPolicyCostMax);
  const decisions: AnnotationDecision[] = [];
  for (const annotation of annotations) {
    decisions.push(...annotationOf(annotation, timed(run, annotation.expression, options.now), options));
    yield;
  }
  return decisions;
}

function annotationOf(
  { key }: CompiledAnnotation,
  { outcome, seconds }: Timed,
  { failurePolicy }: ValidationOptions,
): AnnotationDecision[] {
  if (outcome.kind === 'error') {
    return failurePolicy === 'Ignore' ? [] : [{ kind: 'error', message: outcome.message, seconds }];
  }
  const value = typeof outcome.value === 'string' ? outcome.value.trim() : '';
  return value === '' ? [] : [{ kind: 'publish', key, value }];
}
