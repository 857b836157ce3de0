/** Choices, all from one seed: a request is made from its own number and the run's seed, so that it can be made again alone. */
import { nextInt, type Prng, SeededPrng } from '../../../src/lib/prng.ts';

/** A choice and how often it is taken, relative to the others. */
export type Weighted<T> = readonly (readonly [weight: number, choice: T])[];

export class Chance {
  readonly #prng: Prng;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  /** The same for the same seed and number, whatever was made before. */
  static of(seed: number, index: number): Chance {
    return new Chance(new SeededPrng(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)));
  }

  /** In [0, limit). */
  int(limit: number): number {
    return nextInt(this.#prng, limit);
  }

  /** True in so many of a hundred cases. */
  percent(share: number): boolean {
    return this.#prng.next() * 100 < share;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(choices.length)] as T;
  }

  weighted<T>(choices: Weighted<T>): T {
    let at = this.#prng.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, choice] of choices) {
      at -= weight;
      if (at < 0) return choice;
    }
    return (choices.at(-1) as readonly [number, T])[1];
  }

  several<T>(countMax: number, make: (index: number) => T): T[] {
    return Array.from({ length: this.int(countMax + 1) }, (_, index) => make(index));
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = this.int(256);
    return bytes;
  }
}
