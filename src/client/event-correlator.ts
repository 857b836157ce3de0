/**
 * What becomes of something that happened again: the rules of upstream's correlator, pure, with bounded memory.
 *
 * ```
 *  happened ─▶ the tenth text of one reason within ten minutes? ─▶ from then on one event for all: "(combined from similar events): …"
 *           ─▶ the same event as before? ─▶ its count, one higher
 *           ─▶ is there a token left for this object and type? ─ no ─▶ held back; it counts, and the next that is let through says so
 * ```
 * What is forgotten, because too many others came after it, begins anew: an event more is no harm.
 */
import { isDns1123Subdomain } from '../api/names.ts';
import type { ObjectReference } from '../api/schema/types/core-v1.ts';
import { SharedValues } from '../lib/shared-values.ts';

export interface Happening {
  readonly involved: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** The event to be written for what happened. */
export interface Observation {
  readonly name: string;
  readonly message: string;
  readonly count: number;
  /** When the first of them happened, as the API writes times. */
  readonly firstTime: string;
}

/** As upstream's. */
const rememberedByDefault = 4096;
const burstMax = 25;
const refillMs = 5 * 60 * 1000;
/** So many texts of one reason are no longer told one by one. */
const similarMax = 10;
const similarForMs = 10 * 60 * 1000;

interface Known {
  readonly name: string;
  readonly firstTime: string;
  count: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

interface Similar {
  readonly messages: Set<string>;
  lastMs: number;
}

export class EventCorrelator {
  readonly #known: SharedValues<Known>;
  readonly #buckets: SharedValues<Bucket>;
  readonly #similar: SharedValues<Similar>;

  constructor(rememberedMax: number = rememberedByDefault) {
    const half = Math.ceil(rememberedMax / 2);
    this.#known = new SharedValues(half);
    this.#buckets = new SharedValues(half);
    this.#similar = new SharedValues(half);
  }

  /** Undefined: held back. `name` is what a new event would be called, `atMs` a time that never goes back. */
  observe(happening: Happening, at: { readonly time: string; readonly atMs: number; readonly name: string }) {
    const { atMs, time, name } = at;
    const about = aboutOf(happening);
    const isCombined = this.#isOneOfMany(`${about}\0${happening.reason}`, happening.message, atMs);
    const message = isCombined ? `(combined from similar events): ${happening.message}` : happening.message;
    const { fieldPath = '' } = happening.involved;
    const own = isCombined ? '' : `\0${fieldPath}\0${happening.message}`;
    const known = this.#known.share(`${about}\0${happening.reason}${own}`, { name, firstTime: time, count: 0 });
    known.count++;
    if (!this.#admit(about, atMs)) return undefined;
    const observation: Observation = { name: known.name, message, count: known.count, firstTime: known.firstTime };
    return observation;
  }

  #isOneOfMany(key: string, message: string, atMs: number): boolean {
    const similar = this.#similar.share(key, { messages: new Set(), lastMs: atMs });
    if (atMs - similar.lastMs > similarForMs) similar.messages.clear();
    similar.lastMs = atMs;
    if (similar.messages.has(message)) return false;
    if (similar.messages.size >= similarMax - 1) return true;
    similar.messages.add(message);
    return false;
  }

  /** The token bucket of one object and type. */
  #admit(key: string, atMs: number): boolean {
    const bucket = this.#buckets.share(key, { tokens: burstMax, atMs });
    const refilled = Math.floor((atMs - bucket.atMs) / refillMs);
    bucket.tokens = Math.min(burstMax, bucket.tokens + refilled);
    bucket.atMs += refilled * refillMs;
    if (bucket.tokens === 0) return false;
    bucket.tokens--;
    return true;
  }
}

function aboutOf({ involved, type }: Happening): string {
  const { kind, namespace, name, uid, apiVersion } = involved;
  return [kind, namespace, name, uid, apiVersion, type].join('\0');
}

/**
 * Names of events: that of the object, and hexadecimal nanoseconds, as upstream's; never the same twice. An object may be called what no
 * event may: then its uid stands in for it.
 */
export class EventNames {
  #lastMicros = 0;

  next({ name = '', uid = '' }: ObjectReference, nowMs: number): string {
    this.#lastMicros = Math.max(this.#lastMicros + 1, nowMs * 1000);
    const stamp = (BigInt(Math.floor(this.#lastMicros)) * 1000n).toString(16);
    const own = `${name}.${stamp}`;
    return isDns1123Subdomain(own).length === 0 ? own : `${uid || 'event'}.${stamp}`;
  }
}
