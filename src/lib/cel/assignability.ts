/**
 * Which types go where: cel-go's rules of assignment, with type parameters that are bound as calls are resolved. A parameter's binding
 * may become more general, never less.
 */
import type { CelType } from './types.ts';

/** By parameter's name. */
export type Bindings = Map<string, CelType>;

const nullable: ReadonlySet<CelType['kind']> = new Set(['opaque', 'object', 'timestamp', 'duration', 'optional']);

/** All of `actual` into all of `wanted`; bindings change only where all fit. */
export function areAssignable(bindings: Bindings, actual: readonly CelType[], wanted: readonly CelType[]): boolean {
  if (actual.length !== wanted.length) return false;
  const trial = new Trial(bindings);
  if (!actual.every((type, index) => fits(trial, type, wanted[index] as CelType))) return false;
  trial.keep();
  return true;
}

/** What is tried beside what is bound: an expression may have thousands of parameters, and tries each call against each overload. */
class Trial {
  readonly #bindings: Bindings;
  #tried: Bindings | undefined;

  constructor(bindings: Bindings) {
    this.#bindings = bindings;
  }

  get(name: string): CelType | undefined {
    return this.#tried?.get(name) ?? this.#bindings.get(name);
  }

  set(name: string, type: CelType): void {
    this.#tried ??= new Map();
    this.#tried.set(name, type);
  }

  keep(): void {
    if (this.#tried === undefined) return;
    for (const [name, type] of this.#tried) this.#bindings.set(name, type);
  }
}

export function isAssignable(bindings: Bindings, actual: CelType, wanted: CelType): boolean {
  return areAssignable(bindings, [actual], [wanted]);
}

function fits(bindings: Trial, actual: CelType, wanted: CelType): boolean {
  if (wanted.kind === 'parameter') {
    const outcome = bind(bindings, wanted, actual);
    if (outcome !== 'open') return outcome === 'fits';
  }
  if (actual.kind === 'parameter') return bind(bindings, actual, wanted) === 'fits';
  if (actual.kind === 'dyn' || wanted.kind === 'dyn') return true;
  if (actual.kind === 'null' && nullable.has(wanted.kind)) return true;
  if (wanted.kind === 'null' && nullable.has(actual.kind)) return true;
  return sameKindFits(bindings, actual, wanted);
}

function sameKindFits(bindings: Trial, actual: CelType, wanted: CelType): boolean {
  if (actual.kind === 'list' && wanted.kind === 'list') return fits(bindings, actual.element, wanted.element);
  if (actual.kind === 'map' && wanted.kind === 'map')
    return fits(bindings, actual.key, wanted.key) && fits(bindings, actual.value, wanted.value);
  if (actual.kind === 'optional' && wanted.kind === 'optional') return fits(bindings, actual.of, wanted.of);
  if (actual.kind === 'object' && wanted.kind === 'object') return actual.name === wanted.name;
  if (actual.kind === 'opaque' && wanted.kind === 'opaque') return actual.name === wanted.name;
  return actual.kind === wanted.kind;
}

type Parameter = CelType & { readonly kind: 'parameter' };

/** `open`: it cannot be bound so, and has no binding that forbids it. */
function bind(bindings: Trial, parameter: Parameter, type: CelType): 'fits' | 'fails' | 'open' {
  if (type.kind === 'parameter' && type.name === parameter.name) return 'fits';
  const known = bindings.get(parameter.name);
  if (known !== undefined) {
    if (!fits(bindings, type, known)) return 'fails';
    const general = mostGeneral(type, known);
    if (!refersTo(bindings, general, parameter.name)) bindings.set(parameter.name, general);
    return 'fits';
  }
  if (refersTo(bindings, type, parameter.name)) return 'open';
  bindings.set(parameter.name, type);
  return 'fits';
}

function refersTo(bindings: Trial, type: CelType, name: string): boolean {
  if (type.kind === 'list') return refersTo(bindings, type.element, name);
  if (type.kind === 'map') return refersTo(bindings, type.key, name) || refersTo(bindings, type.value, name);
  if (type.kind === 'optional') return refersTo(bindings, type.of, name);
  if (type.kind !== 'parameter') return false;
  const bound = bindings.get(type.name);
  return type.name === name || (bound !== undefined && refersTo(bindings, bound, name));
}

/** Of two that fit each other. */
export function mostGeneral(a: CelType, b: CelType): CelType {
  return isAtMostAsSpecific(a, b) ? a : b;
}

function isAtMostAsSpecific(a: CelType, b: CelType): boolean {
  if (a.kind === 'dyn' || a.kind === 'parameter') return true;
  if (b.kind === 'dyn' || b.kind === 'parameter') return false;
  if (a.kind === 'list' && b.kind === 'list') return isAtMostAsSpecific(a.element, b.element);
  if (a.kind === 'map' && b.kind === 'map')
    return isAtMostAsSpecific(a.key, b.key) && isAtMostAsSpecific(a.value, b.value);
  if (a.kind === 'optional' && b.kind === 'optional') return isAtMostAsSpecific(a.of, b.of);
  return a.kind === b.kind;
}

/** With what parameters are bound to; those that are not bound become `dyn` where `isFinal`. */
export function substituted(bindings: Bindings, type: CelType, isFinal: boolean): CelType {
  const inner = (part: CelType): CelType => substituted(bindings, part, isFinal);
  if (type.kind === 'list') {
    const element = inner(type.element);
    return element === type.element ? type : { ...type, element };
  }
  if (type.kind === 'map') {
    const [key, value] = [inner(type.key), inner(type.value)];
    return key === type.key && value === type.value ? type : { ...type, key, value };
  }
  if (type.kind === 'optional') {
    const of = inner(type.of);
    return of === type.of ? type : { kind: 'optional', of };
  }
  if (type.kind !== 'parameter') return type;
  const bound = bindings.get(type.name);
  if (bound !== undefined) return inner(bound);
  return isFinal ? { kind: 'dyn' } : type;
}

/** Are both the same type, whatever their sizes? */
export function isSameType(a: CelType, b: CelType): boolean {
  if (a === b) return true;
  if (a.kind === 'list' && b.kind === 'list') return isSameType(a.element, b.element);
  if (a.kind === 'map' && b.kind === 'map') return isSameType(a.key, b.key) && isSameType(a.value, b.value);
  if (a.kind === 'optional' && b.kind === 'optional') return isSameType(a.of, b.of);
  if (a.kind === 'object' || a.kind === 'opaque' || a.kind === 'parameter')
    return a.kind === b.kind && a.name === b.name;
  return a.kind === b.kind;
}
