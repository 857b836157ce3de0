/**
 * Events: what a loop did or could not do, for people (`kubectl describe`).
 *
 * The same event again adds to the count of the first, as upstream's recorder does: one object that says "12 times, last now".
 * An object that floods is held back: 25 events at once, then one each five minutes. Events are best effort: they wait in a
 * bounded queue, are written one after another, and are dropped where they cannot be written. Nobody waits for them, and whoever
 * has more urgent things to write may let them wait for a few seconds; their times are those of what they tell.
 */

import type { KubeObject } from '../api/object.ts';
import { apiVersionOf } from '../api/resources.ts';
import type { Event, ObjectReference } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import { type Clock, formatTime } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { SharedValues } from '../lib/shared-values.ts';
import type { Client, Resource } from './client.ts';
import { events } from './resources.ts';

export interface EventRecorderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who reports: `deployment-controller`, `default-scheduler`, `kubelet`. */
  readonly component: string;
  /** The node's name, for what happens on one. */
  readonly host?: string;
  /** Events and objects that are remembered, to count them; as upstream where absent. */
  readonly rememberedMax?: number;
  /** Events that may wait to be written; those beyond are lost. 1000, as upstream, where absent. */
  readonly pendingMax?: number;
  /** While it says so, events wait: until half of `pendingMax` do, or the first has waited for 5 s. */
  readonly isBusy?: () => boolean;
}

/** As upstream's correlator. */
const rememberedByDefault = 4096;
const burstMax = 25;
const refillMs = 5 * 60 * 1000;
/** Upstream cuts longer messages. */
const messageLengthMax = 1024;
const pendingByDefault = 1000;
const heldMsMax = 5000;
/** How soon it is asked again whether somebody is busy. */
const heldAgainMs = 20;

interface Known {
  name: string;
  count: number;
}

interface Recorded {
  readonly involved: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** As the API writes times. */
  readonly time: string;
  readonly atMs: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #known: SharedValues<Known>;
  readonly #buckets: SharedValues<Bucket>;
  readonly #pendingMax: number;
  /** Waiting, from `#first` on. */
  #queue: Recorded[] = [];
  #first = 0;
  #writing: Promise<void> | undefined;
  #flushes = 0;
  #endPause: (() => void) | undefined;
  #lastStamp = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    const remembered = Math.ceil((options.rememberedMax ?? rememberedByDefault) / 2);
    this.#known = new SharedValues(remembered);
    this.#buckets = new SharedValues(remembered);
    this.#pendingMax = options.pendingMax ?? pendingByDefault;
  }

  /** `reason` is one word in UpperCamelCase that tools match on; `message` is for people. */
  record<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    fieldPath?: string,
  ): void {
    const { clock } = this.#options;
    const atMs = clock.monotonic();
    const involved = referenceTo(resource, object, fieldPath);
    if (this.#pending >= this.#pendingMax || !this.#admit(involved, atMs)) return;
    const text = message.slice(0, messageLengthMax);
    this.#queue.push({ involved, type, reason, message: text, time: formatTime(clock.now()), atMs });
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when what was recorded until now is written or lost. */
  async flush(): Promise<void> {
    this.#flushes++;
    this.#endPause?.();
    await this.#writing;
    this.#flushes--;
  }

  get #pending(): number {
    return this.#queue.length - this.#first;
  }

  async #writeAll(): Promise<void> {
    // Whoever records several things in one go has recorded them all by then.
    await Promise.resolve();
    for (let next = this.#queue[this.#first]; next !== undefined; next = this.#queue[this.#first]) {
      if (this.#mayWait(next)) {
        await this.#pause();
        continue;
      }
      try {
        await this.#write(next);
      } catch (error) {
        this.#options.log.debug('an event was lost', { reason: next.reason, error });
      }
      this.#first++;
      if (this.#first >= 1024 && this.#first * 2 >= this.#queue.length) {
        this.#queue = this.#queue.slice(this.#first);
        this.#first = 0;
      }
    }
    this.#queue = [];
    this.#first = 0;
    this.#writing = undefined;
  }

  #mayWait({ atMs }: Recorded): boolean {
    const { clock, isBusy } = this.#options;
    if (isBusy === undefined || this.#flushes > 0 || this.#pending * 2 >= this.#pendingMax) return false;
    return clock.monotonic() - atMs < heldMsMax && isBusy();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(heldAgainMs, () => this.#endPause?.());
      this.#endPause = () => {
        this.#endPause = undefined;
        timer.cancel();
        resolve();
      };
    });
  }

  /** The token bucket of one object. */
  #admit(involved: ObjectReference, nowMs: number): boolean {
    const key = involved.uid ?? `${involved.kind}/${involved.namespace}/${involved.name}`;
    const bucket = this.#buckets.known(key) ?? this.#buckets.share(key, { tokens: burstMax, atMs: nowMs });
    const refilled = Math.floor((nowMs - bucket.atMs) / refillMs);
    bucket.tokens = Math.min(burstMax, bucket.tokens + refilled);
    bucket.atMs += refilled * refillMs;
    if (bucket.tokens === 0) return false;
    bucket.tokens--;
    return true;
  }

  async #write(recorded: Recorded): Promise<void> {
    const { involved, type, reason, message } = recorded;
    const key = `${involved.uid}\0${involved.fieldPath}\0${involved.kind}\0${involved.name}\0${type}\0${reason}\0${message}`;
    const known = this.#known.known(key);
    if (known !== undefined && (await this.#countAgain(recorded, known))) return;
    const event = this.#newEvent(recorded);
    await this.#options.client.create(events, event);
    const name = event.metadata?.name ?? '';
    if (known === undefined) this.#known.share(key, { name, count: 1 });
    else Object.assign(known, { name, count: 1 });
  }

  /** False where the first event is gone: its time to live has passed. */
  async #countAgain({ involved, time }: Recorded, known: Known): Promise<boolean> {
    const reference = { namespace: involved.namespace || 'default', name: known.name };
    try {
      const body = { count: known.count + 1, lastTimestamp: time };
      await this.#options.client.patch(events, reference, { type: 'merge', body });
      known.count++;
      return true;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return false;
      throw error;
    }
  }

  #newEvent({ involved, type, reason, message, time }: Recorded): Event {
    const { component, host } = this.#options;
    const namespace = involved.namespace || 'default';
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, name: `${involved.name}.${this.#stamp()}` },
      involvedObject: involved,
      reason,
      message,
      type,
      source: { component, ...(host !== undefined && { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    };
  }

  /** Hexadecimal nanoseconds, as upstream's names end in; never the same twice. */
  #stamp(): string {
    this.#lastStamp = Math.max(this.#lastStamp + 1, this.#options.clock.now() * 1000);
    return (BigInt(this.#lastStamp) * 1000n).toString(16);
  }
}

function referenceTo(resource: Resource<KubeObject>, object: KubeObject, fieldPath?: string): ObjectReference {
  const { name, namespace, uid, resourceVersion } = object.metadata ?? {};
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: name ?? '',
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(fieldPath !== undefined && { fieldPath }),
  };
}
