/** Lists: parts of them, in another order, without what is there twice. Version 3 of cel-go's extension. */

import {
  type CallCost,
  checkElements,
  createCost,
  type EstimatedValue,
  perCharacter,
  product,
  type Range,
  range,
  scaled,
  sizeOf,
  sum,
  unknownSize,
} from '../costs.ts';
import type { CelFunction, CelLibrary } from '../declarations.ts';
import { areEqual, compared, typeNameOf } from '../equality.ts';
import { type CelValue, fault } from '../values.ts';

type List = readonly CelValue[];

/** Elements that `lists.range` makes at most. */
const rangeMax = 10_000_000n;

/** The call and the list that it makes. */
const base = 1 + createCost.list;

const made = (size: number, factor = 1): number => Math.floor(size * factor) + base;
const madeEstimate = (size: Range, factor = 1) => ({ cost: sum(scaled(size, factor), range(base)), resultSize: size });

const sizeIn = (value: EstimatedValue | undefined): Range => value?.size ?? unknownSize;

function numberIn(value: EstimatedValue | undefined, otherwise: number): number {
  const literal = value?.literal;
  return typeof literal === 'bigint' && literal >= 0n ? Number(literal) : otherwise;
}

const sliced: CallCost = {
  actual: (_args, result) => made(sizeOf(result)),
  estimate: ([list, from, to]) => madeEstimate(range(Math.max(0, numberIn(to, sizeIn(list).max) - numberIn(from, 0)))),
};

const ranged: CallCost = {
  actual: (_args, result) => made(sizeOf(result)),
  estimate: ([count]) => madeEstimate(range(numberIn(count, Number.POSITIVE_INFINITY))),
};

const reversed: CallCost = {
  actual: (_args, result) => made(sizeOf(result)),
  estimate: ([list]) => madeEstimate(sizeIn(list)),
};

const flattened: CallCost = {
  actual: ([list, depth]) => made(sizeOf(list), depth === undefined ? 1 : Number(depth)),
  estimate: ([list, depth]) =>
    madeEstimate(sizeIn(list), depth === undefined ? 1 : numberIn(depth, Number.POSITIVE_INFINITY)),
};

const squared = (size: Range): Range => product(size, size);

const distinctCost: CallCost = {
  actual: ([list]) => selfCompared(list as List),
  estimate: ([list]) => madeEstimate(squared(sizeIn(list)), 2),
};

/** Each with each; texts are read. */
function selfCompared(list: List): number {
  const isText = typeof list[0] === 'string' || list[0] instanceof Uint8Array;
  return made(list.length * list.length, isText ? 2 + perCharacter : 2);
}

/** By the list whose elements are compared. */
function sortCost(type: string, keys: 0 | 1): CallCost {
  const factor = type === 'string' || type === 'bytes' ? 2 + perCharacter : 2;
  return {
    actual: (args) => selfCompared(args[keys] as List),
    estimate: (args) => madeEstimate(squared(sizeIn(args[keys])), factor),
  };
}

function slice(list: List, from: bigint, to: bigint): List {
  const what = `cannot slice(${from}, ${to})`;
  if (from < 0n || to < 0n) fault(`${what}, negative indexes not supported`);
  if (from > to) fault(`${what}, start index must be less than or equal to end index`);
  if (BigInt(list.length) < to) fault(`${what}, list is length ${list.length}`);
  return list.slice(Number(from), Number(to));
}

function flatten(list: List, depth: bigint): List {
  if (depth < 0n) fault('level must be non-negative');
  const flat: CelValue[] = [];
  const add = (elements: List, left: bigint): void => {
    for (const each of elements) {
      if (left > 0n && Array.isArray(each)) add(each as List, left - 1n);
      else flat.push(each);
      checkElements(flat.length);
    }
  };
  add(list, depth);
  return flat;
}

function ranges(count: bigint): List {
  if (count < 0n) fault(`lists.range: size must be non-negative, got ${count}`);
  if (count > rangeMax) fault(`lists.range: size ${count} exceeds maximum allowed (${rangeMax})`);
  checkElements(Number(count));
  return Array.from({ length: Number(count) }, (_, index) => BigInt(index));
}

function distinct(list: List): List {
  const kept: CelValue[] = [];
  const plain = new Set<CelValue>();
  for (const value of list) {
    // Most lists are of texts, which need not be compared one by one.
    if (typeof value === 'string') {
      if (plain.has(value)) continue;
      plain.add(value);
    } else if (kept.some((each) => areEqual(each, value))) continue;
    kept.push(value);
  }
  return kept;
}

function sorted(list: List, keys: List): List {
  if (list.length !== keys.length) fault('list and keys must have the same size');
  const [first] = keys;
  if (first === undefined) return list;
  if (compared(first, first) === undefined) fault('list elements must be comparable');
  const typeName = typeNameOf(first);
  if (keys.some((key) => typeNameOf(key) !== typeName)) fault('list elements must have the same type');
  const order = keys.map((key, index) => ({ key, index }));
  order.sort((a, b) => compared(a.key, b.key) || a.index - b.index);
  return order.map(({ index }) => list[index] as CelValue);
}

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];

const sorts: Readonly<Record<string, CelFunction>> = Object.fromEntries(
  comparable.flatMap((type) => [
    [`list<${type}>.sort(): list<${type}>`, { run: (list: List) => sorted(list, list), cost: sortCost(type, 0) }],
    [`list<T>.@sortByAssociatedKeys(list<${type}>): list<T>`, { run: sorted, cost: sortCost(type, 1) }],
  ]),
);

export const lists: CelLibrary = {
  name: 'lists',
  functions: {
    'list<T>.slice(int, int): list<T>': { run: slice, cost: sliced },
    'list<list<T>>.flatten(): list<T>': { run: (list: List) => flatten(list, 1n), cost: flattened },
    'list<dyn>.flatten(int): list<dyn>': { run: flatten, cost: flattened },
    'lists.range(int): list<int>': { run: ranges, cost: ranged },
    'list<T>.reverse(): list<T>': { run: (list: List) => list.toReversed(), cost: reversed },
    'list<T>.distinct(): list<T>': { run: distinct, cost: distinctCost },
    ...sorts,
  },
};
