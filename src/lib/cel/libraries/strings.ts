/**
 * Texts: parts of them, where things are in them, other forms of them (cel-go's extension, version 2 and `reverse`). Positions count
 * characters, not UTF-16 units.
 */

import {
  type CallCost,
  characterCount,
  checkCharacters,
  type EstimatedValue,
  perCharacter,
  product,
  type Range,
  range,
  scaled,
  sizeOf,
  sum,
  traversal,
  unknownSize,
} from '../costs.ts';
import type { CelFunction, CelLibrary } from '../declarations.ts';
import { type CelValue, fault } from '../values.ts';
import { formatted, quoted } from './format.ts';

const sizeIn = (value: EstimatedValue | undefined): Range => value?.size ?? unknownSize;

const isPlain = (text: string): boolean => characterCount(text) === text.length;

/** A position in UTF-16 units, of one in characters. @throws CelFault where it is outside */
function unitsAt(text: string, position: bigint, bound: number): number {
  if (position < 0n || position > BigInt(bound)) fault(`index out of range: ${position}`);
  const at = Number(position);
  return isPlain(text) ? at : Array.from(text).slice(0, at).join('').length;
}

const charactersAt = (text: string, units: number): bigint =>
  BigInt(units < 0 ? units : characterCount(text.slice(0, units)));

function charAt(text: string, position: bigint): string {
  const units = unitsAt(text, position, characterCount(text));
  return units >= text.length ? '' : String.fromCodePoint(text.codePointAt(units) ?? 0);
}

function indexOf(text: string, part: string, from = 0n): bigint {
  // Nothing is everywhere, also behind the end.
  if (part === '') return from;
  const size = characterCount(text);
  if (from < 0n || from >= BigInt(size)) {
    if (from === 0n) return -1n;
    fault(`index out of range: ${from}`);
  }
  return charactersAt(text, text.indexOf(part, unitsAt(text, from, size)));
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  const size = characterCount(text);
  if (from === undefined) return part === '' ? BigInt(size) : charactersAt(text, text.lastIndexOf(part));
  if (part === '') return from;
  if (from < 0n || from >= BigInt(size)) {
    if (size === 0) return -1n;
    fault(`index out of range: ${from}`);
  }
  return charactersAt(text, text.lastIndexOf(part, unitsAt(text, from, size)));
}

function substring(text: string, from: bigint, to?: bigint): string {
  const size = characterCount(text);
  const end = to ?? BigInt(size);
  if (to !== undefined && from > to) fault(`invalid substring range. start: ${from}, end: ${to}`);
  return text.slice(unitsAt(text, from, size), unitsAt(text, end, size));
}

function replace(text: string, from: string, to: string, count = -1n): string {
  const parts = from === '' ? ['', ...Array.from(text), ''] : text.split(from);
  const times = count < 0n ? parts.length - 1 : Math.min(Number(count), parts.length - 1);
  checkCharacters(text.length + times * to.length);
  return [parts.slice(0, times + 1).join(to), ...parts.slice(times + 1)].join(from);
}

function split(text: string, separator: string, limit = -1n): readonly string[] {
  if (limit === 0n) return [];
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  if (limit < 0n || BigInt(parts.length) <= limit) return parts;
  const kept = Number(limit) - 1;
  return [...parts.slice(0, kept), parts.slice(kept).join(separator)];
}

/** As Unicode has it, which JavaScript's `\s` differs from in two characters. */
const isSpace = (code: number): boolean =>
  (code >= 9 && code <= 13) || (code >= 0x2000 && code <= 0x200a) || otherSpaces.has(code);
const otherSpaces = new Set([0x20, 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000]);

function trim(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
const upper = (text: string): string => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());

const sameSize = traversal(0, perCharacter, true);

/** Going through the text, rounded down. */
const searchCost: CallCost = {
  actual: ([text]) => Math.floor(sizeOf(text) * perCharacter),
  estimate: ([text]) => ({ cost: scaled(sizeIn(text), perCharacter) }),
};

/** How large the result may be, by the largest and the smallest number of replacements. */
function replacedSize(text: Range, from: Range, to: Range): Range {
  const most =
    from.min === 0
      ? text.max + (text.max + 1) * to.max
      : to.max <= from.min
        ? text.max
        : Math.ceil(text.max / from.min) * to.max;
  const least =
    from.max === 0
      ? text.min + (text.min + 1) * to.min
      : from.max <= to.min
        ? text.min
        : text.min === 0
          ? 0
          : Math.ceil(text.min / from.max) * to.min;
  return range(least || 0, Number.isNaN(most) ? unknownSize.max : most);
}

const replaceCost: CallCost = {
  actual: ([text]) => Math.ceil(sizeOf(text) * 2 * perCharacter),
  estimate: ([text, from, to]) => ({
    cost: scaled(sizeIn(text), 2 * perCharacter),
    resultSize: replacedSize(sizeIn(text), sizeIn(from), sizeIn(to)),
  }),
};

const splitCost: CallCost = {
  actual: replaceCost.actual,
  estimate([text, _separator, limit]) {
    const count = limit?.literal;
    const max = typeof count === 'bigint' && count >= 0n ? Number(count) : sizeIn(text).max;
    return { cost: scaled(sizeIn(text), 2 * perCharacter), resultSize: range(0, max) };
  },
};

const joinCost: CallCost = {
  actual: (_args, result) => Math.ceil(sizeOf(result) * 2 * perCharacter),
  estimate([list, separator]) {
    const count = sizeIn(list);
    const separators = range(Math.max(0, count.min - 1), Math.max(0, count.max - 1));
    const between = separator === undefined ? range(0) : product(separator.size, separators);
    const resultSize = sum(product(count, list?.element?.size ?? unknownSize), between);
    return { cost: scaled(resultSize, perCharacter), resultSize };
  },
};

const quoteCost: CallCost = {
  ...traversal(0),
  estimate([text]) {
    const { min, max } = sizeIn(text);
    return { cost: scaled({ min, max }, perCharacter), resultSize: range(min + 2, max * 2 + 2) };
  },
};

/** Measured by the text alone, though what it makes may be longer. */
const formatCost: CallCost = {
  actual: traversal(0).actual,
  estimate: ([text]) => ({ cost: scaled(sizeIn(text), perCharacter) }),
};

function join(list: readonly CelValue[], separator = ''): string {
  const texts = list.map((each) => (typeof each === 'string' ? each : fault('no such overload: join')));
  checkCharacters(texts.reduce((sum, { length }) => sum + length + separator.length, 0));
  return texts.join(separator);
}

const functions: Readonly<Record<string, CelFunction>> = {
  'string.charAt(int): string': charAt,
  'string.indexOf(string): int': { run: (text: string, part: string) => indexOf(text, part), cost: searchCost },
  'string.indexOf(string, int): int': { run: indexOf, cost: searchCost },
  'string.lastIndexOf(string): int': { run: (text: string, part: string) => lastIndexOf(text, part), cost: searchCost },
  'string.lastIndexOf(string, int): int': { run: lastIndexOf, cost: searchCost },
  'string.lowerAscii(): string': { run: lower, cost: sameSize },
  'string.upperAscii(): string': { run: upper, cost: sameSize },
  'string.trim(): string': { run: trim, cost: sameSize },
  'string.substring(int): string': { run: (text: string, from: bigint) => substring(text, from), cost: sameSize },
  'string.substring(int, int): string': { run: substring, cost: sameSize },
  'string.reverse(): string': { run: (text: string) => Array.from(text).reverse().join(''), cost: sameSize },
  'string.replace(string, string): string': {
    run: (text: string, from: string, to: string) => replace(text, from, to),
    cost: replaceCost,
  },
  'string.replace(string, string, int): string': { run: replace, cost: replaceCost },
  'string.split(string): list<string>': { run: (text: string, by: string) => split(text, by), cost: splitCost },
  'string.split(string, int): list<string>': { run: split, cost: splitCost },
  'list<string>.join(): string': { run: (list: readonly CelValue[]) => join(list), cost: joinCost },
  'list<string>.join(string): string': { run: join, cost: joinCost },
  'string.format(list<dyn>): string': { run: formatted, cost: formatCost },
  'strings.quote(string): string': { run: quoted, cost: quoteCost },
};

export const strings: CelLibrary = { name: 'strings', functions };
