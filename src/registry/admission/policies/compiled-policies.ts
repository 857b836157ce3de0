/** What is compiled of a policy, once for each spec. Errors are kept, and told where the expression is evaluated. */
import { type CompiledExpression, expressionRoles, PolicyExpressions } from '../../../api/cel/policy-expressions.ts';
import type {
  MatchCondition,
  MutatingAdmissionPolicySpec,
  Mutation,
  ValidatingAdmissionPolicySpec,
  Validation,
  Variable,
} from '../../../api/schema/types/admissionregistration-v1.ts';

interface Compiled {
  readonly variables: ReadonlyMap<string, CompiledExpression>;
  readonly conditions: readonly CompiledExpression[];
}

export interface CompiledValidation {
  readonly validation: Validation;
  readonly expression: CompiledExpression;
  readonly message: CompiledExpression | undefined;
}

export interface CompiledAnnotation {
  readonly key: string;
  readonly expression: CompiledExpression;
}

export interface CompiledValidatingPolicy extends Compiled {
  readonly validations: readonly CompiledValidation[];
  readonly annotations: readonly CompiledAnnotation[];
}

export interface CompiledMutation {
  readonly kind: 'apply' | 'json patch';
  readonly expression: CompiledExpression;
}

export interface CompiledMutatingPolicy extends Compiled {
  readonly mutations: readonly CompiledMutation[];
}

export function compileValidatingPolicy(spec: ValidatingAdmissionPolicySpec): CompiledValidatingPolicy {
  const { expressions, compiled } = frame(spec);
  return {
    ...compiled,
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      expression: expressions.compile(validation.expression ?? '', expressionRoles.condition),
      message: validation.messageExpression
        ? expressions.compile(validation.messageExpression, expressionRoles.message)
        : undefined,
    })),
    annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      expression: expressions.compile(valueExpression, expressionRoles.auditAnnotation),
    })),
  };
}

export function compileMutatingPolicy(spec: MutatingAdmissionPolicySpec): CompiledMutatingPolicy {
  const { expressions, compiled } = frame(spec);
  return { ...compiled, mutations: (spec.mutations ?? []).map((mutation) => compileMutation(expressions, mutation)) };
}

function compileMutation(
  expressions: PolicyExpressions,
  { patchType, jsonPatch, applyConfiguration }: Mutation,
): CompiledMutation {
  if (patchType === 'JSONPatch') {
    const expression = expressions.compile(jsonPatch?.expression ?? '', expressionRoles.jsonPatch);
    return { kind: 'json patch', expression };
  }
  const expression = expressions.compile(applyConfiguration?.expression ?? '', expressionRoles.applyConfiguration);
  return { kind: 'apply', expression };
}

interface Frame {
  readonly paramKind?: object;
  readonly variables?: readonly Variable[];
  readonly matchConditions?: readonly MatchCondition[];
}

function frame({ paramKind, variables = [], matchConditions = [] }: Frame): {
  readonly expressions: PolicyExpressions;
  readonly compiled: Compiled;
} {
  const expressions = new PolicyExpressions({ hasParams: paramKind !== undefined, hasVariables: true });
  for (const { name, expression } of variables) expressions.addVariable(name, expression);
  const conditions = matchConditions.map(({ expression }) =>
    expressions.compile(expression, expressionRoles.condition),
  );
  return { expressions, compiled: { variables: expressions.variables, conditions } };
}
