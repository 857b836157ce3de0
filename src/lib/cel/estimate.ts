/**
 * What an expression may cost at most and at least, before there are values: by what types declare of sizes, by the sizes of constants,
 * and by what calls say of their results. As cel-go's estimate, in the form that Kubernetes uses (a test for presence is free), since
 * it decides which rules a definition may hold.
 *
 * Only what is reached from a variable by fields, keys and elements has a declared size; the size of all else is computed or unknown.
 */
import type { Call, Comprehension, Expr, ListLiteral, MapLiteral, Select } from './ast.ts';
import type { Checked, Scope } from './checker.ts';
import {
  type CallEstimate,
  createCost,
  type EstimatedValue,
  none,
  one,
  product,
  type Range,
  range,
  sum,
  union,
  unknownSize,
} from './costs.ts';
import { declaredSize, elementValue, isScalar, joinedSize, writtenSize } from './estimate-sizes.ts';
import type { Overload } from './functions-table.ts';
import { unusedVariable } from './macros.ts';
import type { CelType } from './types.ts';

interface Entries {
  readonly kind: 'list' | 'map';
  readonly key: Range;
  readonly value: Range;
}

interface Local {
  readonly name: string;
  /** Reached from a variable. */
  readonly declared: CelType | undefined;
  readonly size: Range | undefined;
  readonly entries: Entries | undefined;
}

export function estimated(expr: Expr, checked: Checked, scope: Scope): Range {
  return new Estimator(checked, scope).cost(expr);
}

/** Wider than nothing, and narrower than anything: a union's beginning. */
const nothing: Range = { min: Number.POSITIVE_INFINITY, max: 0 };

class Estimator {
  readonly #checked: Checked;
  readonly #scope: Scope;
  readonly #costs = new Map<Expr, Range>();
  readonly #declared = new Map<Expr, CelType>();
  readonly #sizes = new Map<Expr, Range>();
  readonly #entries = new Map<Expr, Entries>();
  readonly #locals: Local[] = [];

  constructor(checked: Checked, scope: Scope) {
    this.#checked = checked;
    this.#scope = scope;
  }

  cost(expr: Expr): Range {
    const known = this.#costs.get(expr);
    if (known !== undefined) return known;
    const cost = this.#costOf(expr);
    this.#costs.set(expr, cost);
    return cost;
  }

  #costOf(expr: Expr): Range {
    const name = expr.kind === 'ident' ? expr.name : this.#checked.qualified.get(expr);
    if (this.#checked.constants.has(expr) || name !== undefined) return this.#ident(expr, name ?? '');
    switch (expr.kind) {
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return sum(range(createCost.object), ...expr.fields.map(({ value }) => this.cost(value)));
      case 'comprehension':
        return expr.variable === unusedVariable ? this.#bind(expr) : this.#loop(expr);
      case 'ident':
      case 'literal':
        return none;
    }
  }

  #local(name: string): Local | undefined {
    return this.#locals.findLast((each) => each.name === name);
  }

  #ident(expr: Expr, name: string): Range {
    const local = this.#local(name);
    const declared = local === undefined ? this.#scope.variables.get(name.replace(/^\./, '')) : local.declared;
    if (declared !== undefined) this.#declared.set(expr, declared);
    // Names of types are compared at no cost.
    if (this.#checked.constants.has(expr)) this.#sizes.set(expr, none);
    return one;
  }

  #type(expr: Expr): CelType {
    return this.#checked.types.get(expr) ?? { kind: 'dyn' };
  }

  #select(expr: Select): Range {
    const operand = this.cost(expr.operand);
    if (expr.isTest) return operand;
    const of = this.#declared.get(expr.operand);
    const field = of?.kind === 'object' ? of.fields.get(expr.field)?.type : undefined;
    if (field !== undefined) this.#declared.set(expr, field);
    const { kind } = this.#type(expr.operand);
    return kind === 'map' || kind === 'object' || kind === 'parameter' ? sum(operand, one) : operand;
  }

  #list(expr: ListLiteral): Range {
    const { elements } = expr;
    const cost = sum(range(createCost.list), ...elements.map(({ value }) => this.cost(value)));
    const value =
      elements.length === 0 ? none : elements.map((each) => this.#sizeOrUnknown(each.value)).reduce(union, nothing);
    this.#entries.set(expr, { kind: 'list', key: one, value });
    return cost;
  }

  #map(expr: MapLiteral): Range {
    const { entries } = expr;
    const cost = sum(range(createCost.map), ...entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)]));
    const sizes = (exprs: readonly Expr[]): Range =>
      exprs.length === 0 ? none : exprs.map((each) => this.#sizeOrUnknown(each)).reduce(union, nothing);
    const [key, value] = [sizes(entries.map((each) => each.key)), sizes(entries.map((each) => each.value))];
    this.#entries.set(expr, { kind: 'map', key, value });
    return cost;
  }

  #call(expr: Call): Range {
    const { name, args, target } = expr;
    if (name === 'dyn' && args[0] !== undefined) return this.#dyn(expr, args[0]);
    const costs = args.map((each) => this.cost(each));
    if (name === '_?._') return sum(one, ...costs);
    const overloads = this.#checked.overloads.get(expr) ?? [];
    if (overloads.length === 0) return none;
    const receiver = overloads[0]?.isMember === true ? target : undefined;
    const before = receiver === undefined ? none : this.cost(receiver);
    const values = (receiver === undefined ? args : [receiver, ...args]).map((each) => this.#value(each));
    let [cost, resultSize]: [Range, Range | undefined] = [nothing, undefined];
    for (const overload of overloads) {
      const call = this.#overload(expr, overload, values, costs);
      cost = union(cost, call.cost);
      resultSize = joinedSize(resultSize, call.resultSize);
      resultSize = this.#indexed(expr, overload) ?? resultSize ?? this.#size(expr);
    }
    if (resultSize !== undefined) this.#sizes.set(expr, resultSize);
    return sum(before, cost);
  }

  #dyn(expr: Call, arg: Expr): Range {
    const cost = sum(one, this.cost(arg));
    this.#copySizes(expr, arg);
    return cost;
  }

  /** Of an index: what is in the list or map is reached from the variable, too. */
  #indexed(expr: Call, { name, parameters }: Overload): Range | undefined {
    if (name !== '_[_]') return undefined;
    const operand = expr.args[0] as Expr;
    const of = this.#declared.get(operand);
    const [kind] = parameters.map((each) => each.kind);
    if (kind === 'list' && of?.kind === 'list') this.#declared.set(expr, of.element);
    if (kind === 'map' && of?.kind === 'map') this.#declared.set(expr, of.value);
    return kind === 'list' || kind === 'map' ? this.#entriesOf(operand)?.value : undefined;
  }

  #overload(
    expr: Call,
    { name, cost }: Overload,
    values: readonly EstimatedValue[],
    costs: readonly Range[],
  ): CallEstimate {
    const [first = none, second = none, third = none] = costs;
    if (name === '_||_' || name === '_&&_') return { cost: range(first.min, sum(first, second).max) };
    if (name === '_?_:_') return this.#conditional(expr, first, union(second, third));
    if (name === '_+_') this.#joinEntries(expr);
    const call = cost?.estimate(values) ?? { cost: one };
    return { ...call, cost: sum(call.cost, ...costs) };
  }

  #conditional(expr: Call, test: Range, branches: Range): CallEstimate {
    const [, then, otherwise] = expr.args as readonly [Expr, Expr, Expr];
    this.#setUnion(expr, this.#entriesOf(then), this.#entriesOf(otherwise));
    return {
      cost: sum(test, branches),
      resultSize: union(this.#sizeOrUnknown(then), this.#sizeOrUnknown(otherwise)),
    };
  }

  #joinEntries(expr: Call): void {
    const [left, right] = expr.args as readonly [Expr, Expr];
    this.#setUnion(expr, this.#entriesOf(left), this.#entriesOf(right));
  }

  #setUnion(expr: Expr, a: Entries | undefined, b: Entries | undefined): void {
    if (a === undefined || b === undefined) return;
    this.#entries.set(expr, { kind: a.kind, key: union(a.key, b.key), value: union(a.value, b.value) });
  }

  #loop(expr: Comprehension): Range {
    const before = sum(this.cost(expr.range), this.cost(expr.init));
    const depth = this.#locals.length;
    this.#locals.push(this.#boundTo(expr.accumulator, expr.init));
    this.#locals.push(...this.#iterated(expr));
    const each = sum(this.cost(expr.condition), this.cost(expr.step));
    this.#locals.length = depth + 1;
    const after = this.cost(expr.result);
    this.#locals.length = depth;
    const count = this.#sizeOrUnknown(expr.range);
    this.#sizeLoop(expr, count);
    return sum(before, after, product(count, each));
  }

  #sizeLoop(expr: Comprehension, count: Range): void {
    if (expr.init.kind === 'literal') {
      const size = this.#size(expr.init);
      if (size !== undefined) this.#sizes.set(expr, size);
    } else if (expr.init.kind === 'list' || expr.init.kind === 'map') {
      this.#sizes.set(expr, count);
      const entries = this.#entriesOf(expr.step);
      if (entries !== undefined) this.#entries.set(expr, entries);
    }
  }

  #boundTo(name: string, expr: Expr): Local {
    return { name, declared: this.#declared.get(expr), size: this.#size(expr), entries: this.#entriesOf(expr) };
  }

  /** What a loop takes from a computed list or map, upstream's estimate takes for the value that a rule is about. */
  #iterated({ range: of, variable, variable2 }: Comprehension): readonly Local[] {
    const entries = this.#entriesOf(of);
    const declared = this.#declared.get(of);
    const root = declared === undefined ? this.#scope.variables.get('self') : undefined;
    const kind = entries?.kind ?? (this.#type(of).kind === 'list' ? 'list' : 'map');
    const element =
      declared?.kind === 'list' ? declared.element : declared?.kind === 'map' ? declared.value : undefined;
    const key = declared?.kind === 'map' ? declared.key : undefined;
    const atKey = (name: string): Local => ({ name, declared: key ?? root, size: entries?.key, entries: undefined });
    const atValue = (name: string): Local => ({
      name,
      declared: element ?? root,
      size: entries?.value,
      entries: undefined,
    });
    if (variable2 !== undefined) return [atKey(variable), atValue(variable2)];
    return [kind === 'list' ? atValue(variable) : atKey(variable)];
  }

  /** The empty list that a bind loops over has its price. */
  #bind(expr: Comprehension): Range {
    const before = sum(this.cost(expr.range), this.cost(expr.init));
    this.#locals.push(this.#boundTo(expr.accumulator, expr.init));
    const result = this.cost(expr.result);
    this.#copySizes(expr, expr.result);
    this.#locals.pop();
    return sum(before, result);
  }

  #copySizes(to: Expr, from: Expr): void {
    const [size, entries] = [this.#size(from), this.#entriesOf(from)];
    if (size !== undefined) this.#sizes.set(to, size);
    if (entries !== undefined) this.#entries.set(to, entries);
  }

  #entriesOf(expr: Expr): Entries | undefined {
    return this.#entries.get(expr) ?? (expr.kind === 'ident' ? this.#local(expr.name)?.entries : undefined);
  }

  #sizeOrUnknown(expr: Expr): Range {
    return this.#size(expr) ?? unknownSize;
  }

  #size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr) ?? writtenSize(expr);
    if (known !== undefined) return known;
    const declared = this.#declared.get(expr);
    const size = declared === undefined ? undefined : declaredSize(declared);
    if (size !== undefined) return size;
    if (isScalar(this.#type(expr))) return one;
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined;
  }

  #value(expr: Expr): EstimatedValue {
    const declared = this.#declared.get(expr);
    const type = this.#type(expr);
    return {
      type,
      size: this.#sizeOrUnknown(expr),
      element: type.kind === 'list' ? elementValue(type.element, declared) : undefined,
      literal: expr.kind === 'literal' ? expr.value : undefined,
    };
  }
}
