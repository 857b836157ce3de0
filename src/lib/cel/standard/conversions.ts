/** From one type to another, and how large things are. What cannot be converted is a fault, in cel-go's words. */

import { type CallCost, perCharacter, range, scaled, sizeOf, traversal, unknownSize } from '../costs.ts';
import type { CelLibrary } from '../declarations.ts';
import { typeNameOf } from '../equality.ts';
import { durationText, nanosPerSecond, parsedDuration, parsedTimestamp, timestampOf, timestampText } from '../times.ts';
import { type CelDuration, type CelTimestamp, CelTypeValue, CelUint, type CelValue, fault } from '../values.ts';

const unconvertible = (from: string, to: string): never => fault(`type conversion error from '${from}' to '${to}'`);

const int64Limit = 2 ** 63;
const uint64Limit = 2 ** 64;

function intOfDouble(value: number): bigint {
  // The limits themselves may have been rounded to.
  if (!(value > -int64Limit && value < int64Limit)) fault('integer overflow');
  return BigInt(Math.trunc(value));
}

function intOfText(text: string): bigint {
  if (!/^[-+]?\d+$/.test(text)) unconvertible('string', 'int');
  const value = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, value) === value ? value : unconvertible('string', 'int');
}

function uintOfDouble(value: number): CelUint {
  if (!(value >= 0 && value < uint64Limit)) fault('unsigned integer overflow');
  return new CelUint(BigInt(Math.trunc(value)));
}

function uintOfText(text: string): CelUint {
  if (!/^\d+$/.test(text)) unconvertible('string', 'uint');
  const value = BigInt(text);
  return BigInt.asUintN(64, value) === value ? new CelUint(value) : unconvertible('string', 'uint');
}

function doubleOfText(text: string): number {
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : unconvertible('string', 'double');
  }
  if (/^\+?inf(?:inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
  if (/^-inf(?:inity)?$/i.test(text)) return Number.NEGATIVE_INFINITY;
  return /^nan$/i.test(text) ? Number.NaN : unconvertible('string', 'double');
}

/** As Go writes it with `%g`: large and small ones with an exponent of two digits at least. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [digits = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < plainExponentMax) return String(value);
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** From it on, numbers are written with an exponent. */
const plainExponentMax = 6;

const bools: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

function textOfBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fault('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const toBytes: CallCost = {
  ...traversal(0),
  estimate([text]) {
    const { min, max } = text?.size ?? unknownSize;
    return { cost: scaled({ min, max }, perCharacter), resultSize: range(min, max * 4) };
  },
};

const fromBytes: CallCost = {
  ...traversal(0),
  estimate([bytes]) {
    const { min, max } = bytes?.size ?? unknownSize;
    return { cost: scaled({ min, max }, perCharacter), resultSize: range(Math.floor(min / 4), max) };
  },
};

const same = <T>(value: T): T => value;
const size = (value: CelValue): bigint => BigInt(sizeOf(value));
const seconds = ({ nanoseconds }: CelTimestamp): bigint =>
  (nanoseconds - (((nanoseconds % nanosPerSecond) + nanosPerSecond) % nanosPerSecond)) / nanosPerSecond;

export const conversions: CelLibrary = {
  name: 'conversions',
  functions: {
    ...Object.fromEntries(
      ['string', 'bytes', 'list<A>', 'map<A, B>'].flatMap((type) => [
        [`size(${type}): int`, size],
        [`${type}.size(): int`, size],
      ]),
    ),
    'type(A): type': (value: CelValue) => new CelTypeValue(typeNameOf(value)),
    'dyn(A): dyn': same,
    'bool(bool): bool': same,
    'bool(string): bool': (text: string) => bools.get(text) ?? unconvertible('string', 'bool'),
    'bytes(bytes): bytes': same,
    'bytes(string): bytes': { run: (text: string) => new TextEncoder().encode(text), cost: toBytes },
    'double(double): double': same,
    'double(int): double': (value: bigint) => Number(value),
    'double(uint): double': ({ value }: CelUint) => Number(value),
    'double(string): double': doubleOfText,
    'int(int): int': same,
    'int(uint): int': ({ value }: CelUint) => (BigInt.asIntN(64, value) === value ? value : fault('integer overflow')),
    'int(double): int': intOfDouble,
    'int(string): int': intOfText,
    'int(timestamp): int': seconds,
    'int(duration): int': ({ nanoseconds }: CelDuration) => nanoseconds,
    'uint(uint): uint': same,
    'uint(int): uint': (value: bigint) => (value < 0n ? fault('unsigned integer overflow') : new CelUint(value)),
    'uint(double): uint': uintOfDouble,
    'uint(string): uint': uintOfText,
    'string(string): string': same,
    'string(bool): string': String,
    'string(int): string': String,
    'string(uint): string': ({ value }: CelUint) => String(value),
    'string(double): string': doubleText,
    'string(bytes): string': { run: textOfBytes, cost: fromBytes },
    'string(timestamp): string': timestampText,
    'string(duration): string': durationText,
    'timestamp(timestamp): timestamp': same,
    'timestamp(int): timestamp': (value: bigint) => timestampOf(value * nanosPerSecond),
    'timestamp(string): timestamp': (text: string) =>
      parsedTimestamp(text) ?? unconvertible('string', 'google.protobuf.Timestamp'),
    'duration(duration): duration': same,
    'duration(string): duration': (text: string) =>
      parsedDuration(text) ?? unconvertible('string', 'google.protobuf.Duration'),
  },
};
