/**
 * The scheduler: gives each pending pod a node.
 *
 * ```
 *  informers ──▶ snapshot, queue            (synchronously, change by change)
 *  pump: pop ──▶ decide ──▶ assume in the snapshot ──▶ bind ─┬─ done: the informer shows it
 *                  │                                         └─ failed (asks, where the answer got lost): forget, try again
 *                  └─ nowhere ──▶ preempt? ──▶ condition and event ──▶ park
 * ```
 * Kept true: a decision sees all earlier ones, since each is assumed before the next is made; so no node is filled twice, although
 * bindings travel side by side. Decisions are made in short bursts, with room for everything else in between.
 */
import { objectKey } from '../api/object.ts';
import type { Binding, Node, Pod } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { isRefusal } from '../client/errors.ts';
import { EventRecorder } from '../client/events.ts';
import type { Informer, InformerSet } from '../client/informer.ts';
import { nodes as nodesResource, pods as podsResource } from '../client/resources.ts';
import { type Clock, formatTime, type Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import { type Decision, decide, unschedulableMessage } from './decide.ts';
import { decidePreemption } from './preemption.ts';
import { SchedulerMetrics } from './scheduler-metrics.ts';
import { SchedulingQueue } from './scheduling-queue.ts';
import { Snapshot } from './snapshot.ts';

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** What is counted about decisions and waiting pods goes here. */
  readonly metrics?: MetricRegistry;
}

const schedulerName = 'default-scheduler';
/** Decisions in one burst. */
const burstMax = 64;
/** How soon the server is asked again what became of a binding (ms). */
const askAgainMs = 500;
/** Bindings on their way at a time; beyond, deciding waits. */
const bindingsMax = 256;

export class Scheduler implements Service {
  readonly name = 'scheduler';
  readonly #options: SchedulerOptions;
  readonly #events: EventRecorder;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #snapshot = new Snapshot();
  readonly #queue: SchedulingQueue;
  readonly #metrics: SchedulerMetrics;
  /** Decided and not yet seen bound. */
  readonly #assumed = new Set<string>();
  readonly #bindings = new Set<Promise<void>>();
  #pump: Timer | undefined;
  #started = false;
  #closed = false;
  #start = 0;
  #handlers: (() => void)[] = [];

  constructor(options: SchedulerOptions) {
    const { client, clock, log, informers } = options;
    this.#options = { ...options, log: log.with({ service: this.name }) };
    this.#events = new EventRecorder({ client, clock, log, component: schedulerName });
    this.#pods = informers.informer(podsResource);
    this.#nodes = informers.informer(nodesResource);
    this.#queue = new SchedulingQueue(clock, () => this.#arm());
    this.#metrics = new SchedulerMetrics(options.metrics ?? new MetricRegistry(), () => this.#queue.sizes);
  }

  /** Begins when both caches have synced: half a snapshot would fill nodes twice. */
  start(): Promise<void> {
    if (this.#started) return Promise.resolve();
    this.#started = true;
    void Promise.all([this.#pods.synced, this.#nodes.synced]).then(() => {
      if (!this.#closed) this.#listen();
    });
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pump?.cancel();
    for (const remove of this.#handlers.splice(0)) remove();
    this.#queue.close();
    await Promise.allSettled(this.#bindings);
    await this.#events.flush();
  }

  #listen(): void {
    this.#handlers = [
      this.#nodes.addHandler({
        added: (node) => this.#nodeChanged(node),
        updated: (node, previous) => this.#nodeChanged(node, previous),
        deleted: (node) => this.#snapshot.removeNode(node.metadata?.name ?? ''),
      }),
      this.#pods.addHandler({
        added: (pod) => this.#podChanged(pod),
        updated: (pod, previous) => this.#podChanged(pod, previous),
        deleted: (pod) => this.#podGone(objectKey(pod)),
      }),
    ];
  }

  /** Heartbeats change a node often, and wake nobody. */
  #nodeChanged(node: Node, previous?: Node): void {
    this.#snapshot.setNode(node);
    if (previous === undefined || !sameForScheduling(node, previous)) this.#queue.wakeAll();
  }

  #podChanged(pod: Pod, previous?: Pod): void {
    const key = objectKey(pod);
    const { nodeName, schedulingGates = [] } = pod.spec ?? {};
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') this.#podGone(key);
    else if (nodeName) {
      this.#assumed.delete(key);
      this.#queue.remove(key);
      this.#snapshot.setPod(pod, nodeName);
    } else if (this.#assumed.has(key)) return;
    else if (!isOurs(pod) || schedulingGates.length > 0) this.#queue.remove(key);
    else {
      this.#queue.add(pod);
      if (previous !== undefined && !sameWishes(pod, previous)) this.#queue.wake(key);
    }
  }

  #podGone(key: string): void {
    this.#assumed.delete(key);
    this.#queue.remove(key);
    if (this.#snapshot.removePod(key)) this.#queue.wakeAll();
  }

  #arm(): void {
    if (this.#closed || this.#pump !== undefined || this.#bindings.size >= bindingsMax) return;
    this.#pump = this.#options.clock.after(0, () => this.#burst());
  }

  #burst(): void {
    this.#pump = undefined;
    for (let count = 0; count < burstMax && this.#bindings.size < bindingsMax; count++) {
      const pod = this.#queue.pop();
      if (pod === undefined) return;
      this.#schedule(pod);
    }
    this.#arm();
  }

  #schedule(pod: Pod): void {
    const decision = decide(pod, this.#snapshot, this.#options.prng, this.#start);
    const count = Math.max(1, this.#snapshot.nodes.length);
    this.#start = (this.#start + decision.looked) % count;
    this.#metrics.attempt(decision.kind === 'none' ? 'unschedulable' : 'scheduled');
    if (decision.kind === 'none') {
      this.#nowhere(pod, decision);
      return;
    }
    const key = objectKey(pod);
    this.#queue.remove(key);
    this.#assumed.add(key);
    this.#snapshot.setPod(pod, decision.node);
    this.#track(this.#bind(pod, decision.node));
  }

  #track(work: Promise<void>): void {
    this.#bindings.add(work);
    void work.finally(() => {
      this.#bindings.delete(work);
      this.#arm();
    });
  }

  async #bind(pod: Pod, node: string): Promise<void> {
    const { namespace = '', name = '', uid } = pod.metadata ?? {};
    const body: Binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, ...(uid !== undefined && { uid }) },
      target: { kind: 'Node', name: node },
    };
    try {
      await this.#options.client.createSubresource(podsResource, { namespace, name }, 'binding', body);
      const message = `Successfully assigned ${namespace}/${name} to ${node}`;
      this.#events.record(podsResource, pod, 'Normal', 'Scheduled', message);
    } catch (error) {
      if (isRefusal(error) || !(await this.#isBound(pod))) this.#bindFailed(pod, error);
    }
  }

  /** A call whose answer got lost may have been carried out: its room must not be given away again. Asks until the server says. */
  async #isBound({ metadata }: Pod): Promise<boolean> {
    const { client, clock } = this.#options;
    const { namespace = '', name = '', uid } = metadata ?? {};
    while (!this.#closed) {
      try {
        const current = await client.get(podsResource, { namespace, name });
        return current.metadata?.uid === uid && Boolean(current.spec?.nodeName);
      } catch (error) {
        if (hasReason(error, 'NotFound')) return false;
        await clock.sleep(askAgainMs);
      }
    }
    return false;
  }

  /** Unless the pod went away, or was bound meanwhile, which the informer tells. */
  #bindFailed(pod: Pod, error: unknown): void {
    const key = objectKey(pod);
    if (!this.#assumed.delete(key)) return;
    this.#metrics.attempt('error');
    this.#snapshot.removePod(key);
    this.#queue.wakeAll();
    if (hasReason(error, 'NotFound') || this.#closed) return;
    const message = `binding rejected: ${error instanceof Error ? error.message : String(error)}`;
    this.#options.log.warn('binding failed', { pod: key, error });
    this.#events.record(podsResource, pod, 'Warning', 'FailedScheduling', message);
    const current = this.#pods.cache.byKey(key);
    if (current !== undefined && !current.spec?.nodeName) this.#queue.retry(current);
  }

  #nowhere(pod: Pod, { refusals }: Extract<Decision, { kind: 'none' }>): void {
    const preemption = decidePreemption(pod, refusals);
    const told = preemption.kind === 'none' ? preemption.message : '';
    const message = unschedulableMessage(refusals.values(), this.#snapshot.nodes.length, told);
    this.#queue.park(pod);
    this.#events.record(podsResource, pod, 'Warning', 'FailedScheduling', message);
    const victims = preemption.kind === 'victims' ? preemption.victims : [];
    const nominated = preemption.kind === 'victims' ? preemption.node : undefined;
    this.#track(this.#tellUnschedulable(pod, message, nominated));
    for (const victim of victims) this.#track(this.#preempt(pod, victim, nominated ?? ''));
  }

  async #tellUnschedulable(pod: Pod, message: string, nominatedNodeName: string | undefined): Promise<void> {
    const standing = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    if (standing?.status === 'False' && standing.message === message && nominatedNodeName === undefined) return;
    const { client, clock, log } = this.#options;
    const { namespace = '', name = '', uid } = pod.metadata ?? {};
    const now = formatTime(clock.now());
    const lastTransitionTime = standing?.status === 'False' ? (standing.lastTransitionTime ?? now) : now;
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime };
    const status = { conditions: [condition], ...(nominatedNodeName !== undefined && { nominatedNodeName }) };
    const patch = { type: 'strategic', body: { metadata: { uid }, status } } as const;
    try {
      await client.patch(podsResource, { namespace, name }, patch, { subresource: 'status' });
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict'))
        log.warn('a pod could not be marked unschedulable', { pod: name, error });
    }
  }

  /** One that is ending already only needs its time. */
  async #preempt(pod: Pod, victim: Pod, node: string): Promise<void> {
    if (victim.metadata?.deletionTimestamp !== undefined) return;
    const { client, log } = this.#options;
    const { namespace = '', name = '', uid } = victim.metadata ?? {};
    try {
      await client.delete(podsResource, { namespace, name }, { ...(uid !== undefined && { uid }) });
      const message = `Preempted by pod ${pod.metadata?.uid ?? objectKey(pod)} on node ${node}`;
      this.#events.record(podsResource, victim, 'Normal', 'Preempted', message);
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict')) log.warn('a pod could not be preempted', { pod: name, error });
    }
  }
}

const isOurs = (pod: Pod): boolean =>
  (pod.spec?.schedulerName ?? schedulerName) === schedulerName && pod.metadata?.deletionTimestamp === undefined;

/** What of a node decisions depend on. */
function sameForScheduling(a: Node, b: Node): boolean {
  const facts = ({ metadata, spec, status }: Node): string =>
    JSON.stringify([metadata?.labels, spec?.unschedulable, spec?.taints, status?.allocatable]);
  return facts(a) === facts(b);
}

/** What of a pod decisions depend on: its status, which we write ourselves, is not among it. */
const sameWishes = (a: Pod, b: Pod): boolean => a.spec === b.spec || JSON.stringify(a.spec) === JSON.stringify(b.spec);
