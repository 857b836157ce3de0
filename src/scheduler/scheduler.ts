/**
 * The scheduler: gives each pending pod a node.
 *
 * ```
 *  informers ──▶ snapshot, queue            (synchronously, change by change: cluster-view.ts)
 *  pump: pop ──▶ decide ──▶ assume in the snapshot, reserve ──▶ pre-bind, bind ─┬─ done: the informer shows it
 *                  │                                         (binder.ts)         └─ failed (asks, where the answer got lost): forget, try again
 *                  └─ nowhere ──▶ preempt? ──▶ condition and event ──▶ park   (unplaced-pods.ts)
 *        └─ one of a group ──▶ all of the group that wait, at once (gang/gang-scheduler.ts)
 * ```
 * Kept true: a decision sees all earlier ones, since each is assumed before the next is made; so no node is filled twice, although
 * bindings travel side by side. Decisions are made in short bursts, with room for everything else in between.
 */
import type { Pod } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import type { InformerSet } from '../client/informer.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import { Binder } from './binder.ts';
import { ClusterView } from './cluster-view.ts';
import {
  defaultSchedulerName,
  readSchedulerConfiguration,
  type SchedulerConfiguration,
} from './config/configuration.ts';
import { decide } from './decide.ts';
import type { Reservation } from './framework/plugin.ts';
import { Profile } from './framework/profile.ts';
import { GangScheduler } from './gang/gang-scheduler.ts';
import { GroupWriter } from './gang/group-writer.ts';
import { groupPriorityOf, isKnown } from './gang/pod-groups.ts';
import { PodEvents } from './pod-events.ts';
import { PodFacts, priorityOf } from './pod-facts.ts';
import { PodWriter } from './pod-writer.ts';
import { type Popped, SchedulingQueue } from './queue/scheduling-queue.ts';
import { SchedulerMetrics } from './scheduler-metrics.ts';
import type { NodeInfo } from './snapshot/snapshot.ts';
import { UnplacedPods } from './unplaced-pods.ts';

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** Profiles and their plugins; upstream's defaults where absent. */
  readonly configuration?: SchedulerConfiguration | undefined;
  /** Pods of one group that are decided on at once; `limits.groupMembersMax` where absent. */
  readonly groupMembersMax?: number | undefined;
  /** What is counted about decisions and waiting pods goes here. */
  readonly metrics?: MetricRegistry;
}

/** Decisions in one burst, and after how long (ms) none is added to it: the API answers in between. */
const burstMax = 64;
const burstMsMax = 20;
/** Bindings and other writes on their way at a time; beyond, deciding waits. */
const writesMax = 256;
/** Events that wait to be written; the more pods come at once. */
const eventsMax = 16_384;
export class Scheduler implements Service {
  readonly name = 'scheduler';
  readonly #options: SchedulerOptions;
  readonly #events: PodEvents;
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #queue: SchedulingQueue;
  readonly #view: ClusterView;
  readonly #binder: Binder;
  readonly #writer: PodWriter;
  readonly #metrics: SchedulerMetrics;
  readonly #unplaced: UnplacedPods;
  readonly #gangs: GangScheduler;
  readonly #writes = new Set<Promise<void>>();
  /** Those of them that wait for others to act. */
  #asideCount = 0;
  #pump: Timer | undefined;
  #started = false;
  #closed = false;
  #start = 0;

  constructor(options: SchedulerOptions) {
    const { client, clock, informers, configuration = readSchedulerConfiguration(undefined) } = options;
    const log = options.log.with({ service: this.name });
    this.#options = { ...options, log };
    this.#events = new PodEvents({
      client,
      clock,
      log,
      // Pods that wait for a node come first: what became of the others is told after.
      isBusy: () => this.#queue.activeCount > 0,
      pendingMax: eventsMax,
    });
    this.#profiles = new Map(configuration.profiles.map((plan) => [plan.schedulerName, new Profile(plan)]));
    this.#queue = new SchedulingQueue(clock, configuration.queue, () => this.#arm(), {
      isHeldBack: (pod, profile) => profile.heldBack(pod, this.#view.world) !== undefined,
      priorityOf: (pod) => this.#priorityOf(pod),
      sitsOut: (pod) => (this.#view.world.groups.of(pod)?.members.size ?? 0) > limits.hastyGroupMembersMax,
      entered: (queue, event) => this.#metrics.entered(queue, event),
    });
    const registry = options.metrics ?? new MetricRegistry();
    this.#metrics = new SchedulerMetrics(
      registry,
      () => this.#queue.sizes,
      () => this.#queue.refused,
    );
    this.#binder = new Binder({ client, clock });
    this.#writer = new PodWriter({ client, clock, log });
    this.#view = new ClusterView({
      client,
      clock,
      prng: options.prng,
      informers,
      queue: this.#queue,
      profileOf: (pod) => this.#profileOf(pod),
      waitsForDevices: (pod, node) => this.#events.waitsForDevices(pod, node),
      deviceClassesChanged: () => this.#forgetFindings(),
    });
    this.#unplaced = new UnplacedPods({
      prng: options.prng,
      log,
      queue: this.#queue,
      view: this.#view,
      events: this.#events,
      writer: this.#writer,
      metrics: this.#metrics,
      track: (work) => this.#track(work),
    });
    this.#gangs = new GangScheduler({
      ...this.#options,
      queue: this.#queue,
      view: this.#view,
      events: this.#events,
      podWriter: this.#writer,
      groupWriter: new GroupWriter({ client, clock, log }),
      metrics: this.#metrics,
      track: (work) => this.#track(work),
      assume: (pod, popped, node) => this.#assume(pod, popped, node),
      dropNominations: (node, priority, except) => this.#unplaced.dropNominations(node, priority, except),
    });
  }

  /** Begins when the caches have synced: half a snapshot would fill nodes twice. */
  start(): Promise<void> {
    if (this.#started) return Promise.resolve();
    this.#started = true;
    void this.#view.synced.then(() => {
      if (!this.#closed) this.#view.listen();
    });
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pump?.cancel();
    this.#binder.close();
    this.#view.close();
    this.#queue.close();
    await Promise.allSettled(this.#writes);
    await this.#events.close();
  }

  #profileOf({ spec }: Pod): Profile | undefined {
    return this.#profiles.get(spec?.schedulerName ?? defaultSchedulerName);
  }

  #arm(): void {
    if (this.#closed || this.#pump !== undefined || this.#isFull) return;
    this.#pump = this.#options.clock.after(0, () => this.#burst());
  }

  #burst(): void {
    this.#pump = undefined;
    const { clock } = this.#options;
    const endMs = clock.monotonic() + burstMsMax;
    for (let count = 0; count < burstMax && clock.monotonic() < endMs && !this.#isFull; count++) {
      const popped = this.#queue.pop();
      if (popped === undefined) return;
      this.#schedule(popped);
    }
    this.#arm();
  }

  /** A group's priority counts for all its pods. */
  #priorityOf(pod: Pod): number {
    const podGroup = this.#view.world.groups.of(pod)?.podGroup;
    return podGroup === undefined ? priorityOf(pod) : groupPriorityOf(podGroup);
  }

  /** All that wait of one group are decided on with the first of them whose turn it is. */
  #scheduleMember(popped: Popped): void {
    const group = this.#view.world.groups.of(popped.pod);
    if (isKnown(group)) this.#gangs.schedule(popped, group);
    else this.#gangs.holdBack(popped, popped.profile.heldBack(popped.pod, this.#view.world)?.reason ?? '');
  }

  #schedule(popped: Popped): void {
    if (popped.pod.spec?.schedulingGroup !== undefined && popped.profile.decidesGroups) {
      this.#scheduleMember(popped);
      return;
    }
    const { clock, prng } = this.#options;
    const { profile } = popped;
    const pod = new PodFacts(popped.pod);
    const beganMs = clock.monotonic();
    const { snapshot } = this.#view.world;
    const decision = decide(pod, profile, this.#view.world, prng, this.#start);
    this.#start = (this.#start + decision.looked) % Math.max(1, snapshot.nodes.length);
    const result = decision.kind === 'none' ? 'unschedulable' : 'scheduled';
    this.#metrics.attempt(profile.plan.schedulerName, result, clock.monotonic() - beganMs);
    if (decision.kind === 'none') this.#unplaced.park(pod, profile, decision);
    else this.#assume(pod, popped, decision.node);
  }

  #assume(pod: PodFacts, popped: Popped, node: NodeInfo): void {
    const { world } = this.#view;
    this.#queue.remove(pod.key);
    world.nominations.remove(pod.key);
    const reservations = popped.profile.plan.reserve.flatMap(({ reserve }) => reserve?.(pod, world, node) ?? []);
    this.#view.assume(pod, node.name);
    this.#track(this.#bind(pod, popped, node.name, reservations));
  }

  /** Its result arms the pump again: room for one more write. */
  #track(work: Promise<void>): void {
    this.#writes.add(work);
    void work.finally(() => {
      this.#writes.delete(work);
      this.#arm();
    });
  }

  get #isFull(): boolean {
    return this.#writes.size - this.#asideCount >= writesMax;
  }

  async #aside<T>(work: Promise<T>): Promise<T> {
    this.#asideCount++;
    this.#arm();
    try {
      return await work;
    } finally {
      this.#asideCount--;
    }
  }

  async #bind(pod: PodFacts, popped: Popped, node: string, reservations: readonly Reservation[]): Promise<void> {
    try {
      for (const { preBind } of reservations) await preBind?.((work) => this.#aside(work));
      await this.#binder.bind(pod.pod, node);
      this.#metrics.bound(popped.waitedMs, popped.attempts);
      this.#events.scheduled(pod.pod, node);
    } catch (error) {
      for (const { undo } of reservations) this.#takeBack(pod, undo);
      this.#bindFailed(pod, popped, error);
    }
  }

  #takeBack(pod: PodFacts, undo: Reservation['undo']): void {
    const work = undo();
    if (work === undefined) return;
    const { log } = this.#options;
    this.#track(
      work.catch((error: unknown) => log.warn('a decision was not taken back whole', { pod: pod.key, error })),
    );
  }

  #forgetFindings(): void {
    for (const { memory } of this.#profiles.values()) memory.forget();
    this.#unplaced.forget();
  }

  /** Unless the pod went away, or was bound meanwhile, which the informer tells. */
  #bindFailed(pod: PodFacts, popped: Popped, error: unknown): void {
    if (!this.#view.forget(pod)) return;
    const { profile } = popped;
    this.#metrics.attempt(profile.plan.schedulerName, 'error', 0);
    if (hasReason(error, 'NotFound') || this.#closed) return;
    const message = `binding rejected: ${error instanceof Error ? error.message : String(error)}`;
    this.#options.log.warn('binding failed', { pod: pod.key, error });
    this.#events.failed(pod.pod, message);
    const current = this.#view.pod(pod.key);
    if (current === undefined || current.spec?.nodeName) return;
    this.#queue.retry(current, profile, popped);
    this.#track(this.#writer.tellUnscheduled(current, { reason: 'SchedulerError', message }));
  }
}
