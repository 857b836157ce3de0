/**
 * Keeps the agent's client certificate fresh: a new one is asked for when 70 to 90 % of the old one's life are over, each agent at a
 * moment of its own, so that a thousand that joined together do not come back together.
 *
 * ```
 *  sleep until the moment ──▶ request, wait ──▶ keep(new one) ──▶ sleep …
 *        ▲                          │ denied, failed, no answer
 *        └────── back-off ◀─────────┘
 * ```
 * Kept true: the old certificate is used until the new one is kept on disk; one that cannot be renewed in time is said to be so in the log,
 * again and again. Where it is kept and who takes it up is the owner's (`cli/agent.ts`).
 */
import { X509Certificate } from 'node:crypto';
import type { Client } from '../../client/client.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';
import { type ClientIdentity, requestIdentity } from './request-certificate.ts';

export interface RotationOptions {
  /** Asks as the node, with the certificate that is to be renewed. */
  readonly client: Client;
  readonly node: string;
  /** The certificate in use (PEM). */
  readonly current: () => string;
  /** Writes the new one down and takes it up. */
  readonly keep: (identity: ClientIdentity) => Promise<void>;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

const retry = { baseMs: 5_000, maxMs: 5 * 60 * 1000 } as const;
/** The clock may be set, and the file replaced: it is looked at again so often at least. */
const sleepMsMax = 60 * 60 * 1000;

/** When to ask for the next one (ms since the epoch); `chance` from 0 to 1. Pure. */
export function rotationTimeMs(certificate: string, chance: number): number {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const fromMs = validFromDate.getTime();
  return fromMs + (validToDate.getTime() - fromMs) * (0.7 + 0.2 * chance);
}

export class CertificateRotation implements Service {
  readonly name = 'certificate rotation';
  readonly #options: RotationOptions;
  readonly #backoff = new Backoff(retry);
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: RotationOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#running = this.#run(this.#stop.signal);
  }

  async close(): Promise<void> {
    this.destroy();
    await this.#running;
  }

  destroy(): void {
    this.#stop.abort(new Error('the agent was closed'));
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { current, clock, prng } = this.#options;
    let chance = prng.next();
    while (!signal.aborted) {
      const leftMs = rotationTimeMs(current(), chance) - clock.now();
      if (leftMs > 0) await clock.sleep(Math.ceil(Math.min(leftMs, sleepMsMax)), signal).catch(ignore);
      else if (await this.#renew(signal)) chance = prng.next();
    }
  }

  /** True: the certificate is a new one. */
  async #renew(signal: AbortSignal): Promise<boolean> {
    const { client, node, keep, clock, prng, log, current } = this.#options;
    try {
      await keep(await requestIdentity({ client, node, clock, signal }));
      this.#backoff.forget(node);
      log.info('client certificate renewed', { node, until: new X509Certificate(current()).validTo });
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      log.warn('client certificate not renewed yet', { node, until: new X509Certificate(current()).validTo, error });
      const waitMs = Math.ceil(this.#backoff.next(node) * (0.5 + prng.next() / 2));
      await clock.sleep(waitMs, signal).catch(ignore);
      return false;
    }
  }
}

function ignore(): void {}
