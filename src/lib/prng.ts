/**
 * Chance as an argument (ARCHITECTURE.md, D5): one seed repeats a run. The one place that may call `Math.random` or
 * `randomUUID`. Secrets and keys never come from here, but from `node:crypto`, in `src/server/certificates`.
 */
import { randomInt } from 'node:crypto';

export interface Prng {
  /** Uniform in [0, 1). */
  next(): number;
}

/** sfc32 by Chris Doty-Humphrey: small, fast, passes PractRand. Not for secrets. */
export class SeededPrng implements Prng {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#c = seed | 0;
    for (let i = 0; i < 15; i++) this.next();
  }

  next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + t) | 0;
    return (t >>> 0) / 2 ** 32;
  }
}

/** A generator whose seed nobody chose, for production. */
export function unseededPrng(): Prng {
  return new SeededPrng(randomInt(2 ** 32));
}

/** A whole number in [0, limit). */
export function nextInt(prng: Prng, limit: number): number {
  return Math.floor(prng.next() * limit);
}

/** Upstream's alphabet for generated names: no vowels and no look-alikes, so that no words appear. */
const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** The random part that the API appends to `metadata.generateName`. */
export function nameSuffix(prng: Prng, length = 5): string {
  let suffix = '';
  for (let i = 0; i < length; i++) suffix += suffixAlphabet[nextInt(prng, suffixAlphabet.length)];
  return suffix;
}

const hexDigits = '0123456789abcdef';

/** A version 4 UUID (RFC 9562), for `metadata.uid`. */
export function uuid(prng: Prng): string {
  const digits: (string | undefined)[] = [];
  for (let i = 0; i < 32; i++) digits.push(hexDigits[nextInt(prng, 16)]);
  digits[12] = '4';
  digits[16] = '89ab'[nextInt(prng, 4)];
  // Joined at once, not piece by piece: every object keeps one, and a string made of strings takes three times the memory.
  for (const place of [20, 16, 12, 8]) digits.splice(place, 0, '-');
  return digits.join('');
}
