/**
 * Expressions as trees. Macros are written out (`has` as a test, `all` and its like as loops), so that whoever walks a tree knows eight
 * kinds of nodes. `at` is where cel-go would point to: the operator, the dot, the bracket that opens the arguments.
 */
import type { CelValue } from './values.ts';

interface Node {
  /** Offset in the text, in UTF-16 units. */
  readonly at: number;
}

export interface Literal extends Node {
  readonly kind: 'literal';
  readonly value: CelValue;
}

export interface Ident extends Node {
  readonly kind: 'ident';
  readonly name: string;
}

export interface Select extends Node {
  readonly kind: 'select';
  readonly operand: Expr;
  readonly field: string;
  /** `has(operand.field)`. */
  readonly isTest: boolean;
}

/** A function, a method (with a target) or an operator (`_+_`). */
export interface Call extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly target: Expr | undefined;
  readonly args: readonly Expr[];
}

export interface ListLiteral extends Node {
  readonly kind: 'list';
  readonly elements: readonly { readonly value: Expr; readonly isOptional: boolean }[];
}

export interface MapLiteral extends Node {
  readonly kind: 'map';
  readonly entries: readonly (Node & { readonly key: Expr; readonly value: Expr; readonly isOptional: boolean })[];
}

export interface StructLiteral extends Node {
  readonly kind: 'struct';
  readonly name: string;
  readonly fields: readonly (Node & { readonly name: string; readonly value: Expr; readonly isOptional: boolean })[];
}

/**
 * A loop: for each element of `range` in which `condition` holds, the accumulator becomes `step`; then `result`.
 * `cel.bind` is a loop over nothing, whose accumulator is the name that is bound.
 */
export interface Comprehension extends Node {
  readonly kind: 'comprehension';
  readonly range: Expr;
  readonly variable: string;
  /** Two variables: the first is the index or the key, this one the value. */
  readonly variable2: string | undefined;
  readonly accumulator: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

export type Expr = Literal | Ident | Select | Call | ListLiteral | MapLiteral | StructLiteral | Comprehension;

export function literal(at: number, value: CelValue): Literal {
  return { kind: 'literal', at, value };
}

export function ident(at: number, name: string): Ident {
  return { kind: 'ident', at, name };
}

export function call(at: number, name: string, ...args: readonly Expr[]): Call {
  return { kind: 'call', at, name, target: undefined, args };
}

export function list(at: number, ...elements: readonly Expr[]): ListLiteral {
  return { kind: 'list', at, elements: elements.map((value) => ({ value, isOptional: false })) };
}

/** Of the field that `a.?b` names. */
export function literalText(expr: Expr): string {
  return expr.kind === 'literal' && typeof expr.value === 'string' ? expr.value : '';
}

export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'ident':
      return [];
    case 'select':
      return [expr.operand];
    case 'call':
      return expr.target === undefined ? expr.args : [expr.target, ...expr.args];
    case 'list':
      return expr.elements.map(({ value }) => value);
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return expr.fields.map(({ value }) => value);
    case 'comprehension':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
  }
}

/** Each node once, though a tree may hold it twice. */
export function* nodesOf(root: Expr): Generator<Expr> {
  const seen = new Set<Expr>();
  const stack = [root];
  for (let expr = stack.pop(); expr !== undefined; expr = stack.pop()) {
    if (seen.has(expr)) continue;
    seen.add(expr);
    yield expr;
    stack.push(...childrenOf(expr));
  }
}
