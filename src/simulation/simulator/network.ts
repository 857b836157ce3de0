/**
 * The way from each part to the API: where calls get lost or slow, and watches lag, break and expire.
 *
 * ```
 *  part ──▶ link ── latency ── lost? ──▶ API ──▶ answer ── latency ── lost? ──▶ part
 *            └ cut: nothing passes for a while.  dead: its process has ended; nothing passes any more.
 *            └ silent: watches show nothing any more and nobody notices, until they end, as connections do that only one side has lost
 * ```
 * Kept true: a watch shows its events in order and without a gap until it ends, as a connection does. What the API answers is looked at on the
 * way: a part must never be told that it sent nonsense, and must not call without end at one moment.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import { expired, hasReason, StatusError, type StatusReason } from '../../api/status-error.ts';
import type { Client, ClientWatch, ClientWatchEvent, ClientWatchHandler } from '../../client/client.ts';
import { timedOut, unreachable } from '../../client/errors.ts';
import { aroundCalls, type ClientCall, intercept } from '../../client/intercept.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Prng } from '../../lib/prng.ts';
import { uidOf } from './checkers/checker.ts';
import { goodNetwork, type NetworkFaults } from './faults.ts';
import type { Verdict } from './verdict.ts';

export type CutReason = 'the way is cut' | 'the API is dead';

/** A part that calls more often within one virtual second has run wild. */
const callsPerSecondMax = 3000;

export interface NetworkOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly verdict: Verdict;
  readonly faults: NetworkFaults;
}

export class Network {
  readonly #options: NetworkOptions;
  readonly #links = new Set<Link>();
  #faults: NetworkFaults;
  /** Why nobody reaches the API; empty where everybody does. */
  readonly #cuts = new Set<CutReason>();
  /** What was done to calls and watches, for the report. */
  readonly counts = { calls: 0, lostRequests: 0, lostAnswers: 0, slowCalls: 0, brokenWatches: 0, silentWatches: 0 };

  /** The uids of what was made although its maker was told that it failed. */
  readonly unanswered = new Set<string>();

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#faults = options.faults;
  }

  link(name: string): Link {
    const link = new Link(name, this, this.#options);
    this.#links.add(link);
    return link;
  }

  /** Nobody reaches the API until `restore` with the same reason. */
  cut(reason: CutReason): void {
    this.#cuts.add(reason);
    for (const link of this.#links) link.breakWatches();
  }

  restore(reason: CutReason): void {
    this.#cuts.delete(reason);
  }

  /** From now on nothing is lost; what is on its way arrives. An API that has died is not made alive by that. */
  heal(): void {
    this.restore('the way is cut');
    this.#faults = goodNetwork;
    for (const link of this.#links) link.restore();
  }

  forget(link: Link): void {
    this.#links.delete(link);
  }

  get isCut(): boolean {
    return this.#cuts.size > 0;
  }

  /** For whom chance picks somebody's connection. */
  get links(): readonly Link[] {
    return [...this.#links];
  }

  get faults(): NetworkFaults {
    return this.#faults;
  }
}

/** One process's connection. */
export class Link {
  readonly name: string;
  readonly #network: Network;
  readonly #options: NetworkOptions;
  readonly #watches = new Set<LaggingWatch>();
  #cut = false;
  #dead = false;
  #second = 0;
  #callsInSecond = 0;

  constructor(name: string, network: Network, options: NetworkOptions) {
    this.name = name;
    this.#network = network;
    this.#options = options;
  }

  client(real: Client): Client {
    const called = aroundCalls(real, (call, act) => this.#carry(call, act));
    return intercept(called, {
      watch: () => (resource, query, handler) => {
        const watch = new LaggingWatch(handler, this.#options, {
          lagMs: this.#options.prng.next() * this.#network.faults.watchLagMsMax,
          over: () => this.#watches.delete(watch),
        });
        this.#watches.add(watch);
        if (this.#isDown) watch.fail(unreachable('the API cannot be reached (injected)'));
        else
          watch.open(
            (ends) => real.watch(resource, query, ends),
            this.#lifeMs(),
            () => this.#breakWatch(watch),
          );
        return watch;
      },
    });
  }

  cut(): void {
    this.#cut = true;
    this.breakWatches();
  }

  restore(): void {
    this.#cut = false;
    for (const watch of this.#watches) if (watch.isSilent) this.#breakWatch(watch);
  }

  /** Each of its watches shows nothing any more from now on, with this chance, and breaks after `durationMs`. */
  silence(durationMs: number, share: number): void {
    for (const watch of this.#watches) {
      if (!this.#happens(share)) continue;
      this.#network.counts.silentWatches++;
      watch.silence(durationMs, () => this.#breakWatch(watch));
    }
  }

  /** The process behind it has died: whatever it still sends arrives nowhere. */
  kill(): void {
    this.#dead = true;
    this.breakWatches();
    this.#network.forget(this);
  }

  breakWatches(): void {
    for (const watch of this.#watches) this.#breakWatch(watch);
  }

  get #isDown(): boolean {
    return this.#dead || this.#cut || this.#network.isCut;
  }

  #lifeMs(): number {
    return -Math.log(1 - this.#options.prng.next()) * this.#network.faults.watchLifeMs;
  }

  #breakWatch(watch: LaggingWatch): void {
    const { prng } = this.#options;
    this.#network.counts.brokenWatches++;
    if (!this.#isDown && prng.next() < this.#network.faults.expired)
      watch.fail(expired('too old resource version (injected)'));
    else watch.fail(prng.next() < 0.5 ? undefined : unreachable('the watch broke (injected)'));
  }

  async #carry<R>(call: ClientCall, act: () => Promise<R>): Promise<R> {
    const { counts } = this.#network;
    counts.calls++;
    await this.#boundRate();
    await this.#travel();
    if (this.#isDown || this.#happens(this.#network.faults.lostRequests)) {
      counts.lostRequests++;
      throw this.#failure();
    }
    const result = await this.#watched(call, act);
    await this.#travel();
    if (this.#isDown || this.#happens(this.#network.faults.lostAnswers)) {
      counts.lostAnswers++;
      if (call.verb === 'create') this.#network.unanswered.add(uidOf(result as KubeObject));
      throw this.#failure();
    }
    return result;
  }

  #happens(share: number): boolean {
    return share > 0 && this.#options.prng.next() < share;
  }

  #failure(): StatusError {
    const lost = `the call of ${this.name} was lost (injected)`;
    return this.#options.prng.next() < 0.5 ? unreachable(lost) : timedOut(lost);
  }

  async #travel(): Promise<void> {
    const { clock, prng } = this.#options;
    const { latencyMsMax, slowCalls, slowMsMax } = this.#network.faults;
    const isSlow = this.#happens(slowCalls);
    if (isSlow) this.#network.counts.slowCalls++;
    await clock.sleep(prng.next() * (isSlow ? slowMsMax : latencyMsMax));
  }

  async #watched<R>(call: ClientCall, act: () => Promise<R>): Promise<R> {
    try {
      return await act();
    } catch (error) {
      const isFair = isMovedName(this.name, call, error) || isBounded(this.name, error);
      const problem = isFair ? undefined : unexpected(error);
      if (problem !== undefined)
        this.#options.verdict.broken('no part sends nonsense', `${this.name}: ${describe(call)}: ${problem}`);
      throw error;
    }
  }

  /** A loop that never waits would stop virtual time, and the run with it: it gets no answer any more. */
  async #boundRate(): Promise<void> {
    const second = Math.floor(this.#options.clock.monotonic() / 1000);
    if (second !== this.#second) this.#callsInSecond = 0;
    this.#second = second;
    if (++this.#callsInSecond <= callsPerSecondMax) return;
    this.#options.verdict.broken('no part runs wild', `${this.name} made ${callsPerSecondMax} calls within a second`);
    await new Promise<never>(() => {});
  }
}

function describe({ verb, resource, reference, subresource }: ClientCall): string {
  const what = subresource === '' ? resource.resource : `${resource.resource}/${subresource}`;
  return `${verb} ${what} ${objectKey({ metadata: reference })}`;
}

const ordinary: ReadonlySet<StatusReason> = new Set([
  'NotFound',
  'Conflict',
  'AlreadyExists',
  'Expired',
  'ServiceUnavailable',
]);

/** Refusals that races explain are part of the game; all others are somebody's mistake. */
function unexpected(error: unknown): string | undefined {
  if (!(error instanceof StatusError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (ordinary.has(error.reason)) return undefined;
  const causes = error.details?.causes ?? [];
  if (error.reason === 'Forbidden' && causes.some(({ reason }) => reason === 'NamespaceTerminating')) return undefined;
  // A namespace is used as soon as it is there, also before its account is: tried again, as upstream's loops do.
  if (error.reason === 'Forbidden' && error.message.includes('error looking up service account')) return undefined;
  return `${error.reason}: ${error.message}${error.cause instanceof Error ? `\n${error.cause.stack}` : ''}`;
}

/** A StatefulSet's pod may be made anew on another node under its name, while its old node still asks for it. */
const isMovedName = (part: string, { resource }: ClientCall, error: unknown): boolean =>
  part.startsWith('agent/') && resource.resource === 'pods' && hasReason(error, 'Forbidden');

/** Quotas hold for everybody; only users ask for evictions, and for what cannot be (a time zone of another planet). */
function isBounded(part: string, error: unknown): boolean {
  if (!(error instanceof StatusError)) return false;
  if (error.reason === 'Forbidden') return /(exceeded|status unknown for) quota: /.test(error.message);
  return part === 'users' && (error.reason === 'TooManyRequests' || error.reason === 'Invalid');
}

/** A watch whose events arrive late, in order, and which breaks in the end. */
class LaggingWatch implements ClientWatch {
  readonly #handler: ClientWatchHandler<KubeObject>;
  readonly #clock: Clock;
  readonly #lagMs: number;
  readonly #over: () => void;
  readonly #queue: (ClientWatchEvent<KubeObject> | { readonly type: 'END'; readonly error: Error | undefined })[] = [];
  #source: ClientWatch | undefined;
  #delivery: Timer | undefined;
  #life: Timer | undefined;
  #isOver = false;
  #isSilent = false;

  constructor(
    handler: ClientWatchHandler<KubeObject>,
    { clock }: NetworkOptions,
    { lagMs, over }: { readonly lagMs: number; readonly over: () => void },
  ) {
    this.#handler = handler;
    this.#clock = clock;
    this.#lagMs = lagMs;
    this.#over = over;
  }

  open(start: (handler: ClientWatchHandler<KubeObject>) => ClientWatch, lifeMs: number, dies: () => void): void {
    this.#life = this.#clock.after(lifeMs, dies);
    this.#source = start({
      event: (event) => this.#enqueue(event),
      end: (error) => this.#enqueue({ type: 'END', error }),
    });
  }

  /** The connection breaks: what was on its way is lost. */
  fail(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#isSilent = false;
    this.#source?.cancel();
    this.#queue.length = 0;
    this.#enqueue({ type: 'END', error });
  }

  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Nothing arrives any more, and `dies` is called in the end: whoever listens takes it for a quiet watch until then. */
  silence(durationMs: number, dies: () => void): void {
    if (this.#isOver || this.#isSilent) return;
    this.#isSilent = true;
    this.#source?.cancel();
    this.#delivery?.cancel();
    this.#delivery = undefined;
    this.#queue.length = 0;
    this.#life?.cancel();
    this.#life = this.#clock.after(durationMs, dies);
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#source?.cancel();
    this.#delivery?.cancel();
    this.#life?.cancel();
    this.#over();
  }

  #enqueue(item: ClientWatchEvent<KubeObject> | { readonly type: 'END'; readonly error: Error | undefined }): void {
    if (this.#isOver || this.#isSilent) return;
    this.#queue.push(item);
    this.#delivery ??= this.#clock.after(this.#lagMs, () => this.#deliver());
  }

  #deliver(): void {
    this.#delivery = undefined;
    for (const item of this.#queue.splice(0)) {
      if (this.#isOver) return;
      if (item.type !== 'END') this.#handler.event(item);
      else {
        this.cancel();
        this.#handler.end(item.error);
      }
    }
  }
}
