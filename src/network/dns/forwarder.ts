/**
 * Asks other name servers what the cluster does not know, and remembers what they said.
 *
 * ```
 *   fresh in the cache ─────────────────────────────────────────────▶ answer
 *   else: being asked already? wait for that │ ask: first server, and each next one `stepMs` later, or as soon as one failed
 *         ├─ an answer ──▶ cache, answer
 *         ├─ nothing yet after `patienceMs`, but an old answer ────▶ the old one; the asking goes on (RFC 8767)
 *         └─ nobody answers ──▶ remembered for `failureMs` (RFC 9520): the old answer, or SERVFAIL, without asking
 * ```
 * Kept true: equal questions are asked once at a time, so that a server that asks us back ends there and does not go round; the number of questions under
 * way is bounded; a server that failed is asked last for some time.
 */
import type { Clock } from '../../lib/clock.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Aged, ForwardedMessage } from './forwarded-message.ts';
import { type Forwarded, keyOf } from './questions.ts';
import type { Upstream } from './settings.ts';
import type { Exchange } from './upstream.ts';
import { responseCodes } from './wire.ts';

/** Bytes, with what the runtime adds to each. */
const cacheBytesMax = 8 * 2 ** 20;
const entryBytes = 600;
const underWayMax = 1000;
const stepMs = 1000;
/** Resolvers of pods give up after 5 seconds. */
const askMsMax = 4500;
const patienceMs = 1800;
const failureMs = 2000;
const demotionMs = 10_000;
const negativeSecondsMax = 900;
const staleSecondsMax = 86_400;
/** What something stale still has to live for whoever gets it. */
const staleTtl = 30;
const ttlMost = 2 ** 31 - 1;

interface Kept {
  readonly message: ForwardedMessage;
  /** By the clock that never jumps. */
  readonly storedMs: number;
  readonly freshMs: number;
}

/** Of the servers to ask, by turns. */
export interface ServerGroup {
  /** Answers of one group are not those of another. */
  readonly name: string;
  readonly servers: readonly Upstream[];
}

export type Outcome = Aged | 'failed';

export interface ForwarderOptions {
  readonly clock: Clock;
  readonly exchange: Exchange;
  readonly cacheSeconds: () => number;
  /** An answer that is too old was better than none. */
  readonly servedStale?: () => void;
  /** Something went wrong with a server. */
  readonly report: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #cache = new BoundedCache<Kept>(cacheBytesMax);
  readonly #underWay = new Map<string, Promise<Outcome>>();
  readonly #failedUntilMs = new BoundedCache<number>(1000);
  readonly #demotedUntilMs = new Map<string, number>();
  readonly #stop = new AbortController();
  /** Ends each question that is under way. */
  readonly #asks = new Set<AbortController>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** How many questions wait for an answer. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** What is known without asking, and still holds. */
  known(group: ServerGroup, asked: Forwarded): Aged | undefined {
    const kept = this.#cache.get(`${group.name}${keyOf(asked)}`);
    return kept !== undefined && this.#ageMs(kept) < kept.freshMs ? this.#aged(kept, false) : undefined;
  }

  /** Never rejects. */
  async ask(group: ServerGroup, asked: Forwarded): Promise<Outcome> {
    const fresh = this.known(group, asked);
    if (fresh !== undefined) return fresh;
    const key = `${group.name}${keyOf(asked)}`;
    const stale = this.#stale(key);
    const failedRecently = (this.#failedUntilMs.get(key) ?? 0) > this.#options.clock.monotonic();
    if (failedRecently) return stale === undefined ? 'failed' : this.#old(stale);
    const asking = this.#underWay.get(key) ?? this.#begin(key, group, asked);
    if (stale === undefined) return await asking;
    const answered = await Promise.race([asking, this.#patience(stale)]);
    return answered === 'failed' || answered.isStale ? this.#old(stale) : answered;
  }

  #old(stale: Aged): Aged {
    this.#options.servedStale?.();
    return stale;
  }

  /** Forgets all that it knows: others answer now. */
  clear(): void {
    this.#cache.clear();
    this.#failedUntilMs.clear();
    this.#demotedUntilMs.clear();
  }

  /** What is under way fails. */
  close(): void {
    this.#stop.abort(new Error('closed'));
    for (const over of this.#asks) over.abort(this.#stop.signal.reason);
  }

  #begin(key: string, group: ServerGroup, asked: Forwarded): Promise<Outcome> {
    if (this.#underWay.size >= underWayMax) {
      this.#options.report('too many questions to other name servers are under way', { max: underWayMax });
      return Promise.resolve('failed');
    }
    const asking = this.#askAll(group, asked)
      .then((message) => this.#keep(key, message))
      .catch((error: unknown) => this.#fail(key, group, error))
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, asking);
    return asking;
  }

  #keep(key: string, message: ForwardedMessage): Outcome {
    const now = this.#options.clock.monotonic();
    const isNegative = message.code !== responseCodes.NOERROR || message.answers.length === 0;
    const most = Math.min(this.#options.cacheSeconds(), isNegative ? negativeSecondsMax : Number.POSITIVE_INFINITY);
    const kept: Kept = { message, storedMs: now, freshMs: 1000 * Math.min(message.seconds, most) };
    if (kept.freshMs > 0) this.#cache.set(key, kept, message.bytes.length + key.length + entryBytes);
    return this.#aged(kept, false);
  }

  #fail(key: string, { name, servers }: ServerGroup, error: unknown): Outcome {
    if (this.#stop.signal.aborted) return 'failed';
    this.#failedUntilMs.set(key, this.#options.clock.monotonic() + failureMs, 1);
    const asked = servers.map(({ address, port }) => `${address}:${port}`);
    this.#options.report('no name server answers', { group: name, servers: asked, error });
    return 'failed';
  }

  /** The first good answer; else the last bad one. Rejects when there is none at all. */
  async #askAll({ servers }: ServerGroup, asked: Forwarded): Promise<ForwardedMessage> {
    if (servers.length === 0)
      throw new Error('no name server is known: /etc/resolv.conf names none, nor does dns.upstreams');
    const { clock } = this.#options;
    const over = new AbortController();
    const late = clock.after(askMsMax, () => over.abort(new Error(`no answer in ${askMsMax} ms`)));
    this.#asks.add(over);
    try {
      return await this.#race(this.#inOrder(servers), asked, over.signal);
    } finally {
      late.cancel();
      this.#asks.delete(over);
      over.abort(new Error('answered'));
    }
  }

  async #race(servers: readonly Upstream[], asked: Forwarded, signal: AbortSignal): Promise<ForwardedMessage> {
    // Twice each: a packet may get lost.
    const waiting = [...servers, ...servers];
    let refusal: ForwardedMessage | undefined;
    let problem: unknown;
    const running = new Set<Promise<ForwardedMessage | undefined>>();
    while (waiting.length > 0 || running.size > 0) {
      const next = waiting.shift();
      if (next !== undefined) {
        const attempt: Promise<ForwardedMessage | undefined> = this.#attempt(next, asked, signal)
          .catch((error: unknown) => {
            problem = error;
            return undefined;
          })
          .finally(() => running.delete(attempt));
        running.add(attempt);
      }
      const stepOver = new AbortController();
      const step = waiting.length > 0 ? [this.#step(stepOver.signal)] : [];
      const first = await Promise.race([...running, ...step]);
      stepOver.abort(new Error('over'));
      if (signal.aborted) throw signal.reason as Error;
      if (first !== undefined && isUseful(first)) return first;
      refusal = first ?? refusal;
    }
    if (refusal !== undefined) return refusal;
    throw problem instanceof Error ? problem : new Error('no answer');
  }

  async #step(signal: AbortSignal): Promise<undefined> {
    await this.#options.clock.sleep(stepMs, signal).catch(() => {});
    return undefined;
  }

  async #attempt(server: Upstream, asked: Forwarded, signal: AbortSignal): Promise<ForwardedMessage> {
    const name = `${server.address} ${server.port}`;
    const slow = this.#options.clock.after(stepMs, () => this.#demote(name));
    try {
      const message = await this.#options.exchange(server, asked, signal);
      if (isUseful(message)) this.#demotedUntilMs.delete(name);
      else this.#demote(name);
      return message;
    } catch (error) {
      if (!signal.aborted) this.#demote(name);
      throw error;
    } finally {
      slow.cancel();
    }
  }

  #demote(name: string): void {
    this.#demotedUntilMs.set(name, this.#options.clock.monotonic() + demotionMs);
  }

  /** As they are given; those that failed lately last. */
  #inOrder(servers: readonly Upstream[]): readonly Upstream[] {
    const now = this.#options.clock.monotonic();
    const isDemoted = ({ address, port }: Upstream): boolean =>
      (this.#demotedUntilMs.get(`${address} ${port}`) ?? 0) > now;
    return [...servers.filter((server) => !isDemoted(server)), ...servers.filter(isDemoted)];
  }

  async #patience(stale: Aged): Promise<Aged> {
    await this.#options.clock.sleep(patienceMs, this.#stop.signal).catch(() => {});
    return stale;
  }

  #stale(key: string): Aged | undefined {
    const kept = this.#cache.get(key);
    if (kept === undefined || this.#ageMs(kept) > kept.freshMs + 1000 * staleSecondsMax) return undefined;
    return this.#aged(kept, true);
  }

  #aged(kept: Kept, isStale: boolean): Aged {
    const ageSeconds = Math.floor(this.#ageMs(kept) / 1000);
    // What is not kept here is bounded by its own time alone.
    const left = kept.freshMs === 0 ? ttlMost : Math.ceil(kept.freshMs / 1000) - ageSeconds;
    return { message: kept.message, ageSeconds, ttlMax: isStale ? staleTtl : Math.max(0, left), isStale };
  }

  #ageMs({ storedMs }: Kept): number {
    return this.#options.clock.monotonic() - storedMs;
  }
}

/** Others may know more than one that says SERVFAIL, REFUSED and the like. */
function isUseful({ code }: ForwardedMessage): boolean {
  return code === responseCodes.NOERROR || code === responseCodes.NXDOMAIN;
}
