/**
 * A connection's heartbeat and the bound of its silence, the same for every form of forwarded ports: a sign of life every ten
 * seconds, by which a client that has gone is noticed, and an end where nothing passed for `limits.streamingIdleMsMax`.
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';

const heartbeatMs = 10_000;

export interface IdleWatchOptions {
  readonly clock: Clock;
  readonly beat: () => void;
  /** Told with each heartbeat from then on, until the watch is stopped. */
  readonly idle: () => void;
}

export class IdleWatch {
  readonly #options: IdleWatchOptions;
  #lastActiveMs: number;
  #heartbeat: Timer | undefined;

  constructor(options: IdleWatchOptions) {
    this.#options = options;
    this.#lastActiveMs = options.clock.monotonic();
  }

  start(): void {
    const { clock, beat, idle } = this.#options;
    this.#heartbeat = clock.after(heartbeatMs, () => {
      this.start();
      beat();
      if (clock.monotonic() - this.#lastActiveMs > limits.streamingIdleMsMax) idle();
    });
  }

  /** Something passed, either way, that is no heartbeat. */
  active(): void {
    this.#lastActiveMs = this.#options.clock.monotonic();
  }

  stop(): void {
    this.#heartbeat?.cancel();
  }
}
