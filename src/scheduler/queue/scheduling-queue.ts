/**
 * The pods that wait for a node.
 *
 * ```
 *  add ──▶ active (highest priority first, then the oldest) ──pop──▶ decided ──▶ gone
 *   │ gates     ▲         ▲ also before its time, where active is empty  │ nowhere to go
 *   ▼           │         │                                              ▼
 * gated         └──── back-off ◀── a change that a hint lets through ── unschedulable
 *                     1 s, doubled each time up to 10 s; or 5 minutes have passed
 * ```
 * Pods of a group are popped one by one and decided on together: the first one's turn is the turn of all (`take`).
 *
 * Kept true: a pod stands in one place at most. A pod whose back-off is over when it is woken goes to active at once. One that failed for
 * no fault of its own (a binding that could not be written) always sits its back-off out, lest a sick server be asked in a loop. Refusals
 * and such failures are counted apart: a back-off is as long as there were of either, of failures only those in a row.
 */
import { objectKey } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { delayAfter } from '../../lib/backoff.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { Heap } from '../../lib/heap.ts';
import type { Profile } from '../framework/profile.ts';
import { priorityOf } from '../pod-facts.ts';
import { type ClusterChange, eventOf } from './changes.ts';
import { ParkedPods } from './parked-pods.ts';
import {
  countedAt,
  countRefused,
  isAhead,
  isSooner,
  type Past,
  type Place,
  type Ranked,
  type RefusedCount,
  type Timed,
  type Waiting,
} from './waiting.ts';

/** A pod whose turn it is. `order`: smaller for those that came before. */
export interface Popped extends Past {
  readonly pod: Pod;
  readonly profile: Profile;
  /** How long it has waited (ms). */
  readonly waitedMs: number;
}

/** What hangs on more than the pod: its group. */
export interface QueueRules {
  /** It may not become active yet. */
  isHeldBack(pod: Pod, profile: Profile): boolean;
  /** Its group's, where it has one. */
  priorityOf(pod: Pod): number;
  /** To decide on it takes so long that it is not popped before its back-off is over, even where nobody else waits. */
  sitsOut?(pod: Pod): boolean;
  /** It came to a place, through that event; for who counts. */
  entered?(queue: 'active' | 'backoff' | 'unschedulable', event: string): void;
}

export interface QueueSettings {
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
}

export type QueueSizes = Readonly<Record<'active' | 'backoff' | 'unschedulable' | 'gated', number>>;

const unschedulableMsMax = 5 * 60 * 1000;
const sweepEveryMs = 30_000;
/** Back-offs end with the beginning of the second in which they would: so the most important of many that were refused together comes first. */
const orderWindowMs = 1000;
const nobody: ReadonlySet<string> = new Set();
const attemptFailed = 'ScheduleAttemptFailure';

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #settings: QueueSettings;
  /** Something became active, or could be taken from back-off. */
  readonly #ready: () => void;
  readonly #rules: QueueRules;
  readonly #waiting = new Map<string, Waiting>();
  /** Those that wait for a change, by who refused them: a change that none of these cares for passes the whole group by. */
  readonly #parked = new ParkedPods<Waiting>();
  /** What is popped, removed or moved leaves its entry here; an entry whose pod is not active any more is passed over. */
  readonly #active = new Heap<Ranked>(isAhead);
  readonly #backoff = new Heap<Timed>(isSooner);
  /** Those that must sit it out: after something went wrong, or since to decide on them takes long. */
  readonly #sitting = new Heap<Timed>(isSooner);
  #alarm: { readonly atMs: number; readonly timer: Timer } | undefined;
  #activeCount = 0;
  #order = 0;
  #sweep: Timer | undefined;

  constructor(clock: Clock, settings: QueueSettings, ready: () => void, rules: QueueRules) {
    this.#clock = clock;
    this.#settings = settings;
    this.#ready = ready;
    this.#rules = rules;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Pods whose turn it is or will be, without anything having to happen first. */
  get activeCount(): number {
    return this.#activeCount;
  }

  /** How many pods wait at each place. */
  get sizes(): QueueSizes {
    const sizes = { active: 0, backoff: 0, error: 0, unschedulable: 0, gated: 0, gone: 0 };
    for (const { place } of this.#waiting.values()) sizes[place]++;
    const { active, backoff, error, unschedulable, gated } = sizes;
    return { active, backoff: backoff + error, unschedulable, gated };
  }

  /** How many of the pods that wait each plugin refused when they were last decided on, by profile. */
  get refused(): readonly RefusedCount[] {
    return countRefused(this.#waiting.values());
  }

  get(key: string): Pod | undefined {
    return this.#waiting.get(key)?.pod;
  }

  /** A pod that is new here becomes active, or waits for its gates; one that is known takes its new form and stays where it is. */
  add(pod: Pod, profile: Profile): void {
    const key = objectKey(pod);
    const known = this.#waiting.get(key);
    if (known !== undefined && known.pod.metadata?.uid === pod.metadata?.uid && known.profile === profile) {
      this.#renew(known, pod);
      return;
    }
    this.remove(key);
    this.#activate(this.#enter(pod, profile), 'UnscheduledPodAdd');
  }

  #enter(pod: Pod, profile: Profile, past?: Past): Waiting {
    const key = objectKey(pod);
    const entry: Waiting = {
      pod,
      key,
      profile,
      order: past?.order ?? this.#order++,
      attempts: past?.attempts ?? 0,
      refusals: past?.refusals ?? 0,
      failures: past?.failures ?? 0,
      readyMs: 0,
      parkedMs: 0,
      addedMs: past?.addedMs ?? this.#clock.monotonic(),
      place: 'gone',
      isHeld: false,
      refusedBy: nobody,
    };
    this.#waiting.set(key, entry);
    return entry;
  }

  /** Something changed in the pod itself, or around it: whoever may fit now is woken. */
  changed(change: ClusterChange, only?: string): void {
    const [kind] = change.kinds;
    if (kind === undefined || this.#parked.isEmpty) return;
    const event = eventOf(kind);
    for (const entry of this.#parked.wokenBy(change, only)) this.#release(entry, event);
  }

  /** The pod sleeps on whatever changes, until it is woken: those that have to go for it are being told. */
  hold(key: string): void {
    const entry = this.#waiting.get(key);
    if (entry !== undefined) entry.isHeld = true;
  }

  /** As before `hold`. */
  letGo(key: string): void {
    const entry = this.#waiting.get(key);
    if (entry !== undefined) entry.isHeld = false;
  }

  /** The pod is to be looked at again. */
  wake(key: string): void {
    const entry = this.#waiting.get(key);
    if (entry?.place === 'unschedulable') this.#release(entry, 'ForceActivate');
  }

  remove(key: string): void {
    const entry = this.#waiting.get(key);
    if (entry !== undefined) this.#move(entry, 'gone', '');
    this.#waiting.delete(key);
  }

  /** The most urgent active pod, or, where none is active, the one whose back-off ends first; then `remove`, `park` or `retry` is called. */
  pop(): Popped | undefined {
    const entry = this.#popActive() ?? this.#popBackoff();
    return entry && this.#pop(entry);
  }

  /**
   * That pod out of its turn, as if popped: those of its group are decided on now. Undefined where it may not be yet, since it is held back
   * or must sit its back-off out, and where it is popped already.
   */
  take(key: string): Popped | undefined {
    const entry = this.#waiting.get(key);
    const { place } = entry ?? {};
    return entry && (place === 'active' || place === 'backoff' || place === 'unschedulable')
      ? this.#pop(entry)
      : undefined;
  }

  /** What held the pod back may do so no longer. */
  reconsider(key: string): void {
    const entry = this.#waiting.get(key);
    if (entry?.place === 'gated') this.#activate(entry, 'UnscheduledPodUpdate');
  }

  #pop(entry: Waiting): Popped {
    this.#move(entry, 'gone', '');
    entry.attempts++;
    const { pod, profile, attempts, order, refusals, failures, addedMs } = entry;
    const waitedMs = this.#clock.monotonic() - addedMs;
    return { pod, profile, attempts, order, refusals, failures, addedMs, waitedMs };
  }

  /** It fits nowhere: it waits for a change that may undo what `refusedBy` said. */
  park(pod: Pod, refusedBy: ReadonlySet<string>): void {
    const entry = this.#entryOf(pod);
    if (entry === undefined) return;
    entry.refusals++;
    entry.failures = 0;
    this.#setBackoff(entry, entry.refusals);
    entry.refusedBy = refusedBy;
    this.#move(entry, 'unschedulable', attemptFailed);
    this.#armSweep();
  }

  /** Something went wrong on the way: it is tried again after its back-off, and no sooner. `past`: of a pod that was removed meanwhile. */
  retry(pod: Pod, profile: Profile, past?: Past): void {
    const entry = this.#entryOf(pod) ?? this.#enter(pod, profile, past);
    if (this.#rules.isHeldBack(entry.pod, entry.profile)) {
      this.#move(entry, 'gated', attemptFailed);
      return;
    }
    entry.failures++;
    entry.refusedBy = nobody;
    this.#setBackoff(entry, entry.failures);
    this.#wait(entry, 'error', attemptFailed);
  }

  close(): void {
    this.#sweep?.cancel();
    this.#alarm?.timer.cancel();
    for (const key of this.#waiting.keys()) this.remove(key);
  }

  #popActive(): Waiting | undefined {
    for (let first = this.#active.pop(); first !== undefined; first = this.#active.pop()) {
      if (first.entry.place === 'active') return first.entry;
    }
    return undefined;
  }

  #popBackoff(): Waiting | undefined {
    for (let first = this.#backoff.pop(); first !== undefined; first = this.#backoff.pop()) {
      if (first.entry.place === 'backoff' && first.readyMs === first.entry.readyMs) return first.entry;
    }
    return undefined;
  }

  #renew(entry: Waiting, pod: Pod): void {
    const wasPriority = priorityOf(entry.pod);
    entry.pod = pod;
    if (entry.place === 'gated' || (entry.place === 'active' && wasPriority !== priorityOf(pod))) {
      this.#activate(entry, 'UnscheduledPodUpdate');
    }
  }

  #setBackoff(entry: Waiting, times: number): void {
    const { initialBackoffMs, maxBackoffMs } = this.#settings;
    entry.parkedMs = this.#clock.monotonic();
    const endsMs = entry.parkedMs + delayAfter(times - 1, initialBackoffMs, maxBackoffMs);
    entry.readyMs = endsMs - (endsMs % orderWindowMs);
  }

  /** Whatever was missed that should have woken them. */
  #releaseOld(): void {
    this.#sweep = undefined;
    const oldMs = this.#clock.monotonic() - unschedulableMsMax;
    for (const entry of this.#parked.all()) if (entry.parkedMs <= oldMs) this.#release(entry, 'UnschedulableTimeout');
    this.#armSweep();
  }

  #armSweep(): void {
    if (!this.#parked.isEmpty) this.#sweep ??= this.#clock.after(sweepEveryMs, () => this.#releaseOld());
  }

  #entryOf(pod: Pod): Waiting | undefined {
    const entry = this.#waiting.get(objectKey(pod));
    return entry?.pod.metadata?.uid === pod.metadata?.uid ? entry : undefined;
  }

  #release(entry: Waiting, event: string): void {
    if (entry.readyMs <= this.#clock.monotonic()) this.#activate(entry, event);
    else this.#wait(entry, 'backoff', event);
  }

  /** Until its back-off is over; from `backoff` it may be taken sooner. */
  #wait(entry: Waiting, place: 'backoff' | 'error', event: string): void {
    this.#move(entry, place, event);
    const mayHurry = place === 'backoff' && !this.#rules.sitsOut?.(entry.pod);
    (mayHurry ? this.#backoff : this.#sitting).push({
      entry,
      readyMs: entry.readyMs,
      priority: this.#rules.priorityOf(entry.pod),
    });
    this.#armAlarm();
    if (mayHurry && this.#activeCount === 0) this.#ready();
  }

  /** For the next whose back-off ends. */
  #armAlarm(): void {
    const nextMs = Math.min(this.#backoff.peek()?.readyMs ?? Infinity, this.#sitting.peek()?.readyMs ?? Infinity);
    if (this.#alarm !== undefined && this.#alarm.atMs <= nextMs) return;
    this.#alarm?.timer.cancel();
    this.#alarm = undefined;
    if (nextMs === Infinity) return;
    const timer = this.#clock.after(nextMs - this.#clock.monotonic(), () => this.#wakeDue());
    this.#alarm = { atMs: nextMs, timer };
  }

  #wakeDue(): void {
    this.#alarm = undefined;
    const nowMs = this.#clock.monotonic();
    for (const heap of [this.#backoff, this.#sitting]) {
      for (let first = heap.peek(); first !== undefined && first.readyMs <= nowMs; first = heap.peek()) {
        heap.pop();
        const { place, readyMs } = first.entry;
        if ((place === 'backoff' || place === 'error') && first.readyMs === readyMs) {
          this.#activate(first.entry, 'BackoffComplete');
        }
      }
    }
    this.#armAlarm();
  }

  #activate(entry: Waiting, event: string): void {
    if (this.#rules.isHeldBack(entry.pod, entry.profile)) {
      this.#move(entry, 'gated', event);
      return;
    }
    if (entry.place === 'gated' && entry.attempts === 0) entry.addedMs = this.#clock.monotonic();
    this.#move(entry, 'active', event);
    this.#active.push({ entry, priority: this.#rules.priorityOf(entry.pod) });
    this.#ready();
  }

  #move(entry: Waiting, place: Place, event: string): void {
    if (place !== 'gone' && place !== entry.place) this.#rules.entered?.(countedAt[place], event);
    if (entry.place === 'active') this.#activeCount--;
    if (place === 'active') this.#activeCount++;
    if (entry.place === 'unschedulable') this.#parked.remove(entry);
    entry.place = place;
    if (place === 'unschedulable') this.#parked.add(entry);
  }
}
