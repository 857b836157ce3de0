/** Lists as sets: `sets.contains([1, 2], [1])`. */

import { type CallCost, one, product, range, scaled, sizeOf, sum, unknownSize } from '../costs.ts';
import type { CelFunction, CelLibrary } from '../declarations.ts';
import { areEqual } from '../equality.ts';
import type { CelValue } from '../values.ts';

type List = readonly CelValue[];

const within = (list: List, value: CelValue): boolean => list.some((each) => areEqual(each, value));
const contains = (list: List, sublist: List): boolean => sublist.every((value) => within(list, value));

/** Each with each, `factor` times. */
function pairwise(factor: number): CallCost {
  return {
    actual: ([a, b]) => 1 + Math.ceil(sizeOf(a) * sizeOf(b) * factor),
    estimate: ([a, b]) => ({
      cost: sum(one, scaled(product(a?.size ?? unknownSize, b?.size ?? unknownSize), factor)),
      resultSize: range(1),
    }),
  };
}

const set = (run: (a: List, b: List) => boolean, factor: number): CelFunction => ({ run, cost: pairwise(factor) });

export const sets: CelLibrary = {
  name: 'sets',
  functions: {
    'sets.contains(list<T>, list<T>): bool': set(contains, 1),
    'sets.intersects(list<T>, list<T>): bool': set((a, b) => a.some((value) => within(b, value)), 1),
    'sets.equivalent(list<T>, list<T>): bool': set((a, b) => contains(a, b) && contains(b, a), 2),
  },
};
