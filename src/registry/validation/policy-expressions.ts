/**
 * Whether the expressions of an admission policy compile, and give what their role asks for. Values are of type `dyn`: what does not fit the
 * schema of the objects is a warning in the policy's status, and no error.
 *
 * Kept true: an expression that stood already, in the same role and beside the same parameters and variables, is not refused, so that
 * what an earlier release took can still be changed elsewhere.
 */
import {
  type CompiledExpression,
  type ExpressionRole,
  expressionRoles,
  PolicyExpressions,
} from '../../api/cel/policy-expressions.ts';
import { invalidValue, invalidWhole, tooMany } from '../../api/field-error.ts';
import type {
  MutatingAdmissionPolicySpec,
  ValidatingAdmissionPolicySpec,
} from '../../api/schema/types/admissionregistration-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { limits } from '../../lib/limits.ts';
import { sameJson } from '../draft.ts';

type Spec = ValidatingAdmissionPolicySpec & MutatingAdmissionPolicySpec;
type Role = keyof typeof expressionRoles;

export class PolicyExpressionChecks {
  readonly #spec: Spec;
  readonly #hasParams: boolean;
  readonly #hasVariables: boolean;
  readonly #known: ReadonlySet<string>;
  #composed: PolicyExpressions | undefined;
  #plain: PolicyExpressions | undefined;

  constructor(spec: Spec, old: Spec | undefined) {
    this.#spec = spec;
    this.#hasParams = spec.paramKind !== undefined;
    this.#hasVariables = (spec.variables ?? []).length > 0;
    this.#known = old === undefined ? new Set() : new Set(standing(spec, old));
  }

  /** Whether there are more than anybody can wait for. Then none of them is compiled. */
  bounds(): FieldError[] {
    const { policyExpressionsMax: most, policyExpressionCharactersMax: charactersMost } = limits;
    const { count, characters } = sizeOf(this.#spec);
    if (count > most) return [tooMany('spec', count, most)];
    if (characters <= charactersMost) return [];
    return [invalidWhole('spec', `must not have expressions of more than ${charactersMost} characters together`)];
  }

  /** Later expressions know it. */
  variable(path: string, name: string, expression: string): FieldError[] {
    return this.#errors(path, 'variable', this.#expressions().addVariable(name, expression));
  }

  expression(path: string, role: Role, expression: string, shown: string = expression): FieldError[] {
    return this.#errors(path, role, this.#expressions().compile(expression, roleOf(role)), shown);
  }

  /** Does not know the variables. */
  matchCondition(path: string, expression: string): FieldError[] {
    this.#plain ??= new PolicyExpressions({ hasParams: this.#hasParams, hasVariables: false });
    return this.#errors(path, 'condition', this.#plain.compile(expression, expressionRoles.condition));
  }

  #expressions(): PolicyExpressions {
    const { hasParams, hasVariables } = { hasParams: this.#hasParams, hasVariables: this.#hasVariables };
    return (this.#composed ??= new PolicyExpressions({ hasParams, hasVariables }));
  }

  #errors(path: string, role: Role, compiled: CompiledExpression, shown: string = compiled.expression): FieldError[] {
    if (compiled.kind === 'program' || this.#known.has(keyOf(role, compiled.expression))) return [];
    return [invalidValue(path, shown, compiled.error)];
  }
}

const roleOf = (role: Role): ExpressionRole => expressionRoles[role];

const keyOf = (role: Role, expression: string): string => `${role} ${expression}`;

function sizeOf(spec: Spec): { readonly count: number; readonly characters: number } {
  let [count, characters] = [0, 0];
  for (const [, expression] of expressionsOf(spec)) {
    count++;
    characters += expression.length;
  }
  return { count, characters };
}

/** What the stored policy holds, where it was compiled as it would be now. */
function* standing(spec: Spec, old: Spec): Generator<string> {
  const isSame = sameJson(spec.paramKind, old.paramKind) && sameJson(spec.variables, old.variables);
  if (!isSame) return;
  for (const [role, expression] of expressionsOf(old)) yield keyOf(role, expression);
}

function* expressionsOf(spec: Spec): Generator<readonly [role: Role, expression: string]> {
  for (const { expression } of spec.variables ?? []) yield ['variable', expression];
  for (const { expression, messageExpression } of spec.validations ?? []) {
    yield ['condition', expression];
    if (messageExpression) yield ['message', messageExpression];
  }
  for (const { expression } of spec.matchConditions ?? []) yield ['condition', expression.trim()];
  for (const { valueExpression } of spec.auditAnnotations ?? []) yield ['auditAnnotation', valueExpression.trim()];
  for (const { applyConfiguration, jsonPatch } of spec.mutations ?? []) {
    if (applyConfiguration?.expression) yield ['applyConfiguration', applyConfiguration.expression];
    if (jsonPatch?.expression) yield ['jsonPatch', jsonPatch.expression];
  }
}
