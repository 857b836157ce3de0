/**
 * Events: what a loop did or could not do, for people (`kubectl describe`).
 *
 * The same event again adds to the count of the first, as upstream's recorder does: one object that says "12 times, last now".
 * An object that floods is held back: 25 events at once, then one each five minutes. Events are best effort: they wait in a
 * bounded queue, are written one after another, and are dropped where they cannot be written. Nobody waits for them.
 */

import type { KubeObject } from '../api/object.ts';
import { apiVersionOf } from '../api/resources.ts';
import type { Event, ObjectReference } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import { type Clock, formatTime } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
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
}

/** As upstream's correlator. */
const rememberedByDefault = 4096;
const burstMax = 25;
const refillMs = 5 * 60 * 1000;
/** Upstream cuts longer messages. */
const messageLengthMax = 1024;
const pendingMax = 1000;

interface Known {
  readonly name: string;
  count: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #known = new Map<string, Known>();
  readonly #buckets = new Map<string, Bucket>();
  #pending: Promise<void> = Promise.resolve();
  #pendingCount = 0;
  #lastStamp = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
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
    const involved = referenceTo(resource, object, fieldPath);
    if (this.#pendingCount >= pendingMax || !this.#admit(involved)) return;
    this.#pendingCount++;
    const text = message.slice(0, messageLengthMax);
    this.#pending = this.#pending
      .then(() => this.#write(involved, type, reason, text))
      .catch((error: unknown) => this.#options.log.debug('an event was lost', { reason, error }))
      .finally(() => {
        this.#pendingCount--;
      });
  }

  /** Resolves when what was recorded until now is written or lost. */
  flush(): Promise<void> {
    return this.#pending;
  }

  /** The token bucket of one object. */
  #admit(involved: ObjectReference): boolean {
    const key = involved.uid ?? `${involved.kind}/${involved.namespace}/${involved.name}`;
    const nowMs = this.#options.clock.monotonic();
    const bucket = touch(this.#buckets, key, this.#rememberedMax, () => ({ tokens: burstMax, atMs: nowMs }));
    const refilled = Math.floor((nowMs - bucket.atMs) / refillMs);
    bucket.tokens = Math.min(burstMax, bucket.tokens + refilled);
    bucket.atMs += refilled * refillMs;
    if (bucket.tokens === 0) return false;
    bucket.tokens--;
    return true;
  }

  async #write(involved: ObjectReference, type: string, reason: string, message: string): Promise<void> {
    const { client, clock } = this.#options;
    const key = [involved.uid, involved.fieldPath, involved.kind, involved.name, type, reason, message].join('\0');
    const now = formatTime(clock.now());
    const known = this.#known.get(key);
    if (known !== undefined && (await this.#countAgain(involved, known, now))) return;
    const event = this.#newEvent(involved, type, reason, message, now);
    await client.create(events, event);
    const name = event.metadata?.name ?? '';
    this.#known.delete(key);
    touch(this.#known, key, this.#rememberedMax, () => ({ name, count: 1 }));
  }

  /** False where the first event is gone: its time to live has passed. */
  async #countAgain(involved: ObjectReference, known: Known, now: string): Promise<boolean> {
    const reference = { namespace: involved.namespace || 'default', name: known.name };
    try {
      const body = { count: known.count + 1, lastTimestamp: now };
      await this.#options.client.patch(events, reference, { type: 'merge', body });
      known.count++;
      return true;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return false;
      throw error;
    }
  }

  #newEvent(involved: ObjectReference, type: string, reason: string, message: string, now: string): Event {
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
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
  }

  get #rememberedMax(): number {
    return this.#options.rememberedMax ?? rememberedByDefault;
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

/** The entry of `key`, made where absent; the longest untouched ones are dropped beyond the bound. */
function touch<V>(map: Map<string, V>, key: string, most: number, make: () => V): V {
  const value = map.get(key) ?? make();
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
  }
  return value;
}
