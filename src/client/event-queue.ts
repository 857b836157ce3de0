/**
 * Events on their way to the server: a bounded queue, written one after another.
 *
 * Events are best effort, and nobody waits for them. So none is waited for without an end:
 * - Beyond `pendingMax` what is new is lost.
 * - Where nobody answers, all wait, and it is tried again every 10 s, twelve times, as upstream's; what is refused is lost at once.
 * - A write that takes longer than 10 s is given up: a webhook that never answers about one event must not silence all others.
 * - Whoever has more urgent things to write may let them wait for a few seconds (`isBusy`).
 */
import { hasReason, StatusError } from '../api/status-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';

export interface EventQueueOptions<T> {
  readonly clock: Clock;
  readonly log: Logger;
  readonly write: (event: T) => Promise<void>;
  /** 1000, as upstream, where absent. */
  readonly pendingMax?: number | undefined;
  /** While it says so, events wait: until half of `pendingMax` do, or the first has waited for 5 s. */
  readonly isBusy?: (() => boolean) | undefined;
}

const pendingByDefault = 1000;
const heldMsMax = 5000;
/** How soon it is asked again whether somebody is busy. */
const heldAgainMs = 20;
const triesMax = 12;
const againMs = 10_000;
const writeMsMax = 10_000;

interface Waiting<T> {
  readonly event: T;
  readonly atMs: number;
}

export class EventQueue<T> {
  readonly #options: EventQueueOptions<T>;
  readonly #pendingMax: number;
  /** Waiting, from `#first` on. */
  #queue: Waiting<T>[] = [];
  #first = 0;
  #writing: Promise<void> | undefined;
  #flushes = 0;
  #closed = false;
  #endPause: (() => void) | undefined;

  constructor(options: EventQueueOptions<T>) {
    this.#options = options;
    this.#pendingMax = options.pendingMax ?? pendingByDefault;
  }

  get isFull(): boolean {
    return this.#pending >= this.#pendingMax;
  }

  /** Lost where the queue is full or closed. */
  add(event: T): void {
    if (this.isFull || this.#closed) return;
    this.#queue.push({ event, atMs: this.#options.clock.monotonic() });
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when what was added until now is written or lost; nothing is tried twice meanwhile. */
  async flush(): Promise<void> {
    this.#flushes++;
    this.#endPause?.();
    await this.#writing;
    this.#flushes--;
  }

  /** The last flush: what comes later is lost, and no timer stays. */
  close(): Promise<void> {
    this.#closed = true;
    return this.flush();
  }

  get #pending(): number {
    return this.#queue.length - this.#first;
  }

  async #writeAll(): Promise<void> {
    // Whoever records several things in one go has recorded them all by then.
    await Promise.resolve();
    for (let next = this.#queue[this.#first]; next !== undefined; next = this.#queue[this.#first]) {
      if (this.#mayWait(next)) {
        await this.#pause(heldAgainMs);
        continue;
      }
      await this.#insist(next.event);
      this.#first++;
      if (this.#first >= 1024 && this.#first * 2 >= this.#queue.length) {
        this.#queue = this.#queue.slice(this.#first);
        this.#first = 0;
      }
    }
    this.#queue = [];
    this.#first = 0;
    this.#writing = undefined;
  }

  async #insist(event: T): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#inTime(this.#options.write(event));
        return;
      } catch (error) {
        if (attempt === triesMax || this.#flushes > 0 || !isWorthAnother(error)) {
          this.#options.log.debug('an event was lost', { event, error });
          return;
        }
      }
      await this.#pause(againMs);
    }
  }

  /** @throws GivenUp */
  #inTime(work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(writeMsMax, () => reject(new GivenUp()));
      void work.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  #mayWait({ atMs }: Waiting<T>): boolean {
    const { clock, isBusy } = this.#options;
    if (isBusy === undefined || this.#flushes > 0 || this.#pending * 2 >= this.#pendingMax) return false;
    return clock.monotonic() - atMs < heldMsMax && isBusy();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(ms, () => this.#endPause?.());
      this.#endPause = () => {
        this.#endPause = undefined;
        timer.cancel();
        resolve();
      };
    });
  }
}

class GivenUp extends Error {
  override name = 'GivenUp';
  override message = `nobody answered within ${writeMsMax} ms`;
}

/** Nobody answered, or nobody could: the event itself was not refused. */
function isWorthAnother(error: unknown): boolean {
  if (error instanceof GivenUp) return false;
  return !(error instanceof StatusError) || hasReason(error, 'ServiceUnavailable', 'Timeout', 'TooManyRequests');
}
