/**
 * Sets of completion indexes, kept as intervals: a job may have a hundred thousand. Written as in a Job's status: `1,3-5,7`.
 * Pure; no set ever changes.
 */

interface Interval {
  readonly first: number;
  readonly last: number;
}

export class Indexes {
  static readonly none = new Indexes([]);
  /** In order, and never touching. */
  readonly #intervals: readonly Interval[];

  private constructor(intervals: readonly Interval[]) {
    this.#intervals = intervals;
  }

  static of(indexes: Iterable<number>): Indexes {
    return new Indexes(joined([...indexes].map((index) => ({ first: index, last: index }))));
  }

  /** What cannot be read is left out, as are indexes from `completions` on. */
  static read(text: string | undefined, completions: number): Indexes {
    const intervals = (text ?? '').split(',').flatMap((part) => {
      const [first, last] = readRange(part);
      if (first === undefined || last === undefined || first >= completions) return [];
      return [{ first, last: Math.min(last, completions - 1) }];
    });
    return new Indexes(joined(intervals.filter(({ first, last }) => first <= last)));
  }

  get total(): number {
    return this.#intervals.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  has(index: number): boolean {
    let [low, high] = [0, this.#intervals.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#intervals[middle] as Interval).last < index) low = middle + 1;
      else high = middle;
    }
    return (this.#intervals[low]?.first ?? Number.POSITIVE_INFINITY) <= index;
  }

  with(other: Indexes): Indexes {
    return new Indexes(joined([...this.#intervals, ...other.#intervals]));
  }

  /** How many indexes both have. */
  inCommon(other: Indexes): number {
    let common = 0;
    let [mine, theirs] = [0, 0];
    for (;;) {
      const [a, b] = [this.#intervals[mine], other.#intervals[theirs]];
      if (a === undefined || b === undefined) return common;
      common += Math.max(0, Math.min(a.last, b.last) - Math.max(a.first, b.first) + 1);
      if (a.last <= b.last) mine++;
      if (b.last <= a.last) theirs++;
    }
  }

  /** The first `count` indexes below `completions` that are not in it. */
  missing(count: number, completions: number): readonly number[] {
    const found: number[] = [];
    let candidate = 0;
    for (const { first, last } of [...this.#intervals, { first: completions, last: completions }]) {
      for (; candidate < Math.min(first, completions) && found.length < count; candidate++) found.push(candidate);
      candidate = Math.max(candidate, last + 1);
    }
    return found;
  }

  toString(): string {
    return this.#intervals.map(({ first, last }) => rangeText(first, last)).join(',');
  }
}

/** Two neighbours are no range. */
function rangeText(first: number, last: number): string {
  if (first === last) return `${first}`;
  return last === first + 1 ? `${first},${last}` : `${first}-${last}`;
}

function readRange(text: string): readonly (number | undefined)[] {
  const [first = '', last = first] = text.split('-');
  return [readIndex(first), readIndex(last)];
}

function readIndex(text: string): number | undefined {
  const index = /^\+?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(index) ? index : undefined;
}

function joined(intervals: readonly Interval[]): readonly Interval[] {
  const result: Interval[] = [];
  for (const { first, last } of intervals.toSorted((a, b) => a.first - b.first)) {
    const previous = result.at(-1);
    if (previous === undefined || first > previous.last + 1) result.push({ first, last });
    else if (last > previous.last) result[result.length - 1] = { first: previous.first, last };
  }
  return result;
}
