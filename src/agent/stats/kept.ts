/** The last answer to a question that costs something. Who asks while it is being answered waits for that answer; errors are not kept. */
import type { Clock } from '../../lib/clock.ts';

export class Kept<Value> {
  readonly #clock: Clock;
  readonly #ask: () => Promise<Value>;
  #last: { readonly value: Value; readonly askedMs: number } | undefined;
  #asking: Promise<Value> | undefined;

  constructor(clock: Clock, ask: () => Promise<Value>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** Younger than that; 0: asked anew. */
  get(ageMsMax: number): Promise<Value> {
    const last = this.#last;
    if (last !== undefined && this.#clock.monotonic() - last.askedMs < ageMsMax) return Promise.resolve(last.value);
    this.#asking ??= this.#askAnew().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askAnew(): Promise<Value> {
    const askedMs = this.#clock.monotonic();
    const value = await this.#ask();
    this.#last = { value, askedMs };
    return value;
  }
}
