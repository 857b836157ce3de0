/**
 * Amounts of several resources at once, as quotas reckon with them: sums, differences, what goes beyond what. Pure; nothing here is
 * changed, each call makes a new map. A resource that is absent is unknown, which is not the same as zero.
 */
import type { Amounts } from '../pod-requests.ts';
import { addQuantities, compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../quantity.ts';

export { type Amounts, amountsOf } from '../pod-requests.ts';

/** `hard` or `used` of a quota, as it stands in the object. */
export type ResourceList = Readonly<Record<string, string>>;

export const noAmounts: Amounts = new Map();
export const zero: Quantity = parseQuantity('0');
export const one: Quantity = parseQuantity('1');

export const isPositive = (amount: Quantity): boolean => amount.nano > 0n;

/** Names in order, so that equal amounts make equal objects. */
export function listOf(amounts: Amounts): Record<string, string> {
  return Object.fromEntries(namesOf(amounts).map((name) => [name, formatQuantity(amounts.get(name) ?? zero)]));
}

export const namesOf = (amounts: Amounts): string[] => [...amounts.keys()].sort();

export function plus(left: Amounts, right: Amounts): Amounts {
  const sum = new Map(left);
  for (const [name, amount] of right) {
    const before = sum.get(name);
    sum.set(name, before === undefined ? amount : addQuantities(before, amount));
  }
  return sum;
}

/** `left` without `right`: of nothing less than nothing is left, and what only `right` names is zero. */
export function minus(left: Amounts, right: Amounts): Amounts {
  const rest = new Map(left);
  for (const [name, amount] of right) {
    const before = rest.get(name) ?? zero;
    const nano = before.nano - amount.nano;
    rest.set(name, nano > 0n ? { nano, format: before.format } : zero);
  }
  return rest;
}

/** The larger of both, each for itself. */
export function largest(...all: readonly Amounts[]): Amounts {
  const result = new Map<string, Quantity>();
  for (const amounts of all) {
    for (const [name, amount] of amounts) {
      const before = result.get(name);
      if (before === undefined || compareQuantities(amount, before) > 0) result.set(name, amount);
    }
  }
  return result;
}

export function only(amounts: Amounts, wanted: (name: string) => boolean): Amounts {
  return new Map([...amounts].filter(([name]) => wanted(name)));
}

export function withoutZeros(amounts: Amounts): Amounts {
  return new Map([...amounts].filter(([, { nano }]) => nano !== 0n));
}

export function sameAmounts(left: Amounts, right: Amounts): boolean {
  return left.size === right.size && [...left].every(([name, { nano }]) => right.get(name)?.nano === nano);
}

/** Where `amounts` goes beyond `bounds`; what has no bound is within. */
export function beyond(amounts: Amounts, bounds: Amounts): string[] {
  return namesOf(amounts).filter((name) => {
    const bound = bounds.get(name);
    return bound !== undefined && compareQuantities(amounts.get(name) ?? zero, bound) > 0;
  });
}

/** `cpu=1,pods=2`: of the amounts named, those that there are, by name. */
export function printed(amounts: Amounts, names: readonly string[]): string {
  return [...names]
    .sort()
    .flatMap((name) => {
      const amount = amounts.get(name);
      return amount === undefined ? [] : [`${name}=${formatQuantity(amount)}`];
    })
    .join(',');
}
