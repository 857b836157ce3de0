/**
 * The scheduler: gives each pending pod a node.
 *
 * ```
 *  informers ──▶ snapshot, queue            (synchronously, change by change: cluster-view.ts)
 *  pump: pop ──▶ decide ──▶ assume in the snapshot, reserve ──▶ pre-bind, bind ─┬─ done: the informer shows it
 *                  │                                         (binder.ts)         └─ failed (asks, where the answer got lost): forget, try again
 *                  └─ nowhere ──▶ preempt? ──▶ condition and event (pod-writer.ts) ──▶ park
 *        └─ one of a group ──▶ all of the group that wait, at once (gang/gang-scheduler.ts)
 * ```
 * Kept true: a decision sees all earlier ones, since each is assumed before the next is made; so no node is filled twice, although
 * bindings travel side by side. Decisions are made in short bursts, with room for everything else in between.
 */
import { objectKey } from '../api/object.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import type { InformerSet } from '../client/informer.ts';
import { pods as podsResource } from '../client/resources.ts';
import type { Clock, Timer } from '../lib/clock.ts';
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
import { type Decision, decide, refusingPlugins, unschedulableMessage } from './decide.ts';
import type { PostFilterPlan, Reservation, World } from './framework/plugin.ts';
import { Profile } from './framework/profile.ts';
import { GangScheduler } from './gang/gang-scheduler.ts';
import { GroupWriter } from './gang/group-writer.ts';
import { groupPriorityOf, isKnown } from './gang/pod-groups.ts';
import { PodEvents } from './pod-events.ts';
import { PodFacts, priorityOf } from './pod-facts.ts';
import { PodWriter } from './pod-writer.ts';
import { decidePreemption, newPreemptionMemory, type Preemption, type PreemptionMemory } from './preemption.ts';
import { type Popped, SchedulingQueue } from './queue/scheduling-queue.ts';
import { SchedulerMetrics } from './scheduler-metrics.ts';
import type { NodeInfo } from './snapshot/snapshot.ts';

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** Profiles and their plugins; upstream's defaults where absent. */
  readonly configuration?: SchedulerConfiguration | undefined;
  /** What is counted about decisions and waiting pods goes here. */
  readonly metrics?: MetricRegistry;
}

/** Decisions in one burst. */
const burstMax = 64;
/** Bindings and other writes on their way at a time; beyond, deciding waits. */
const writesMax = 256;
/** Events that wait to be written; the more pods come at once. */
const eventsMax = 16_384;
/** Classes of preempting pods whose dry runs are remembered. */
const preemptionMemoriesMax = 16;

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
  readonly #gangs: GangScheduler;
  readonly #writes = new Set<Promise<void>>();
  /** Those of them that wait for others to act. */
  #asideCount = 0;
  readonly #preemptionMemories = new Map<string, PreemptionMemory>();
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
      dropNominations: (node, priority, except) => this.#dropNominations(node, priority, except),
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
    for (let count = 0; count < burstMax && !this.#isFull; count++) {
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
    if (decision.kind === 'none') this.#nowhere(pod, profile, decision);
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
    this.#preemptionMemories.clear();
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

  #nowhere(pod: PodFacts, profile: Profile, decision: Extract<Decision, { kind: 'none' }>): void {
    const { world } = this.#view;
    const preemption = this.#tryPreemption(pod, profile, decision);
    const told = preemption?.kind === 'none' ? preemption.message : '';
    const plans = postFilterPlans(pod, profile, decision, world);
    const others = preemption?.kind === 'victims' ? [] : plans.map((plan) => plan.message);
    const message = unschedulableMessage(decision.refusals, world.snapshot.nodes.length, told, others);
    this.#queue.park(pod.pod, refusingPlugins(decision.refusals));
    for (const { act } of plans) if (act !== undefined) this.#track(this.#act(pod, act));
    this.#events.failed(pod.pod, message);
    const nominated = this.#nominationAfter(pod, preemption);
    this.#track(this.#writer.tellUnscheduled(pod.pod, { reason: 'Unschedulable', message, nominated }));
    if (preemption?.kind === 'victims') this.#makeRoom(pod, preemption);
  }

  /** What it changes wakes the pod. */
  async #act(pod: PodFacts, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (hasReason(error, 'NotFound', 'Conflict')) return;
      this.#options.log.warn('nothing could be done for a pod that fits nowhere', { pod: pod.key, error });
    }
  }

  #tryPreemption(
    pod: PodFacts,
    { plan }: Profile,
    decision: Extract<Decision, { kind: 'none' }>,
  ): Preemption | undefined {
    const { world, budgets } = this.#view;
    if (plan.preemption === undefined || world.snapshot.nodes.length === 0) return undefined;
    const memory = this.#memoryFor(`${plan.schedulerName}\0${pod.priority}\0${pod.class}`);
    const { prng } = this.#options;
    const preemption = decidePreemption({ pod, decision, world, budgets, args: plan.preemption, prng, memory });
    this.#metrics.preemption(preemption.kind === 'victims' ? preemption.victims.length : undefined);
    return preemption;
  }

  #memoryFor(key: string): PreemptionMemory {
    const memory = this.#preemptionMemories.get(key) ?? newPreemptionMemory();
    this.#preemptionMemories.delete(key);
    this.#preemptionMemories.set(key, memory);
    if (this.#preemptionMemories.size > preemptionMemoriesMax) {
      const [oldest] = this.#preemptionMemories.keys();
      if (oldest !== undefined) this.#preemptionMemories.delete(oldest);
    }
    return memory;
  }

  /** Undefined: what stands, stands. Empty: what was promised is not worth anything any more. */
  #nominationAfter(pod: PodFacts, preemption: Preemption | undefined): string | undefined {
    const { nominations } = this.#view.world;
    if (preemption === undefined) return undefined;
    if (preemption.kind === 'victims') {
      nominations.set(pod, preemption.node);
      return preemption.node;
    }
    if (preemption.keepsNomination) return undefined;
    nominations.remove(pod.key);
    return pod.pod.status?.nominatedNodeName ? '' : undefined;
  }

  /** Victims that are ending already only need their time. Whoever was nominated there and is less important looks for another place. */
  #makeRoom(pod: PodFacts, { node, victims }: Extract<Preemption, { kind: 'victims' }>): void {
    this.#dropNominations(node, pod.priority);
    this.#track(this.#evictAll(pod, node, victims));
  }

  #dropNominations(node: string, priority: number, except?: ReadonlySet<string>): void {
    const { nominations } = this.#view.world;
    const others = Array.from(nominations.on(node).values());
    for (const other of others) {
      if (other.priority >= priority || except?.has(other.key)) continue;
      nominations.remove(other.key);
      this.#queue.wake(other.key);
      this.#track(this.#writer.clearNomination(other.pod));
    }
  }

  /** Meanwhile the pod sleeps: each of its victims' ends would wake it, and find that it does not fit yet. */
  async #evictAll(pod: PodFacts, node: string, victims: readonly PodFacts[]): Promise<void> {
    this.#queue.hold(pod.key);
    const going = victims.filter(({ isEnding }) => !isEnding);
    await Promise.all(going.map((victim) => this.#preempt(pod.pod, victim.pod, node)));
    this.#queue.letGo(pod.key);
    // Those that needed no time are gone already, and nobody will say so again.
    const { snapshot } = this.#view.world;
    if (victims.some(({ key }) => snapshot.podByKey(key) === undefined)) this.#queue.wake(pod.key);
  }

  async #preempt(pod: Pod, victim: Pod, node: string): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#writer.evict(victim, pod.spec?.schedulerName ?? defaultSchedulerName);
      const message = `Preempted by pod ${pod.metadata?.uid ?? objectKey(pod)} on node ${node}`;
      const { schedulerName } = pod.spec ?? {};
      this.#events.preempted(victim, message, { resource: podsResource, object: pod, schedulerName });
    } catch (error) {
      if (hasReason(error, 'NotFound', 'Conflict')) return;
      log.warn('a pod could not be preempted', { pod: objectKey(victim), error });
      this.#queue.wake(objectKey(pod));
    }
  }
}

/** What plugins do for the pod besides making room. */
function postFilterPlans(
  pod: PodFacts,
  { plan }: Profile,
  { refusals }: Extract<Decision, { kind: 'none' }>,
  world: World,
): PostFilterPlan[] {
  return plan.postFilter.flatMap(({ name, postFilter }) => {
    const refused = refusals.nodes.filter((_, position) => refusals.refusals[position]?.plugin === name);
    return postFilter?.(pod, world, refused) ?? [];
  });
}
