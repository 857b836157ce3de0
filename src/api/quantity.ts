/**
 * Amounts of resources: `100m`, `1.5Gi`, `12e6` (upstream's `resource.Quantity`).
 *
 * Exact: the amount is a bigint of nano units; what is finer is rounded up, away from zero. The three notations (binary,
 * decimal, exponent) are kept through parsing and printing. A text that upstream would give back as it came is given back as
 * it came, although it may not be canonical (`1.500`). Adding numbers of scheduling's size needs no bigint:
 * `milliValue` and `integerValue` take a short cut for everyday texts.
 */

import { SharedValues } from '../lib/shared-values.ts';

export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent';

export interface Quantity {
  readonly nano: bigint;
  readonly format: QuantityFormat;
  /** The text it came from, where upstream would print just that. */
  readonly text?: string;
}

/** The text is no quantity. The message is upstream's. */
export class QuantityError extends Error {
  override name = 'QuantityError';
}

const wrongForm = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const wrongSuffix = "unable to parse quantity's suffix";

const nanoPerUnit = 10n ** 9n;
/** A binary amount beyond int64 is cut to it, as upstream does. */
const binaryMax = (2n ** 63n - 1n) * nanoPerUnit;
/** Beyond this the exponent is an attack, not an amount. */
const exponentMax = 100;
const textLengthMax = 128;

const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;
const decimalSuffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'] as const;

interface Suffix {
  readonly format: QuantityFormat;
  /** The power of ten, or of two in binary notation. */
  readonly exponent: number;
}

const suffixes: ReadonlyMap<string, Suffix> = new Map([
  ...binarySuffixes
    .slice(1)
    .map((text, index): [string, Suffix] => [text, { format: 'BinarySI', exponent: 10 * (index + 1) }]),
  ...decimalSuffixes.map((text, index): [string, Suffix] => [text, { format: 'DecimalSI', exponent: 3 * index - 9 }]),
]);

/** A pod's way through the server parses each of its quantities five times, and those of a thousand pods are the same few. */
const parsed = new SharedValues<Quantity>(512);

/** As lenient as upstream: a missing number is zero. @throws QuantityError */
export function parseQuantity(text: string | number): Quantity {
  const source = String(text);
  if (isPlainInteger(source)) return plainInteger(source);
  if (source.length > textLengthMax) throw new QuantityError(wrongForm);
  return parsed.known(source) ?? parsed.share(source, parse(source));
}

function parse(source: string): Quantity {
  const parts = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*)([-+]?[0-9]*)$/.exec(source);
  if (parts === null || source === '') throw new QuantityError(wrongForm);
  const [, sign = '', whole = '', fraction = '', letters = '', power = ''] = parts;
  const suffix = readSuffix(letters, power);
  if (suffix === undefined) throw new QuantityError(wrongSuffix);
  const amount = scaled(BigInt(`0${whole}${fraction}`), fraction.length, suffix);
  const format = suffix.format === 'BinarySI' && amount > 0n && amount < nanoPerUnit ? 'DecimalSI' : suffix.format;
  const nano = sign === '-' ? -amount : amount;
  return printsAsWritten(whole, fraction, suffix) ? { nano, format, text: source } : { nano, format };
}

function isPlainInteger(text: string): boolean {
  if (text.length === 0 || text.length > 15 || (text.startsWith('0') && text !== '0')) return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

function plainInteger(text: string): Quantity {
  return { nano: BigInt(text) * nanoPerUnit, format: 'DecimalSI' };
}

function readSuffix(letters: string, power: string): Suffix | undefined {
  if (power === '') return suffixes.get(letters);
  if (letters !== 'e' && letters !== 'E') return undefined;
  const exponent = Number(power);
  if (!Number.isInteger(exponent) || Math.abs(exponent) > exponentMax) return undefined;
  return { format: 'DecimalExponent', exponent };
}

/** `digits` with `places` of them after the point, times the suffix, in nano units, rounded up and cut to the limit. */
function scaled(digits: bigint, places: number, { format, exponent }: Suffix): bigint {
  if (format === 'BinarySI') {
    const amount = divideUp(digits * 2n ** BigInt(exponent) * nanoPerUnit, 10n ** BigInt(places));
    return amount > binaryMax ? binaryMax : amount;
  }
  const power = exponent + 9 - places;
  return power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power));
}

/** Rounds away from zero. */
function divideUp(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  if (dividend % divisor === 0n) return quotient;
  return dividend > 0n ? quotient + 1n : quotient - 1n;
}

/** Upstream keeps the text where its quick scan finds it canonical; the scan is coarse, and clients see its outcome. */
function printsAsWritten(whole: string, fraction: string, { format, exponent }: Suffix): boolean {
  const number = whole.replace(/^0+/, '');
  const digits = `${number === '' ? '0' : number}${fraction}`;
  if (format === 'BinarySI') {
    const fits = fraction === '' && 15 - number.length - Math.trunc((exponent * 3) / 10) - 1 >= 0;
    return fits && BigInt(digits) % 8n !== 0n;
  }
  const scale = exponent - fraction.length;
  return digits.length <= 18 && scale >= -9 && scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0');
}

/** The canonical text: no fraction, the largest suffix that loses nothing, the notation it was written in. */
export function formatQuantity(quantity: Quantity): string {
  if (quantity.text !== undefined) return quantity.text;
  if (quantity.nano === 0n) return '0';
  return quantity.format === 'BinarySI' && isWholeKibi(quantity.nano)
    ? formatBinary(quantity.nano)
    : formatDecimal(quantity);
}

function isWholeKibi(nano: bigint): boolean {
  const units = nano / nanoPerUnit;
  return nano % nanoPerUnit === 0n && (units >= 1024n || units <= -1024n);
}

function formatBinary(nano: bigint): string {
  let units = nano / nanoPerUnit;
  let step = 0;
  while (step < binarySuffixes.length - 1 && units % 1024n === 0n) {
    units /= 1024n;
    step++;
  }
  return `${units}${binarySuffixes[step]}`;
}

function formatDecimal({ nano, format }: Quantity): string {
  const lastStep = format === 'DecimalExponent' ? Number.POSITIVE_INFINITY : decimalSuffixes.length - 1;
  let units = nano;
  let step = 0;
  while (step < lastStep && units % 1000n === 0n) {
    units /= 1000n;
    step++;
  }
  if (format !== 'DecimalExponent') return `${units}${decimalSuffixes[step]}`;
  return step === 3 ? String(units) : `${units}e${step * 3 - 9}`;
}

/** `parseQuantity`, then `formatQuantity`: what is stored for what a client wrote. */
export function canonicalQuantity(text: string | number): string {
  return formatQuantity(parseQuantity(text));
}

/** Negative, zero or positive, as for `Array.sort`. */
export function compareQuantities(left: Quantity, right: Quantity): number {
  return left.nano < right.nano ? -1 : left.nano > right.nano ? 1 : 0;
}

/** In the notation of `left`, or of `right` where `left` is zero. */
export function addQuantities(left: Quantity, right: Quantity): Quantity {
  return { nano: left.nano + right.nano, format: left.nano === 0n ? right.format : left.format };
}

export function subtractQuantities(left: Quantity, right: Quantity): Quantity {
  return addQuantities(left, { nano: -right.nano, format: right.format });
}

/** From a count of thousandths: CPU. */
export function quantityFromMilli(milli: number, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { nano: BigInt(Math.ceil(milli)) * 1_000_000n, format };
}

/** From a count of whole units: bytes, pods. */
export function quantityFromInteger(units: number, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { nano: BigInt(Math.ceil(units)) * nanoPerUnit, format };
}

/** Thousandths, rounded up. Exact up to 2^53. @throws QuantityError */
export function milliValue(text: string | number): number {
  return shortCut(String(text), 1000) ?? Number(divideUp(parseQuantity(text).nano, 1_000_000n));
}

/** Whole units, rounded up. Exact up to 2^53. @throws QuantityError */
export function integerValue(text: string | number): number {
  return shortCut(String(text), 1) ?? Number(divideUp(parseQuantity(text).nano, nanoPerUnit));
}

const factors: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['m', 0.001],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
]);

/** Digits and a common suffix, where doubles are exact; undefined for all else. */
function shortCut(text: string, per: 1 | 1000): number | undefined {
  let digits = 0;
  let end = 0;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code < 48 || code > 57) break;
    digits = digits * 10 + code - 48;
  }
  if (end === 0 || end > 9) return undefined;
  const factor = factors.get(text.slice(end));
  if (factor === undefined) return undefined;
  if (factor === 0.001) return per === 1000 ? digits : Math.ceil(digits / 1000);
  const value = digits * factor * per;
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}
