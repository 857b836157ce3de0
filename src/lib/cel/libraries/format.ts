/**
 * `'%s is %d'.format([…])` and `strings.quote`: CEL's extended texts in their version 2, which Kubernetes has. Numbers are written as in
 * American English; what stands in lists and maps is written as an expression would write it.
 */
import { checkCharacters } from '../costs.ts';
import { typeNameOf } from '../equality.ts';
import { doubleText } from '../standard/conversions.ts';
import { durationText, timestampText } from '../times.ts';
import { CelDuration, CelMap, CelTimestamp, CelTypeValue, CelUint, type CelValue, fault } from '../values.ts';

/** Digits behind the point that may be asked for. Beyond it: an error. */
const precisionMax = 100;
const precisionDefault = 6;

/** @throws CelFault */
export function formatted(text: string, values: readonly CelValue[]): string {
  let [next, written] = [0, 0];
  const counted = (part: string): string => {
    written += part.length;
    checkCharacters(written);
    return part;
  };
  return text.replace(
    /%(%|(?:\.([0-9]*))?(.|$))/gs,
    (_clause, whole: string, digits: string | undefined, verb: string) => {
      if (whole === '%') return '%';
      if (verb === '') fault('unexpected end of string');
      const places = precision(digits);
      const write = verbs[verb];
      if (write === undefined)
        return fault(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
      if (next >= values.length) fault(`index ${next} out of range`);
      return counted(write(values[next++] as CelValue, places));
    },
  );
}

function precision(digits: string | undefined): number {
  if (digits === undefined) return precisionDefault;
  const count = Number(digits);
  if (count > precisionMax) fault(`precision ${digits} is too large`);
  return count;
}

type Verb = (value: CelValue, digits: number) => string;

const verbs: Readonly<Record<string, Verb>> = {
  s: shown,
  d(value) {
    return (
      decimal(value) ??
      fault(`error during formatting: decimal clause can only be used on integers, was given ${typeNameOf(value)}`)
    );
  },
  f: (value, digits) => writtenNumber(value, 'fixed-point', (number) => fixedPoint(number, digits)),
  e: (value, digits) => writtenNumber(value, 'scientific', (number) => exponential(number, digits)),
  b(value) {
    if (typeof value === 'boolean') return value ? '1' : '0';
    return (
      inBase(value, 2) ??
      fault(
        `error during formatting: only integers and bools can be formatted as binary, was given ${typeNameOf(value)}`,
      )
    );
  },
  o(value) {
    return (
      inBase(value, 8) ??
      fault(`error during formatting: octal clause can only be used on integers, was given ${typeNameOf(value)}`)
    );
  },
  x: hexadecimal,
  X: (value) => hexadecimal(value).toUpperCase(),
};

function integer(value: CelValue): bigint | undefined {
  if (value instanceof CelUint) return value.value;
  return typeof value === 'bigint' ? value : undefined;
}

const decimal = (value: CelValue): string | undefined => integer(value)?.toString();
const inBase = (value: CelValue, base: number): string | undefined => integer(value)?.toString(base);

const names: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function writtenNumber(value: CelValue, clause: string, write: (number: number) => string): string {
  const number = typeof value === 'string' ? names[value] : value;
  if (typeof number !== 'number')
    return fault(
      `error during formatting: ${clause} clause can only be used on doubles, was given ${typeNameOf(value)}`,
    );
  if (Number.isFinite(number)) return write(number);
  return Number.isNaN(number) ? 'NaN' : `${number < 0 ? '-' : ''}∞`;
}

/** `toFixed` writes large numbers with an exponent. */
function plain(number: number, digits: number): string {
  const text = number.toFixed(digits);
  return text.includes('e') ? `${BigInt(number)}${digits > 0 ? `.${'0'.repeat(digits)}` : ''}` : text;
}

function fixedPoint(number: number, digits: number): string {
  const [whole = '', fraction] = plain(number, digits).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Two digits of the exponent at least. */
function exponential(number: number, digits: number): string {
  const [mantissa = '', power = '0'] = number.toExponential(digits).split('e');
  const raised = Array.from(String(Math.abs(Number(power))).padStart(2, '0'), (digit) => superscripts[Number(digit)]);
  return `${mantissa}×10${Number(power) < 0 ? '⁻' : ''}${raised.join('')}`;
}

function hexadecimal(value: CelValue): string {
  if (typeof value === 'string' || value instanceof Uint8Array) return Buffer.from(value as string).toString('hex');
  return (
    inBase(value, 16) ??
    fault(
      `error during formatting: only integers, byte buffers, and strings can be formatted as hex, was given ${typeNameOf(value)}`,
    )
  );
}

function shown(value: CelValue): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return doubleText(value);
  return decimal(value) ?? shownObject(value as CelValue & object);
}

function shownObject(value: CelValue & object): string {
  if (Array.isArray(value)) return `[${joined((value as readonly CelValue[]).map(shownInside))}]`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof CelTimestamp) return timestampText(value);
  if (value instanceof CelDuration) return durationText(value);
  if (value instanceof CelTypeValue) return value.typeName;
  if (value instanceof CelMap) return shownMap(value);
  const what = 'strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps';
  return fault(`error during formatting: string clause can only be used on ${what}, was given ${typeNameOf(value)}`);
}

function shownMap(map: CelMap): string {
  const entries = Array.from(map.keys(), (key) => [shownInside(key), shownInside(map.get(key) ?? null)] as const);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${joined(entries.map(([key, value]) => `${key}:${value}`))}}`;
}

function joined(parts: readonly string[]): string {
  checkCharacters(parts.reduce((sum, { length }) => sum + length + 2, 0));
  return parts.join(', ');
}

/** In a list or a map. */
function shownInside(value: CelValue): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number')
    return Number.isFinite(value) ? plain(value, precisionDefault) : quoted(doubleText(value));
  if (value instanceof Uint8Array) return `b${quoted(shown(value))}`;
  if (value instanceof CelTimestamp) return `timestamp(${quoted(shown(value))})`;
  return value instanceof CelDuration ? `duration(${quoted(shown(value))})` : shown(value);
}

const escapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

export function quoted(text: string): string {
  return `"${Array.from(text.toWellFormed(), (character) => escapes[character] ?? character).join('')}"`;
}
