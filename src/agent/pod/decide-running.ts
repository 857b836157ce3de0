/**
 * What a pod that should run needs next: volumes, a sandbox, init containers one after another, then its containers in order.
 * Pure.
 *
 * A container starts when those before it had their turn: an image that is being pulled holds back the later ones, one that
 * cannot be had does not. Pulls themselves go on side by side.
 */
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import { isPullFailure } from '../images/pull-errors.ts';
import type { ContainerStatus, SandboxStatus } from '../runtime.ts';
import {
  appContainers,
  containerHash,
  describePod,
  ephemeralContainers,
  initContainers,
  newestRun,
  newestSandbox,
} from './containers.ts';
import { activeDeadlineMs, removeSuperseded } from './decide-ending.ts';
import type { PlanBuilder, PodObservation } from './plan.ts';
import { resizeStep } from './resize-view.ts';
import { afterRestart, isSidecar, type RestartBackoff, restartAtMs, shouldRestart } from './restart.ts';
import { isRestartingAll, restartAll } from './restart-all.ts';
import { supervise } from './supervise.ts';
import { isStarted } from './verdicts.ts';

/** How long a failed pull shows as `ErrImagePull` before it shows as `ImagePullBackOff`. */
const pullErrorShownMs = 3000;

export function decideRunning(observation: PodObservation, plan: PlanBuilder): void {
  const { pod } = observation;
  if (pod === undefined) return;
  plan.wakeAt(activeDeadlineMs(observation));
  const sandbox = newestSandbox(observation.sandboxes);
  if (sandbox === undefined || !sandbox.ready) makeSandbox(observation, plan, sandbox);
  else new RunningPod(observation, pod, sandbox, plan).decide();
}

function makeSandbox(observation: PodObservation, plan: PlanBuilder, last: SandboxStatus | undefined): void {
  const { failures, nowMs, volumes } = observation;
  const retryAtMs = failures.get('')?.retryAtMs ?? 0;
  if (retryAtMs > nowMs) {
    plan.wakeAt(retryAtMs);
    return;
  }
  if (last !== undefined) {
    const message = 'Pod sandbox changed, it will be killed and re-created.';
    plan.steps.push({ kind: 'event', type: 'Normal', reason: 'SandboxChanged', message });
    plan.steps.push({ kind: 'stop-sandbox', sandboxId: last.id });
  }
  if (volumes !== 'ready') plan.steps.push({ kind: 'prepare-volumes' });
  plan.steps.push({ kind: 'make-sandbox', attempt: last === undefined ? 0 : last.attempt + 1 });
}

/** One look at a pod that has its sandbox. */
class RunningPod {
  readonly #observation: PodObservation;
  readonly #pod: Pod;
  readonly #sandbox: SandboxStatus;
  readonly #plan: PlanBuilder;
  /** An earlier container waits for its image: later ones may pull, not start. */
  #held = false;

  constructor(observation: PodObservation, pod: Pod, sandbox: SandboxStatus, plan: PlanBuilder) {
    this.#observation = observation;
    this.#pod = pod;
    this.#sandbox = sandbox;
    this.#plan = plan;
  }

  decide(): void {
    if (!this.#volumesReady()) return;
    if (isRestartingAll(this.#observation, this.#pod)) {
      restartAll(this.#observation, this.#pod, this.#plan);
      return;
    }
    removeSuperseded(this.#observation, this.#plan);
    this.#removeOldSandboxes();
    this.#resize();
    for (const container of ephemeralContainers(this.#pod)) {
      if (newestRun(this.#observation, container.name) === undefined) this.#start(container, 0);
    }
    this.#held = false;
    if (this.#initialized()) this.#containers();
  }

  /** After a restart of the agent, volumes are made sure of before anything new starts; what runs is not disturbed. */
  #volumesReady(): boolean {
    const { volumes, failures, nowMs } = this.#observation;
    if (volumes === 'ready') return true;
    const retryAtMs = failures.get('')?.retryAtMs ?? 0;
    if (retryAtMs > nowMs) this.#plan.wakeAt(retryAtMs);
    else this.#plan.steps.push({ kind: 'prepare-volumes' });
    return false;
  }

  #removeOldSandboxes(): void {
    for (const { id } of this.#observation.sandboxes) {
      const kept = this.#observation.containers.some(({ sandboxId }) => sandboxId === id);
      if (id !== this.#sandbox.id && !kept) this.#plan.steps.push({ kind: 'remove-sandbox', sandboxId: id });
    }
  }

  /** Goes through the init containers to the first that is not done. True: app containers may run. */
  #initialized(): boolean {
    const started = appContainers(this.#pod).some(({ name }) => this.#runHere(name) !== undefined);
    for (const container of initContainers(this.#pod)) {
      const done = isSidecar(container) ? this.#sidecar(container) : started || this.#initContainer(container);
      if (!done && !started) return false;
    }
    return true;
  }

  /** True when it has started, so that the next may. */
  #sidecar(container: Container): boolean {
    const run = this.#runHere(container.name);
    if (run?.state === 'running') {
      this.#supervise(container, run);
      if (this.#observation.postStarts.has(run.id)) return false;
      if (container.startupProbe === undefined) return true;
      return isStarted(this.#observation, container, run);
    }
    this.#startOrWait(container, run ?? newestRun(this.#observation, container.name));
    return false;
  }

  /** True when it has succeeded. */
  #initContainer(container: Container): boolean {
    const run = this.#runHere(container.name);
    if (run?.state === 'running') this.#supervise(container, run);
    else if (run?.state === 'exited' && run.exitCode === 0 && !this.#isRenewed(run)) return true;
    else if (
      run?.state !== 'exited' ||
      this.#isRenewed(run) ||
      shouldRestart(this.#pod, container, run.exitCode, true)
    ) {
      this.#startOrWait(container, run ?? newestRun(this.#observation, container.name));
    }
    return false;
  }

  #containers(): void {
    for (const container of appContainers(this.#pod)) {
      const run = newestRun(this.#observation, container.name);
      if (run?.state === 'running' && run.sandboxId === this.#sandbox.id) {
        this.#supervise(container, run);
        // Its postStart hook holds back those after it.
        if (this.#observation.postStarts.has(run.id)) this.#held = true;
      } else if (run?.state !== 'exited' || this.#isRenewed(run) || shouldRestart(this.#pod, container, run.exitCode)) {
        this.#startOrWait(container, run);
      }
    }
  }

  #isRenewed({ id }: ContainerStatus): boolean {
    return this.#observation.renewals.has(id);
  }

  /** What was promised to the pod: told to containers that run, or they start anew with it. */
  #resize(): void {
    const { resize, stops, nowMs } = this.#observation;
    if (resize?.wanted === undefined) return;
    const runs = [...initContainers(this.#pod), ...appContainers(this.#pod)].flatMap((container) => {
      const run = this.#runHere(container.name);
      return run?.state === 'running' ? [{ run, container }] : [];
    });
    const { update, restart, isDue } = resizeStep(resize, runs);
    const gracePeriodMs = (this.#pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
    for (const { run, container } of restart) {
      if (stops.has(run.id)) continue;
      const message = `Container ${container.name} resize requires restart`;
      const target = { container: container.name, containerId: run.id };
      this.#plan.steps.push({ kind: 'stop-container', ...target, gracePeriodMs, message, renews: true });
    }
    if (!isDue) return;
    if (resize.retryAtMs > nowMs) this.#plan.wakeAt(resize.retryAtMs);
    else this.#plan.steps.push({ kind: 'resize-pod', update, isLast: restart.length === 0 });
  }

  /** A running container is left alone unless its definition changed or its probes give it up. */
  #supervise(container: Container, run: ContainerStatus): void {
    supervise(this.#observation, this.#pod, { container, run }, this.#plan);
  }

  /** @param last the newest run of it, in this sandbox or an earlier one */
  #startOrWait(container: Container, last: ContainerStatus | undefined): void {
    const { name } = container;
    // Once the API is told that it has ended, its policy would not let it begin again.
    if (last !== undefined && this.#isRenewed(last)) this.#plan.waiting.set(name, { reason: 'ContainerCreating' });
    if (last === undefined) {
      this.#start(container, this.#attemptAfterLoss(name));
    } else if (last.state === 'created') {
      if (this.#isWaiting(name)) return;
      this.#plan.steps.push({ kind: 'remove-container', containerId: last.id });
      this.#start(container, last.attempt);
    } else if (last.state === 'exited') {
      this.#restart(container, last);
    } else if (!this.#observation.stops.has(last.id)) {
      const message = `Container ${name} is in unknown state, try killing it before restart`;
      this.#plan.steps.push({
        kind: 'stop-container',
        container: name,
        containerId: last.id,
        gracePeriodMs: 0,
        message,
      });
    }
  }

  #restart(container: Container, last: ContainerStatus): void {
    const { nowMs, status, restartWaitMsMax: waitMsMax } = this.#observation;
    const { finishedAtMs } = last;
    const hash = containerHash(container);
    const backoff = this.#backoffOf(container.name, hash);
    const atMs = restartAtMs(backoff, finishedAtMs, nowMs);
    if (atMs > nowMs) {
      const pod = describePod(this.#observation);
      const message = `back-off ${formatSeconds(backoff?.delayMs ?? 0)} restarting failed container=${container.name} pod=${pod}`;
      if (waitingReason(status, container.name) !== 'CrashLoopBackOff') {
        const text = `Back-off restarting failed container ${container.name} in pod ${pod}`;
        this.#event('Warning', 'BackOff', text, container.name);
      }
      this.#wait(container.name, 'CrashLoopBackOff', message, atMs);
      return;
    }
    this.#start(container, last.attempt + 1, afterRestart(backoff, { finishedAtMs, nowMs, waitMsMax, hash }));
  }

  #backoffOf(name: string, hash: string): RestartBackoff | undefined {
    const known = this.#observation.restarts.get(name);
    return known?.hash === hash ? known : undefined;
  }

  #start(container: Container, attempt: number, backoff?: RestartBackoff): void {
    const { name } = container;
    if (this.#isWaiting(name)) return;
    const image = this.#observation.images.get(name);
    if (image === undefined) this.#plan.steps.push({ kind: 'ensure-image', container: name });
    else if (image.kind === 'failed') this.#waitForImage(container, image);
    if (image === undefined || image.kind === 'pulling') this.#held = true;
    if (this.#held || image?.kind !== 'present') return;
    this.#plan.steps.push({
      kind: 'start-container',
      container: name,
      attempt,
      sandboxId: this.#sandbox.id,
      imageId: image.imageId,
      ...(backoff !== undefined && { backoff }),
    });
  }

  #isWaiting(name: string): boolean {
    const failure = this.#observation.failures.get(name);
    if (failure === undefined || failure.retryAtMs <= this.#observation.nowMs) return false;
    this.#wait(name, failure.reason, failure.message, failure.retryAtMs);
    return true;
  }

  #waitForImage(
    container: Container,
    image: {
      readonly image?: string;
      readonly reason: string;
      readonly message: string;
      readonly failedAtMs: number;
      readonly retryAtMs: number;
    },
  ): void {
    const { name } = container;
    const { nowMs, status } = this.#observation;
    if (image.retryAtMs <= nowMs) {
      this.#plan.steps.push({ kind: 'ensure-image', container: name });
      return;
    }
    const shownUntilMs = image.failedAtMs + pullErrorShownMs;
    if (!isPullFailure(image.reason) || nowMs < shownUntilMs) {
      this.#wait(name, image.reason, image.message, Math.min(shownUntilMs, image.retryAtMs));
      this.#plan.wakeAt(image.retryAtMs);
      return;
    }
    const backOff = `Back-off pulling image "${image.image ?? container.image}"`;
    if (waitingReason(status, name) !== 'ImagePullBackOff') {
      this.#event('Normal', 'BackOff', backOff, name);
      this.#event('Warning', 'Failed', 'Error: ImagePullBackOff', name);
    }
    this.#wait(name, 'ImagePullBackOff', `${backOff}: ${image.reason}: ${image.message}`, image.retryAtMs);
  }

  #wait(name: string, reason: string, message: string, untilMs: number): void {
    this.#plan.waiting.set(name, { reason, message });
    if (untilMs > this.#observation.nowMs) this.#plan.wakeAt(untilMs);
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string, container: string): void {
    this.#plan.steps.push({ kind: 'event', type, reason, message, container });
  }

  #runHere(name: string): ContainerStatus | undefined {
    const run = newestRun(this.#observation, name);
    return run?.sandboxId === this.#sandbox.id ? run : undefined;
  }

  /** The runtime knows nothing of the container: the status may know that it ran. */
  #attemptAfterLoss(name: string): number {
    const { initContainerStatuses = [], containerStatuses = [] } = this.#observation.status;
    const known = [...initContainerStatuses, ...containerStatuses].find((status) => status.name === name);
    return known?.containerID === undefined ? 0 : known.restartCount + 1;
  }
}

function waitingReason(status: PodObservation['status'], name: string): string | undefined {
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return all.find((container) => container.name === name)?.state?.waiting?.reason;
}

/** Go's form of a duration: `10s`, `2m40s`. */
function formatSeconds(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
