/** Lists of an indexed job's indexes as text: `1,3-5,7`. Pure, and linear in the text. */
import { goQuote } from '../../api/field-error.ts';

interface Interval {
  readonly first: number;
  readonly last: number;
}

export type ReadIndexes = { readonly total: number } | { readonly error: string };

/** How many there are. They grow, and all are below `completions`. */
export function readIndexes(text: string, completions: number): ReadIndexes {
  if (text === '') return { total: 0 };
  let total = 0;
  let previous: number | undefined;
  for (const part of text.split(',')) {
    const interval = readInterval(part, completions);
    if ('error' in interval) return interval;
    if (previous !== undefined && previous >= interval.first) return notGrowing(previous, interval.first);
    total += interval.last - interval.first + 1;
    previous = interval.last;
  }
  return { total };
}

const notGrowing = (previous: number, current: number): { readonly error: string } => ({
  error: `non-increasing order, previous: ${previous}, current: ${current}`,
});

function readInterval(text: string, completions: number): Interval | { readonly error: string } {
  const limits = text.split('-');
  if (limits.length > 2) {
    const rule = "violates the requirement that an index interval can have at most two parts separated by '-'";
    return { error: `the fragment ${goQuote(text)} ${rule}` };
  }
  const first = readIndex(limits[0] ?? '', completions);
  if (typeof first !== 'number') return first;
  if (limits.length === 1) return { first, last: first };
  const last = readIndex(limits[1] ?? '', completions);
  if (typeof last !== 'number') return last;
  return first >= last ? notGrowing(first, last) : { first, last };
}

function readIndex(text: string, completions: number): number | { readonly error: string } {
  const index = /^[-+]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(index)) return { error: `cannot convert string to integer for index: ${goQuote(text)}` };
  return index >= completions ? { error: `too large index: ${goQuote(text)}` } : index;
}

/** The first index that both lists name. What cannot be read is passed over: it is complained of elsewhere. */
export function commonIndex(left: string, right: string, completions: number): number | undefined {
  const [a, b] = [intervalsOf(left, completions), intervalsOf(right, completions)];
  let [i, j] = [0, 0];
  for (let x = a[i], y = b[j]; x !== undefined && y !== undefined; x = a[i], y = b[j]) {
    if (x.first <= y.last && y.first <= x.last) return Math.max(x.first, y.first);
    if (x.first <= y.first) i++;
    else j++;
  }
  return undefined;
}

function intervalsOf(text: string, completions: number): Interval[] {
  if (text === '') return [];
  return text.split(',').flatMap((part) => {
    const interval = readInterval(part, completions);
    return 'error' in interval ? [] : [interval];
  });
}
