/**
 * Keeps the node alive when something runs out: every ten seconds it looks at what the node and its pods use, gives back what nobody needs,
 * and at last makes pods fail, one a look. It also tells of the pressure: to the Node's conditions, and to pods that are new.
 *
 * ```
 *   StatsSource ─▶ decideEviction ─▶ pressures ─▶ Node conditions, admission
 *                       ├─▶ pods over their own limits ──────────────────┐
 *                       └─▶ due ─▶ Reclaimer ─▶ look again ─▶ nextVictim ─┴▶ fail, then wait until it is cleaned up
 * ```
 * Kept true: while a pod that was evicted is being cleaned up no other is chosen, for as long as its grace and half a minute: what it gives
 * back must show first.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import type { EventSink } from '../pod/pod-host.ts';
import type { StatsSource, Summary } from '../stats/summary.ts';
import {
  decideEviction,
  type Eviction,
  type EvictionFacts,
  type EvictionVerdict,
  nextVictim,
} from './decide-eviction.ts';
import { isRelieved, noPressure, type PressureMemory } from './decide-pressure.ts';
import type { NodePressures } from './node-pressures.ts';
import { pressureWords } from './pressure-conditions.ts';
import { canReclaim, type Reclaimer } from './reclaimer.ts';
import { observe, type Pressure, signals } from './signals.ts';
import { type DiskLayout, type Threshold, thresholdsOf, withLayers } from './thresholds.ts';

const periodMs = 10_000;
const cleanUpMsMax = 30_000;
const cleanUpPollMs = 1000;
/** A pod that is told to end may take this long at least, and half as long again as its grace. */
const endingMsMin = 10_000;
const defaultGraceMs = 30_000;

/** How the node ends a pod that it cannot keep. */
export interface Verdict {
  /** The pod's own grace period, or less. */
  readonly graceMs?: number;
  /** The node needs what it holds: its condition DisruptionTarget says so. */
  readonly isDisruption: boolean;
}

/** A pod worker, as far as eviction is concerned with it. */
export interface EvictablePod {
  readonly lastPod: Pod | undefined;
  /** It was taken, and has not ended. */
  readonly isActive: boolean;
  /** Nothing of it runs, and what was made for it is gone. */
  readonly isCleanedUp: boolean;
  fail(reason: string, message: string, verdict: Verdict): void;
}

export interface EvictionOptions {
  readonly nodeName: string;
  readonly configuration: KubeletConfiguration;
  /** Where the pressures go. */
  readonly pressures: NodePressures;
  readonly stats: StatsSource;
  readonly pods: () => readonly EvictablePod[];
  readonly reclaimer: Reclaimer;
  /** Asked until it is known, and then no more. */
  readonly layout: () => Promise<DiskLayout>;
  readonly events: EventSink;
  /** A pod was told to go, because of this signal or limit. */
  readonly evicted?: (signal: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

export class EvictionManager implements Service {
  readonly name = 'eviction';
  readonly #options: EvictionOptions;
  readonly #configured: readonly Threshold[];
  /** Made once, when the layout is known: a threshold is known by its identity. */
  #thresholds: readonly Threshold[] | undefined;
  readonly #stop = new AbortController();
  #memory: PressureMemory = noPressure;
  #layout: DiskLayout | undefined;
  #evicted: ReadonlySet<EvictablePod> = new Set();
  #running: Promise<void> | undefined;

  /** @throws Error where a threshold is no threshold */
  constructor(options: EvictionOptions) {
    this.#options = options;
    this.#configured = thresholdsOf(options.configuration);
  }

  start(): Promise<void> {
    this.#running ??= this.#run();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log } = this.#options;
    while (!this.#isClosed) {
      let evicted: readonly Eviction[] = [];
      try {
        evicted = await this.#look();
      } catch (error) {
        log.warn('what the node uses is not known: no pod is evicted', { error });
      }
      if (evicted.length > 0) await this.#untilCleanedUp(evicted);
      else await this.#sleep(periodMs);
    }
  }

  /** The pods that must go, and were told. */
  async #look(): Promise<readonly Eviction[]> {
    const facts = await this.#facts();
    if (this.#isClosed) return [];
    const verdict = decideEviction(this.#memory, facts);
    this.#memory = verdict.memory;
    this.#tell(verdict.pressures);
    const evictions = verdict.evictions.length > 0 ? verdict.evictions : await this.#relieve(facts, verdict);
    for (const eviction of evictions) this.#evict(eviction);
    return evictions;
  }

  async #facts(): Promise<EvictionFacts> {
    const { configuration, stats, clock } = this.#options;
    const layout = (this.#layout ??= await this.#options.layout());
    const summary = await stats.summary(0);
    return {
      summary,
      pods: this.#candidates().flatMap(({ lastPod }) => (lastPod === undefined ? [] : [lastPod])),
      thresholds: (this.#thresholds ??= withLayers(this.#configured, layout)),
      layout,
      transitionPeriodMs: configuration.evictionPressureTransitionPeriodMs,
      maxPodGraceMs: configuration.evictionMaxPodGracePeriod * 1000,
      nowMs: clock.monotonic(),
    };
  }

  #candidates(): readonly EvictablePod[] {
    const all = this.#options.pods();
    this.#evicted = new Set(all.filter((pod) => this.#evicted.has(pod)));
    return all.filter((pod) => pod.isActive && !this.#evicted.has(pod));
  }

  async #relieve(facts: EvictionFacts, { due, memory }: EvictionVerdict): Promise<readonly Eviction[]> {
    const [threshold] = due;
    if (threshold === undefined) return [];
    const { events, log } = this.#options;
    const { resource } = signals[threshold.signal];
    events.recordNode?.('Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    log.info('the node runs out of something', { resource, signal: threshold.signal });
    if (canReclaim(threshold.signal, facts.layout) && (await this.#reclaim(facts))) return [];
    const victim = this.#isClosed ? undefined : nextVictim(facts, due, memory.observations);
    if (victim === undefined) log.warn('the node runs out of something, and has no pod to evict', { resource });
    return victim === undefined ? [] : [victim];
  }

  /** True where that was enough. */
  async #reclaim({ thresholds }: EvictionFacts): Promise<boolean> {
    const { reclaimer, stats, log } = this.#options;
    for (const part of ['reclaimContainers', 'reclaimImages'] as const) {
      try {
        log.info('the node gives back what nobody needs', { part, reclaimed: await reclaimer[part]() });
      } catch (error) {
        log.warn('the node could not give back what nobody needs', { part, error });
      }
    }
    const after: Summary = await stats.summary(0);
    return isRelieved(thresholds, observe(after));
  }

  #evict({ pod, signal, message, annotations, graceMs, isForTheNode }: Eviction): void {
    const worker = this.#options.pods().find(({ lastPod }) => lastPod?.metadata?.uid === pod.metadata?.uid);
    if (worker === undefined) return;
    const { namespace, name } = pod.metadata ?? {};
    this.#options.log.warn('a pod is evicted', { pod: `${namespace}/${name}`, signal, message });
    this.#options.events.record(pod, 'Warning', 'Evicted', message, undefined, annotations);
    worker.fail('Evicted', message, { isDisruption: isForTheNode, ...(graceMs !== undefined && { graceMs }) });
    this.#evicted = new Set([...this.#evicted, worker]);
    this.#options.evicted?.(signal);
  }

  async #untilCleanedUp(evictions: readonly Eviction[]): Promise<void> {
    const { clock, log, pods } = this.#options;
    const uids = new Set(evictions.map(({ pod }) => pod.metadata?.uid));
    const isLeft = (): boolean =>
      pods().some((worker) => uids.has(worker.lastPod?.metadata?.uid) && !worker.isCleanedUp);
    const endMs = clock.monotonic() + Math.max(...evictions.map(endingMs)) + cleanUpMsMax;
    do {
      await this.#sleep(cleanUpPollMs);
      if (this.#isClosed || !isLeft()) return;
    } while (clock.monotonic() < endMs);
    log.warn('a pod that was evicted is still there', { pods: evictions.map(({ pod }) => pod.metadata?.name) });
  }

  #tell(pressures: readonly Pressure[]): void {
    const { events, clock, log, nodeName } = this.#options;
    const { begun, ended } = this.#options.pressures.set(pressures, clock.now());
    if (begun.length === 0 && ended.length === 0) return;
    log.warn('the pressures that the node is under have changed', { begun, ended });
    const reasons = [
      ...begun.map((pressure) => pressureWords[pressure].begins),
      ...ended.map((pressure) => pressureWords[pressure].ends),
    ];
    for (const reason of reasons) events.recordNode?.('Normal', reason, `Node ${nodeName} status is now: ${reason}`);
  }

  #sleep(delayMs: number): Promise<void> {
    return this.#options.clock.sleep(delayMs, this.#stop.signal).catch(() => {});
  }

  get #isClosed(): boolean {
    return this.#stop.signal.aborted;
  }
}

function endingMs({ pod, graceMs }: Eviction): number {
  const seconds = pod.spec?.terminationGracePeriodSeconds;
  const grace = graceMs ?? (seconds === undefined ? defaultGraceMs : seconds * 1000);
  return Math.max(endingMsMin, 1.5 * grace);
}
