/** Methods of the language itself: of texts, times, durations, optional values. */

import { type CallCost, perCharacter, product, regexCost, scaled, sizeOf, traversal, unknownSize } from '../costs.ts';
import type { CelFunction, CelLibrary } from '../declarations.ts';
import { RegexError, regex } from '../regex.ts';
import { nanosPerSecond, timePart, timeParts } from '../times.ts';
import { CelDuration, CelFault, CelMap, CelOptional, CelTimestamp, CelUint, type CelValue, fault } from '../values.ts';

const containsCost: CallCost = {
  actual: ([text, part]) => Math.ceil(sizeOf(text) * perCharacter) * Math.ceil(sizeOf(part) * perCharacter),
  estimate: ([text, part]) => ({
    cost: product(scaled(text?.size ?? unknownSize, perCharacter), scaled(part?.size ?? unknownSize, perCharacter)),
  }),
};

/** @throws CelFault in Go's words */
function matched(text: string, pattern: string): boolean {
  try {
    return regex(pattern).test(text);
  } catch (error) {
    if (error instanceof RegexError) throw new CelFault(error.message, { cause: error });
    throw error;
  }
}

const matches = { run: matched, cost: regexCost() };

const texts: Readonly<Record<string, CelFunction>> = {
  'string.contains(string): bool': { run: (text: string, part: string) => text.includes(part), cost: containsCost },
  'string.startsWith(string): bool': { run: (text: string, part: string) => text.startsWith(part), cost: traversal(1) },
  'string.endsWith(string): bool': { run: (text: string, part: string) => text.endsWith(part), cost: traversal(1) },
  'string.matches(string): bool': matches,
  'matches(string, string): bool': matches,
};

const times: Readonly<Record<string, CelFunction>> = Object.fromEntries(
  Object.entries(timeParts).flatMap(([name, part]) => [
    [`timestamp.${name}(): int`, (time: CelTimestamp) => timePart(time, part)],
    [`timestamp.${name}(string): int`, (time: CelTimestamp, zone: string) => timePart(time, part, zone)],
  ]),
);

const durations: Readonly<Record<string, CelFunction>> = Object.fromEntries(
  Object.entries({ getHours: 3_600_000n, getMinutes: 60_000n, getSeconds: 1000n, getMilliseconds: 1n }).map(
    ([name, unit]) => [`duration.${name}(): int`, ({ nanoseconds }: CelDuration) => nanoseconds / (unit * 1_000_000n)],
  ),
);

/** The planner evaluates these: not all of their operands are looked at, or they fill what a loop makes. */
const planned = (): never => fault('no such overload');

/** Go's time zero. */
const yearOne = -62_135_596_800n * nanosPerSecond;

function isZero(value: CelValue): boolean {
  if (value instanceof CelUint) return value.value === 0n;
  if (value instanceof CelDuration) return value.nanoseconds === 0n;
  if (value instanceof CelTimestamp) return value.nanoseconds === yearOne;
  if (value === null || value === false || value === '' || value === 0n || value === 0) return true;
  return (Array.isArray(value) || value instanceof CelMap || value instanceof Uint8Array) && sizeOf(value) === 0;
}

const optionals: Readonly<Record<string, CelFunction>> = {
  'optional.of(A): optional<A>': (value: CelValue) => CelOptional.of(value),
  'optional.none(): optional<A>': () => CelOptional.none,
  'optional.ofNonZeroValue(A): optional<A>': (value: CelValue) =>
    isZero(value) ? CelOptional.none : CelOptional.of(value),
  'optional<A>.hasValue(): bool': ({ value }: CelOptional) => value !== undefined,
  'optional<A>.value(): A': ({ value }: CelOptional) =>
    value ?? (value === null ? null : fault('optional.none() dereference')),
  'optional<A>.or(optional<A>): optional<A>': planned,
  'optional<A>.orValue(A): A': planned,
};

const inserts: Readonly<Record<string, CelFunction>> = {
  'cel.@mapInsert(map<K, V>, K, V): map<K, V>': planned,
  'cel.@mapInsert(map<K, V>, map<K, V>): map<K, V>': planned,
};

export const methods: CelLibrary = {
  name: 'methods',
  functions: { ...texts, ...times, ...durations, ...optionals, ...inserts },
};
