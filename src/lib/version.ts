/** Semantic versions (semver.org 2.0.0), as the Go library reads them that Kubernetes' CEL functions stand on. Pure. */

export interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  /** What stands behind the `-`; it comes before the version itself. */
  readonly pre: readonly (bigint | string)[];
}

const numberMax = 2n ** 64n - 1n;
const form = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$/;

/** Undefined where the text is no version. */
export function parseVersion(text: string): Version | undefined {
  const parts = form.exec(text);
  if (parts === null) return undefined;
  const [, major = '', minor = '', patch = '', pre, build] = parts;
  const words = pre?.split('.') ?? [];
  const hasEmpty = words.includes('') || (build?.split('.').includes('') ?? false);
  if (hasEmpty || words.some((word) => /^0\d+$/.test(word))) return undefined;
  const numbers = [major, minor, patch].map(BigInt);
  if (numbers.some((number) => number > numberMax)) return undefined;
  const [first = 0n, second = 0n, third = 0n] = numbers;
  return {
    major: first,
    minor: second,
    patch: third,
    pre: words.map((word) => (/^\d+$/.test(word) ? BigInt(word) : word)),
  };
}

/** Without a leading `v`, with three numbers, none of which begins with zeros. */
export function normalVersion(text: string): string {
  const [major = '', minor, ...rest] = text.replace(/^v/, '').split('.');
  const parts = [major, ...(minor === undefined ? [] : [minor]), ...(rest.length === 0 ? [] : [rest.join('.')])];
  const plain = parts.map((part) => (part.length > 1 ? part.replace(/^0+(?=\d)/, '') : part));
  // A short version with more behind it stays short, and so is none.
  if (plain.length < 3 && /[+-]/.test(plain.at(-1) ?? '')) return text;
  while (plain.length < 3) plain.push('0');
  return plain.join('.');
}

/** Negative, zero or positive; what stands behind a `+` does not count. */
export function compareVersions(a: Version, b: Version): -1 | 0 | 1 {
  return order(a.major, b.major) || order(a.minor, b.minor) || order(a.patch, b.patch) || comparePre(a.pre, b.pre);
}

const order = <T extends bigint | string>(a: T, b: T): -1 | 0 | 1 => (a < b ? -1 : a > b ? 1 : 0);

function comparePre(a: Version['pre'], b: Version['pre']): -1 | 0 | 1 {
  if (a.length === 0 || b.length === 0) return a.length === b.length ? 0 : a.length === 0 ? 1 : -1;
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const compared = compareWords(a[index] as bigint | string, b[index] as bigint | string);
    if (compared !== 0) return compared;
  }
  return order(BigInt(a.length), BigInt(b.length));
}

/** Numbers come before words. */
function compareWords(a: bigint | string, b: bigint | string): -1 | 0 | 1 {
  if (typeof a === 'bigint' && typeof b === 'bigint') return order(a, b);
  if (typeof a === 'string' && typeof b === 'string') return order(a, b);
  return typeof a === 'bigint' ? -1 : 1;
}
