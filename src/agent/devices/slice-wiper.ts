/**
 * Removes the node's ResourceSlices of drivers that are away, so that no pod is placed here for devices that nobody could prepare: all of them
 * when the agent starts, as no driver has registered yet, and those of a driver that has been gone for half a minute. Drivers that come (back)
 * publish theirs anew.
 */
import type { Client } from '../../client/client.ts';
import { resourceSlices } from '../../client/resources.ts';
import { delayAfter } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { DriverWatch } from './dra-drivers.ts';

/** Upstream's. */
const graceMs = 30_000;
const retryMsMin = 1000;
const retryMsMax = 5 * 60_000;

export interface SliceWiperOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export class SliceWiper implements DriverWatch {
  readonly #options: SliceWiperOptions;
  readonly #stop = new AbortController();
  /** Drivers that are away, by name; the empty one stands for all. */
  readonly #pending = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>();

  constructor(options: SliceWiperOptions) {
    this.#options = options;
  }

  /** In the background. */
  start(): void {
    this.#wipeAfter(0, '');
  }

  came(driver: string): void {
    this.#pending.get(driver)?.stop.abort();
    this.#pending.delete(driver);
  }

  went(driver: string): void {
    if (!this.#pending.has(driver)) this.#wipeAfter(graceMs, driver);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#pending.values()].map(({ done }) => done));
  }

  #wipeAfter(ms: number, driver: string): void {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#stop.signal]);
    const done = this.#wipe(ms, driver, signal)
      .catch(() => {})
      .finally(() => {
        if (this.#pending.get(driver)?.stop === stop) this.#pending.delete(driver);
      });
    this.#pending.set(driver, { stop, done });
  }

  /** Until it succeeds. */
  async #wipe(ms: number, driver: string, signal: AbortSignal): Promise<void> {
    const { client, clock, log, nodeName } = this.#options;
    if (ms > 0) await clock.sleep(ms, signal);
    const fieldSelector = `spec.nodeName=${nodeName}${driver === '' ? '' : `,spec.driver=${driver}`}`;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        return await client.deleteCollection(resourceSlices, { fieldSelector });
      } catch (error) {
        log.debug('ResourceSlices of this node could not be removed', { driver, error });
      }
      await clock.sleep(delayAfter(failures, retryMsMin, retryMsMax), signal);
    }
  }
}
