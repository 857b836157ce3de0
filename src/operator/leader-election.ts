/**
 * One of several copies of a program leads (client-go's `leaderelection`, over a Lease).
 *
 * ```
 *  waiting ── the lease is free, or its holder was silent for `leaseMs` ──▶ leading ── not renewed for `renewMs`, or stopped ──▶ over
 * ```
 * Kept true, as long as clocks run at about the same rate: nobody leads while another does. Times of other machines are never compared with
 * ours: what counts is how long ago we saw the lease change. Who stops gives the lease back, so that the next need not wait.
 */
import type { Lease } from '../api/schema/types/coordination-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { leases } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import { formatMicroTime } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';

export interface LeaderElectionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly namespace: string;
  readonly name: string;
  /** Of this copy; unlike all others'. */
  readonly identity: string;
  /** Others wait so long for a silent leader (ms); 15 s where absent, as in client-go. */
  readonly leaseMs?: number;
  /** A leader that could not renew for so long stops leading (ms); 10 s. */
  readonly renewMs?: number;
  /** Between two looks (ms); 2 s, and up to a fifth more by chance. */
  readonly retryMs?: number;
}

interface Observed {
  readonly text: string;
  readonly atMs: number;
}

export class LeaderElection {
  readonly #options: Required<LeaderElectionOptions>;
  #observed: Observed | undefined;
  /** When the write that made or kept the lease ours began: nobody else may have seen it before. */
  #heldMs = 0;
  #isLeading = false;

  /** @throws Error where the times do not fit each other */
  constructor(options: LeaderElectionOptions) {
    const { leaseMs = 15_000, renewMs = 10_000, retryMs = 2_000 } = options;
    if (!(leaseMs > renewMs && renewMs > retryMs * 1.2 && retryMs > 0)) {
      throw new Error('leader election: leaseMs must be more than renewMs, and that more than 1.2 times retryMs');
    }
    this.#options = { ...options, leaseMs, renewMs, retryMs };
  }

  get isLeading(): boolean {
    return this.#isLeading;
  }

  /**
   * Waits until this copy leads, calls `lead`, and ends when `lead` does, when leading was lost (its signal is aborted then), or when
   * `stop` is. Resolves with whether leading was lost: a program had better end then, and be started anew.
   */
  async run(lead: (lost: AbortSignal) => Promise<void>, stop: AbortSignal): Promise<'stopped' | 'lost'> {
    if (!(await this.#acquire(stop))) return 'stopped';
    const over = new AbortController();
    const end = (): void => over.abort(new Error('stopped'));
    stop.addEventListener('abort', end, { once: true });
    if (stop.aborted) end();
    this.#isLeading = true;
    this.#options.log.info('leading', { lease: this.#name, identity: this.#options.identity });
    let isLost = false;
    const renewing = this.#renew(over.signal).then((lost) => {
      isLost = lost;
      this.#isLeading = false;
      over.abort(new Error(lost ? 'leading was lost' : 'stopped'));
    });
    try {
      await lead(over.signal);
    } finally {
      over.abort(new Error('stopped'));
      await renewing;
      stop.removeEventListener('abort', end);
      this.#isLeading = false;
      if (!isLost) await this.#release();
    }
    return isLost ? 'lost' : 'stopped';
  }

  get #name(): string {
    return `${this.#options.namespace}/${this.#options.name}`;
  }

  /** False: stopped before. */
  async #acquire(stop: AbortSignal): Promise<boolean> {
    while (!stop.aborted) {
      if ((await this.#try()) === 'ours') return true;
      await this.#pause(stop);
    }
    return false;
  }

  /** Until `over`, which gives false, or until it could not be renewed in time. */
  async #renew(over: AbortSignal): Promise<boolean> {
    const { clock, renewMs, log } = this.#options;
    while (!over.aborted) {
      await this.#pause(over);
      if (over.aborted) return false;
      const late = new AbortController();
      const timer = clock.after(Math.max(0, this.#heldMs + renewMs - clock.monotonic()), () => late.abort());
      const result = await Promise.race([this.#try(), aborted(late.signal)]);
      timer.cancel();
      if (result === 'others' || clock.monotonic() - this.#heldMs >= renewMs) {
        const why = result === 'others' ? 'another holds the lease' : 'the lease could not be renewed';
        log.warn(`leading was lost: ${why}`, { lease: this.#name });
        return true;
      }
    }
    return false;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock, prng, retryMs } = this.#options;
    await clock.sleep(retryMs * (1 + 0.2 * prng.next()), signal).catch(() => {});
  }

  /** One look, and one write where the lease is ours or free. Never rejects. */
  async #try(): Promise<'ours' | 'others' | 'failed'> {
    const { client, clock, namespace, name, identity, leaseMs, log } = this.#options;
    const beganMs = clock.monotonic();
    try {
      const found = await client.get(leases, { namespace, name }).catch((error: unknown) => {
        if (hasReason(error, 'NotFound')) return undefined;
        throw error;
      });
      if (found === undefined) {
        this.#saw(await client.create(leases, this.#lease(undefined)));
        this.#heldMs = beganMs;
        return 'ours';
      }
      this.#saw(found);
      const holder = found.spec?.holderIdentity ?? '';
      // What the holder promised counts, which may be more than we would: copies may differ during a roll-out.
      const promisedMs = (found.spec?.leaseDurationSeconds ?? leaseMs / 1000) * 1000;
      const isFresh = clock.monotonic() - (this.#observed?.atMs ?? 0) < promisedMs;
      if (holder !== '' && holder !== identity && isFresh) return 'others';
      this.#saw(await client.update(leases, this.#lease(found)));
      this.#heldMs = beganMs;
      return 'ours';
    } catch (error) {
      if (!hasReason(error, 'Conflict', 'AlreadyExists')) {
        log.warn('the lease could not be read or written', { lease: this.#name, error });
      }
      return 'failed';
    }
  }

  #saw({ spec = {} }: Lease): void {
    const text = JSON.stringify(spec);
    if (this.#observed?.text !== text) this.#observed = { text, atMs: this.#options.clock.monotonic() };
  }

  #lease(before: Lease | undefined): Lease {
    const { clock, namespace, name, identity, leaseMs } = this.#options;
    const now = formatMicroTime(clock.now());
    const isOurs = before?.spec?.holderIdentity === identity;
    const changes = before?.spec?.leaseTransitions ?? 0;
    return {
      ...before,
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: before?.metadata ?? { namespace, name },
      spec: {
        ...before?.spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseMs / 1000),
        acquireTime: isOurs ? (before?.spec?.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: before === undefined || isOurs ? changes : changes + 1,
      },
    };
  }

  /** The next need not wait. Another may have taken it: then there is nothing to give back. */
  async #release(): Promise<void> {
    const { client, clock, namespace, name, identity } = this.#options;
    try {
      const found = await client.get(leases, { namespace, name });
      if (found.spec?.holderIdentity !== identity) return;
      const now = formatMicroTime(clock.now());
      const spec = { ...found.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
      await client.update(leases, { ...found, spec });
    } catch (error) {
      this.#options.log.debug('the lease could not be given back', { lease: this.#name, error });
    }
  }
}

function aborted(signal: AbortSignal): Promise<'failed'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('failed');
    else signal.addEventListener('abort', () => resolve('failed'), { once: true });
  });
}
