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
 * What takes long (a pull, a graceful stop) goes on in the background, so that a deletion is never kept waiting; its end wakes the
 * worker. Kept true: steps of one pod never run at the same time; nothing is remembered that the runtime or the API knows better. A pod that
 * only runs costs its worker little: where the API's status is the decided one, that copy is the one that is kept.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Container, Pod, PodStatus } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { pods } from '../../client/resources.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { SmallMap } from '../../lib/small-map.ts';
import { hasProbes, Prober } from '../probes/prober.ts';
import type { ContainerStatus, PodIdentity, RuntimeState, SandboxStatus } from '../runtime.ts';
import { allContainers, containerFieldPath, findContainer, newestSandbox } from './containers.ts';
import { decidePod } from './decide-pod.ts';
import { runHook } from './lifecycle-hooks.ts';
import type { Failure, ImageState, PodObservation, Step } from './plan.ts';
import { HookFailure, preparePod } from './pod-hook.ts';
import type { PodHost } from './pod-host.ts';
import { isTerminal } from './pod-status.ts';
import type { RestartBackoff } from './restart.ts';
import { StepFailure, startContainer } from './start-container.ts';
import { StatusWriter, withForeignStatus } from './status-writer.ts';
import { makeSandbox, prepareVolumes, removeVolumes } from './steps.ts';

type StepOf<K extends Step['kind']> = Extract<Step, { kind: K }>;

/** After a step failed that has no back-off of its own. */
const retryMs = { baseMs: 1000, maxMs: 20_000 };
const pullRetryMs = { baseMs: 10_000, maxMs: 300_000 };
/** How often volumes made from objects are brought up to date. */
const refreshMs = 60_000;
/** A container that is asked to stop gets at least this long after its hook. */
const graceAfterHookMsMin = 2000;
const logTailBytes = 2048;
const noVerdicts: PodObservation['probes'] = new Map();

export class PodWorker {
  readonly identity: PodIdentity;
  readonly #host: PodHost;
  readonly #onGone: () => void;
  readonly #retries = new Backoff(retryMs);
  readonly #pullRetries = new Backoff(pullRetryMs);
  readonly #images = new SmallMap<string, ImageState>();
  readonly #failures = new SmallMap<string, Failure>();
  readonly #restarts = new SmallMap<string, RestartBackoff>();
  readonly #messages = new SmallMap<string, string>();
  readonly #stops = new SmallMap<string, number>();
  /** Made for the first container that has probes. */
  #prober: Prober | undefined;
  #pod: Pod | undefined;
  #lastPod: Pod | undefined;
  #status: PodStatus = {};
  #writer: StatusWriter | undefined;
  #state: RuntimeState = { sandboxes: [], containers: [] };
  #volumes: PodObservation['volumes'] = 'unknown';
  #endingSinceMs = 0;
  #decidedAtMs = 0;
  #failed: PodObservation['failed'];
  #deleteSent = false;
  #refreshAtMs = Number.POSITIVE_INFINITY;
  #dirty = false;
  #rounds: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(identity: PodIdentity, host: PodHost, onGone: () => void) {
    this.identity = identity;
    this.#host = host;
    this.#onGone = onGone;
  }

  /** The API's newest version of the pod; undefined: it is gone from there. */
  update(pod: Pod | undefined): void {
    if (pod !== undefined) this.#take(pod);
    this.#pod = pod;
    this.wake();
  }

  /** Makes the pod fail: the node cannot keep it. */
  fail(reason: string, message: string): void {
    this.#failed ??= { reason, message };
    this.wake();
  }

  /** The node never takes the pod. */
  refuse(reason: string, message: string): void {
    this.#failed ??= { reason, message, isRefused: true };
    this.wake();
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
    if (!isDeepStrictEqual(state, this.#state)) this.wake();
  }

  get lastPod(): Pod | undefined {
    return this.#lastPod;
  }

  /** It was taken, and has not ended: what it holds is not free. */
  get isActive(): boolean {
    return this.#failed?.isRefused !== true && !isTerminal(this.#status.phase);
  }

  /** The status as this node decided it, which the API may not have yet. */
  get status(): PodStatus {
    return this.#status;
  }

  get containers(): readonly ContainerStatus[] {
    return this.#state.containers;
  }

  /** Lets go: what runs, runs on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#prober?.close();
    await this.#writer?.close();
    await this.#rounds;
  }

  #take(pod: Pod): void {
    if (this.#writer === undefined) {
      this.#status = pod.status ?? {};
      const { client, clock, log } = this.#host;
      this.#writer = new StatusWriter({ pod, client, clock, log });
    }
    this.#lastPod = pod;
    if (isDeepStrictEqual(pod.status, this.#status)) this.#status = pod.status ?? {};
    this.#writer.update(pod);
  }

  async #runRounds(): Promise<void> {
    while (this.#dirty && !this.#closed) {
      this.#dirty = false;
      try {
        await this.#round();
        this.#retries.forget('round');
      } catch (error) {
        this.#dirty = false;
        this.#log.warn('a step of a pod failed, trying again', { error });
        this.#wakeAt(this.#host.clock.now() + this.#retries.next('round'));
        return;
      }
    }
  }

  async #round(): Promise<void> {
    const { runtime, clock, platform } = this.#host;
    this.#state = await runtime.state(this.identity.uid);
    await this.#readMessages();
    if (this.#closed) return;
    if (this.#lastPod !== undefined) this.#probe(allContainers(this.#lastPod));
    const observation = this.#observation();
    this.#decidedAtMs = observation.nowMs;
    const plan = decidePod(observation);
    if (!isDeepStrictEqual(plan.status, this.#status)) this.#status = plan.status;
    if (this.#pod !== undefined) this.#writer?.set(this.#status);
    if (plan.gone) {
      await platform.logs.remove(this.identity);
      this.#onGone();
      return;
    }
    if (this.#volumes === 'ready' && clock.now() >= this.#refreshAtMs) await this.#prepareVolumes();
    this.#wakeAt(Math.min(plan.wakeAtMs, this.#volumes === 'ready' ? this.#refreshAtMs : Number.POSITIVE_INFINITY));
    for (const step of plan.steps) {
      if (this.#closed) return;
      this.#dirty = true;
      if (!(await this.#carryOut(step))) return;
    }
  }

  #probe(containers: readonly Container[]): void {
    if (this.#prober === undefined && !containers.some(hasProbes)) return;
    const { clock, runtime, platform } = this.#host;
    this.#prober ??= new Prober({
      clock,
      runtime,
      transport: platform.probes,
      changed: () => this.wake(),
      unhealthy: (container, message) => this.#event('Warning', 'Unhealthy', message, container),
    });
    this.#prober.follow(containers, this.#state.containers, this.#podIps()[0] ?? '');
  }

  #observation(): PodObservation {
    const { clock, hostIps, runtimeName } = this.#host;
    const mustEnd = this.#pod?.metadata?.deletionTimestamp !== undefined || this.#pod === undefined || this.#failed;
    if (mustEnd && this.#endingSinceMs === 0) this.#endingSinceMs = clock.now();
    const observation = {
      identity: this.identity,
      pod: this.#pod,
      lastPod: this.#lastPod,
      status: withForeignStatus(this.#status, this.#lastPod?.status),
      ...this.#state,
      images: this.#images,
      failures: this.#failures,
      restarts: this.#restarts,
      probes: this.#prober?.verdicts() ?? noVerdicts,
      messages: this.#messages,
      stops: this.#stops,
      volumes: this.#volumes,
      endingSinceMs: this.#endingSinceMs || clock.now(),
      ...(this.#failed !== undefined && { failed: this.#failed }),
      deleteSent: this.#deleteSent,
      hostIps,
      runtimeName,
      nowMs: clock.now(),
    };
    return observation;
  }

  /** False ends the round: what comes after depends on this step. */
  async #carryOut(step: Step): Promise<boolean> {
    const { runtime } = this.#host;
    switch (step.kind) {
      case 'event':
        this.#event(step.type, step.reason, step.message, step.container);
        return true;
      case 'prepare-volumes':
        return this.#prepareVolumes();
      case 'make-sandbox':
        return this.#makeSandbox(step.attempt);
      case 'ensure-image':
        await this.#ensureImage(step.container);
        return true;
      case 'start-container':
        await this.#startContainer(step);
        return true;
      case 'stop-container':
        // Its time runs from the decision: the next one must find the deadline that it would set.
        this.#stopContainer(step, this.#decidedAtMs);
        return true;
      case 'remove-container':
        await this.#removeContainer(step.containerId);
        return true;
      case 'stop-sandbox':
        await runtime.stopSandbox(step.sandboxId);
        return true;
      case 'remove-sandbox':
        await runtime.removeSandbox(step.sandboxId);
        return true;
      case 'remove-volumes':
        await removeVolumes(this.#host, this.identity.uid);
        this.#volumes = 'removed';
        return true;
      case 'delete-pod':
        await this.#deletePod();
        return true;
    }
  }

  async #prepareVolumes(): Promise<boolean> {
    const pod = this.#lastPod;
    if (pod === undefined) return false;
    try {
      await prepareVolumes(this.#host, pod, this.#podIps());
      this.#volumes = 'ready';
      const { storage } = this.#host.platform;
      this.#refreshAtMs = storage.isEmpty ? Number.POSITIVE_INFINITY : this.#host.clock.now() + refreshMs;
      this.#failures.delete('');
      this.#retries.forget('volumes');
      return true;
    } catch (error) {
      this.#event('Warning', 'FailedMount', messageOf(error));
      this.#fail('', 'volumes', 'ContainerCreating', messageOf(error));
      this.#refreshAtMs = this.#host.clock.now() + refreshMs;
      return false;
    }
  }

  async #makeSandbox(attempt: number): Promise<boolean> {
    const pod = this.#pod;
    if (pod === undefined) return false;
    const { hooks, starts } = this.#host;
    try {
      await preparePod(hooks, pod, this.identity);
      await starts.run(() => makeSandbox(this.#host, pod, this.identity, attempt));
      this.#failures.delete('');
      this.#retries.forget('sandbox');
    } catch (error) {
      const isHooks = error instanceof HookFailure;
      const message = isHooks ? error.message : `Failed to create pod sandbox: ${messageOf(error)}`;
      this.#event('Warning', isHooks ? error.reason : 'FailedCreatePodSandBox', message);
      this.#fail('', 'sandbox', 'ContainerCreating', message);
    }
    return false;
  }

  async #ensureImage(name: string): Promise<void> {
    const pod = this.#pod;
    const container = pod === undefined ? undefined : findContainer(pod, name);
    if (pod === undefined || container === undefined) return;
    const { images, clock } = this.#host;
    const image = container.image ?? '';
    const event = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
      this.#event(type, reason, message, name);
    const found = await images.find(container, event, clock.now() + 10_000);
    if (found !== undefined) {
      this.#images.set(name, found);
      return;
    }
    this.#images.set(name, { kind: 'pulling' });
    this.#inBackground(async () => {
      const state = await images.pull(pod, container, event, () => this.#pullRetries.next(image));
      if (state.kind === 'present') this.#pullRetries.forget(image);
      this.#images.set(name, state);
    });
  }

  async #startContainer(step: StepOf<'start-container'>): Promise<void> {
    const pod = this.#pod;
    const container = pod === undefined ? undefined : findContainer(pod, step.container);
    const sandbox = this.#sandbox();
    if (pod === undefined || container === undefined || sandbox?.id !== step.sandboxId) return;
    const { name } = container;
    const target = {
      pod,
      container,
      identity: this.identity,
      sandbox,
      sandboxId: sandbox.id,
      attempt: step.attempt,
      imageId: step.imageId,
    };
    const event = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
      this.#event(type, reason, message, name);
    // Whatever comes of it: the next start asks for the image again, which a policy of Always needs.
    this.#images.delete(name);
    try {
      const containers = this.#state.containers;
      const id = await this.#host.starts.run(() => startContainer(this.#host, { ...target, containers, event }));
      this.#failures.delete(name);
      this.#retries.forget(name);
      if (step.backoff !== undefined) this.#restarts.set(name, step.backoff);
      this.#postStart(container, id, sandbox);
    } catch (error) {
      const reason = error instanceof StepFailure ? error.reason : 'CreateContainerError';
      event('Warning', 'Failed', `Error: ${messageOf(error)}`);
      this.#fail(name, name, reason, messageOf(error));
      if (reason === 'RunContainerError' && step.backoff !== undefined) this.#restarts.set(name, step.backoff);
    }
  }

  #postStart(container: Container, containerId: string, sandbox: SandboxStatus): void {
    const hook = container.lifecycle?.postStart;
    if (hook === undefined) return;
    const podIp = sandbox.ips[0] ?? this.#host.hostIps[0] ?? '';
    this.#inBackground(async () => {
      try {
        await runHook(this.#host, hook, { container, containerId, podIp, timeoutMs: 600_000 });
      } catch (error) {
        this.#event('Warning', 'FailedPostStartHook', `PostStartHook failed: ${messageOf(error)}`, container.name);
        const message = 'FailedPostStartHook';
        const gracePeriodMs = (this.#pod?.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
        const step = {
          kind: 'stop-container',
          container: container.name,
          containerId,
          gracePeriodMs,
          message,
        } as const;
        this.#stopContainer(step, this.#host.clock.now());
      }
    });
  }

  #stopContainer(step: StepOf<'stop-container'>, fromMs: number): void {
    const { container: name, containerId, gracePeriodMs, message } = step;
    const { runtime, clock } = this.#host;
    const deadlineMs = fromMs + gracePeriodMs;
    const wasStopping = this.#stops.has(containerId);
    this.#stops.set(containerId, deadlineMs);
    if (!wasStopping) this.#event('Normal', 'Killing', message, name);
    this.#inBackground(async () => {
      try {
        if (!wasStopping) await this.#preStop(name, containerId, gracePeriodMs);
        const leftMs = Math.max(Math.min(graceAfterHookMsMin, gracePeriodMs), deadlineMs - clock.now());
        await runtime.stopContainer(containerId, leftMs);
      } catch (error) {
        this.#log.warn('a container could not be stopped', { container: name, error });
        await clock.sleep(this.#retries.next(containerId));
      }
      if (this.#stops.get(containerId) === deadlineMs) this.#stops.delete(containerId);
    });
  }

  async #preStop(name: string, containerId: string, gracePeriodMs: number): Promise<void> {
    const container = this.#lastPod === undefined ? undefined : findContainer(this.#lastPod, name);
    const hook = container?.lifecycle?.preStop;
    if (container === undefined || hook === undefined || gracePeriodMs === 0) return;
    const podIp = this.#podIps()[0] ?? '';
    try {
      await runHook(this.#host, hook, { container, containerId, podIp, timeoutMs: gracePeriodMs });
    } catch (error) {
      this.#event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${messageOf(error)}`, name);
    }
  }

  async #removeContainer(containerId: string): Promise<void> {
    const run = this.#state.containers.find(({ id }) => id === containerId);
    await this.#host.runtime.removeContainer(containerId);
    this.#messages.delete(containerId);
    if (run !== undefined && run.state === 'exited') await this.#host.platform.logs.removeRun(run);
  }

  async #deletePod(): Promise<void> {
    await this.#writer?.flush();
    const { namespace, name, uid } = this.identity;
    try {
      await this.#host.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, uid });
    } catch (error) {
      // Gone, or another pod has its name by now: either way, ours is no more.
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
    }
    this.#deleteSent = true;
  }

  #sandbox(): SandboxStatus | undefined {
    return newestSandbox(this.#state.sandboxes);
  }

  #podIps(): readonly string[] {
    return this.#lastPod?.spec?.hostNetwork ? this.#host.hostIps : (this.#sandbox()?.ips ?? []);
  }

  /** What containers left in their termination logs, read once. */
  async #readMessages(): Promise<void> {
    for (const run of this.#state.containers) {
      if (run.state === 'exited' && !this.#messages.has(run.id)) this.#messages.set(run.id, await this.#lastWords(run));
    }
  }

  async #lastWords(run: ContainerStatus): Promise<string> {
    const { storage, logs } = this.#host.platform;
    const message = await storage.terminationMessage(this.identity.uid, run.name, run.attempt);
    const container = this.#lastPod === undefined ? undefined : findContainer(this.#lastPod, run.name);
    const wantsLog = container?.terminationMessagePolicy === 'FallbackToLogsOnError' && run.exitCode !== 0;
    return message === '' && wantsLog ? logs.tail(run, { lines: 80, bytes: logTailBytes }) : message;
  }

  #fail(name: string, backoffKey: string, reason: string, message: string): void {
    const retryAtMs = this.#host.clock.now() + this.#retries.next(backoffKey);
    this.#failures.set(name, { reason, message, retryAtMs });
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string, container?: string): void {
    const pod = this.#lastPod;
    if (pod === undefined) return;
    const fieldPath = container === undefined ? undefined : containerFieldPath(pod, container);
    this.#host.events.record(pod, type, reason, message, fieldPath);
  }

  #inBackground(task: () => Promise<void>): void {
    void task()
      .catch((error: unknown) => this.#log.error('a background task of a pod failed', { error }))
      .finally(() => this.wake());
  }

  get #log(): Logger {
    const { namespace, name, uid } = this.identity;
    return this.#host.log.with({ pod: `${namespace}/${name}`, uid });
  }

  #wakeAt(timeMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (timeMs === Number.POSITIVE_INFINITY || this.#closed) return;
    const delayMs = Math.max(1, timeMs - this.#host.clock.now());
    this.#timer = this.#host.clock.after(delayMs, () => this.wake());
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
