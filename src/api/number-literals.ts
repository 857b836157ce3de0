/**
 * How numbers were written, where that decides: `1.0` is no int32 in Go, `1e3` is a quantity of its own notation, and an integer
 * beyond 2^53 has digits that a JavaScript number has not.
 *
 * Values stay plain numbers. What was written differently from what an integer looks like stands beside them, by the object
 * or list that holds the number; most documents have no such number, and `hasLiterals` tells it in one step. Copies of a
 * document know nothing of this.
 */
import { DecodeError } from './decode-error.ts';
import type { JsonArray, JsonObject, JsonValue } from './object.ts';

type Holder = JsonArray | JsonObject;

const literals = new WeakMap<Holder, Map<string, string>>();
const documents = new WeakSet<Holder>();

/** A number that may be of that kind, where JSON can have one; a string now and then looks the same. */
const unusual = /(?:":|[,[])\s*-?\d+(?:[.eE]|\d{15})/;

/** Was any number of this document, which was parsed and not copied, written so? */
export function hasLiterals(document: JsonValue): boolean {
  return typeof document === 'object' && document !== null && documents.has(document);
}

export function literalOf(holder: Holder, key: string | number): string | undefined {
  return literals.get(holder)?.get(String(key));
}

/** JSON text to values. `onlyInexact`: fractions and exponents mean nothing, as where YAML was read. @throws SyntaxError */
export function parseWithLiterals(text: string, onlyInexact: boolean): JsonValue {
  if (!unusual.test(text)) return JSON.parse(text) as JsonValue;
  let found = false;
  const value = JSON.parse(text, function (this: Holder, key, each: JsonValue, context?: { source?: string }) {
    const source = context?.source;
    if (typeof each !== 'number' || source === undefined) return each;
    const isPlain = Number.isSafeInteger(each) && /^-?\d+$/.test(source);
    if (onlyInexact ? isInexact(source) : !isPlain) {
      recordLiteral(this, key, source);
      found = true;
    }
    return each;
  }) as JsonValue;
  if (found) markDocument(value);
  return value;
}

export function recordLiteral(holder: Holder, key: string | number, source: string): void {
  const known = literals.get(holder);
  if (known) known.set(String(key), source);
  else literals.set(holder, new Map([[String(key), source]]));
}

export function markDocument(document: JsonValue): void {
  if (typeof document === 'object' && document !== null) documents.add(document);
}

/** A literal by the place of its holder among all objects and lists of the document, each before what it holds. */
export type PlacedLiteral = readonly [holder: number, key: string, source: string];

/** What copies of a document do not know, in a form that crosses to another thread. */
export function literalsOf(document: JsonValue): readonly PlacedLiteral[] {
  if (!hasLiterals(document)) return [];
  return [...holdersIn(document)].flatMap((holder, place) =>
    [...(literals.get(holder) ?? [])].map(([key, source]) => [place, key, source] as const),
  );
}

/** Makes a copy of a document know what `literalsOf` found in it. */
export function restoreLiterals(copy: JsonValue, placed: readonly PlacedLiteral[]): void {
  if (placed.length === 0) return;
  const holders = [...holdersIn(copy)];
  for (const [place, key, source] of placed) recordLiteral(holders[place] as Holder, key, source);
  markDocument(copy);
}

function* holdersIn(value: JsonValue): Generator<Holder> {
  if (typeof value !== 'object' || value === null) return;
  yield value;
  for (const each of Object.values(value)) yield* holdersIn(each);
}

const int64Max = 2n ** 63n - 1n;

/** An int64 beyond what a JavaScript number is sure to hold. Larger integers are floating point in Go, too. */
export function isLargeInt64(source: string): boolean {
  if (source.length < 16 || source.length > 20 || !/^-?\d+$/.test(source)) return false;
  const value = BigInt(source);
  return value <= int64Max && value >= -int64Max - 1n && !Number.isSafeInteger(Number(source));
}

/** One of which other digits would be kept. */
export function isInexact(source: string): boolean {
  return isLargeInt64(source) && String(Number(source)) !== String(BigInt(source));
}

/** For documents of no type. @throws DecodeError where one of its integers would change */
export function refuseInexact(document: JsonValue): void {
  if (hasLiterals(document)) refuseWithin(document);
}

function refuseWithin(value: JsonValue): void {
  if (typeof value !== 'object' || value === null) return;
  for (const source of literals.get(value)?.values() ?? []) if (isInexact(source)) throw inexactError(source);
  for (const each of Object.values(value)) refuseWithin(each);
}

export function inexactError(source: string): DecodeError {
  return new DecodeError(`json: the integer ${source} would lose digits: ${keptIntegers}`);
}

export const keptIntegers = `integers are kept up to ${Number.MAX_SAFE_INTEGER}`;
