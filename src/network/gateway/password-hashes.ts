/**
 * What it costs to check a password against a hash. HAProxy does so in its one event loop, and once for each hash when it reads its configuration: a hash that
 * is made to take long (one Secret of anybody's) would hold up everybody's requests, and every reload. Pure.
 */

/** Milliseconds of one hash, and of a whole list: roughly, on a machine of today. */
export const hashMsMax = 100;
export const listMsMax = 5000;

/** The letters in which crypt(3) writes numbers. */
const letters = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Of each form: what its own numbers cost. */
const forms: readonly (readonly [form: RegExp, costMs: (found: RegExpExecArray) => number])[] = [
  [/^\$2[aby]\$(\d\d)\$/, ([, cost]) => 2 ** (Number(cost) - 4)],
  [/^\$[56]\$rounds=(\d+)\$/, ([, rounds]) => Number(rounds) / 1500],
  [
    /^\$y\$.(.)(.)\$/,
    ([, size = '', block = '']) => (2 ** (letters.indexOf(size) - 11) * letters.indexOf(block) * 60) / 31,
  ],
  // Its further numbers are for those who want it slower still.
  [/^\$y\$/, () => Number.POSITIVE_INFINITY],
];

const otherMs = 3;

export function hashMs(hash: string): number {
  for (const [form, costMs] of forms) {
    const found = form.exec(hash);
    if (found !== null) return costMs(found);
  }
  return otherMs;
}
