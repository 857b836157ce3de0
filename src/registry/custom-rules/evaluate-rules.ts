/**
 * The rules of a custom resource's schema (`x-kubernetes-validations`) on an object that is written, by KEP-2876: a rule that does not hold is
 * an error at its node, or at the rule's `fieldPath`.
 *
 * Kept true: rules on `oldSelf` are asked only where there is an old value to compare with, or where they take none
 * (`optionalOldSelf`). What did not change is not refused: its errors are warnings (KEP-4008). All rules on one object share a budget
 * (`limits.celPolicyCostMax`); where it ends, nothing more is evaluated, and the object is refused.
 */
import { childPath, goQuote, indexPath, keyPath } from '../../api/field-error.ts';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import { isObject } from '../../api/patch/json-tree.ts';
import type { ValidationRule } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import type { Structural } from '../../api/structural/structural.ts';
import { Correlation } from '../../api/structural/validate/correlation.ts';
import type { CelProgram, CelVariables } from '../../lib/cel/environment.ts';
import { celValue } from '../../lib/cel/json-values.ts';
import type { CelType } from '../../lib/cel/types.ts';
import { CelOptional, type CelValue } from '../../lib/cel/values.ts';
import { limits } from '../../lib/limits.ts';
import type { CompiledRule } from './compiled-rules.ts';
import { errorOf, failure, invalidWith, messageOf, type Told } from './rule-errors.ts';
import { type RuleNode, ruleTree } from './rule-tree.ts';

export interface RuleContext {
  /** Told of rules that do not hold for what did not change. */
  readonly warn?: (text: string) => void;
  /** Where the value stands; the whole object where absent. */
  readonly path?: string;
  /** Is the value a whole object? Else a part of one. */
  readonly isRoot?: boolean;
  /** The value beside the old one, where somebody made that already. */
  readonly correlation?: Correlation | undefined;
  /** What is left for rules that share it. */
  readonly budget?: RuleBudget;
}

/** Below zero: it ended. */
export interface RuleBudget {
  left: number;
}

/** For one object. */
export const ruleBudget = (): RuleBudget => ({ left: limits.celPolicyCostMax });

const outOfBudget = 'validation failed due to running out of cost budget, no further validation rules will be run';
/** How Go prints a path that there is none of. */
const wholeObject = '<nil>';

/** `old` undefined: the object is created. Values have to fit the schema. */
export function evaluateRules(
  schema: Structural,
  value: JsonValue,
  old: JsonValue | undefined,
  { warn, path = '', isRoot = true, correlation, budget = ruleBudget() }: RuleContext = {},
): FieldError[] {
  const tree = ruleTree(schema, isRoot);
  if (tree === undefined) return [];
  const walk = new Walk(budget, warn);
  const now = old === undefined ? undefined : (correlation ?? new Correlation(schema, value, old));
  walk.visit(tree, path, value, { now, parent: undefined });
  return walk.errors;
}

/** `now`: the node beside its old value. Without one, the nearest one above that has it says whether anything changed. */
interface Place {
  readonly now: Correlation | undefined;
  readonly parent: Correlation | undefined;
}

const fieldPlace = ({ now, parent }: Place, name: string): Place => {
  if (now === undefined) return { now, parent };
  // Old and new object come in the same version: what they say of it tells nothing.
  if (parent === undefined && (name === 'apiVersion' || name === 'kind')) return { now: undefined, parent: undefined };
  return { now: now.field(name), parent: now };
};

const itemPlace = ({ now, parent }: Place, index: number): Place =>
  now === undefined ? { now, parent } : { now: now.item(index), parent: now };

const isUnchanged = ({ now, parent }: Place): boolean => (now ?? parent)?.isSame ?? false;

interface PlacedNode extends Told {
  readonly place: Place;
}

class Walk {
  readonly errors: FieldError[] = [];
  readonly #warn: ((text: string) => void) | undefined;
  readonly #budget: RuleBudget;

  constructor(budget: RuleBudget, warn: ((text: string) => void) | undefined) {
    this.#budget = budget;
    this.#warn = warn;
  }

  visit(node: RuleNode, path: string, value: JsonValue, place: Place): void {
    // A null is looked at from above: its own rules are about values.
    if (value === null || this.#budget.left < 0) return;
    const { rules } = node;
    if (rules.length > 0) this.#evaluate(node, rules, path, value, place);
    if (Array.isArray(value)) this.#visitItems(node, path, value, place);
    else if (isObject(value)) this.#visitFields(node, path, value, place);
  }

  #visitFields({ values, properties }: RuleNode, path: string, value: JsonObject, place: Place): void {
    if (values !== undefined) {
      for (const [name, each] of Object.entries(value)) {
        this.visit(values, keyPath(path, name), each, fieldPlace(place, name));
      }
    }
    for (const [name, property] of properties) {
      if (!Object.hasOwn(value, name)) continue;
      this.visit(property, childPath(path, name), value[name] as JsonValue, fieldPlace(place, name));
    }
  }

  #visitItems({ items }: RuleNode, path: string, list: readonly JsonValue[], place: Place): void {
    if (items === undefined) return;
    for (const [index, item] of list.entries()) {
      this.visit(items, indexPath(path, index), item, itemPlace(place, index));
    }
  }

  #evaluate(node: RuleNode, rules: readonly CompiledRule[], path: string, value: JsonValue, place: Place): void {
    const old = place.now?.old ?? undefined;
    const at = path === '' ? wholeObject : path;
    const told: PlacedNode = { at, path, value, type: node.schema.type, place };
    if (this.#budget.left <= 0) return void this.#end(told, outOfBudget);
    let variables: { readonly plain: CelVariables; readonly optional: CelVariables } | undefined;
    for (const compiled of rules) {
      const { rule, program } = compiled;
      if (compiled.problem !== undefined)
        this.errors.push(invalidWith(told, `rule compile error: ${compiled.problem}`));
      const isOptional = rule.optionalOldSelf ?? false;
      if (program === undefined || (compiled.usesOldSelf && old === undefined && !isOptional)) continue;
      variables ??= variablesOf(node.type as CelType, value, old);
      const given = isOptional ? variables.optional : variables.plain;
      if (!this.#holds(compiled, program, given, told)) return;
    }
  }

  /** False: nothing more is to be evaluated. */
  #holds(compiled: CompiledRule, program: CelProgram, variables: CelVariables, told: PlacedNode): boolean {
    const result = program.evaluate(variables);
    if (result.cost > this.#budget.left) return this.#end(told, outOfBudget);
    this.#budget.left -= result.cost;
    if (result.kind === 'error') {
      this.errors.push(invalidWith(told, failure(result.message, compiled.rule)));
      if (result.isCostExceeded) this.#budget.left = -1;
      return !result.isCostExceeded;
    }
    if (result.value === true) return true;
    return this.#broken(compiled, variables, told);
  }

  #broken(compiled: CompiledRule, variables: CelVariables, told: PlacedNode): boolean {
    const { rule, message, fieldPath } = compiled;
    const at = fieldPath === '' ? told.at : childPath(told.path, fieldPath);
    const add = (error: FieldError): void => {
      if (compiled.usesOldSelf || !isUnchanged(told.place)) this.errors.push(error);
      else this.#warn?.(`${error.field}: ${error.message}`);
    };
    const said = message === undefined ? undefined : this.#message(message, variables, rule);
    if (said !== undefined && 'fatal' in said) {
      add(invalidWith({ ...told, at }, said.fatal));
      this.#budget.left = -1;
      return false;
    }
    add(errorOf(rule, at, told, said?.text ?? messageOf(rule)));
    return true;
  }

  /** Undefined: it gives none that can be told, and the rule's own message stands. */
  #message(
    program: CelProgram,
    variables: CelVariables,
    { messageExpression }: ValidationRule,
  ): { readonly text: string } | { readonly fatal: string } | undefined {
    const result = program.evaluate(variables);
    if (result.cost > this.#budget.left) {
      const what = 'messageExpression evaluation failed due to running out of cost budget';
      return { fatal: `${what}, no further validation rules will be run` };
    }
    this.#budget.left -= result.cost;
    if (result.kind === 'error') {
      if (!result.isCostExceeded) return undefined;
      const what = 'no further validation rules will be run due to call cost exceeds limit for messageExpression';
      return { fatal: `${what}: ${goQuote(messageExpression ?? '')}` };
    }
    const text = typeof result.value === 'string' ? result.value.trim() : '';
    const isGood = text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= limits.policyMessageBytesMax;
    return isGood ? { text } : undefined;
  }

  #end(told: PlacedNode, why: string): false {
    this.errors.push(invalidWith(told, why));
    this.#budget.left = -1;
    return false;
  }
}

function variablesOf(type: CelType, value: JsonValue, old: JsonValue | undefined) {
  const self = lazily(() => celValue(type, value));
  const oldSelf = lazily(() => celValue(type, old));
  const optional = (): CelValue => (old === undefined ? CelOptional.none : CelOptional.of(oldSelf()));
  return { plain: old === undefined ? { self } : { self, oldSelf }, optional: { self, oldSelf: optional } };
}

/** Rules of one node share their values. */
function lazily(make: () => CelValue): () => CelValue {
  let made: CelValue | undefined;
  return () => (made ??= make());
}
