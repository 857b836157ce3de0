/**
 * How long a place must wait for its next pod, when pods fail there again and again: a node that refuses what a loop puts there would
 * otherwise be fought with as fast as both can write (upstream's `failedPodsBackoff`).
 *
 * The first failure is answered at once; after it 1 s, doubled up to 15 minutes. Who was quiet for twice the longest wait starts anew.
 */
import type { Clock } from '../../lib/clock.ts';

const baseMs = 1000;
const maxMs = 15 * 60 * 1000;
/** Beyond it the places that were replaced longest ago are forgotten. */
const rememberedMax = 10_000;

export class ReplacementBackoff {
  readonly #clock: Clock;
  readonly #waits = new Map<string, { readonly waitMs: number; readonly sinceMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Until the failed pod of this place may be replaced (ms). */
  remainingMs(place: string): number {
    const known = this.#waits.get(place);
    if (known === undefined) return 0;
    return Math.max(0, known.sinceMs + known.waitMs - this.#clock.monotonic());
  }

  /** It is being replaced now. */
  replaced(place: string): void {
    const nowMs = this.#clock.monotonic();
    const known = this.#waits.get(place);
    const isFresh = known === undefined || nowMs - known.sinceMs > 2 * maxMs;
    this.#waits.delete(place);
    this.#waits.set(place, { waitMs: isFresh ? baseMs : Math.min(maxMs, known.waitMs * 2), sinceMs: nowMs });
    for (const oldest of this.#waits.keys()) {
      if (this.#waits.size <= rememberedMax) break;
      this.#waits.delete(oldest);
    }
  }
}
