/** Kubernetes' functions of lists: `isSorted`, `sum`, `min`, `max`, `indexOf`, `lastIndexOf`. */
import {
  type CallCost,
  type EstimatedValue,
  one,
  perCharacter,
  product,
  scaled,
  sizeOf,
  sum as sumOfRanges,
  unknownSize,
} from '../../../lib/cel/costs.ts';
import type { CelImplementation, CelLibrary, CelOverload } from '../../../lib/cel/declarations.ts';
import { areEqual, compared } from '../../../lib/cel/equality.ts';
import { durationOf } from '../../../lib/cel/times.ts';
import { CelDuration, CelMap, CelUint, type CelValue, fault } from '../../../lib/cel/values.ts';

type List = readonly CelValue[];

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'] as const;

function compare(a: CelValue, b: CelValue): number {
  return compared(a, b) ?? fault('no such overload');
}

const isSorted = (list: List): boolean =>
  list.every((value, index) => index === 0 || !(compare(list[index - 1] as CelValue, value) > 0));

function summed(list: List, bits: (value: CelValue) => bigint | undefined): bigint {
  let sum = 0n;
  for (const value of list) sum += bits(value) ?? fault('no such overload');
  return sum;
}

const doubleSum = (sum: number, value: CelValue): number =>
  typeof value === 'number' ? sum + value : fault('no such overload');

/** By the type of the elements, which says what an empty list gives. */
const sums: Readonly<Record<string, (list: List) => CelValue>> = {
  int(list) {
    const sum = summed(list, (value) => (typeof value === 'bigint' ? value : undefined));
    return BigInt.asIntN(64, sum) === sum ? sum : fault('integer overflow');
  },
  uint(list) {
    const sum = summed(list, (value) => (value instanceof CelUint ? value.value : undefined));
    return BigInt.asUintN(64, sum) === sum ? new CelUint(sum) : fault('unsigned integer overflow');
  },
  double: (list) => list.reduce<number>(doubleSum, 0),
  duration: (list) =>
    durationOf(summed(list, (value) => (value instanceof CelDuration ? value.nanoseconds : undefined))),
};

const extreme =
  (name: 'min' | 'max', sign: 1 | -1) =>
  (list: List): CelValue => {
    if (list.length === 0) return fault(`${name} called on empty list`);
    return list.reduce((best, value) => (compare(value, best) * sign > 0 ? value : best));
  };

const indexOf = (list: List, wanted: CelValue): bigint => BigInt(list.findIndex((value) => areEqual(value, wanted)));
const lastIndexOf = (list: List, wanted: CelValue): bigint =>
  BigInt(list.findLastIndex((value) => areEqual(value, wanted)));

/** A tenth for each character, one for what has none. */
function traversalOf(value: CelValue): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return Math.trunc(sizeOf(value) * perCharacter);
  if (Array.isArray(value)) return (value as List).reduce<number>((cost, each) => cost + traversalOf(each), 0);
  if (!(value instanceof CelMap)) return 1;
  let cost = 0;
  for (const key of value.keys()) cost += traversalOf(key) + traversalOf(value.get(key) ?? null);
  return cost;
}

const isText = ({ type }: EstimatedValue): boolean => type.kind === 'string' || type.kind === 'bytes';

const cost: CallCost = {
  actual: ([list]) => traversalOf(list as CelValue),
  estimate([list]) {
    const size = list?.size ?? unknownSize;
    const { element } = list ?? {};
    const texts = element !== undefined && isText(element) ? [scaled(element.size, perCharacter)] : [];
    return { cost: product(size, sumOfRanges(one, ...texts)) };
  },
};

const costly = (run: CelImplementation): CelOverload => ({ run, cost });

export const listLibrary: CelLibrary = {
  name: 'kubernetes.lists',
  functions: {
    ...Object.fromEntries(
      comparable.flatMap((type) => [
        [`list<${type}>.isSorted(): bool`, costly(isSorted)],
        [`list<${type}>.min(): ${type}`, costly(extreme('min', -1))],
        [`list<${type}>.max(): ${type}`, costly(extreme('max', 1))],
      ]),
    ),
    ...Object.fromEntries(Object.entries(sums).map(([type, sum]) => [`list<${type}>.sum(): ${type}`, costly(sum)])),
    'list<T>.indexOf(T): int': costly(indexOf),
    'list<T>.lastIndexOf(T): int': costly(lastIndexOf),
  },
};
