/**
 * Packs large entries (`entry.ts`) when those who waited for them have had them: a while after they came, and a few at a time, so that nobody
 * waits for it. With none there is no timer.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { StoredEntry } from './entry.ts';

export class Packing {
  readonly #clock: Clock;
  #waiting: StoredEntry[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(entry: StoredEntry): void {
    if (!entry.isLarge) return;
    this.#waiting.push(entry);
    this.#timer ??= this.#clock.after(limits.packAfterMs, () => this.#packSome());
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting = [];
  }

  #packSome(): void {
    let bytes = 0;
    while (bytes < limits.packedAtOnceBytes && this.#waiting.length > 0) {
      const entry = this.#waiting.pop();
      entry?.pack();
      bytes += entry?.bytes ?? 0;
    }
    this.#timer = this.#waiting.length === 0 ? undefined : this.#clock.after(pauseMs, () => this.#packSome());
  }
}

/** So that packing takes a fifth of the thread at most. */
const pauseMs = 10;
