/**
 * The rules of one node of a schema (`x-kubernetes-validations`), as programs.
 *
 * `self` is the node's value; `oldSelf` what it was, an optional value where the rule says so (`optionalOldSelf`).
 */
import { kubernetesLibraries } from '../../api/cel/libraries/index.ts';
import { structuralType } from '../../api/cel/structural-types.ts';
import type { ValidationRule } from '../../api/schema/types/apiextensions-v1.ts';
import type { Structural } from '../../api/structural/structural.ts';
import { type CelEnvironment, type CelProgram, celEnvironment } from '../../lib/cel/environment.ts';
import { type CelType, celTypes } from '../../lib/cel/types.ts';
import { readFieldPath } from './field-path.ts';

export interface CompiledRule {
  readonly rule: ValidationRule;
  /** Absent with `problem`, and where the rule is empty. */
  readonly program?: CelProgram;
  readonly problem?: string;
  readonly usesOldSelf: boolean;
  readonly message?: CelProgram;
  readonly messageProblem?: string;
  /** Relative to the node; empty: the node itself. */
  readonly fieldPath: string;
}

const noType = 'failed to convert to declType for CEL validation rules';

/** In the order of the schema. `isRoot`: the value is a whole object. Some kilobytes for each rule: `rule-tree.ts` keeps what is in use. */
export function compiledRules(schema: Structural, isRoot: boolean): readonly CompiledRule[] {
  if (schema.rules.length === 0) return [];
  const self = structuralType(schema, isRoot);
  if (self === undefined) {
    return schema.rules.map((rule) => ({ rule, problem: noType, usesOldSelf: false, fieldPath: '' }));
  }
  const environments: Record<'plain' | 'optional', CelEnvironment | undefined> = {
    plain: undefined,
    optional: undefined,
  };
  const environmentOf = ({ optionalOldSelf }: ValidationRule): CelEnvironment =>
    optionalOldSelf
      ? (environments.optional ??= environment(self, celTypes.optional(self)))
      : (environments.plain ??= environment(self, self));
  return schema.rules.map((rule) => compile(rule, environmentOf(rule), schema));
}

function environment(self: CelType, oldSelf: CelType): CelEnvironment {
  return celEnvironment({ variables: { self, oldSelf }, libraries: kubernetesLibraries });
}

function compile(rule: ValidationRule, known: CelEnvironment, schema: Structural): CompiledRule {
  const bare = { rule, usesOldSelf: false, fieldPath: '' };
  if ((rule.rule ?? '').trim() === '') return bare;
  const compiled = known.compile(rule.rule);
  if (compiled.kind === 'error') return { ...bare, problem: `compilation failed: ${compiled.error.text}` };
  const { program } = compiled;
  if (program.type.kind !== 'bool') return { ...bare, problem: 'cel expression must evaluate to a bool' };
  const fieldPath = rule.fieldPath ? readFieldPath(rule.fieldPath, schema) : undefined;
  return {
    rule,
    program,
    usesOldSelf: program.reads('oldSelf'),
    ...messageOf(rule, known),
    fieldPath: fieldPath !== undefined && 'path' in fieldPath ? fieldPath.path : '',
  };
}

function messageOf(
  { messageExpression }: ValidationRule,
  known: CelEnvironment,
): Pick<CompiledRule, 'message' | 'messageProblem'> {
  if (!messageExpression) return {};
  const compiled = known.compile(messageExpression);
  if (compiled.kind === 'error') {
    return { messageProblem: `messageExpression compilation failed: ${compiled.error.text}` };
  }
  const { program } = compiled;
  if (program.type.kind !== 'string') return { messageProblem: 'messageExpression must evaluate to a string' };
  return { message: program };
}
