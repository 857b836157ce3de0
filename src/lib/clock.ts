/**
 * Time as an argument (ARCHITECTURE.md, D5).
 *
 * Every part takes a `Clock` in its constructor; only `main.ts` and tests make one. This file is the one place that may
 * call `Date.now`, `setTimeout` and their kin. `VirtualClock` lets a whole cluster live through days in seconds.
 */
import { Heap } from './heap.ts';

/** A scheduled call that can be withdrawn. Cancelling twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time, in milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For durations. */
  monotonic(): number;
  /** Calls `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
  /** Resolves `delayMs` from now, or rejects with `signal.reason` as soon as `signal` aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** The last time that was formatted: a busy server asks for the same second thousands of times, at a microsecond or two each. */
let lastTime = { second: Number.NaN, text: '' };

/** Kubernetes' `metav1.Time` form: RFC 3339, UTC, whole seconds. */
export function formatTime(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== lastTime.second) lastTime = { second, text: `${new Date(epochMs).toISOString().slice(0, 19)}Z` };
  return lastTime.text;
}

/** Kubernetes' `metav1.MicroTime` form: RFC 3339, UTC, microseconds. */
export function formatMicroTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 23)}000Z`;
}

/** `Clock.sleep`, for any clock that has `after`. */
export function sleepOn(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Node clamps longer delays to 1 ms; `after` chains shorter ones instead. */
const longestDelayMs = 2 ** 31 - 1;

/**
 * The machine's time. A daemon is kept alive by its listeners and ends when they close, whatever timers are set; a command that
 * waits for something needs `keepsAlive`.
 */
export class RealClock implements Clock {
  readonly #keepsAlive: boolean;

  constructor(options: { keepsAlive?: boolean } = {}) {
    this.#keepsAlive = options.keepsAlive ?? false;
  }

  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  after(delayMs: number, callback: () => void): Timer {
    let handle: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, longestDelayMs);
      handle = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs);
      if (!this.#keepsAlive) handle.unref();
    };
    arm(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }
}

interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  /** Undefined once it was cancelled. */
  callback: (() => void) | undefined;
}

/**
 * A clock that moves only when told to. Timers fire in order of their time, ties in the order they were set, and between
 * two timers every promise that is ready gets its turn, so that the code under test sees what it would see in real time.
 * Time is whole milliseconds, and timers are never early: fractions would round, and whoever sets a timer for the rest that a
 * rounded one left would do so for ever.
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  readonly #settle: () => Promise<void>;
  #order = 0;
  #pending = 0;
  readonly #scheduled = new Heap<Scheduled>((a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order));

  /** @param settleWith how the code under test gets its turn: `settle`, or `settlePromises` where it waits for nothing but promises */
  constructor(startMs = Date.UTC(2026, 0, 1), settleWith: () => Promise<void> = settle) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
    this.#settle = settleWith;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const atMs = Math.ceil(this.#nowMs + Math.max(0, delayMs));
    const entry: Scheduled = { atMs, order: this.#order++, callback };
    this.#scheduled.push(entry);
    this.#pending++;
    return { cancel: () => void this.#take(entry) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Moves time on by `durationMs`, from timer to timer, firing what falls due; `until` holds it at the moment at which it comes true. */
  async advance(durationMs: number, until: () => boolean = () => false): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await this.#settle();
    for (let next = this.#scheduled.peek(); next !== undefined && next.atMs <= endMs; next = this.#scheduled.peek()) {
      if (until()) return;
      this.#scheduled.pop();
      const callback = this.#take(next);
      if (callback === undefined) continue;
      this.#nowMs = next.atMs;
      callback();
      await this.#settle();
    }
    if (!until()) this.#nowMs = endMs;
  }

  /** How many timers are set: a test's way to see that nothing was left running. */
  get pending(): number {
    return this.#pending;
  }

  /** The entry's callback, once; what was cancelled stays in the heap until its time. */
  #take(entry: Scheduled): (() => void) | undefined {
    const { callback } = entry;
    if (callback !== undefined) this.#pending--;
    entry.callback = undefined;
    return callback;
  }
}

/** Lets all ready promise reactions and immediates run. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) await eventLoopTurn();
}

/** The whole event loop gets one turn: signals are heard, and promises that were rejected and left alone are told of. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets all ready promise reactions run, and nothing else: ten times faster. The next tick comes when none is left. */
export function settlePromises(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
