/**
 * Events: what a loop did or could not do, for people (`kubectl describe`).
 *
 * The same event again adds to the count of the first, as upstream's recorder does: one object that says "12 times, last now". What differs
 * in the text alone is told as one after the tenth; an object that floods is held back (`event-correlator.ts`). Nobody waits for an event:
 * they are written from a bounded queue, or lost (`event-queue.ts`); their times are those of what they tell.
 *
 * These are events of the core group, as upstream's loops and kubelets record them. The scheduler's are of events.k8s.io (`event-series.ts`).
 */

import type { KubeObject } from '../api/object.ts';
import { apiVersionOf } from '../api/resources.ts';
import type { Event, ObjectReference } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import { type Clock, formatTime } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Client, Resource } from './client.ts';
import { EventCorrelator, EventNames, type Observation } from './event-correlator.ts';
import { EventQueue } from './event-queue.ts';
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

/** Longer messages are cut. */
const messageLengthMax = 1024;

interface Recorded extends Observation {
  readonly involved: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  /** When the last of them happened, as the API writes times. */
  readonly time: string;
  /** For tools; of the first of them. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlator: EventCorrelator;
  readonly #names = new EventNames();
  readonly #queue: EventQueue<Recorded>;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#correlator = new EventCorrelator(options.rememberedMax);
    this.#queue = new EventQueue({ ...options, write: (recorded) => this.#write(recorded) });
  }

  /** `reason` is one word in UpperCamelCase that tools match on; `message` is for people. */
  record<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    fieldPath?: string,
    annotations?: Readonly<Record<string, string>>,
  ): void {
    if (this.#queue.isFull) return;
    const { clock } = this.#options;
    const involved = referenceTo(resource, object, fieldPath);
    const happening = { involved, type, reason, message: message.slice(0, messageLengthMax) };
    const time = formatTime(clock.now());
    const name = this.#names.next(involved, clock.now());
    const observation = this.#correlator.observe(happening, { time, atMs: clock.monotonic(), name });
    const more = annotations === undefined ? {} : { annotations };
    if (observation !== undefined) this.#queue.add({ involved, type, reason, time, ...more, ...observation });
  }

  /** Resolves when what was recorded until now is written or lost. */
  flush(): Promise<void> {
    return this.#queue.flush();
  }

  /** The last flush: what is recorded later is lost. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  async #write(recorded: Recorded): Promise<void> {
    if (recorded.count > 1 && (await this.#countAgain(recorded))) return;
    await this.#options.client.create(events, this.#newEvent(recorded)).catch(unlessWritten);
  }

  /** False where the first event is gone: its time to live has passed, or it was never written. */
  async #countAgain({ involved, name, count, message, time }: Recorded): Promise<boolean> {
    try {
      const body = { count, message, lastTimestamp: time };
      await this.#options.client.patch(events, { namespace: namespaceFor(involved), name }, { type: 'merge', body });
      return true;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return false;
      throw error;
    }
  }

  #newEvent({ involved, type, reason, name, message, count, firstTime, time, annotations }: Recorded): Event {
    const { component, host } = this.#options;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: namespaceFor(involved), name, ...(annotations !== undefined && { annotations }) },
      involvedObject: involved,
      reason,
      message,
      type,
      source: { component, ...(host !== undefined && { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
      firstTimestamp: firstTime,
      lastTimestamp: time,
      count,
    };
  }
}

/** Events about what stands outside namespaces are in `default`. */
export const namespaceFor = ({ namespace }: ObjectReference): string => namespace || 'default';

/** An answer got lost, and the event is there: its name is its recorder's alone. */
export function unlessWritten(error: unknown): void {
  if (!hasReason(error, 'AlreadyExists')) throw error;
}

export function referenceTo(resource: Resource<KubeObject>, object: KubeObject, fieldPath?: string): ObjectReference {
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
