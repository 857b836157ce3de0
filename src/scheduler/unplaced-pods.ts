/**
 * What becomes of a pod that fits nowhere: room is made for it where it may be, it is told why it waits, and it is parked.
 *
 * ```
 *  no node ─▶ preemption? ─┬─ victims ─▶ nominated to their node; they are told to go, and nothing wakes the pod until they are told
 *                          └─ none ─▶ what else plugins can do, which may wake it
 *          ─▶ parked with who refused it, condition and event
 * ```
 * Decisions were made elsewhere (`decide.ts`, `preemption.ts`); here they are carried out. Of groups see `gang/gang-scheduler.ts`.
 */
import { objectKey } from '../api/object.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import { pods as podsResource } from '../client/resources.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { ClusterView } from './cluster-view.ts';
import { defaultSchedulerName } from './config/configuration.ts';
import { type Decision, refusingPlugins, unschedulableMessage } from './decide.ts';
import type { PostFilterPlan, World } from './framework/plugin.ts';
import type { Profile } from './framework/profile.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodFacts } from './pod-facts.ts';
import type { PodWriter } from './pod-writer.ts';
import { decidePreemption, newPreemptionMemory, type Preemption, type PreemptionMemory } from './preemption.ts';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';
import type { SchedulerMetrics } from './scheduler-metrics.ts';

export interface UnplacedPodsOptions {
  readonly prng: Prng;
  readonly log: Logger;
  readonly queue: SchedulingQueue;
  readonly view: ClusterView;
  readonly events: PodEvents;
  readonly writer: PodWriter;
  readonly metrics: SchedulerMetrics;
  /** Writes under way are waited for at the end. */
  track(work: Promise<void>): void;
}

type Nowhere = Extract<Decision, { kind: 'none' }>;

/** Classes of preempting pods whose dry runs are remembered. */
const memoriesMax = 16;

export class UnplacedPods {
  readonly #options: UnplacedPodsOptions;
  readonly #memories = new Map<string, PreemptionMemory>();

  constructor(options: UnplacedPodsOptions) {
    this.#options = options;
  }

  /** Something changed that dry runs read besides nodes and classes. */
  forget(): void {
    this.#memories.clear();
  }

  park(pod: PodFacts, profile: Profile, decision: Nowhere): void {
    const { world } = this.#options.view;
    const preemption = this.#tryPreemption(pod, profile, decision);
    const told = preemption?.kind === 'none' ? preemption.message : '';
    const plans = postFilterPlans(pod, profile, decision, world);
    const others = preemption?.kind === 'victims' ? [] : plans.map((plan) => plan.message);
    const message = unschedulableMessage(decision.refusals, world.snapshot.nodes.length, told, others);
    this.#options.queue.park(pod.pod, refusingPlugins(decision.refusals));
    for (const { act } of plans) if (act !== undefined) this.#options.track(this.#act(pod, act));
    this.#options.events.failed(pod.pod, message);
    const nominated = this.#nominationAfter(pod, preemption);
    this.#options.track(this.#options.writer.tellUnscheduled(pod.pod, { reason: 'Unschedulable', message, nominated }));
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

  #tryPreemption(pod: PodFacts, { plan }: Profile, decision: Nowhere): Preemption | undefined {
    const { world, budgets } = this.#options.view;
    if (plan.preemption === undefined || world.snapshot.nodes.length === 0) return undefined;
    const memory = this.#memoryFor(`${plan.schedulerName}\0${pod.priority}\0${pod.class}`);
    const { prng } = this.#options;
    const preemption = decidePreemption({ pod, decision, world, budgets, args: plan.preemption, prng, memory });
    this.#options.metrics.preemption(preemption.kind === 'victims' ? preemption.victims.length : undefined);
    return preemption;
  }

  #memoryFor(key: string): PreemptionMemory {
    const memory = this.#memories.get(key) ?? newPreemptionMemory();
    this.#memories.delete(key);
    this.#memories.set(key, memory);
    if (this.#memories.size > memoriesMax) {
      const [oldest] = this.#memories.keys();
      if (oldest !== undefined) this.#memories.delete(oldest);
    }
    return memory;
  }

  /** Undefined: what stands, stands. Empty: what was promised is not worth anything any more. */
  #nominationAfter(pod: PodFacts, preemption: Preemption | undefined): string | undefined {
    const { nominations } = this.#options.view.world;
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
    this.dropNominations(node, pod.priority);
    this.#options.track(this.#evictAll(pod, node, victims));
  }

  /** Whoever is less important and waits for room on that node looks elsewhere; but not those of `except`. */
  dropNominations(node: string, priority: number, except?: ReadonlySet<string>): void {
    const { nominations } = this.#options.view.world;
    const others = Array.from(nominations.on(node).values());
    for (const other of others) {
      if (other.priority >= priority || except?.has(other.key)) continue;
      nominations.remove(other.key);
      this.#options.queue.wake(other.key);
      this.#options.track(this.#options.writer.clearNomination(other.pod));
    }
  }

  /** Meanwhile the pod sleeps: each of its victims' ends would wake it, and find that it does not fit yet. */
  async #evictAll(pod: PodFacts, node: string, victims: readonly PodFacts[]): Promise<void> {
    this.#options.queue.hold(pod.key);
    const going = victims.filter(({ isEnding }) => !isEnding);
    await Promise.all(going.map((victim) => this.#preempt(pod.pod, victim.pod, node)));
    this.#options.queue.letGo(pod.key);
    // Those that needed no time are gone already, and nobody will say so again.
    const { snapshot } = this.#options.view.world;
    if (victims.some(({ key }) => snapshot.podByKey(key) === undefined)) this.#options.queue.wake(pod.key);
  }

  async #preempt(pod: Pod, victim: Pod, node: string): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#options.writer.evict(victim, pod.spec?.schedulerName ?? defaultSchedulerName);
      const message = `Preempted by pod ${pod.metadata?.uid ?? objectKey(pod)} on node ${node}`;
      const { schedulerName } = pod.spec ?? {};
      this.#options.events.preempted(victim, message, { resource: podsResource, object: pod, schedulerName });
    } catch (error) {
      if (hasReason(error, 'NotFound', 'Conflict')) return;
      log.warn('a pod could not be preempted', { pod: objectKey(victim), error });
      this.#options.queue.wake(objectKey(pod));
    }
  }
}

/** What plugins do for the pod besides making room. */
function postFilterPlans(pod: PodFacts, { plan }: Profile, { refusals }: Nowhere, world: World): PostFilterPlan[] {
  return plan.postFilter.flatMap(({ name, postFilter }) => {
    const hasRefused = refusals.counts.keys().some(({ plugin }) => plugin === name);
    const isOwn = (_: unknown, position: number): boolean => refusals.refusals[position]?.plugin === name;
    const refused = hasRefused ? refusals.nodes.filter(isOwn) : [];
    return postFilter?.(pod, world, refused) ?? [];
  });
}
