/** Lets other requests have their turn where policies take long over one: each evaluation is bounded, but not how many there are. */
import type { Clock } from '../../../lib/clock.ts';
import { limits } from '../../../lib/limits.ts';

export class Pace {
  readonly #clock: Clock;
  #sinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonic();
  }

  /** Between two evaluations. Undefined: there is time left. */
  rest(): Promise<void> | undefined {
    return this.#clock.monotonic() - this.#sinceMs < limits.policyTurnMs ? undefined : this.#sleep();
  }

  /** Takes all steps, with rests between them where they take long. @throws what a step throws */
  async through<T>(steps: Iterator<void, T>): Promise<T> {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      const rest = this.rest();
      if (rest) await rest;
    }
  }

  async #sleep(): Promise<void> {
    await this.#clock.sleep(0);
    this.#sinceMs = this.#clock.monotonic();
  }
}
