/**
 * The thin shell around decisions about groups: takes the group's pods out of the queue, has them decided on, and carries that out.
 *
 * ```
 *  pop a member ─▶ take all others that wait ─▶ decideGroup ─┬─ placed: those with a node are assumed and bound, the others parked
 *                                                            ├─ none ─▶ preemptForGroup ─▶ condition and event for each pod, park all
 *                                                            └─ error: all are tried again after their back-off
 * ```
 * Kept true: while victims of a group are being told to go, nothing is decided about it. Each pod that is taken is assumed, parked or
 * retried. A binding that fails takes back that pod alone: those that are bound stay, as upstream's.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { podGroups } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { ClusterView } from '../cluster-view.ts';
import { refusingPlugins, unschedulableMessage } from '../decide.ts';
import type { PodEvents } from '../pod-events.ts';
import { PodFacts } from '../pod-facts.ts';
import type { PodWriter } from '../pod-writer.ts';
import type { Popped, SchedulingQueue } from '../queue/scheduling-queue.ts';
import type { SchedulerMetrics } from '../scheduler-metrics.ts';
import type { NodeInfo } from '../snapshot/snapshot.ts';
import { type Attempt, decideGroup, type GroupInputs } from './decide-group.ts';
import type { GroupWriter } from './group-writer.ts';
import { groupPriorityOf, type KnownGroup, topologyKeyOf } from './pod-groups.ts';
import { type GroupPreemption, preemptForGroup } from './preempt-for-group.ts';

export interface GangSchedulerOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly queue: SchedulingQueue;
  readonly view: ClusterView;
  readonly events: PodEvents;
  readonly podWriter: PodWriter;
  readonly groupWriter: GroupWriter;
  readonly metrics: SchedulerMetrics;
  /** Pods of one group that are decided on at once; `limits.groupMembersMax` where absent. */
  readonly groupMembersMax?: number | undefined;
  /** Writes under way are waited for at the end. */
  track(work: Promise<void>): void;
  /** The pod goes to that node, for good. */
  assume(pod: PodFacts, popped: Popped, node: NodeInfo): void;
  /** Whoever is less important and waits for room on that node looks elsewhere; but not those of `except`. */
  dropNominations(node: string, priority: number, except: ReadonlySet<string>): void;
}

type Victims = Extract<GroupPreemption, { kind: 'victims' }>;

const plugin = 'GangScheduling';
const itself: ReadonlySet<string> = new Set([plugin]);
const unschedulable = 'pod group is unschedulable';

interface Told {
  readonly message: string;
  readonly refusedBy: ReadonlySet<string>;
  readonly nominated?: string | undefined;
}

export class GangScheduler {
  readonly #options: GangSchedulerOptions;
  /** Groups whose victims are being told. */
  readonly #evicting = new Set<string>();

  constructor(options: GangSchedulerOptions) {
    this.#options = options;
  }

  schedule(first: Popped, group: KnownGroup): void {
    const { queue, view, prng, metrics, clock, groupMembersMax = limits.groupMembersMax } = this.#options;
    if (this.#evicting.has(group.key)) {
      queue.park(first.pod, itself);
      return;
    }
    const all = this.#take(first, group);
    const other = all.find(({ profile }) => profile !== first.profile);
    if (other !== undefined) {
      this.#fail(group, all, unequalSchedulers(first, other));
      return;
    }
    const taken = all.slice(0, groupMembersMax);
    this.#postpone(all.slice(groupMembersMax));
    const members = taken.map(({ pod }) => new PodFacts(pod));
    const beganMs = clock.monotonic();
    const inputs: GroupInputs = { group, members, profile: first.profile, world: view.world, prng };
    const decision = decideGroup(inputs);
    const result = decision.kind === 'placed' ? 'scheduled' : decision.kind === 'error' ? 'error' : 'unschedulable';
    metrics.attempt(first.profile.plan.schedulerName, result, clock.monotonic() - beganMs);
    if (decision.kind === 'error') this.#fail(group, taken, decision.message);
    else if (decision.kind === 'placed') this.#place(inputs, taken, decision.attempt);
    else this.#nowhere(inputs, decision.attempts);
  }

  /** The group is not there: the pod waits for it, and says so. */
  holdBack({ pod }: Popped, message: string): void {
    this.#park(pod, { message, refusedBy: itself });
  }

  /** All of the group that wait, the most important first, then the oldest. */
  #take(first: Popped, { members }: KnownGroup): Popped[] {
    const { queue } = this.#options;
    const others = [...members.keys()].flatMap((key) => queue.take(key) ?? []);
    const priorityOf = ({ pod }: Popped): number => pod.spec?.priority ?? 0;
    return [first, ...others].sort((a, b) => priorityOf(b) - priorityOf(a) || a.order - b.order);
  }

  /** There are too many to decide on all at once: these have their turn when others of the group got their nodes. */
  #postpone(left: readonly Popped[]): void {
    const message = 'waiting for other pods of the pod group to be scheduled';
    for (const { pod } of left) this.#park(pod, { message, refusedBy: itself });
  }

  #place({ group }: GroupInputs, taken: readonly Popped[], { outcomes, nodeCount }: Attempt): void {
    this.#postpone(taken.slice(outcomes.length));
    for (const [index, { pod, decision }] of outcomes.entries()) {
      if (decision.kind === 'node') this.#options.assume(pod, taken[index] as Popped, decision.node);
      else {
        const message = unschedulableMessage(decision.refusals, nodeCount, '');
        this.#park(pod.pod, {
          message,
          refusedBy: refusingPlugins(decision.refusals),
          nominated: this.#unpromise(pod),
        });
      }
    }
    this.#tell(group, 'True', 'Scheduled', '');
  }

  #nowhere(inputs: GroupInputs, attempts: readonly Attempt[]): void {
    const { group, members, world } = inputs;
    const preemption = this.#tryPreemption(inputs, attempts);
    const why = new Map(members.map((pod) => [pod.key, this.#whyNot(pod, inputs, attempts, preemption)]));
    const goesTo = new Map<string, string>();
    if (preemption?.kind === 'victims') {
      for (const { pod, decision } of preemption.attempt.outcomes) {
        if (decision.kind === 'node') goesTo.set(pod.key, decision.node.name);
      }
    }
    for (const pod of members) {
      const told = why.get(pod.key) as Told;
      const node = goesTo.get(pod.key);
      if (node === undefined) {
        const keeps = preemption?.kind === 'none' && preemption.isWaiting;
        this.#park(pod.pod, keeps ? told : { ...told, nominated: this.#unpromise(pod) });
        continue;
      }
      world.nominations.set(pod, node);
      const message = `${unschedulable}, pod group is waiting for preemption to complete`;
      this.#park(pod.pod, { ...told, message, nominated: node });
    }
    const waits = preemption?.kind === 'victims' || preemption?.isWaiting === true;
    const found = preemption?.kind === 'none' ? `. preemption: ${preemption.message}` : '';
    const message = waits ? 'waiting for preemption to complete' : `${unschedulable}${found}`;
    this.#tell(group, 'False', 'Unschedulable', message);
    if (preemption?.kind === 'victims') this.#makeRoom(inputs, preemption, new Set(goesTo.values()));
  }

  /** As upstream, a group that must stay within one topology makes no room for itself. */
  #tryPreemption(inputs: GroupInputs, [failed]: readonly Attempt[]): GroupPreemption | undefined {
    const { group, profile, world } = inputs;
    if (profile.plan.preemption === undefined || failed === undefined || world.snapshot.nodes.length === 0)
      return undefined;
    if (topologyKeyOf(group.podGroup) !== undefined) return undefined;
    const preemption = preemptForGroup(inputs, failed, this.#options.view.budgets);
    this.#options.metrics.preemption(preemption.kind === 'victims' ? preemption.victims.length : undefined);
    return preemption;
  }

  /** In its own words where it fits nowhere, else in the group's; what any domain refused it for may wake it. */
  #whyNot(
    { key }: PodFacts,
    { group, world }: GroupInputs,
    attempts: readonly Attempt[],
    preemption: GroupPreemption | undefined,
  ): Told {
    const own = attempts.map(({ outcomes }) => outcomes.find(({ pod }) => pod.key === key)?.decision);
    const hasTopology = topologyKeyOf(group.podGroup) !== undefined;
    const refusedBy = new Set(
      own.flatMap((decision) => (decision?.kind === 'none' ? [...refusingPlugins(decision.refusals)] : [])),
    );
    if (refusedBy.size === 0 || hasTopology) refusedBy.add(plugin);
    const [decision] = own;
    if (attempts.length === 0) {
      const count = world.snapshot.nodes.length;
      const label = topologyKeyOf(group.podGroup) ?? '';
      const reason = `${count} node(s) didn't have the label "${label}" of the pod group's topology`;
      return { message: `0/${count} nodes are available: ${reason}.`, refusedBy };
    }
    if (decision?.kind === 'none') {
      const told = preemption?.kind === 'none' ? preemption.message : '';
      return { message: unschedulableMessage(decision.refusals, attempts[0]?.nodeCount ?? 0, told), refusedBy };
    }
    return { message: `${unschedulable}, waiting for minCount pods from a gang to be scheduled`, refusedBy };
  }

  /** What was promised to it is not worth anything any more; undefined where nothing was. */
  #unpromise({ key, pod }: PodFacts): '' | undefined {
    this.#options.view.world.nominations.remove(key);
    return pod.status?.nominatedNodeName ? '' : undefined;
  }

  #park(pod: Pod, { message, refusedBy, nominated }: Told): void {
    const { queue, events, podWriter, track } = this.#options;
    queue.park(pod, refusedBy);
    events.failed(pod, message);
    track(podWriter.tellUnscheduled(pod, { reason: 'Unschedulable', message, nominated }));
  }

  /** Nobody's room is the matter: all are tried again after their back-off. */
  #fail(group: KnownGroup, taken: readonly Popped[], message: string): void {
    const { queue, events, podWriter, track } = this.#options;
    for (const { pod, profile } of taken) {
      queue.retry(pod, profile);
      events.failed(pod, message);
      track(podWriter.tellUnscheduled(pod, { reason: 'SchedulerError', message }));
    }
    this.#tell(group, 'False', 'SchedulerError', message);
  }

  #tell(group: KnownGroup, status: 'True' | 'False', reason: string, message: string): void {
    const { groupWriter, track } = this.#options;
    track(groupWriter.tell(group, { type: 'PodGroupScheduled', status, reason, message }));
  }

  #makeRoom(inputs: GroupInputs, preemption: Victims, nodes: ReadonlySet<string>): void {
    const { dropNominations, track } = this.#options;
    const priority = groupPriorityOf(inputs.group.podGroup);
    const own = new Set(inputs.group.members.keys());
    for (const node of nodes) dropNominations(node, priority, own);
    track(this.#evictAll(inputs, preemption));
  }

  /** Meanwhile all members sleep: each victim's end would wake them, and find that they do not fit yet. */
  async #evictAll({ group, members, profile, world }: GroupInputs, { victims, groups }: Victims): Promise<void> {
    const { queue, groupWriter } = this.#options;
    const { schedulerName } = profile.plan;
    const message = `${schedulerName}: preempting to accommodate a higher priority podgroup`;
    this.#evicting.add(group.key);
    for (const { key } of members) queue.hold(key);
    const told = groups.map((one) =>
      groupWriter.tell(one, { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message }),
    );
    const going = victims.filter(({ isEnding }) => !isEnding);
    const evicted = await Promise.all(going.map(({ pod }) => this.#evict(pod, group, schedulerName)));
    await Promise.all(told);
    this.#evicting.delete(group.key);
    for (const { key } of members) queue.letGo(key);
    // Those that needed no time are gone already, and nobody will say so again; who could not be told is asked for again.
    const isAnyGone = victims.some(({ key }) => world.snapshot.podByKey(key) === undefined);
    const [first] = members;
    if (first !== undefined && (isAnyGone || evicted.includes(false))) queue.wake(first.key);
  }

  /** False where it could not be told. */
  async #evict(victim: Pod, { podGroup }: KnownGroup, schedulerName: string): Promise<boolean> {
    const { podWriter, events, log } = this.#options;
    try {
      await podWriter.evict(victim, schedulerName, 'podgroup');
      const message = `Preempted by podgroup ${podGroup.metadata?.uid ?? ''} on node cluster`;
      events.preempted(victim, message, { resource: podGroups, object: podGroup, schedulerName });
      return true;
    } catch (error) {
      if (hasReason(error, 'NotFound', 'Conflict')) return true;
      log.warn('a pod could not be preempted', { pod: victim.metadata?.name, error });
      return false;
    }
  }
}

function unequalSchedulers(first: Popped, other: Popped): string {
  const names = [first, other].map(({ profile }) => JSON.stringify(profile.plan.schedulerName)).join(' and ');
  return `all pods in a single pod group should have the same .spec.schedulerName set, got: ${names}`;
}
