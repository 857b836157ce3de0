/**
 * Events of events.k8s.io, as upstream's scheduler records them: the same again makes a series of the first.
 *
 * ```
 *  first ─▶ written   second within 6 min ─▶ series, count 2, written   third … ─▶ counted here alone
 *                     silent for 6 min ─▶ the last count is written, and all is forgotten
 *                     going on ─▶ written every 30 min, so that it does not expire
 * ```
 * The same means: about the same version of the same object, with one reason and action; the first one's note stays. Writing is as in
 * `events.ts`: from a bounded queue, and nobody waits. Memory is bounded, too: the oldest series ends early.
 */
import type { KubeObject } from '../api/object.ts';
import type { ObjectReference } from '../api/schema/types/core-v1.ts';
import type { Event } from '../api/schema/types/events-v1.ts';
import { hasReason } from '../api/status-error.ts';
import { formatMicroTime, type Timer } from '../lib/clock.ts';
import type { Resource } from './client.ts';
import { EventNames } from './event-correlator.ts';
import { EventQueue } from './event-queue.ts';
import { type EventRecorderOptions, namespaceFor, referenceTo, unlessWritten } from './events.ts';
import { eventsV1 } from './resources.ts';

const rememberedByDefault = 4096;
const finishedAfterMs = 6 * 60 * 1000;
const refreshedAfterMs = 30 * 60 * 1000;
/** What the API takes. */
const noteBytesMax = 1024;
const cutMark = ' ...';

interface Series {
  readonly event: Event;
  /** 1: no series yet. */
  count: number;
  lastMs: number;
  writtenMs: number;
  writtenCount: number;
}

export class EventSeriesRecorder {
  readonly #options: EventRecorderOptions;
  readonly #names = new EventNames();
  readonly #queue: EventQueue<Event>;
  /** The one that was begun first stands first. */
  readonly #series = new Map<string, Series>();
  #timer: Timer | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#queue = new EventQueue({ ...options, write: (event) => this.#write(event) });
  }

  /** `reason` says why, `action` what was being done: one word each, in UpperCamelCase. `note` is for people. */
  record<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    more: { readonly action: string; readonly related?: ObjectReference; readonly reporter?: string },
  ): void {
    if (this.#queue.isFull) return;
    const { clock, component } = this.#options;
    const { action, related, reporter = component } = more;
    const regarding = referenceTo(resource, object);
    const key = JSON.stringify([type, action, reason, reporter, regarding, related]);
    const standing = this.#series.get(key);
    if (standing !== undefined) {
      this.#again(standing);
      return;
    }
    const nowMs = clock.now();
    const event = this.#newEvent({ type, reason, action, reporter, regarding, related, note: cut(message) }, nowMs);
    this.#remember(key, { event, count: 1, lastMs: nowMs, writtenMs: nowMs, writtenCount: 1 });
    this.#queue.add(event);
  }

  /** Resolves when what was recorded until now is written or lost. */
  flush(): Promise<void> {
    return this.#queue.flush();
  }

  /** As `flush`; what comes later, and what would be counted later, is lost. */
  close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#series.clear();
    return this.#queue.close();
  }

  #again(series: Series): void {
    series.count++;
    series.lastMs = this.#options.clock.now();
    if (series.count === 2) this.#tell(series);
  }

  #tell(series: Series): void {
    series.writtenMs = this.#options.clock.now();
    series.writtenCount = series.count;
    const lastObservedTime = formatMicroTime(series.lastMs);
    this.#queue.add({ ...series.event, series: { count: series.count, lastObservedTime } });
  }

  #remember(key: string, series: Series): void {
    this.#series.set(key, series);
    this.#timer ??= this.#options.clock.after(finishedAfterMs, () => this.#look());
    if (this.#series.size <= (this.#options.rememberedMax ?? rememberedByDefault)) return;
    const [oldest] = this.#series.keys();
    if (oldest !== undefined) this.#finish(oldest);
  }

  #finish(key: string): void {
    const series = this.#series.get(key);
    this.#series.delete(key);
    if (series !== undefined && series.count > series.writtenCount) this.#tell(series);
  }

  #look(): void {
    const nowMs = this.#options.clock.now();
    for (const [key, series] of this.#series) {
      if (nowMs - series.lastMs >= finishedAfterMs) this.#finish(key);
      else if (series.count > 1 && nowMs - series.writtenMs >= refreshedAfterMs) this.#tell(series);
    }
    this.#timer = this.#series.size === 0 ? undefined : this.#options.clock.after(finishedAfterMs, () => this.#look());
  }

  async #write(event: Event): Promise<void> {
    const { namespace = '', name = '' } = event.metadata ?? {};
    const { client } = this.#options;
    if (event.series) {
      const patch = { type: 'merge', body: { series: event.series } } as const;
      try {
        await client.patch(eventsV1, { namespace, name }, patch);
        return;
      } catch (error) {
        // Its time to live has passed, or the first one was lost.
        if (!hasReason(error, 'NotFound')) throw error;
      }
    }
    await client.create(eventsV1, event).catch(unlessWritten);
  }

  #newEvent(told: Told, nowMs: number): Event {
    const { type, reason, action, reporter, regarding, related, note } = told;
    const { host } = this.#options;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: namespaceFor(regarding), name: this.#names.next(regarding, nowMs) },
      eventTime: formatMicroTime(nowMs),
      reportingController: reporter,
      reportingInstance: host === undefined ? reporter : `${reporter}-${host}`,
      action,
      reason,
      regarding,
      ...(related !== undefined && { related }),
      note,
      type,
    };
  }
}

interface Told {
  readonly type: string;
  readonly reason: string;
  readonly action: string;
  readonly reporter: string;
  readonly regarding: ObjectReference;
  readonly related: ObjectReference | undefined;
  readonly note: string;
}

function cut(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= noteBytesMax) return note;
  // A character that is cut in two would come out as another.
  return (
    bytes
      .subarray(0, noteBytesMax - cutMark.length)
      .toString()
      .replace(/\uFFFD+$/u, '') + cutMark
  );
}
