/**
 * One run of a whole cluster under one seed.
 *
 * ```
 *  start ──▶ safety phase: users act, faults strike; checkers see every change of the store
 *        ──▶ liveness phase: faults end, users go home; the cluster must converge in time …
 *        ──▶ quiet phase: … and then nobody writes any more but heartbeats
 *        ──▶ stop: nothing is left running, no timer is left set
 * ```
 * One thread, one virtual clock; chance comes from the seed alone, in streams of their own for the cluster, the faults and the users. So the same
 * seed gives the same changes in the same order: `hash` is over all of them.
 */
import { createHash, type Hash } from 'node:crypto';
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { Event as CoreEvent } from '../../api/schema/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { eventLoopTurn, settlePromises, VirtualClock } from '../../lib/clock.ts';
import { nextInt, type Prng, SeededPrng } from '../../lib/prng.ts';

import type { Store, StoreEvent } from '../../store/store.ts';
import type { Checker } from './checkers/checker.ts';
import { objectCheckers } from './checkers/objects.ts';
import { podCheckers } from './checkers/pods.ts';
import { promisesOf } from './checkers/promises.ts';
import { workloadCheckers } from './checkers/workload.ts';
import { unconverged } from './convergence.ts';
import { Disturber } from './disturbances.ts';
import { badLoops, type Climate, calm, climates } from './faults.ts';
import { Network } from './network.ts';
import type { StoreAuthorizer } from './simulated-api.ts';
import { SimulatedCluster } from './simulated-cluster.ts';
import { strictLog } from './strict-log.ts';
import { Verdict, type Violation } from './verdict.ts';
import {
  type Action,
  createStanding,
  everyAction,
  onlyDrains,
  onlyRollouts,
  prepare,
  settle,
  someActions,
  Workload,
  World,
} from './workload.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Of the safety phase. */
  readonly hours: number;
  readonly authorization: StoreAuthorizer;
  /** Chosen by the seed where absent. */
  readonly scenario?: Scenario;
  /** How long the cluster may take to converge; `convergenceMsMax` where absent. */
  readonly convergenceMs?: number;
  /** Where parts log to, and what happens is told; nowhere where absent. */
  readonly trace?: (line: string) => void;
  /** For canaries: a part made wrong, or a hand in the store, at a quarter of the safety phase. */
  readonly tamper?: (part: string, client: Client) => Client;
  readonly sabotage?: (store: Store) => Promise<void>;
  /** The API's disk loses the last writes when the API dies. */
  readonly forgetfulDisk?: boolean;
}

export interface Scenario {
  readonly climate: Climate;
  readonly actions: readonly Action[];
  readonly nodeCount: number;
  /** Between two actions, on average; `userEveryMs` where absent. */
  readonly everyMs?: number;
}

export interface SimulationReport {
  readonly seed: number;
  readonly climate: string;
  /** Over every change of the store. */
  readonly hash: string;
  readonly changes: number;
  /** How many by family, and how often each kind of disturbance struck. */
  readonly actions: Readonly<Record<string, number>>;
  readonly disturbances: Readonly<Record<string, number>>;
  readonly calls: Readonly<Network['counts']>;
  readonly virtualMs: number;
  /** How long the cluster took to converge once the faults were over. */
  readonly convergedInMs: number;
  /** Undefined where every invariant held. */
  readonly violation: Violation | undefined;
}

/** The cluster converges within this time: the longest back-off of a loop (1000 s and a tenth), twice, as one may wait for another. */
export const convergenceMsMax = 40 * 60_000;
const quietMs = 15 * 60_000;
/** How much virtual time passes between two turns of the event loop. */
const turnMs = 60_000;
/** Whatever starts or stops has done so by then. */
const workMsMax = 3_600_000;
/** An agent's timer that nobody cancels (the wait after a container could not be stopped) has run out by then. */
const windDownMs = 10 * 60_000;
const userEveryMs = 8000;
const quietUserEveryMs = 30 * 60_000;
/** Timers may be a few more or less at two moments; a leak makes more than that. */
const timersSlack = 30;

/** So wrong may the clock of a machine be at most that says when it saw something last. */
const clockSlackMs = 120_000;

/** The last word of a series of events comes minutes after its last event, as from upstream's recorder; nothing of it may have happened since. */
function endsSeries(object: KubeObject, quietSinceMs: number): boolean {
  const { series } = object as CoreEvent;
  return series?.lastObservedTime !== undefined && Date.parse(series.lastObservedTime) < quietSinceMs + clockSlackMs;
}

/** Every fourth seed is one of rollouts, every eighth one of drains. */
export function scenarioOf(seed: number, prng: Prng): Scenario {
  const nodeCount = 2 + nextInt(prng, 4);
  if (seed % 4 === 3) return { climate: badLoops, actions: onlyRollouts, nodeCount: 4 };
  if (seed % 8 === 5) return { climate: badLoops, actions: onlyDrains, nodeCount: 4 };
  return { climate: climates[nextInt(prng, climates.length)] ?? calm, actions: someActions(prng), nodeCount };
}

/** Which names `scenarioNamed` knows; all but the first are those that seeds choose among. */
export const scenarioNames: readonly string[] = ['quiet', ...climates.map(({ name }) => name), 'rollouts', 'drains'];

/**
 * A scenario whatever the seed would choose. In a quiet one nothing goes wrong, and every now and then somebody deploys something.
 * @throws Error where there is none of this name
 */
export function scenarioNamed(name: string, seed: number): Scenario {
  const prng = new SeededPrng(seed);
  const nodeCount = 2 + nextInt(prng, 4);
  if (name === 'rollouts') return { climate: badLoops, actions: onlyRollouts, nodeCount: 4 };
  if (name === 'drains') return { climate: badLoops, actions: onlyDrains, nodeCount: 4 };
  if (name === 'quiet') return { climate: calm, actions: everyAction, nodeCount: 3, everyMs: quietUserEveryMs };
  const climate = climates.find((one) => one.name === name);
  if (climate === undefined) throw new Error(`there is no climate ${name}; there are: ${scenarioNames.join(', ')}`);
  return { climate, actions: someActions(prng), nodeCount };
}

export async function simulateSeed(options: SimulationOptions): Promise<SimulationReport> {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #scenario: Scenario;
  readonly #clock = new VirtualClock(Date.UTC(2026, 0, 1), settlePromises);
  readonly #verdict = new Verdict(this.#clock);
  readonly #network: Network;
  readonly #cluster: SimulatedCluster;
  readonly #disturber: Disturber;
  readonly #workload: Workload;
  readonly #checkers: readonly Checker[];
  readonly #hash: Hash = createHash('sha256');
  readonly #startMs = this.#clock.monotonic();
  #runtimeFaults: Climate['runtime'];
  #diskFaults: Climate['disk'];
  #changes = 0;
  #convergedInMs = 0;
  /** Since when only heartbeats may be written (ms since the epoch); undefined while others may. */
  #quietSinceMs: number | undefined;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const root = new SeededPrng(options.seed);
    const stream = (): Prng => new SeededPrng(nextInt(root, 2 ** 32));
    this.#scenario = options.scenario ?? scenarioOf(options.seed, stream());
    const { climate, nodeCount, actions } = this.#scenario;
    const clock = this.#clock;
    const verdict = this.#verdict;
    const network = new Network({ clock, prng: stream(), verdict, faults: climate.network });
    const log = strictLog(verdict, options.trace && ((line) => this.#tell(line)));
    this.#runtimeFaults = climate.runtime;
    this.#diskFaults = climate.disk;
    const cluster = new SimulatedCluster({
      clock,
      prng: stream(),
      log,
      verdict,
      network,
      runtimeFaults: () => this.#runtimeFaults,
      diskFaults: () => this.#diskFaults,
      clockFaults: climate.clocks,
      changed: (event) => this.#changed(event),
      authorization: options.authorization,
      nodeCount,
      ...(options.tamper && { tamper: options.tamper }),
      isDiskForgetful: options.forgetfulDisk ?? false,
    });
    const told = (what: string): void => this.#tell(`-- ${what}`);
    const { disturbances } = climate;
    this.#disturber = new Disturber({ cluster, network, clock, prng: stream(), verdict, disturbances, told });
    const client = cluster.administrator(network.link('users'));
    this.#workload = new Workload({
      client,
      store: cluster.store,
      clock,
      prng: stream(),
      actions,
      everyMs: this.#scenario.everyMs ?? userEveryMs,
      told,
    });
    this.#network = network;
    this.#cluster = cluster;
    const running = { runs: (node: string, uid: string): boolean => this.#runs(node, uid) };
    this.#checkers = [
      ...objectCheckers(1),
      ...podCheckers(running),
      ...workloadCheckers(
        running,
        () => clock.now(),
        (uid) => network.unanswered.has(uid),
      ),
      ...promisesOf(actions),
    ];
  }

  async run(): Promise<SimulationReport> {
    await this.#begin();
    const phases = [
      () => this.#safetyPhase(),
      () => this.#livenessPhase(),
      () => this.#quietPhase(),
      () => this.#end(),
    ];
    for (const phase of phases) if (!this.#isOver) await phase();
    const { seed } = this.#options;
    return {
      seed,
      climate: this.#scenarioName,
      hash: this.#hash.digest('hex').slice(0, 16),
      changes: this.#changes,
      actions: this.#workload.counts.byName,
      disturbances: this.#disturber.counts.byName,
      calls: { ...this.#network.counts },
      virtualMs: this.#clock.monotonic() - this.#startMs,
      convergedInMs: this.#convergedInMs,
      violation: this.#verdict.first,
    };
  }

  async #begin(): Promise<void> {
    await this.#until(this.#cluster.open());
    const client = this.#cluster.administrator();
    await this.#until(prepare(client));
    await this.#until(createStanding(this.#scenario.actions, this.#world(client)));
    await this.#until(this.#cluster.start());
  }

  async #safetyPhase(): Promise<void> {
    const durationMs = this.#options.hours * 3_600_000;
    this.#workload.start();
    this.#disturber.start();
    await this.#pass(durationMs / 4);
    await this.#options.sabotage?.(this.#cluster.store);
    await this.#pass((durationMs * 3) / 4);
  }

  async #livenessPhase(): Promise<void> {
    this.#tell('-- the faults end');
    this.#network.heal();
    this.#runtimeFaults = calm.runtime;
    this.#diskFaults = calm.disk;
    await this.#until(Promise.all([this.#workload.stop(), this.#disturber.stop()]));
    await this.#until(settle(this.#world(this.#cluster.administrator())));
    const sinceMs = this.#clock.monotonic();
    const limitMs = this.#options.convergenceMs ?? convergenceMsMax;
    for (let left: readonly string[] = ['']; left.length > 0 && !this.#isOver; ) {
      await this.#pass(5000);
      left = await unconverged(this.#cluster);
      this.#convergedInMs = this.#clock.monotonic() - sinceMs;
      if (left.length > 0 && this.#convergedInMs > limitMs)
        this.#verdict.broken('the cluster converges', left.slice(0, 5).join('; '));
    }
  }

  /** What is on its way when the cluster has converged (a status, an event) still arrives. */
  async #quietPhase(): Promise<void> {
    this.#tell('-- the cluster has converged');
    await this.#pass(60_000);
    const timers = this.#clock.pending;
    this.#quietSinceMs = this.#clock.now();
    await this.#pass(quietMs);
    this.#quietSinceMs = undefined;
    const [problem] = await unconverged(this.#cluster);
    if (problem !== undefined) this.#verdict.broken('a converged cluster stays so', problem);
    const more = this.#clock.pending - timers;
    if (more > timersSlack) this.#verdict.broken('timers do not pile up', `${more} more after ${quietMs} ms of rest`);
  }

  async #end(): Promise<void> {
    await this.#until(this.#cluster.stop());
    await this.#clock.advance(windDownMs);
    const { pending } = this.#clock;
    if (pending > 0) this.#verdict.broken('stopped parts leave nothing behind', `${pending} timers are still set`);
  }

  get #scenarioName(): string {
    const { actions, climate } = this.#scenario;
    if (actions === onlyRollouts) return 'rollouts';
    return actions === onlyDrains ? 'drains' : climate.name;
  }

  get #isOver(): boolean {
    return this.#verdict.first !== undefined;
  }

  #world(client: Client): World {
    return new World({ client, store: this.#cluster.store, prng: new SeededPrng(this.#options.seed) });
  }

  /** Lets time pass, until something is broken or `isDone`. The event loop gets turns as well: else nobody would tell of promises left alone. */
  async #pass(durationMs: number, isDone: () => boolean = () => false): Promise<void> {
    const clock = this.#clock;
    const isOver = (): boolean => this.#isOver || isDone();
    for (let leftMs = durationMs; leftMs > 0 && !isOver(); leftMs -= turnMs) {
      await clock.advance(Math.min(turnMs, leftMs), isOver);
      await eventLoopTurn();
    }
  }

  /** Lets time pass until `work` is done, or something is broken. */
  async #until(work: Promise<unknown>): Promise<void> {
    const state = { isDone: false };
    const watched = work.finally(() => {
      state.isDone = true;
    });
    watched.catch(() => {});
    await this.#pass(workMsMax, () => state.isDone);
    if (state.isDone) await watched;
    else this.#verdict.broken('parts start and stop', `something is not done after ${workMsMax} ms`);
  }

  #changed(event: StoreEvent): void {
    const { type, entry, revision } = event;
    const { collection } = entry.key;
    this.#changes++;
    this.#hash.update(`${type} ${revision} ${collection} `).update(entry.json());
    if (this.#options.trace) this.#tell(`${type} ${revision} ${collection} ${objectKey(entry.object)}`);
    for (const checker of this.#checkers) {
      const problem = checker.check(event);
      if (problem !== undefined) this.#verdict.broken(checker.name, problem);
    }
    const isHeartbeat = collection === 'leases.coordination.k8s.io' || collection === 'nodes';
    const isExpiry = collection === 'events' && type === 'deleted';
    if (this.#quietSinceMs === undefined || isHeartbeat || isExpiry) return;
    if (type === 'modified' && endsSeries(entry.object, this.#quietSinceMs)) return;
    this.#verdict.broken('a converged cluster is quiet', `${type} ${collection} ${objectKey(entry.object)}`);
  }

  #runs(node: string, uid: string): boolean {
    const runtime = this.#cluster.nodes.find(({ name }) => name === node)?.runtime;
    return runtime?.running().some(({ pod }) => pod.uid === uid) ?? false;
  }

  #tell(line: string): void {
    this.#options.trace?.(`${((this.#clock.monotonic() - this.#startMs) / 1000).toFixed(3)} ${line}`);
  }
}
