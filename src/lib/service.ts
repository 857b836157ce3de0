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

/** Services that need nothing of each other: they start side by side, and stop side by side. */
export class ServicesTogether implements Service {
  readonly name: string;
  readonly #members: readonly Service[];

  constructor(name: string, members: readonly Service[]) {
    this.name = name;
    this.#members = members;
  }

  async start(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#members.map((member) => member.start()));
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure === undefined) return;
    const started = this.#members.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    await Promise.allSettled(started.map((member) => member.close()));
    throw failure.reason;
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.close()));
  }

  destroy(): void {
    for (const member of this.#members) member.destroy?.();
  }
}
