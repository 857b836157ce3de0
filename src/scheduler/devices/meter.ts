/**
 * How much work a search for devices may be: it runs in the thread that answers everybody, and whoever may write a claim says how hard it is.
 * A step is about a microsecond, whatever it is spent on.
 */
export class SearchLimitError extends Error {
  override name = 'SearchLimitError';
}

/** What else costs as much as a look at a device. */
export const stepsPer = {
  /** A device that somebody has: it is passed over at once. */
  takenDevice: 1 / 8,
  /** Of the cost of an expression's evaluation. */
  evaluationCost: 1 / 10,
  /** Of an expression that has to be compiled. */
  character: 1 / 4,
} as const;

export class Meter {
  readonly #stepsMax: number;
  #steps = 0;

  constructor(stepsMax: number) {
    this.#stepsMax = stepsMax;
  }

  get steps(): number {
    return this.#steps;
  }

  /** @throws SearchLimitError */
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > this.#stepsMax) throw new SearchLimitError('too many ways to try');
  }
}
