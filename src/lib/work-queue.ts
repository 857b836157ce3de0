/**
 * The queue under every control loop, with the semantics of client-go's `util/workqueue`.
 *
 * ```
 *                        ready (in order, each key once)
 *  add(key) ───────────▶ [ a b c ] ──take()──▶ processing ──done(key)──▶ gone
 *     ▲                     ▲                      │
 *     │                     └── added meanwhile ───┘  (runs once more, after; never twice at a time)
 *  waiting (a heap by time, one timer for all)
 *     ▲
 *  addAfter(key, ms)            the earliest time wins
 *  addRateLimited(key)          ms = back-off of the key: 5 ms, doubled on each failure up to 1000 s, plus jitter
 * ```
 * Kept true: a key is processed by one worker at a time; a key that was added is processed at least once after that.
 * It does not bound the number of keys: there are never more than there are objects.
 */
import { Backoff } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';
import { Heap } from './heap.ts';
import type { MetricRegistry } from './metrics.ts';
import type { Prng } from './prng.ts';
import { WorkQueueMetrics } from './work-queue-metrics.ts';

interface Waiting {
  readonly key: string;
  readonly atMs: number;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  /** First wait after a failure (ms); 5 where absent, as upstream's. */
  readonly backoffMsMin?: number;
  /** Longest wait after failures (ms); 1000 s where absent, as upstream's. */
  readonly backoffMsMax?: number;
  /** The name in the metrics, and where they go; without both, nothing is counted. */
  readonly name?: string;
  readonly metrics?: MetricRegistry | undefined;
}

/** Told what happens to keys. */
export interface WorkQueueObserver {
  added(key: string): void;
  taken(key: string): void;
  done(key: string): void;
  retried(): void;
  cleared(): void;
}

export class WorkQueue {
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #backoff: Backoff;
  /** `#ready[#head…]` are the keys to hand out; what stands before was taken. */
  #ready: string[] = [];
  #head = 0;
  /** Keys that must be processed (again): in `#ready`, or in `#processing` and added meanwhile. */
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #waiting = new Heap<Waiting>((a, b) => a.atMs < b.atMs);
  /** When each waiting key is due; heap entries that disagree are stale. */
  readonly #dueMs = new Map<string, number>();
  #timer: { readonly atMs: number; readonly timer: Timer } | undefined;
  #takers: ((key: string | undefined) => void)[] = [];
  #shuttingDown = false;
  readonly #observer: WorkQueueObserver | undefined;
  #idle: (() => void)[] = [];

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#prng = options.prng;
    this.#backoff = new Backoff({ baseMs: options.backoffMsMin ?? 5, maxMs: options.backoffMsMax ?? 1_000_000 });
    const { name, metrics, clock } = options;
    if (name !== undefined && metrics !== undefined)
      this.#observer = new WorkQueueMetrics(name, { metrics, clock, depth: () => this.depth });
  }

  /** Keys ready to be taken: upstream's metric `workqueue_depth`. */
  get depth(): number {
    return this.#ready.length - this.#head;
  }

  /** Keys that wait for their time. */
  get waiting(): number {
    return this.#dueMs.size;
  }

  get processing(): number {
    return this.#processing.size;
  }

  add(key: string): void {
    if (this.#shuttingDown || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    this.#observer?.added(key);
    if (!this.#processing.has(key)) this.#push(key);
  }

  /** Adds `key` in `delayMs`, or earlier where it waits for an earlier time already. */
  addAfter(key: string, delayMs: number): void {
    if (this.#shuttingDown) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const atMs = this.#clock.monotonic() + delayMs;
    if ((this.#dueMs.get(key) ?? Number.POSITIVE_INFINITY) <= atMs) return;
    this.#dueMs.set(key, atMs);
    this.#waiting.push({ key, atMs });
    this.#arm();
  }

  /** Counts a failure of `key` and adds it after its back-off. Returns the wait (ms). */
  addRateLimited(key: string): number {
    const delayMs = this.#backoff.next(key) * (1 + 0.1 * this.#prng.next());
    this.#observer?.retried();
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** Ends the count of failures of `key`. */
  forget(key: string): void {
    this.#backoff.forget(key);
  }

  failures(key: string): number {
    return this.#backoff.failures(key);
  }

  /** Resolves with the next key, which the taker must give back with `done`; with undefined when the queue has shut down. */
  take(): Promise<string | undefined> {
    const key = this.#shift();
    if (key !== undefined) return Promise.resolve(key);
    if (this.#shuttingDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** `key` was processed; where it was added meanwhile, it is ready again. */
  done(key: string): void {
    this.#processing.delete(key);
    this.#observer?.done(key);
    if (this.#dirty.has(key)) this.#push(key);
    this.#settleIdle();
  }

  /**
   * Takes nothing more in, and resolves when no key is being processed. With `drain`, what is ready is still handed out;
   * without, it is dropped: level-triggered loops see it again after a start.
   */
  shutDown(options: { readonly drain?: boolean } = {}): Promise<void> {
    this.#shuttingDown = true;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    this.#waiting.clear();
    this.#dueMs.clear();
    if (options.drain !== true) {
      this.#ready = [];
      this.#head = 0;
      this.#dirty.clear();
      this.#observer?.cleared();
    }
    for (const taker of this.#takers.splice(0)) taker(undefined);
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#settleIdle();
    });
  }

  #push(key: string): void {
    this.#ready.push(key);
    const taker = this.#takers.shift();
    taker?.(this.#shift());
  }

  #shift(): string | undefined {
    const key = this.#ready[this.#head];
    if (key === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#ready.length || this.#head > 4096) {
      this.#ready = this.#ready.slice(this.#head);
      this.#head = 0;
    }
    this.#dirty.delete(key);
    this.#processing.add(key);
    this.#observer?.taken(key);
    return key;
  }

  /** One timer, for the earliest of the waiting keys. */
  #arm(): void {
    const first = this.#waiting.peek();
    if (first === undefined || (this.#timer !== undefined && this.#timer.atMs <= first.atMs)) return;
    this.#timer?.timer.cancel();
    // Never 0: a fraction of a millisecond that rounding left over must not become a busy loop.
    const delayMs = Math.max(1, Math.ceil(first.atMs - this.#clock.monotonic()));
    const timer = this.#clock.after(delayMs, () => this.#wake());
    this.#timer = { atMs: first.atMs, timer };
  }

  #wake(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    for (let first = this.#waiting.peek(); first !== undefined && first.atMs <= nowMs; first = this.#waiting.peek()) {
      this.#waiting.pop();
      if (this.#dueMs.get(first.key) !== first.atMs) continue;
      this.#dueMs.delete(first.key);
      this.add(first.key);
    }
    this.#arm();
  }

  #settleIdle(): void {
    if (!this.#shuttingDown || this.#processing.size > 0 || this.depth > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
