/**
 * The one worker under all control loops: three layers, each with one duty.
 *
 * ```
 *  #work       takes a key, and always gives it back
 *    #settle   one switch: what the outcome means for the queue and the counters
 *      #guard  calls the reconciler, with a deadline
 * ```
 * One key that takes long, because nobody answers, must not hold up the others: it keeps its worker, and the loop goes on with a spare one.
 * ```
 *  worker  ── key a ·········· (5 s) ···························· answered, or given up ─▶ this worker ends
 *  spare                       └─▶ goes on in its place with b, c, d …
 * ```
 * So a loop is as wide as upstream's while all goes well, and never more than five times so. A loop of one worker stays one: it may rely on it.
 *
 * A loop begins when the caches that it reads have synced, not before: a decision from half a list would delete things.
 */
import { hasReason } from '../api/status-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { MetricRegistry } from '../lib/metrics.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import { WorkQueue } from '../lib/work-queue.ts';

/**
 * What a reconciler found out. Throwing means: try again, with back-off.
 * - `done`: nothing to do until something changes. The count of failures ends.
 * - `after`: as `done`, and look again in `ms` although nothing may have changed.
 * - `terminal`: it cannot succeed until the object changes; logged and not tried again.
 */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'after'; readonly ms: number }
  | { readonly kind: 'terminal'; readonly error: Error };

export const done: Outcome = { kind: 'done' };

export const after = (ms: number): Outcome => ({ kind: 'after', ms });

/** `done` where there is nothing to wait for. */
export function afterSoonest(delaysMs: readonly (number | undefined)[]): Outcome {
  const known = delaysMs.filter((delayMs) => delayMs !== undefined);
  return known.length === 0 ? done : after(Math.min(...known));
}

/**
 * Brings the object of `key` closer to what is wanted, from what is there now: the key says where to look, never what happened.
 * Called for one key by one worker at a time. `signal` aborts at the deadline: give up at the next good place.
 */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<Outcome>;

/** What a loop waits for before it begins. */
export interface Syncing {
  readonly synced: Promise<void>;
}

export interface ControlLoopOptions {
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly informers: readonly Syncing[];
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** Keys processed at the same time; 5 where absent, as most of upstream's loops. */
  readonly workers?: number;
  /** When the signal aborts; 60 s where absent. */
  readonly deadlineMs?: number;
  /** The first and the longest wait after failures (ms); the queue's own where absent. */
  readonly backoffMsMin?: number;
  readonly backoffMsMax?: number;
  /** Called once, when the caches have synced: for what must be set up, or for keys of no object. */
  readonly begin?: () => void;
  /** What is counted about its queue goes here, under its name. */
  readonly metrics?: MetricRegistry | undefined;
}

/** A key that takes longer is not waited for by the others. */
const slowMs = 5000;
/** Spare workers for each of a loop's own. */
const sparesMax = 4;

export type Result = 'success' | 'requeue_after' | 'terminal' | 'conflict' | 'error';

export class ControlLoop implements Service {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly #options: ControlLoopOptions;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #underWay = new Set<AbortController>();
  readonly #counts: Record<Result, number> = { success: 0, requeue_after: 0, terminal: 0, conflict: 0, error: 0 };
  #running: Promise<void> | undefined;
  /** Keys that take long, and whose workers were replaced. */
  #slow = 0;

  constructor(options: ControlLoopOptions) {
    this.name = options.name;
    this.#options = options;
    this.#log = options.log.with({ loop: options.name });
    this.queue = new WorkQueue(options);
  }

  /** How reconciliations ended, since the start. */
  get counts(): Readonly<Record<Result, number>> {
    return this.#counts;
  }

  /** Does not wait for the caches: a server that answers late must not hold up the start of everything else. */
  start(): Promise<void> {
    this.#running ??= this.#run();
    return Promise.resolve();
  }

  /** Lets what is under way finish; what is queued is dropped, and found again by the lists of the next start. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    for (const deadline of this.#underWay) deadline.abort(this.#stop.signal.reason);
    await this.queue.shutDown();
    await this.#running;
  }

  async #run(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#stop.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([Promise.all(this.#options.informers.map(({ synced }) => synced)), stopped]);
    if (this.#stop.signal.aborted) return;
    this.#options.begin?.();
    await Promise.all(Array.from({ length: this.#workers }, () => this.#work()));
  }

  get #workers(): number {
    return this.#options.workers ?? 5;
  }

  async #work(): Promise<void> {
    for (let key = await this.queue.take(); key !== undefined; key = await this.queue.take()) {
      const turn: Turn = { key, isReplaced: false };
      try {
        this.#counts[await this.#settle(turn)]++;
      } finally {
        this.queue.done(key);
      }
      if (!turn.isReplaced) continue;
      this.#slow--;
      return;
    }
  }

  /** A spare worker takes the place of the one that is held up. */
  #replace(turn: Turn): void {
    if (this.#workers === 1 || this.#slow >= this.#workers * sparesMax || this.#stop.signal.aborted) return;
    turn.isReplaced = true;
    this.#slow++;
    void this.#work();
  }

  async #settle(turn: Turn): Promise<Result> {
    const { key } = turn;
    let outcome: Outcome;
    try {
      outcome = await this.#guard(turn);
    } catch (error) {
      return this.#retry(key, error);
    }
    this.queue.forget(key);
    switch (outcome.kind) {
      case 'done':
        return 'success';
      case 'after':
        this.queue.addAfter(key, outcome.ms);
        return 'requeue_after';
      case 'terminal':
        this.#log.error('reconciling cannot succeed', { key, error: outcome.error });
        return 'terminal';
    }
  }

  #retry(key: string, error: unknown): Result {
    const delayMs = this.queue.addRateLimited(key);
    const fields = { key, failures: this.queue.failures(key), delayMs, error };
    const lostRace = hasReason(error, 'Conflict', 'AlreadyExists');
    if (lostRace) this.#log.debug('somebody else was faster, trying again', fields);
    else this.#log.warn('reconciling failed, trying again', fields);
    return lostRace ? 'conflict' : 'error';
  }

  /** The deadline only asks: waiting on keeps each key with one worker, and every call of a client is bounded by itself. */
  async #guard(turn: Turn): Promise<Outcome> {
    const { key } = turn;
    const { clock, deadlineMs = 60_000 } = this.#options;
    const deadline = new AbortController();
    let timer = clock.after(Math.min(slowMs, deadlineMs), () => {
      this.#replace(turn);
      timer = clock.after(Math.max(0, deadlineMs - slowMs), () => {
        this.#log.warn('reconciling takes too long', { key });
        deadline.abort(new Error('the deadline has passed'));
      });
    });
    this.#underWay.add(deadline);
    try {
      return await this.#options.reconcile(key, deadline.signal);
    } finally {
      this.#underWay.delete(deadline);
      timer.cancel();
    }
  }
}

/** One key with one worker. */
interface Turn {
  readonly key: string;
  /** Another worker goes on in this one's place. */
  isReplaced: boolean;
}
