/**
 * Sets of code points, as sorted ranges that do not touch: `[from, to, from, to, …]`, both ends inside. What RE2 calls by a name stands here:
 * Perl's and POSIX' classes, which are ASCII's, and Unicode's categories and scripts, which the engine knows.
 */

export type CharSet = readonly number[];

export const codePointMax = 0x10ffff;
export const anyChar: CharSet = [0, codePointMax];
export const lineBreak: CharSet = [0x0a, 0x0a];

export const single = (code: number): CharSet => [code, code];

/** Sorted and joined. */
export function union(...all: readonly CharSet[]): CharSet {
  const sets = new Set(all);
  if (sets.size === 1) return all[0] as CharSet;
  const pairs: [number, number][] = [];
  for (const set of sets) for (let i = 0; i < set.length; i += 2) pairs.push([set[i] as number, set[i + 1] as number]);
  pairs.sort((left, right) => left[0] - right[0]);
  const joined: number[] = [];
  for (const [from, to] of pairs) {
    const last = joined.length - 1;
    if (last > 0 && from <= (joined[last] as number) + 1) joined[last] = Math.max(joined[last] as number, to);
    else joined.push(from, to);
  }
  return joined;
}

const complements = new WeakMap<CharSet, CharSet>();

export function complement(set: CharSet): CharSet {
  let rest = complements.get(set);
  if (rest === undefined) complements.set(set, (rest = makeComplement(set)));
  return rest;
}

function makeComplement(set: CharSet): CharSet {
  const rest: number[] = [];
  let next = 0;
  for (let i = 0; i < set.length; i += 2) {
    if ((set[i] as number) > next) rest.push(next, (set[i] as number) - 1);
    next = (set[i + 1] as number) + 1;
  }
  if (next <= codePointMax) rest.push(next, codePointMax);
  return rest;
}

export function has(set: CharSet, code: number): boolean {
  let [low, high] = [0, set.length / 2 - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (code <= (set[2 * middle + 1] as number)) high = middle;
    else low = middle + 1;
  }
  return code >= (set[2 * low] as number) && code <= (set[2 * low + 1] as number);
}

/** `az09` → the ranges a to z and 0 to 9. */
function ranges(text: string): CharSet {
  return union(Array.from(text, (character) => character.charCodeAt(0)));
}

export const perlClasses: ReadonlyMap<string, CharSet> = new Map([
  ['d', ranges('09')],
  ['s', ranges('\t\n\f\r  ')],
  ['w', ranges('09AZ__az')],
]);

export const posixClasses: ReadonlyMap<string, CharSet> = new Map([
  ['alnum', ranges('09AZaz')],
  ['alpha', ranges('AZaz')],
  ['ascii', [0, 0x7f]],
  ['blank', ranges('\t\t  ')],
  ['cntrl', [0, 0x1f, 0x7f, 0x7f]],
  ['digit', ranges('09')],
  ['graph', ranges('!~')],
  ['lower', ranges('az')],
  ['print', ranges(' ~')],
  ['punct', ranges('!/:@[`{~')],
  ['space', ranges('\t\r  ')],
  ['upper', ranges('AZ')],
  ['word', ranges('09AZaz__')],
  ['xdigit', ranges('09AFaf')],
]);

const unicodeKnown = new Map<string, CharSet | undefined>();

/** A category (`Lu`) or a script (`Greek`). Undefined where there is none of that name. */
export function unicodeClass(name: string): CharSet | undefined {
  if (!unicodeKnown.has(name)) unicodeKnown.set(name, name === 'Any' ? anyChar : unicodeRanges(name));
  return unicodeKnown.get(name);
}

function unicodeRanges(name: string): CharSet | undefined {
  // What is not assigned is no character of any kind.
  if (name === 'C') return union(...['Cc', 'Cf', 'Co'].map((each) => unicodeClass(each) ?? []));
  const property = /^[A-Z][a-z]?$/.test(name)
    ? `gc=${name}`
    : /^[A-Z][A-Za-z_]+$/.test(name)
      ? `sc=${name}`
      : undefined;
  if (property === undefined) return undefined;
  try {
    return runsOf(new RegExp(`\\p{${property}}+`, 'gu'));
  } catch {
    return undefined;
  }
}

const blockSize = 0x4000;

/** Where anything is assigned but for private use, by its first code point. */
const blocks: readonly number[] = [...Array.from({ length: 13 }, (_, index) => index * blockSize), 0xe0000];
const privatePlanes: CharSet = [0xf0000, 0xffffd, 0x100000, 0x10fffd];

function runsOf(expression: RegExp): CharSet {
  const own = expression.test(String.fromCodePoint(privatePlanes[0] as number)) ? privatePlanes : [];
  expression.lastIndex = 0;
  return union(...blocks.map((start) => runsInBlock(expression, start)), own);
}

function runsInBlock(expression: RegExp, start: number): CharSet {
  const text = textOfBlock(start);
  const width = start < 0x10000 ? 1 : 2;
  const found: number[] = [];
  for (const { 0: run, index } of text.matchAll(expression)) {
    found.push(start + index / width, start + (index + run.length) / width - 1);
  }
  return found;
}

/** Each code point at its place; a surrogate has none, and is as if it were not assigned. */
function textOfBlock(start: number): string {
  const codes = new Uint32Array(blockSize);
  for (let index = 0; index < blockSize; index++) codes[index] = isCharacter(start + index) ? start + index : 0xffff;
  return String.fromCodePoint(...codes);
}

const isCharacter = (code: number): boolean => code < 0xd800 || code > 0xdfff;

const folded = new WeakMap<CharSet, CharSet>();

/** With what differs from its members in case alone. */
export function foldCase(set: CharSet): CharSet {
  let whole = folded.get(set);
  if (whole === undefined) folded.set(set, (whole = makeFold(set)));
  return whole;
}

function makeFold(set: CharSet): CharSet {
  const isAscii = (set.at(-1) ?? 0) < 0x80;
  const added = isAscii ? asciiFolds(set) : otherFolds(set);
  return added.length === 0 ? set : union(set, added);
}

function asciiFolds(set: CharSet): number[] {
  const added: number[] = [];
  for (let i = 0; i < set.length; i += 2) {
    for (let code = set[i] as number; code <= (set[i + 1] as number); code++) {
      added.push(...asciiOrbit(code).flatMap(single));
    }
  }
  return added;
}

function otherFolds(set: CharSet): number[] {
  const added: number[] = [];
  for (const [code, others] of orbits()) {
    if (has(set, code)) for (const other of others) if (!has(set, other)) added.push(other, other);
  }
  return added;
}

/** `K` is also the sign for kelvin, and `s` was once written long. */
function asciiOrbit(code: number): readonly number[] {
  const lower = code | 0x20;
  if (lower < 0x61 || lower > 0x7a) return [];
  const other = code ^ 0x20;
  if (lower === 0x6b) return [other, 0x212a];
  return lower === 0x73 ? [other, 0x17f] : [other];
}

let knownOrbits: ReadonlyMap<number, readonly number[]> | undefined;

/** Of each character that has cases, the others that are the same but for that. Made where somebody folds more than ASCII. */
function orbits(): ReadonlyMap<number, readonly number[]> {
  knownOrbits ??= makeOrbits();
  return knownOrbits;
}

function makeOrbits(): ReadonlyMap<number, readonly number[]> {
  const byFold = new Map<string, number[]>();
  const runs = runsOf(/[\p{Changes_When_Casemapped}\p{Changes_When_Casefolded}]+/gu);
  for (let i = 0; i < runs.length; i += 2) {
    for (let code = runs[i] as number; code <= (runs[i + 1] as number); code++) {
      const fold = String.fromCodePoint(code).toUpperCase().toLowerCase();
      byFold.set(fold, [...(byFold.get(fold) ?? []), code]);
    }
  }
  return new Map(
    [...byFold.values()].flatMap((same) => same.map((code) => [code, same.filter((each) => each !== code)])),
  );
}
