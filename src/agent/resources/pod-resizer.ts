/**
 * Who was given what on this node, and the resizes that are wanted or under way. It decides when a resize has its turn (`decide-resize.ts`);
 * the pod's worker carries it out (`pod/steps/resize-pod.ts`) and tells here how that went.
 *
 * ```
 *   spec changes ──▶ waiting ──▶ promised, on disk ──▶ worker: containers and cgroup ──▶ done
 *                    ▲    │ room became free, or three minutes passed        │ refused
 *                    └────┘                                                  └──▶ Error, tried again
 * ```
 * Kept true: a pod runs with what was promised to it, never with what it merely asks for, also after a restart of the agent. Pods that nobody
 * resizes leave no trace here, except on a disk where one is kept.
 */
import { qualityOfService } from '../../api/pod-quality.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { appContainers, initContainers } from '../pod/containers.ts';
import type { PodHook } from '../pod/pod-hook.ts';
import type { EventSink } from '../pod/pod-host.ts';
import { isTerminal } from '../pod/pod-status.ts';
import { containerResources, type ResourceRules } from '../pod/qos.ts';
import type { ResizeView } from '../pod/resize-view.ts';
import { type Allocation, allocationFromStatus, allocationOf, isAllocated, withAllocation } from './allocation.ts';
import type { AllocationRecord, AllocationStore } from './allocation-file.ts';
import { compareWaiting, type PendingResize, refusalOfResize, resizeMessage, type Waiting } from './decide-resize.ts';

/** What waits is looked at again after this long, though nothing happened. */
const retryMs = 180_000;

export interface ResizerOptions {
  readonly store: AllocationStore;
  readonly node: () => Node | undefined;
  readonly rules: ResourceRules;
  /** Called with a pod that was given something else, as it is from now on. */
  readonly promised?: (allocated: Pod) => void;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The pods of the node, with what was given to them. */
export interface ResizablePods {
  active(): readonly Pod[];
  /** Takes the pod's newest version anew, with what was given to it meanwhile. */
  renew(uid: string): void;
}

interface Entry extends AllocationRecord {
  allocation: Allocation;
  resizing?: number;
  /** As the API has it. */
  desired?: Pod;
  pending?: PendingResize & { readonly sinceMs: number };
  view?: ResizeView;
}

export class PodResizer implements PodHook {
  readonly name = 'pod-resizes';
  readonly #options: ResizerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #pods: () => ResizablePods;
  #saved: Promise<void> = Promise.resolve();
  /** The last writing failed. */
  #isUnsaved = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: ResizerOptions, pods: () => ResizablePods) {
    this.#options = options;
    this.#pods = pods;
  }

  /** Before the first pod comes. */
  async start(): Promise<void> {
    for (const [uid, { allocation, resizing }] of await this.#options.store.load()) {
      this.#entries.set(uid, { allocation, ...(resizing !== undefined && { resizing }) });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#saved.catch(() => {});
  }

  /** With what was given to it; the same object where that is what it wants. */
  allocated(pod: Pod): Pod {
    const entry = this.#entries.get(uidOf(pod));
    return entry === undefined ? pod : withAllocation(pod, entry.allocation);
  }

  /** For the worker: what is to be done and told about a resize; undefined: nothing. */
  view(uid: string): ResizeView | undefined {
    return this.#entries.get(uid)?.view;
  }

  /** A pod that the agent did not know came: where it runs already and nothing is written of it, its status may say what it was given. */
  adopt(pod: Pod): void {
    const uid = uidOf(pod);
    if (pod.status?.startTime === undefined || isTerminal(pod.status.phase)) return;
    if (!this.#entries.has(uid)) {
      const allocation = allocationFromStatus(pod);
      if (allocation !== undefined) this.#entries.set(uid, { allocation });
    }
    const inProgress = pod.status.conditions?.find(({ type }) => type === 'PodResizeInProgress');
    const entry = this.#entries.get(uid) ?? (inProgress && { allocation: allocationOf(pod) });
    if (entry === undefined) return;
    this.#entries.set(uid, entry);
    const generation = entry.resizing ?? inProgress?.observedGeneration;
    if (generation !== undefined) this.#promise(entry, pod, generation);
    this.changed(undefined, pod);
  }

  /** A new version of a pod that runs here. @param before the version before, with what was given to it */
  changed(before: Pod | undefined, pod: Pod): void {
    const uid = uidOf(pod);
    let entry = this.#entries.get(uid);
    if (entry === undefined) {
      if (before === undefined || before.spec === pod.spec) return;
      const allocation = allocationOf(before);
      if (isAllocated(pod, allocation)) return;
      this.#entries.set(uid, (entry = { allocation }));
    }
    if (pod.metadata?.deletionTimestamp !== undefined || isTerminal(pod.status?.phase)) return;
    if (entry.desired === undefined && isAllocated(pod, entry.allocation)) return;
    entry.desired = pod;
    this.#decideAll(uid);
  }

  /** Only notes it; what runs with less than everything guaranteed to the node is nobody's concern here. */
  admit(pod: Pod): undefined {
    const uid = uidOf(pod);
    if (!this.#options.store.isPersistent || this.#entries.has(uid)) return undefined;
    if (qualityOfService(pod.spec) === 'BestEffort') return undefined;
    this.#entries.set(uid, { allocation: allocationOf(pod) });
    this.#save();
    return undefined;
  }

  async prepare(): Promise<void> {
    await this.persisted();
  }

  /** What was given up to now is safe. Rejects where it cannot be written; asked again, it is tried again. */
  persisted(): Promise<void> {
    if (this.#isUnsaved) this.#save();
    return this.#saved;
  }

  release(uid: string): void {
    if (this.#entries.delete(uid)) this.#save();
    if (this.#hasPending) this.#decideAll();
  }

  /** Also of pods that only their traces tell of. */
  async cleanUp(uid: string): Promise<void> {
    this.release(uid);
  }

  /** Of pods that went while no agent ran, the file tells still. */
  uids(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** The worker has set what could be set now. @param isLast nothing is left to do */
  acted(uid: string, isLast: boolean): void {
    const entry = this.#entries.get(uid);
    if (entry?.view?.wanted === undefined) return;
    if (!isLast) {
      const { problem: _, ...view } = entry.view;
      entry.view = { ...view, hasActed: true, retryAtMs: 0 };
      return;
    }
    const generation = entry.resizing ?? 0;
    const pod = entry.desired;
    if (pod !== undefined) {
      const allocated = withAllocation(pod, entry.allocation);
      this.#options.events.record(pod, 'Normal', 'ResizeCompleted', resizeMessage('completed', allocated, generation));
    }
    delete entry.resizing;
    this.#show(entry);
    if (entry.pending === undefined) this.#rest(uid, entry);
    this.#save();
    // What was given back may be what others wait for.
    if (this.#hasPending) this.#decideAll();
  }

  /** The runtime, or the kernel, refuses. */
  failed(uid: string, problem: string, retryAtMs: number): void {
    const entry = this.#entries.get(uid);
    if (entry?.view?.wanted === undefined) return;
    const { desired } = entry;
    if (entry.view.problem !== problem && desired !== undefined) {
      const allocated = withAllocation(desired, entry.allocation);
      const message = resizeMessage('error', allocated, entry.resizing ?? 0, problem);
      this.#options.events.record(desired, 'Warning', 'ResizeError', message);
    }
    entry.view = { ...entry.view, problem, retryAtMs };
  }

  get #hasPending(): boolean {
    for (const { pending } of this.#entries.values()) if (pending !== undefined) return true;
    return false;
  }

  /** All that wait, and `uid`, in the order of their turns. Its own worker takes what comes of it anyway. */
  #decideAll(uid?: string): void {
    const waiting: (Waiting & { readonly uid: string; readonly entry: Entry; readonly desired: Pod })[] = [];
    for (const [key, entry] of this.#entries) {
      const { desired, allocation, pending } = entry;
      if (desired === undefined || (pending === undefined && key !== uid)) continue;
      const sinceMs = pending?.sinceMs ?? Number.POSITIVE_INFINITY;
      waiting.push({ uid: key, entry, desired, allocated: withAllocation(desired, allocation), sinceMs });
    }
    for (const each of waiting.toSorted(compareWaiting)) {
      const hasChanged = this.#decide(each.uid, each.entry, each.desired);
      if (hasChanged && each.uid !== uid) this.#pods().renew(each.uid);
    }
    this.#setTimer();
  }

  /** True where the worker should look. */
  #decide(uid: string, entry: Entry, desired: Pod): boolean {
    if (isAllocated(desired, entry.allocation)) {
      const wasPending = entry.pending !== undefined;
      delete entry.pending;
      this.#show(entry);
      if (entry.resizing === undefined) this.#rest(uid, entry);
      return wasPending;
    }
    const others = this.#pods()
      .active()
      .filter((pod) => uidOf(pod) !== uid);
    const refusal = refusalOfResize(desired, others, this.#options.node());
    if (refusal === undefined) {
      this.#accept(entry, desired);
      return true;
    }
    const { pending } = entry;
    if (pending?.reason === refusal.reason && pending.message === refusal.message) {
      entry.pending = { ...refusal, sinceMs: pending.sinceMs };
      const isSame = pending.generation === refusal.generation;
      if (!isSame) this.#show(entry);
      return !isSame;
    }
    entry.pending = { ...refusal, sinceMs: pending?.sinceMs ?? this.#options.clock.now() };
    this.#show(entry);
    const message = resizeMessage(refusal.reason, desired, refusal.generation, refusal.message);
    this.#options.events.record(desired, 'Warning', `Resize${refusal.reason}`, message);
    return true;
  }

  #accept(entry: Entry, desired: Pod): void {
    const generation = desired.metadata?.generation ?? 0;
    entry.allocation = allocationOf(desired);
    delete entry.pending;
    this.#promise(entry, desired, generation);
    this.#save();
    this.#options.events.record(desired, 'Normal', 'ResizeStarted', resizeMessage('started', desired, generation));
  }

  #promise(entry: Entry, pod: Pod, generation: number): void {
    entry.resizing = generation;
    entry.desired = pod;
    const allocated = withAllocation(pod, entry.allocation);
    const containers = [...initContainers(allocated), ...appContainers(allocated)];
    const { rules, promised } = this.#options;
    promised?.(allocated);
    const wanted = new Map(
      containers.map((container) => {
        const { hugepageLimits: _, ...limits } = containerResources(allocated, container, rules);
        return [container.name, limits];
      }),
    );
    this.#show(entry);
    entry.view = { ...entry.view, wanted, generation, hasActed: false, retryAtMs: 0 };
  }

  /** Brings the view up to date with what waits, and with what is no longer under way. */
  #show(entry: Entry): void {
    const { pending, view, resizing } = entry;
    const told = pending && { reason: pending.reason, message: pending.message, generation: pending.generation };
    const isUnderWay = resizing !== undefined && view?.wanted !== undefined;
    const { pending: _, ...rest } = isUnderWay ? view : { hasActed: false, retryAtMs: 0 };
    if (told === undefined && !isUnderWay) delete entry.view;
    else entry.view = { ...rest, ...(told !== undefined && { pending: told }) };
  }

  /** Nothing is wanted of it any more. */
  #rest(uid: string, entry: Entry): void {
    delete entry.desired;
    if (!this.#options.store.isPersistent) this.#entries.delete(uid);
  }

  #save(): void {
    const { store, log } = this.#options;
    if (!store.isPersistent) return;
    this.#isUnsaved = false;
    this.#saved = store.save(this.#records());
    this.#saved.catch((error: unknown) => {
      this.#isUnsaved = true;
      log.error('what was allocated to pods cannot be written', { error });
    });
  }

  /** Read when the writing begins. */
  #records(): ReadonlyMap<string, AllocationRecord> {
    return new Map(
      [...this.#entries].map(([uid, { allocation, resizing }]) => [
        uid,
        { allocation, ...(resizing !== undefined && { resizing }) },
      ]),
    );
  }

  #setTimer(): void {
    const isDue = this.#hasPending && !this.#closed;
    if (isDue === (this.#timer !== undefined)) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!isDue) return;
    this.#timer = this.#options.clock.after(retryMs, () => {
      this.#timer = undefined;
      this.#decideAll();
    });
  }
}

const uidOf = ({ metadata }: Pod): string => metadata?.uid ?? '';
