/**
 * A run of expressions about one request, within one budget: a policy's validations, its messages, the match conditions of a webhook.
 *
 * Kept true: a variable is evaluated when it is first read, once a run, and what it costs is taken from the budget of the run; who exceeds
 * the budget ends the run. Objects become values when they are first read, once a request (`Inputs`).
 */
import type { CompiledExpression } from '../../../api/cel/policy-expressions.ts';
import type { CelVariables } from '../../../lib/cel/environment.ts';
import { CelFault, CelRecord, type CelValue } from '../../../lib/cel/values.ts';

export type Outcome =
  | { readonly kind: 'value'; readonly value: CelValue }
  /** In upstream's words. */
  | { readonly kind: 'error'; readonly message: string };

/** Nothing more of this run is evaluated. */
export class OutOfBudget extends Error {
  override name = 'OutOfBudget';

  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}

export interface RunOptions {
  /** All but `variables`. */
  readonly inputs: CelVariables;
  readonly variables?: ReadonlyMap<string, CompiledExpression>;
  /** In CEL's units of cost. */
  readonly budget: number;
}

export class Run {
  readonly #variables: CelVariables;
  readonly #composed: ComposedVariables;
  #budget: number;

  constructor({ inputs, variables, budget }: RunOptions) {
    this.#composed = new ComposedVariables(variables ?? new Map(), () => this.#variables);
    this.#variables = { ...inputs, variables: this.#composed };
    this.#budget = budget;
  }

  /** What is left. */
  get budget(): number {
    return this.#budget;
  }

  /** @throws OutOfBudget */
  evaluate(compiled: CompiledExpression): Outcome {
    if (compiled.kind === 'error') return { kind: 'error', message: `compilation error: ${compiled.error}` };
    const result = compiled.program.evaluate(this.#variables);
    this.#spend(this.#composed.takeCost() + result.cost);
    if (result.kind === 'value') return { kind: 'value', value: result.value };
    return { kind: 'error', message: `expression '${compiled.expression}' resulted in error: ${result.message}` };
  }

  #spend(cost: number): void {
    if (cost > this.#budget) throw new OutOfBudget();
    this.#budget -= cost;
  }
}

type Composed = { readonly value: CelValue } | { readonly fault: string };

/** `variables`: a field is evaluated when it is first read. */
class ComposedVariables extends CelRecord {
  readonly typeName = 'kubernetes.variables';
  readonly #expressions: ReadonlyMap<string, CompiledExpression>;
  readonly #inputs: () => CelVariables;
  readonly #known = new Map<string, Composed>();
  #cost = 0;

  constructor(expressions: ReadonlyMap<string, CompiledExpression>, inputs: () => CelVariables) {
    super();
    this.#expressions = expressions;
    this.#inputs = inputs;
  }

  fieldNames(): Iterable<string> {
    return this.#expressions.keys();
  }

  override has(field: string): boolean {
    return this.#expressions.has(field);
  }

  /** @throws CelFault where it does not compile or evaluate */
  get(field: string): CelValue | undefined {
    const expression = this.#expressions.get(field);
    if (expression === undefined) return undefined;
    let composed = this.#known.get(field);
    if (composed === undefined) this.#known.set(field, (composed = this.#evaluate(field, expression)));
    if ('fault' in composed) throw new CelFault(composed.fault);
    return composed.value;
  }

  /** What was spent since this was last asked. */
  takeCost(): number {
    const cost = this.#cost;
    this.#cost = 0;
    return cost;
  }

  #evaluate(name: string, expression: CompiledExpression): Composed {
    const shown = JSON.stringify(name);
    if (expression.kind === 'error') {
      return { fault: `composited variable ${shown} fails to compile: ${expression.error}` };
    }
    const result = expression.program.evaluate(this.#inputs());
    this.#cost += result.cost;
    if (result.kind === 'value') return { value: result.value };
    return { fault: `composited variable ${shown} fails to evaluate: ${result.message}` };
  }
}
