/**
 * The clock of one machine, as wrong as real ones are: it shows another time than the world's, runs a little too fast or too slow, and is set
 * right, or wrong, at a stroke.
 *
 * Kept true: only the time of day jumps. `monotonic` and timers drift with the machine's crystal and never go back; a timer is never early by
 * this machine's own count (see `VirtualClock`). Time is whole milliseconds here, too.
 */
import { type Clock, sleepOn, type Timer } from '../../lib/clock.ts';

export interface ClockError {
  /** Ahead of the world's time, or behind it. */
  readonly offsetMs: number;
  /** How many millionths too fast. */
  readonly driftPpm: number;
}

export class MachineClock implements Clock {
  readonly #world: Clock;
  readonly #rate: number;
  readonly #startMs: number;
  #offsetMs: number;

  constructor(world: Clock, { offsetMs, driftPpm }: ClockError = { offsetMs: 0, driftPpm: 0 }) {
    this.#world = world;
    this.#rate = 1 + driftPpm / 1e6;
    this.#startMs = world.now() - this.monotonic();
    this.#offsetMs = Math.round(offsetMs);
  }

  now(): number {
    return this.#startMs + this.monotonic() + this.#offsetMs;
  }

  monotonic(): number {
    return this.#at(this.#world.monotonic());
  }

  after(delayMs: number, callback: () => void): Timer {
    const world = this.#world.monotonic();
    const dueMs = this.#at(world) + Math.max(0, delayMs);
    let waitMs = Math.ceil(Math.max(0, delayMs) / this.#rate);
    while (this.#at(world + waitMs) < dueMs) waitMs++;
    return this.#world.after(waitMs, callback);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Somebody sets it, as NTP does with a clock that is far off. */
  jump(offsetMs: number): void {
    this.#offsetMs = Math.round(offsetMs);
  }

  #at(worldMs: number): number {
    return this.#rate === 1 ? worldMs : Math.floor(worldMs * this.#rate);
  }
}
