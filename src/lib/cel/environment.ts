/**
 * Expressions in CEL, behind a small interface: declared variables and libraries in, programs out; values in, a value or an error out.
 * Nothing here throws. The language (cel-go's, as Kubernetes sets it up) with its extensions of strings, sets, lists and two-variable
 * comprehensions is always there; what is Kubernetes' own comes as libraries (`api/cel/libraries`).
 *
 * Kept true: the text, its depth and its nodes are bounded when it is compiled, and its cost when it is evaluated.
 */
import { limits } from '../limits.ts';
import { isAssignable } from './assignability.ts';
import { type Expr, literalText, nodesOf } from './ast.ts';
import { type Checked, checked, type Scope } from './checker.ts';
import type { CelLibrary } from './declarations.ts';
import { forgetComparisons } from './equality.ts';
import { estimated } from './estimate.ts';
import type { Frame, Step } from './frame.ts';
import { declarationsOf, typeConstant } from './functions-table.ts';
import { celErrorOf, type Issue, SyntaxIssue } from './issues.ts';
import { lists } from './libraries/lists.ts';
import { sets } from './libraries/sets.ts';
import { strings } from './libraries/strings.ts';
import { literalIssues } from './literal-issues.ts';
import { parsed } from './parser.ts';
import { Planner } from './plan.ts';
import { conversions } from './standard/conversions.ts';
import { methods } from './standard/methods.ts';
import { operators } from './standard/operators.ts';
import { nameOfType } from './type-names.ts';
import type { CelType, CostEstimate } from './types.ts';
import { CelCostFault, CelFault, type CelValue } from './values.ts';

export interface CelEnvironmentOptions {
  readonly variables: Readonly<Record<string, CelType>>;
  readonly libraries?: readonly CelLibrary[];
  /** Types by the name that an expression writes before braces: `Object.spec{replicas: 1}`. */
  readonly types?: (name: string) => CelType | undefined;
  /** Fields of maps and `dyn` are named as Kubernetes escapes what is no identifier (`a__dot__b`); of objects, `jsonName` says so. */
  readonly escapedNames?: boolean;
}

export interface CelEnvironment {
  compile(expression: string, options?: CelCompileOptions): CelCompilation;
}

export interface CelCompileOptions {
  /** What it may give: `dyn` is taken for any. Else the error is `must evaluate to bool`. */
  readonly returns?: readonly CelType[];
}

export interface CelError {
  /** As cel-go prints it, one block for each error: `ERROR: <input>:1:5: what\n | line\n | ....^`. */
  readonly text: string;
  /** The first one's. */
  readonly message: string;
  /** From 1; absent where the whole expression is meant. */
  readonly line?: number;
  readonly column?: number;
  /** It compiles, but gives none of `returns`. */
  readonly isReturnType?: boolean;
}

export type CelCompilation =
  | { readonly kind: 'program'; readonly program: CelProgram }
  | { readonly kind: 'error'; readonly error: CelError };

export interface CelProgram {
  readonly expression: string;
  /** What it gives; `dyn` where only the values can tell. */
  readonly type: CelType;
  /** What one evaluation may cost, by the sizes that types declare. Made when first asked for. */
  cost(): CostEstimate;
  /** Does it read `variable.field`? */
  selects(variable: string, field: string): boolean;
  /** Does it read the variable? */
  reads(variable: string): boolean;
  /**
   * Each variable is a CEL value (`celValue` makes them of JSON) or a function that gives it, which is called once at most, when first
   * read. Above `costLimit` (default `limits.celCostMax`) it is an error.
   */
  evaluate(variables: CelVariables, options?: { readonly costLimit?: number }): CelResult;
}

export type CelVariables = Readonly<Record<string, CelValue | (() => CelValue)>>;

export type CelResult =
  | { readonly kind: 'value'; readonly value: CelValue; readonly cost: number }
  | { readonly kind: 'error'; readonly message: string; readonly isCostExceeded: boolean; readonly cost: number };

/** The language and its extensions, the same for all. */
const language: readonly CelLibrary[] = [operators, conversions, methods, strings, sets, lists];

const typeNames = [
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'list',
  'map',
  'null_type',
  'type',
  'optional_type',
];
const languageConstants = new Map(
  [...typeNames, 'google.protobuf.Timestamp', 'google.protobuf.Duration'].map((name) => [name, typeConstant(name)]),
);

/** Cheap: nothing is made but what the first expression needs. */
export function celEnvironment(options: CelEnvironmentOptions): CelEnvironment {
  let scope: Scope | undefined;
  return {
    compile(expression, { returns } = {}) {
      scope ??= scopeOf(options);
      return compiled(expression, scope, options, returns);
    },
  };
}

function scopeOf({ variables, libraries = [], types }: CelEnvironmentOptions): Scope {
  const { functions, constants } = declarationsOf([...language, ...libraries]);
  return {
    functions,
    constants: constants.size === 0 ? languageConstants : new Map([...languageConstants, ...constants]),
    variables: new Map(Object.entries(variables)),
    typeByName: types ?? (() => undefined),
  };
}

function compiled(
  expression: string,
  scope: Scope,
  options: CelEnvironmentOptions,
  returns: readonly CelType[] | undefined,
): CelCompilation {
  if (expression.length > limits.celExpressionCharactersMax) {
    const message = `expression exceeds ${limits.celExpressionCharactersMax} characters`;
    return { kind: 'error', error: { message, text: message } };
  }
  const outcome = read(expression, scope);
  if ('issues' in outcome) return { kind: 'error', error: celErrorOf(expression, outcome.issues) };
  const { type } = outcome.checked;
  if (returns !== undefined && !returns.some((wanted) => isAssignable(new Map(), type, wanted)))
    return { kind: 'error', error: { ...returnError(returns), isReturnType: true } };
  return { kind: 'program', program: new Program(expression, outcome.expr, outcome.checked, scope, options) };
}

type Read = { readonly expr: Expr; readonly checked: Checked } | { readonly issues: readonly Issue[] };

function read(expression: string, scope: Scope): Read {
  try {
    const expr = parsed(expression);
    const outcome = checked(expr, scope);
    const issues = outcome.issues.length > 0 ? outcome.issues : literalIssues(expr, outcome);
    return issues.length > 0 ? { issues } : { expr, checked: outcome };
  } catch (error) {
    if (error instanceof SyntaxIssue) return { issues: [error] };
    throw error;
  }
}

function returnError(returns: readonly CelType[]): CelError {
  const names = returns.map(nameOfType);
  const message = `must evaluate to ${names.length === 1 ? names[0] : `one of [${names.join(' ')}]`}`;
  return { message, text: message };
}

interface Plan {
  readonly step: Step;
  /** Empty: each evaluation has its own. */
  readonly slots: readonly undefined[];
}

class Program implements CelProgram {
  readonly expression: string;
  readonly type: CelType;
  readonly #expr: Expr;
  readonly #checked: Checked;
  readonly #scope: Scope;
  readonly #escapedNames: boolean;
  #plan: Plan | undefined;
  #cost: CostEstimate | undefined;
  #reads: ReadonlySet<string> | undefined;

  constructor(expression: string, expr: Expr, outcome: Checked, scope: Scope, options: CelEnvironmentOptions) {
    this.expression = expression;
    this.type = outcome.type;
    this.#expr = expr;
    this.#checked = outcome;
    this.#scope = scope;
    this.#escapedNames = options.escapedNames ?? false;
  }

  cost(): CostEstimate {
    this.#cost ??= estimated(this.#expr, this.#checked, this.#scope);
    return this.#cost;
  }

  selects(variable: string, field: string): boolean {
    return this.#read().has(`${variable}.${field}`);
  }

  reads(variable: string): boolean {
    return this.#read().has(variable);
  }

  #read(): ReadonlySet<string> {
    this.#reads ??= variablesRead(this.#expr);
    return this.#reads;
  }

  evaluate(
    variables: CelVariables,
    { costLimit = limits.celCostMax }: { readonly costLimit?: number } = {},
  ): CelResult {
    this.#plan ??= this.#planned();
    const { step, slots } = this.#plan;
    forgetComparisons();
    const frame: Frame = { variables, slots: slots.slice(), limit: costLimit, cost: 0 };
    try {
      return { kind: 'value', value: step(frame), cost: frame.cost };
    } catch (error) {
      if (!(error instanceof CelFault)) throw error;
      return { kind: 'error', message: error.message, isCostExceeded: error instanceof CelCostFault, cost: frame.cost };
    }
  }

  #planned(): Plan {
    const planner = new Planner(this.#checked, { escapedNames: this.#escapedNames });
    const step = planner.plan(this.#expr);
    return { step, slots: Array.from({ length: planner.slotCount }, () => undefined) };
  }
}

/** Names, and fields of names. A name of a loop counts, too: nobody declares variables to be hidden. */
function variablesRead(root: Expr): ReadonlySet<string> {
  const found = new Set<string>();
  for (const expr of nodesOf(root)) {
    if (expr.kind === 'ident') found.add(expr.name.replace(/^\./, ''));
    const [operand, field] = selection(expr);
    if (operand?.kind === 'ident') found.add(`${operand.name}.${field}`);
  }
  return found;
}

function selection(expr: Expr): readonly [Expr | undefined, string] {
  if (expr.kind === 'select') return [expr.operand, expr.field];
  if (expr.kind !== 'call' || expr.name !== '_?._') return [undefined, ''];
  const [operand, field] = expr.args;
  return [operand, field === undefined ? '' : literalText(field)];
}
