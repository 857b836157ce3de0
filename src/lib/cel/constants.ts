/**
 * Parts of an expression that are constants: what is written, lists and maps of such, conversions of such. They are made once and cost
 * nothing when they are evaluated, as in the optimizing planner of cel-go that Kubernetes uses. (The estimate counts them.)
 */
import type { Call, Expr } from './ast.ts';
import type { Checked } from './checker.ts';
import { EntryMap } from './entry-map.ts';
import { isNumber, numberOf } from './equality.ts';
import { planCall } from './plan-calls.ts';
import { CelFault, type CelValue } from './values.ts';

const conversions = new Set('bool bytes double duration dyn int string timestamp type uint'.split(' '));

export class Constants {
  readonly #checked: Checked;
  /** Undefined: it is none. */
  readonly #known = new Map<Expr, CelValue | undefined>();

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  of(expr: Expr): CelValue | undefined {
    if (this.#known.has(expr)) return this.#known.get(expr);
    const value = this.#checked.constants.get(expr) ?? this.#made(expr);
    this.#known.set(expr, value);
    return value;
  }

  #made(expr: Expr): CelValue | undefined {
    if (expr.kind === 'literal') return expr.value;
    if (expr.kind === 'list') return expr.elements.some(isOptional) ? undefined : this.#all(expr.elements.map(valueOf));
    if (expr.kind === 'map') return expr.entries.some(isOptional) ? undefined : this.#map(expr.entries);
    return expr.kind === 'call' && conversions.has(expr.name) ? this.#converted(expr) : undefined;
  }

  #all(exprs: readonly Expr[]): readonly CelValue[] | undefined {
    const values: CelValue[] = [];
    for (const expr of exprs) {
      const value = this.of(expr);
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }

  #map(entries: readonly { readonly key: Expr; readonly value: Expr }[]): CelValue | undefined {
    const keys = this.#all(entries.map(({ key }) => key));
    const values = this.#all(entries.map(valueOf));
    if (keys === undefined || values === undefined) return undefined;
    return unlessFault(() => {
      const map = new EntryMap();
      for (const [index, key] of keys.entries()) map.insert(key, values[index] as CelValue, String);
      return map;
    });
  }

  #converted(expr: Call): CelValue | undefined {
    const [arg] = expr.args;
    const value = arg === undefined ? undefined : this.of(arg);
    const overloads = this.#checked.overloads.get(expr);
    if (value === undefined || overloads === undefined || expr.target !== undefined) return undefined;
    const step = planCall(overloads, [() => value]);
    return unlessFault(() => step({ variables: {}, slots: [], limit: Number.POSITIVE_INFINITY, cost: 0 }));
  }
}

const valueOf = ({ value }: { readonly value: Expr }): Expr => value;
const isOptional = (entry: { readonly isOptional: boolean }): boolean => entry.isOptional;

/** What fails is evaluated, and fails, each time. */
function unlessFault(make: () => CelValue): CelValue | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof CelFault) return undefined;
    throw error;
  }
}

/** Is a value in the list? Undefined: the list holds what has to be compared one by one. */
export function membership(list: readonly CelValue[]): ((value: CelValue) => boolean) | undefined {
  if (!list.every(isPlain)) return undefined;
  const members = new Set(list.map(memberKey));
  // A NaN is in no list.
  return (value) => !Number.isNaN(value) && isPlain(value) && members.has(memberKey(value));
}

const isPlain = (value: CelValue): boolean => value === null || typeof value !== 'object' || isNumber(value);

/** Numbers that are the same have the same. */
function memberKey(value: CelValue): unknown {
  if (!isNumber(value)) return value;
  const number = numberOf(value);
  return typeof number === 'number' && Number.isInteger(number) ? BigInt(number) : number;
}
