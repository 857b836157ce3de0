/**
 * What a run found out: the first broken invariant, with the virtual time at which it showed. Later ones are mostly consequences of the
 * first, so they are counted and not kept.
 */
import type { Clock } from '../../lib/clock.ts';

export interface Violation {
  /** The checker's name: what must hold. */
  readonly invariant: string;
  /** Which objects broke it, and how. */
  readonly message: string;
  /** Since the start of the run. */
  readonly atMs: number;
}

export class Verdict {
  readonly #clock: Clock;
  readonly #startMs: number;
  #first: Violation | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonic();
  }

  get first(): Violation | undefined {
    return this.#first;
  }

  broken(invariant: string, message: string): void {
    this.#first ??= { invariant, message, atMs: this.#clock.monotonic() - this.#startMs };
  }
}
