/**
 * The rules in a schema that is written (`x-kubernetes-validations`): they must compile, give what they have to, and not cost too much; on
 * `oldSelf` they may only speak where old and new values can be told to be the same part. Upstream's errors, innermost schemas first.
 *
 * The rest of the schema has to be good: rules of a node with errors at it or inside are left alone. What is compiled here is not kept: of
 * many definitions that are installed, few kinds are written.
 */
import { mostTimes } from '../../api/cel/structural-types.ts';
import { forbiddenField, invalidValue } from '../../api/field-error.ts';
import type { JSONSchemaProps, ValidationRule } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { hasRules } from '../../api/structural/has-rules.ts';
import type { Structural } from '../../api/structural/structural.ts';
import { structuralOf } from '../../api/structural/structural-of.ts';
import { limits } from '../../lib/limits.ts';
import { type CompiledRule, compiledRules } from './compiled-rules.ts';
import { readFieldPath } from './field-path.ts';
import { CostTotal, costMessage, multiplied } from './rule-costs.ts';

/** Where a node stands. */
interface Place {
  readonly path: string;
  readonly isRoot: boolean;
  /** How often its value may be in one object; undefined: nothing above bounds it. */
  readonly times: number | undefined;
  /** The nearest part above of which one cannot say what it was. */
  readonly uncorrelatable: string | undefined;
}

/** `broken`: paths of what else is wrong with the schema. */
export function validateDefinitionRules(
  path: string,
  schema: JSONSchemaProps,
  broken: readonly string[],
): FieldError[] {
  if (!hasRules(schema)) return [];
  const check = new Check(broken);
  // A copy: nothing of what is made here stays with the definition.
  check.visit(structuralOf({ ...schema }), { path, isRoot: true, times: 1, uncorrelatable: undefined });
  return [...check.errors, ...check.total.errors(path)];
}

/** A `fieldPath` that leads nowhere. */
export function validateRulePath(path: string, { fieldPath }: ValidationRule, schema: JSONSchemaProps): FieldError[] {
  if (!fieldPath || !('problem' in readFieldPath(fieldPath, structuralOf({ ...schema })))) return [];
  return [invalidValue(`${path}.fieldPath`, fieldPath, 'must be a valid path')];
}

class Check {
  readonly errors: FieldError[] = [];
  readonly total = new CostTotal();
  readonly #broken: readonly string[];

  constructor(broken: readonly string[]) {
    this.#broken = broken;
  }

  visit(schema: Structural, place: Place): void {
    if (!hasRules(schema.source)) return;
    this.#visitInner(schema, place);
    if (schema.rules.length === 0 || this.#isBroken(place.path)) return;
    for (const [index, compiled] of compiledRules(schema, place.isRoot).entries()) {
      this.#check(compiled, schema, place, `${place.path}.x-kubernetes-validations[${index}]`);
    }
  }

  #visitInner(schema: Structural, { path, times, uncorrelatable }: Place): void {
    const { additionalProperties: values, items, properties, source } = schema;
    const inside = timesInside(source, times);
    const place = (step: string, child: Structural, within = uncorrelatable): Place => ({
      path: path + step,
      isRoot: child.embeddedResource,
      times: inside,
      uncorrelatable: within,
    });
    if (typeof values === 'object') this.visit(values, place('.additionalProperties', values));
    const within = correlatable.has(schema.mapType) ? uncorrelatable : (uncorrelatable ?? path);
    for (const [name, property] of properties) this.visit(property, place(`.properties[${name}]`, property, within));
    if (items !== undefined) {
      this.visit(items, place('.items', items, schema.listType === 'map' ? uncorrelatable : (uncorrelatable ?? path)));
    }
  }

  #isBroken(path: string): boolean {
    return this.#broken.some((each) => each === path || each.startsWith(`${path}.`));
  }

  #check(compiled: CompiledRule, schema: Structural, { times, isRoot, uncorrelatable }: Place, path: string): void {
    const { rule, program, message } = compiled;
    const cost = program === undefined ? 0 : multiplied(program.cost().max, times ?? mostTimes(schema, isRoot));
    this.#count(`${path}.rule`, 'estimated rule cost', cost);
    if (compiled.problem !== undefined) this.errors.push(invalidValue(`${path}.rule`, shown(rule), compiled.problem));
    const messagePath = `${path}.messageExpression`;
    if (compiled.messageProblem !== undefined) {
      this.errors.push(invalidValue(messagePath, shown(rule), compiled.messageProblem));
    } else if (message !== undefined) {
      this.#count(messagePath, 'estimated messageExpression cost', message.cost().max);
    }
    if (compiled.usesOldSelf && uncorrelatable !== undefined) {
      const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`;
      this.errors.push(invalidValue(`${path}.rule`, rule.rule, why));
    } else if (!compiled.usesOldSelf && rule.optionalOldSelf !== undefined) {
      const why = 'may not be set if oldSelf is not used in rule';
      this.errors.push(invalidValue(`${path}.optionalOldSelf`, rule.optionalOldSelf, why));
    }
  }

  #count(path: string, what: string, cost: number): void {
    const allowed = limits.ruleCostEstimateMax;
    if (cost > allowed) this.errors.push(forbiddenField(path, costMessage(what, cost, allowed)));
    this.total.add(path, cost);
  }
}

/** Kinds of maps whose values are known again by their keys. */
const correlatable: ReadonlySet<string> = new Set(['granular', 'atomic']);

/** How often what is inside may be in one object. */
function timesInside(schema: JSONSchemaProps, times: number | undefined): number | undefined {
  if (times === undefined) return undefined;
  if (schema.type === 'array') return bounded(schema.maxItems, times);
  if (schema.type !== 'object' || schema.additionalProperties === undefined) return times;
  return bounded(schema.maxProperties, times);
}

const bounded = (most: number | undefined, times: number): number | undefined =>
  most === undefined ? undefined : multiplied(Math.max(most, 0), times);

/** As Go prints the rule. */
function shown({ rule, message, messageExpression, reason, fieldPath, optionalOldSelf }: ValidationRule): object {
  return {
    Rule: rule ?? '',
    Message: message ?? '',
    MessageExpression: messageExpression ?? '',
    Reason: reason ?? null,
    FieldPath: fieldPath ?? '',
    OptionalOldSelf: optionalOldSelf ?? null,
  };
}
