/**
 * The hands of one pod: looks, asks `decidePod`, does the steps in order, looks again, until there is nothing to do.
 *
 * ```
 *   pod changed, container started or exited, time has come, something finished in the background
 *        │ wake()
 *        ▼
 *   look at the runtime ──▶ decidePod ──▶ status (written beside) ──▶ steps, one after another ──┐
 *        ▲                                                                                       │
 *        └──────────────────────────── while a plan has steps ───────────────────────────────────┘
 * ```
 * `pod-memory.ts` is what it remembers, `observe.ts` how it looks, `steps/` what it can do, a file a concern.
 * What takes long (a pull, a graceful stop) goes on in the background, so that a deletion is never kept waiting; its end wakes the
 * worker. Kept true: steps of one pod never run at the same time; nothing is remembered that the runtime or the API knows better. A pod that
 * only runs costs its worker little: where the API's status is the decided one, that copy is the one that is kept.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Pod, PodStatus } from '../../api/schema/types/core-v1.ts';
import type { Timer } from '../../lib/clock.ts';
import type { ContainerStatus, PodIdentity, RuntimeState } from '../runtime.ts';
import { isStaticPod } from '../static-pods/static-pod.ts';
import { decidePod } from './decide-pod.ts';
import { followProbes, look, observationOf } from './observe.ts';
import type { NodeFailure } from './plan.ts';
import type { PodHost } from './pod-host.ts';
import { PodMemory } from './pod-memory.ts';
import { isTerminal } from './pod-status.ts';
import { followClock } from './set-clock.ts';
import { StatusWriter } from './status-writer.ts';
import { carryOut } from './steps/all-steps.ts';
import { prepareVolumes } from './steps/volumes.ts';

export class PodWorker {
  readonly #memory: PodMemory;
  readonly #onGone: () => void;
  #dirty = false;
  #rounds: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closed = false;
  #mirrorUid: string | undefined;

  constructor(identity: PodIdentity, host: PodHost, onGone: () => void) {
    this.#memory = new PodMemory(identity, host, () => this.wake());
    this.#onGone = onGone;
  }

  get identity(): PodIdentity {
    return this.#memory.identity;
  }

  /** The API's newest version of the pod; undefined: it is gone from there. */
  update(pod: Pod | undefined): void {
    const { lastPod } = this.#memory;
    if (pod !== undefined) this.#take(pod);
    this.#memory.pod = pod === undefined ? undefined : this.#memory.lastPod;
    const hasVolumes = this.#memory.host.platform.storage.isEmpty !== true;
    if (hasVolumes && pod !== undefined && lastPod !== undefined && !tellsTheSame(pod, lastPod)) this.#memory.refresh();
    this.wake();
  }

  /** Makes the pod fail: the node cannot keep it. */
  fail(reason: string, message: string, how: Pick<NodeFailure, 'graceMs' | 'isDisruption'> = {}): void {
    this.#memory.failed ??= { reason, message, ...how };
    this.wake();
  }

  /** The node never takes the pod. */
  refuse(reason: string, message: string): void {
    this.#memory.failed ??= { reason, message, isRefused: true };
    this.wake();
  }

  /** An object that the pod refers to has changed. */
  refresh(): void {
    this.#memory.refresh();
    this.wake();
  }

  /** Of a static pod: what shows it in the API, and gets its status; undefined: nothing does now. */
  mirror(mirror: Pod | undefined): void {
    const memory = this.#memory;
    const uid = mirror?.metadata?.uid;
    if (mirror !== undefined && uid === this.#mirrorUid) return memory.writer?.update(mirror);
    const { client, clock, log } = memory.host;
    void memory.writer?.close();
    memory.writer = mirror && new StatusWriter({ pod: mirror, client, clock, log });
    this.#mirrorUid = uid;
    memory.writer?.set(memory.status);
  }

  /** Decides anew, soon. */
  wake(): void {
    if (this.#closed) return;
    this.#dirty = true;
    this.#rounds ??= this.#runRounds().finally(() => {
      this.#rounds = undefined;
      if (this.#dirty) this.wake();
    });
  }

  /** Wakes it where `state`, a look at all pods, tells something new. */
  observe(state: RuntimeState): void {
    if (!isDeepStrictEqual(state, this.#memory.state)) this.wake();
  }

  /** With what the node gave to it. */
  get lastPod(): Pod | undefined {
    return this.#memory.lastPod;
  }

  /** The API, or the node's own files, have it still. */
  get isKnown(): boolean {
    return this.#memory.pod !== undefined;
  }

  /** It was taken, and has not ended: what it holds is not free. */
  get isActive(): boolean {
    return this.#memory.failed?.isRefused !== true && !isTerminal(this.#memory.status.phase);
  }

  /** The status as this node decided it, which the API may not have yet. */
  get status(): PodStatus {
    return this.#memory.status;
  }

  get containers(): readonly ContainerStatus[] {
    return this.#memory.state.containers;
  }

  /** It has ended, nothing of it runs, and what was made for it is gone. */
  get isCleanedUp(): boolean {
    return isTerminal(this.#memory.status.phase) && this.#memory.volumes === 'removed';
  }

  /** Lets go: what runs, runs on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#memory.close();
    this.#memory.prober?.close();
    await this.#memory.writer?.close();
    await this.#rounds;
  }

  #take(pod: Pod): void {
    const memory = this.#memory;
    if (memory.lastPod === undefined) memory.status = pod.status ?? {};
    // It runs with what was given to it, which need not be what it wants by now.
    memory.lastPod = memory.host.resizes.allocated(pod);
    if (isDeepStrictEqual(pod.status, memory.status)) memory.status = pod.status ?? {};
    // The API does not have it: its mirror there gets the status.
    if (isStaticPod(pod)) return;
    const { client, clock, log } = memory.host;
    memory.writer ??= new StatusWriter({ pod, client, clock, log });
    memory.writer.update(pod);
  }

  async #runRounds(): Promise<void> {
    const { retries, host, log } = this.#memory;
    while (this.#dirty && !this.#closed) {
      this.#dirty = false;
      try {
        await this.#round();
        retries.forget('round');
      } catch (error) {
        this.#dirty = false;
        log.warn('a step of a pod failed, trying again', { error });
        this.#wakeAt(host.clock.now() + retries.next('round'));
        return;
      }
    }
  }

  async #round(): Promise<void> {
    const memory = this.#memory;
    const { clock, platform } = memory.host;
    await look(memory);
    if (this.#closed) return;
    followClock(memory);
    followProbes(memory);
    const observation = observationOf(memory);
    memory.decidedAtMs = observation.monotonicMs;
    const plan = decidePod(observation);
    const hasStarted = plan.status.phase === 'Running' && memory.status.phase !== 'Running';
    if (hasStarted) memory.host.metrics?.podStarted(clock.monotonic() - memory.seenMs);
    if (!isDeepStrictEqual(plan.status, memory.status)) memory.status = plan.status;
    if (memory.pod !== undefined) memory.writer?.set(memory.status);
    if (plan.gone) {
      await platform.logs.remove(memory.identity);
      this.#onGone();
      return;
    }
    if (memory.volumes === 'ready' && clock.now() >= memory.refreshAtMs) await prepareVolumes(memory);
    this.#wakeAt(Math.min(plan.wakeAtMs, memory.volumes === 'ready' ? memory.refreshAtMs : Number.POSITIVE_INFINITY));
    for (const step of plan.steps) {
      if (this.#closed) return;
      this.#dirty = true;
      if (!(await carryOut(memory, step))) return;
    }
  }

  #wakeAt(timeMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (timeMs === Number.POSITIVE_INFINITY || this.#closed) return;
    const { clock } = this.#memory.host;
    const delayMs = Math.max(1, timeMs - clock.now());
    this.#timer = clock.after(delayMs, () => this.wake());
  }
}

/** What a pod's volumes may tell it about itself, and may change while it runs. */
function tellsTheSame({ metadata: a }: Pod, { metadata: b }: Pod): boolean {
  return isDeepStrictEqual([a?.labels, a?.annotations], [b?.labels, b?.annotations]);
}
