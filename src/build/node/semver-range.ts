/**
 * Whether a version is in a range, by the grammar of npm's documentation on semver: `>=20 <27 || 18.x`, `^20.1`, `~20.1.2`, `18 - 20`. For `engines` alone: tags of
 * pre-releases are read and not told apart. Pure.
 */

type Version = readonly [number, number, number];

/** A comparison, such as `>= 20.0.0`. */
interface Bound {
  readonly operator: '<' | '<=' | '>' | '>=';
  readonly version: Version;
}

/** Undefined where the range cannot be read. */
export function isInRange(version: string, range: string): boolean | undefined {
  const [, major = '', minor = '', patch = ''] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === '') return undefined;
  const own: Version = [Number(major), Number(minor), Number(patch)];
  const sets = range.split('||').map(boundsOf);
  if (sets.some((set) => set === undefined)) return undefined;
  return sets.some((set) => set?.every((bound) => holds(own, bound)));
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

function holds(version: Version, { operator, version: other }: Bound): boolean {
  const order = compare(version, other);
  return { '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[operator];
}

/** All must hold. */
function boundsOf(text: string): readonly Bound[] | undefined {
  const spread = text.trim().replace(/(^|\s)(\S+)\s+-\s+(\S+)/g, (_, before: string, from: string, to: string) => {
    return `${before}>=${from} <=${to}`;
  });
  const joined = spread.replace(/([<>=~^])\s+/g, '$1');
  const words = joined.split(/\s+/).filter((word) => word !== '');
  const bounds = words.map(boundsOfWord);
  return bounds.some((each) => each === undefined) ? undefined : bounds.flatMap((each) => each ?? []);
}

const wordPattern =
  /^(\^|~>?|[<>]=?|=)?\s*v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-[\w.-]+)?(?:\+[\w.-]+)?$/;

function boundsOfWord(word: string): readonly Bound[] | undefined {
  const match = wordPattern.exec(word);
  if (match === null) return undefined;
  const [, operator = '=', ...texts] = match;
  const numbers: number[] = [];
  for (const text of texts) {
    if (text === undefined || !/^\d+$/.test(text)) break;
    numbers.push(Number(text));
  }
  const [major, minor = 0, patch = 0] = numbers;
  if (major === undefined) return operator === '<' || operator === '>' ? [{ operator: '<', version: [0, 0, 0] }] : [];
  const least: Version = [major, minor, patch];
  switch (operator) {
    case '^':
      return between(least, nextOf(numbers, caretPlace(numbers)));
    case '~':
    case '~>':
      return between(least, nextOf(numbers, Math.min(1, numbers.length - 1)));
    case '=':
      return between(least, nextOf(numbers, numbers.length - 1));
    // What is left out counts as the whole of it: `>20` means from 21 on, `<=20` below 21.
    case '>':
      return [{ operator: '>=', version: nextOf(numbers, numbers.length - 1) }];
    case '<=':
      return [{ operator: '<', version: nextOf(numbers, numbers.length - 1) }];
    default:
      return [{ operator: operator as '<' | '>=', version: least }];
  }
}

const between = (from: Version, to: Version): readonly Bound[] => [
  { operator: '>=', version: from },
  { operator: '<', version: to },
];

/** The first number that is not zero may not change; of those given, the last one where all are zero. */
function caretPlace(numbers: readonly number[]): number {
  const place = numbers.findIndex((number) => number > 0);
  return place < 0 ? numbers.length - 1 : place;
}

/** With the number at `place` counted up, and zeros behind it. */
function nextOf(numbers: readonly number[], place: number): Version {
  const at = (index: number): number =>
    index < place ? (numbers[index] ?? 0) : index === place ? (numbers[index] ?? 0) + 1 : 0;
  return [at(0), at(1), at(2)];
}
