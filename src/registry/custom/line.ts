/**
 * Events that wait for a conversion, in the order in which they came: each is told once all before it were, and what it needs is there.
 *
 * Bounded: where a webhook answers more slowly than things change, whoever waits is better off to list again.
 */
import { limits } from '../../lib/limits.ts';

interface Waiting {
  /** What is to be awaited still; asked again until it is nothing. */
  readonly due: () => Promise<void> | undefined;
  readonly act: () => void;
}

export class Line {
  readonly #failed: (error: unknown) => void;
  readonly #over: () => void;
  readonly #waiting: Waiting[] = [];
  #isCancelled = false;
  #isMoving = false;

  /** `over`: nothing waits any more. After `failed`, nothing is told. */
  constructor(handlers: { readonly failed: (error: unknown) => void; readonly over: () => void }) {
    this.#failed = handlers.failed;
    this.#over = handlers.over;
  }

  /** False where there is no more room. */
  add(due: Waiting['due'], act: () => void): boolean {
    if (this.#waiting.length >= limits.watchBufferEventsMax) return false;
    this.#waiting.push({ due, act });
    if (!this.#isMoving) void this.#move();
    return true;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#waiting.length = 0;
  }

  async #move(): Promise<void> {
    this.#isMoving = true;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      try {
        for (let due = next.due(); due !== undefined; due = next.due()) await due;
      } catch (error) {
        if (!this.#isCancelled) this.#failed(error);
        return;
      }
      if (this.#isCancelled) return;
      this.#waiting.shift();
      next.act();
    }
    this.#isMoving = false;
    if (!this.#isCancelled) this.#over();
  }
}
