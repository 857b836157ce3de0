/** Operators, with their overloads and costs. Those that do not evaluate all their operands are the planner's: here they only have types. */

import {
  type CallCost,
  checkCharacters,
  checkElements,
  type EstimatedValue,
  perCharacter,
  type Range,
  scaled,
  sizeOf,
  sum,
  unknownSize,
} from '../costs.ts';
import type { CelFunction, CelLibrary } from '../declarations.ts';
import { areEqual, compared } from '../equality.ts';
import { listSemantics, withSemantics } from '../json-values.ts';
import { durationOf, timestampOf } from '../times.ts';
import {
  type CelDuration,
  CelMap,
  CelOpaque,
  CelRecord,
  type CelTimestamp,
  CelUint,
  type CelValue,
  fault,
} from '../values.ts';

function int64(value: bigint): bigint {
  return BigInt.asIntN(64, value) === value ? value : fault('integer overflow');
}

function uint64(value: bigint): CelUint {
  return BigInt.asUintN(64, value) === value ? new CelUint(value) : fault('unsigned integer overflow');
}

const divided = (a: bigint, b: bigint): bigint => (b === 0n ? fault('division by zero') : a / b);
const modulus = (a: bigint, b: bigint): bigint => (b === 0n ? fault('modulus by zero') : a % b);

type Integers = (a: bigint, b: bigint) => bigint;

function arithmetic(
  symbol: string,
  ints: Integers,
  doubles?: (a: number, b: number) => number,
): Record<string, CelFunction> {
  return {
    [`_${symbol}_(int, int): int`]: (a: bigint, b: bigint) => int64(ints(a, b)),
    [`_${symbol}_(uint, uint): uint`]: (a: CelUint, b: CelUint) => uint64(ints(a.value, b.value)),
    ...(doubles !== undefined && { [`_${symbol}_(double, double): double`]: doubles }),
  };
}

/** Of both together. */
const joined: CallCost = {
  actual: ([a, b]) => Math.ceil((sizeOf(a) + sizeOf(b)) * perCharacter),
  estimate([a, b]) {
    const resultSize = bothSizes(a, b);
    return { cost: scaled(resultSize, perCharacter), resultSize };
  },
};

const bothSizes = (a: EstimatedValue | undefined, b: EstimatedValue | undefined) =>
  sum(a?.size ?? unknownSize, b?.size ?? unknownSize);

const listJoined: CallCost = {
  actual: () => 1,
  estimate: ([a, b]) => ({ cost: { min: 1, max: 1 }, resultSize: bothSizes(a, b) }),
};

/** Of the shorter one. */
const comparison: CallCost = {
  actual: ([a, b]) => (a instanceof CelOpaque ? 1 : Math.ceil(Math.min(sizeOf(a), sizeOf(b)) * perCharacter)),
  estimate([a, b]) {
    if (a?.type.kind === 'opaque') return { cost: opaqueComparison(b?.size ?? unknownSize) };
    const max = Math.min(a?.size.max ?? unknownSize.max, b?.size.max ?? unknownSize.max);
    return { cost: scaled({ min: max > 0 ? 1 : 0, max }, perCharacter) };
  },
};

/** Nothing is read through but what was made of a text of known size, as upstream's estimate has it. */
function opaqueComparison({ max }: Range): Range {
  return { min: 1, max: Number.isFinite(max) ? Math.max(1, Math.ceil(max * perCharacter)) : 1 };
}

const containment: CallCost = {
  actual: ([, list]) => sizeOf(list),
  estimate: ([, list]) => ({ cost: list?.size ?? unknownSize }),
};

function joinedTexts(a: string, b: string): string {
  checkCharacters(a.length + b.length);
  return a + b;
}

const joinedBytes = (a: Uint8Array, b: Uint8Array): Uint8Array => new Uint8Array(Buffer.concat([a, b]));

type List = readonly CelValue[];

/** Sets and keyed lists do not take twice what they have; of a keyed list, the right one's element takes the place of the left one's. */
function joinedLists(a: List, b: List): List {
  checkElements(a.length + b.length);
  const semantics = listSemantics(a);
  if (semantics === undefined) return [...a, ...b];
  const same = (left: CelValue, right: CelValue): boolean =>
    semantics.listType === 'set'
      ? areEqual(left, right)
      : semantics.mapKeys.every((key) => areEqual(fieldOf(left, key), fieldOf(right, key)));
  const kept = a.map((left) => b.findLast((right) => same(left, right)) ?? left);
  const added = b.filter((right) => !a.some((left) => same(left, right)));
  return withSemantics([...kept, ...added], semantics);
}

function fieldOf(value: CelValue, key: string): CelValue {
  if (value instanceof CelRecord) return value.get(key) ?? null;
  return value instanceof CelMap ? (value.get(key) ?? null) : null;
}

const ordered = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration'];
const numeric = ['int', 'uint', 'double'];

function orderings(symbol: string, holds: (order: number) => boolean): Record<string, CelFunction> {
  const run = (a: CelValue, b: CelValue): boolean => holds(compared(a, b) ?? fault('no such overload'));
  const crossed = numeric.flatMap((a) => numeric.filter((b) => a !== b).map((b) => `_${symbol}_(${a}, ${b}): bool`));
  const signatures = [...ordered.map((type) => `_${symbol}_(${type}, ${type}): bool`), ...crossed];
  return Object.fromEntries(
    signatures.map((signature) => [signature, /string|bytes/.test(signature) ? { run, cost: comparison } : run]),
  );
}

/** The planner evaluates these: not all of their operands are looked at. */
const planned = (): never => fault('no such overload');

export const operators: CelLibrary = {
  name: 'operators',
  functions: {
    ...arithmetic(
      '+',
      (a, b) => a + b,
      (a, b) => a + b,
    ),
    ...arithmetic(
      '-',
      (a, b) => a - b,
      (a, b) => a - b,
    ),
    ...arithmetic(
      '*',
      (a, b) => a * b,
      (a, b) => a * b,
    ),
    ...arithmetic('/', divided, (a, b) => a / b),
    ...arithmetic('%', modulus),
    '_+_(string, string): string': { run: joinedTexts, cost: joined },
    '_+_(bytes, bytes): bytes': { run: joinedBytes, cost: joined },
    '_+_(list<A>, list<A>): list<A>': { run: joinedLists, cost: listJoined },
    '_+_(timestamp, duration): timestamp': (a: CelTimestamp, b: CelDuration) =>
      timestampOf(a.nanoseconds + b.nanoseconds, a.offsetMinutes),
    '_+_(duration, timestamp): timestamp': (a: CelDuration, b: CelTimestamp) =>
      timestampOf(a.nanoseconds + b.nanoseconds, b.offsetMinutes),
    '_+_(duration, duration): duration': (a: CelDuration, b: CelDuration) => durationOf(a.nanoseconds + b.nanoseconds),
    '_-_(timestamp, timestamp): duration': (a: CelTimestamp, b: CelTimestamp) =>
      durationOf(a.nanoseconds - b.nanoseconds),
    '_-_(timestamp, duration): timestamp': (a: CelTimestamp, b: CelDuration) =>
      timestampOf(a.nanoseconds - b.nanoseconds, a.offsetMinutes),
    '_-_(duration, duration): duration': (a: CelDuration, b: CelDuration) => durationOf(a.nanoseconds - b.nanoseconds),
    '-_(int): int': (value: bigint) => int64(-value),
    '-_(double): double': (value: number) => -value,
    '!_(bool): bool': (value: boolean) => !value,
    ...orderings('<', (order) => order < 0),
    ...orderings('<=', (order) => order <= 0),
    ...orderings('>', (order) => order > 0),
    ...orderings('>=', (order) => order >= 0),
    '_==_(A, A): bool': { run: areEqual, cost: comparison },
    '_!=_(A, A): bool': { run: (a: CelValue, b: CelValue) => !areEqual(a, b), cost: comparison },
    '@in(A, list<A>): bool': {
      run: (value: CelValue, list: List) => list.some((each) => areEqual(value, each)),
      cost: containment,
    },
    '@in(A, map<A, B>): bool': (key: CelValue, map: CelMap) => map.has(key),
    '_&&_(bool, bool): bool': planned,
    '_||_(bool, bool): bool': planned,
    '_?_:_(bool, A, A): A': planned,
    '@not_strictly_false(bool): bool': planned,
    '_[_](list<A>, int): A': planned,
    '_[_](map<A, B>, A): B': planned,
    '_[_](optional<list<A>>, int): optional<A>': planned,
    '_[_](optional<map<A, B>>, A): optional<B>': planned,
    '_[?_](list<A>, int): optional<A>': planned,
    '_[?_](optional<list<A>>, int): optional<A>': planned,
    '_[?_](map<A, B>, A): optional<B>': planned,
    '_[?_](optional<map<A, B>>, A): optional<B>': planned,
  },
};
