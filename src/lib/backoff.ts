/** Exponential back-off, by key: `base`, doubled on each failure up to `max`; forgotten on success. */
import { SmallMap } from './small-map.ts';

export class Backoff {
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #failures = new SmallMap<string, number>();

  constructor(options: { baseMs: number; maxMs: number }) {
    this.#baseMs = options.baseMs;
    this.#maxMs = options.maxMs;
  }

  /** Counts a failure of `key` and says how long to wait (ms) before the next try. */
  next(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    return delayAfter(failures, this.#baseMs, this.#maxMs);
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }
}

/** The wait (ms) after `failures` earlier failures: 0 gives `baseMs`. */
export function delayAfter(failures: number, baseMs: number, maxMs: number): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(failures, 52));
}
