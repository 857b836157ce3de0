/**
 * The pods that wait for a node.
 *
 * ```
 *  add ──▶ active (highest priority first, then the oldest) ──pop──▶ decided ──▶ gone
 *            ▲                                                          │ nowhere to go
 *            │ after 1 s, doubled each time up to 10 s                  ▼
 *         back-off ◀──── wake: a node or a pod changed ─────────── unschedulable
 *                        or 5 minutes have passed
 * ```
 * Kept true: a pod stands in one place at most. A pod whose back-off is over when it is woken goes to active at once.
 */
import { objectKey } from '../api/object.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { delayAfter } from '../lib/backoff.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { Heap } from '../lib/heap.ts';
import { priorityOf } from './preemption.ts';

interface Waiting {
  pod: Pod;
  readonly key: string;
  /** Breaks ties of priority. */
  readonly order: number;
  attempts: number;
  /** When its back-off is over, by the monotonic clock. */
  readyMs: number;
  /** Since when it fits nowhere. */
  parkedMs: number;
  place: 'active' | 'backoff' | 'unschedulable' | 'gone';
}

const backoffMsMin = 1000;
const backoffMsMax = 10_000;
const unschedulableMsMax = 5 * 60 * 1000;
const sweepEveryMs = 30_000;

export class SchedulingQueue {
  readonly #clock: Clock;
  /** Something became active. */
  readonly #ready: () => void;
  readonly #waiting = new Map<string, Waiting>();
  /** What is popped, removed or moved leaves its entry here; an entry whose pod is not active any more is passed over. */
  readonly #active = new Heap<{ readonly entry: Waiting; readonly priority: number }>(
    (a, b) => a.priority > b.priority || (a.priority === b.priority && a.entry.order < b.entry.order),
  );
  #order = 0;
  #sweep: Timer | undefined;

  constructor(clock: Clock, ready: () => void) {
    this.#clock = clock;
    this.#ready = ready;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** How many pods wait at each place. */
  get sizes(): Readonly<Record<'active' | 'backoff' | 'unschedulable', number>> {
    const sizes = { active: 0, backoff: 0, unschedulable: 0, gone: 0 };
    for (const { place } of this.#waiting.values()) sizes[place]++;
    return sizes;
  }

  get(key: string): Pod | undefined {
    return this.#waiting.get(key)?.pod;
  }

  /** A pod that is new here becomes active; one that is known takes its new form and stays where it is. */
  add(pod: Pod): void {
    const key = objectKey(pod);
    const known = this.#waiting.get(key);
    if (known !== undefined && known.pod.metadata?.uid === pod.metadata?.uid) {
      known.pod = pod;
      return;
    }
    this.remove(key);
    const entry: Waiting = { pod, key, order: this.#order++, attempts: 0, readyMs: 0, parkedMs: 0, place: 'active' };
    this.#waiting.set(key, entry);
    this.#activate(entry);
  }

  /** A pod whose wishes changed may fit now. */
  wake(key: string): void {
    const entry = this.#waiting.get(key);
    if (entry?.place === 'unschedulable') this.#release(entry);
  }

  /** Something in the cluster changed: all that found no node may find one. */
  wakeAll(): void {
    for (const entry of this.#waiting.values()) if (entry.place === 'unschedulable') this.#release(entry);
  }

  remove(key: string): void {
    const entry = this.#waiting.get(key);
    if (entry !== undefined) entry.place = 'gone';
    this.#waiting.delete(key);
  }

  /** The most urgent active pod; the caller decides on it, and then calls `remove`, `park` or `retry`. */
  pop(): Pod | undefined {
    for (let first = this.#active.pop(); first !== undefined; first = this.#active.pop()) {
      const { entry } = first;
      if (entry.place !== 'active') continue;
      entry.attempts++;
      return entry.pod;
    }
    return undefined;
  }

  /** It fits nowhere: it waits for a change. */
  park(pod: Pod): void {
    const entry = this.#entryOf(pod);
    if (entry === undefined) return;
    const delayMs = delayAfter(entry.attempts - 1, backoffMsMin, backoffMsMax);
    entry.parkedMs = this.#clock.monotonic();
    entry.readyMs = entry.parkedMs + delayMs;
    entry.place = 'unschedulable';
    this.#sweep ??= this.#clock.after(sweepEveryMs, () => this.#releaseOld());
  }

  /** Something went wrong on the way: it is tried again after its back-off. */
  retry(pod: Pod): void {
    this.add(pod);
    const entry = this.#entryOf(pod);
    if (entry !== undefined) entry.attempts++;
    this.park(pod);
    this.wake(objectKey(pod));
  }

  close(): void {
    this.#sweep?.cancel();
    for (const key of this.#waiting.keys()) this.remove(key);
  }

  /** Whatever was missed that should have woken them. */
  #releaseOld(): void {
    this.#sweep = undefined;
    const oldMs = this.#clock.monotonic() - unschedulableMsMax;
    const parked = [...this.#waiting.values()].filter(({ place }) => place === 'unschedulable');
    for (const entry of parked) if (entry.parkedMs <= oldMs) this.#release(entry);
    if (parked.length > 0) this.#sweep = this.#clock.after(sweepEveryMs, () => this.#releaseOld());
  }

  #entryOf(pod: Pod): Waiting | undefined {
    const entry = this.#waiting.get(objectKey(pod));
    return entry?.pod.metadata?.uid === pod.metadata?.uid ? entry : undefined;
  }

  #release(entry: Waiting): void {
    const delayMs = entry.readyMs - this.#clock.monotonic();
    if (delayMs <= 0) {
      this.#activate(entry);
      return;
    }
    entry.place = 'backoff';
    this.#clock.after(delayMs, () => {
      if (entry.place === 'backoff') this.#activate(entry);
    });
  }

  #activate(entry: Waiting): void {
    entry.place = 'active';
    this.#active.push({ entry, priority: priorityOf(entry.pod) });
    this.#ready();
  }
}
