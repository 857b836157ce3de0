/**
 * What has a life of its own: a listener, a loop, a child process.
 *
 * Parts are started in an order and stopped in reverse (`ServiceGroup`). Both endings are idempotent: `close` finishes what
 * is under way and gives resources back, within a bound; `destroy` lets go at once, as far as that can be done.
 */
import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

export interface Service {
  readonly name: string;
  /** Resolves when the part does its job. Rejecting means that it did not start; `close` need not be called then. */
  start(): Promise<void>;
  close(): Promise<void>;
  destroy?(): void;
}

/** Starts services one after another and stops them in reverse; what does not stop within the bound is named and destroyed. */
export class ServiceGroup implements Service {
  readonly name: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #members: readonly Service[];
  readonly #closeMsMax: number;
  #started: Service[] = [];

  constructor(name: string, members: readonly Service[], options: { clock: Clock; log: Logger; closeMsMax?: number }) {
    this.name = name;
    this.#members = members;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#closeMsMax = options.closeMsMax ?? 10_000;
  }

  async start(): Promise<void> {
    for (const member of this.#members) {
      try {
        await member.start();
      } catch (error) {
        await this.close();
        throw error;
      }
      this.#started.push(member);
    }
  }

  async close(): Promise<void> {
    const started = this.#started;
    this.#started = [];
    for (const member of started.toReversed()) {
      const stopWaiting = new AbortController();
      const late = this.#clock.sleep(this.#closeMsMax, stopWaiting.signal).then(
        () => 'late' as const,
        () => 'cancelled' as const,
      );
      const closed = member.close().then(
        () => 'closed' as const,
        (error: unknown) => {
          this.#log.error('service did not close cleanly', { service: member.name, error });
          return 'closed' as const;
        },
      );
      const outcome = await Promise.race([closed, late]);
      stopWaiting.abort(new Error('closed'));
      if (outcome === 'late') {
        this.#log.error('service did not close in time', { service: member.name, closeMsMax: this.#closeMsMax });
        member.destroy?.();
      }
    }
  }

  destroy(): void {
    for (const member of this.#started.toReversed()) member.destroy?.();
    this.#started = [];
  }
}
