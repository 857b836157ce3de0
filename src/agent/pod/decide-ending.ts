/** How a pod ends: containers first, sidecars after them, then the sandbox, the volumes, and at last the API's object. Pure. */
import type { ContainerStatus } from '../runtime.ts';
import { gracePeriodAnnotation, initContainers, runsOf } from './containers.ts';
import type { PlanBuilder, PodObservation } from './plan.ts';
import { isTerminal } from './pod-status.ts';
import { isSidecar } from './restart.ts';

export interface Ending {
  /** `deleted`: by the API, which waits for us. `orphaned`: the API forgot it. `failed`: the node ends it. `finished`: by itself. */
  readonly kind: 'deleted' | 'orphaned' | 'failed' | 'finished';
  /** From when the worker first saw that the pod must end. */
  readonly graceMs: number;
  readonly reason?: string;
  readonly message?: string;
}

const forcedGraceSeconds = 2;

/** So much of the time that is left, at most, the containers wait for their signal while the pod leaves load balancing: most of it is theirs. */
const leaveShareMax = 1 / 3;

/** Why the pod must end though its containers may run; undefined: it need not. */
export function endingOf(observation: PodObservation): Ending | undefined {
  const { pod, lastPod, status, failed, nowMs } = observation;
  if (pod === undefined) return { kind: 'orphaned', graceMs: orphanGraceMs(observation) };
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  const specGraceMs = (lastPod?.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
  if (deletionTimestamp !== undefined) {
    // Never none at all: a process that ends at once on TERM should be able to.
    const seconds = deletionGracePeriodSeconds ?? lastPod?.spec?.terminationGracePeriodSeconds ?? 30;
    const graceMs = Math.max(1, seconds) * 1000;
    return { kind: 'deleted', graceMs: Math.min(graceMs, failed?.graceMs ?? graceMs) };
  }
  if (failed !== undefined) {
    const { reason, message, graceMs = specGraceMs } = failed;
    return { kind: 'failed', graceMs: Math.min(graceMs, specGraceMs), reason, message };
  }
  if (isTerminal(status.phase)) return { kind: 'finished', graceMs: specGraceMs };
  if (nowMs >= activeDeadlineMs(observation)) {
    const message = 'Pod was active on the node longer than the specified deadline';
    return { kind: 'failed', graceMs: specGraceMs, reason: 'DeadlineExceeded', message };
  }
  return undefined;
}

/** When the pod has been active for too long; Infinity where it sets no deadline. */
export function activeDeadlineMs({ pod, status }: PodObservation): number {
  const seconds = pod?.spec?.activeDeadlineSeconds;
  if (seconds === undefined || status.startTime === undefined) return Number.POSITIVE_INFINITY;
  return Date.parse(status.startTime) + seconds * 1000;
}

/** A pod that vanished without waiting for us was deleted by force: its processes get a moment, and not their full grace period. */
function orphanGraceMs({ lastPod, containers }: PodObservation): number {
  if (lastPod === undefined) return Math.max(1, Number(containers[0]?.annotations[gracePeriodAnnotation] ?? 30)) * 1000;
  const seconds = lastPod.metadata?.deletionGracePeriodSeconds ?? forcedGraceSeconds;
  return Math.max(1, seconds) * 1000;
}

/** True when nothing of it runs any more. */
export function decideEnding(observation: PodObservation, ending: Ending, plan: PlanBuilder): boolean {
  const running = observation.containers.filter(({ state }) => state === 'running' || state === 'unknown');
  if (running.length > 0) {
    const deadlineMs = observation.endingSinceMs + ending.graceMs;
    const leftMs = deadlineMs - observation.monotonicMs;
    // When the time is over, nobody waits for anybody.
    const next = leftMs > 0 ? nextToStop(observation, running) : running;
    const leaveMsMax = ending.kind === 'deleted' ? Math.floor(Math.max(0, leftMs) * leaveShareMax) : 0;
    for (const container of next) stop(observation, plan, container, deadlineMs, leaveMsMax);
    for (const container of running) if (!next.includes(container)) announce(observation, plan, container, leftMs);
    if (next.length < running.length) plan.wakeAt(observation.nowMs + leftMs);
    return false;
  }
  if (ending.kind === 'deleted' || ending.kind === 'orphaned') removeAll(observation, plan);
  else letGo(observation, plan);
  return true;
}

/** All but sidecars together; sidecars from the last to the first, each when what depends on it is gone and its preStop hook has ended. */
function nextToStop(observation: PodObservation, running: readonly ContainerStatus[]): readonly ContainerStatus[] {
  const { lastPod } = observation;
  const sidecars = lastPod === undefined ? [] : initContainers(lastPod).filter(isSidecar);
  const names = sidecars.map(({ name }) => name);
  const others = running.filter(({ name }) => !names.includes(name));
  if (others.length > 0) return others;
  const last = names.findLast((name) => running.some((container) => container.name === name));
  return running.filter(({ id, name }) => name === last && observation.preStops.get(id) !== 'running');
}

/** All preStop hooks begin when the pod begins to end: a proxy learns in time that it should take no new work. */
function announce(observation: PodObservation, plan: PlanBuilder, run: ContainerStatus, leftMs: number): void {
  if (observation.preStops.has(run.id) || observation.stops.has(run.id)) return;
  plan.steps.push({
    kind: 'pre-stop-container',
    container: run.name,
    containerId: run.id,
    gracePeriodMs: leftMs,
    message: `Stopping container ${run.name}`,
  });
}

function stop(
  observation: PodObservation,
  plan: PlanBuilder,
  container: ContainerStatus,
  deadlineMs: number,
  leaveMsMax: number,
): void {
  const known = observation.stops.get(container.id);
  // After its time is over it is killed once: a process may take a while to die even so.
  if (known !== undefined && known <= Math.max(deadlineMs, observation.monotonicMs)) return;
  plan.steps.push({
    kind: 'stop-container',
    container: container.name,
    containerId: container.id,
    gracePeriodMs: Math.max(0, deadlineMs - observation.monotonicMs),
    message: `Stopping container ${container.name}`,
    ...(leaveMsMax > 0 && { leaveMsMax }),
  });
}

/** The containers' last words are in the status that goes out before these steps. */
function removeAll(observation: PodObservation, plan: PlanBuilder): void {
  const { pod, sandboxes, volumes, deleteSent } = observation;
  for (const { id, ready } of sandboxes) {
    if (ready) plan.steps.push({ kind: 'stop-sandbox', sandboxId: id });
    plan.steps.push({ kind: 'remove-sandbox', sandboxId: id });
  }
  const known = new Set(sandboxes.map(({ id }) => id));
  for (const { id, sandboxId } of observation.containers) {
    if (!known.has(sandboxId)) plan.steps.push({ kind: 'remove-container', containerId: id });
  }
  if (volumes !== 'removed') plan.steps.push({ kind: 'remove-volumes' });
  if (pod !== undefined && !deleteSent) plan.steps.push({ kind: 'delete-pod' });
}

/** A finished pod keeps its containers, for their logs, and nothing else. */
function letGo(observation: PodObservation, plan: PlanBuilder): void {
  for (const { id, ready } of observation.sandboxes) {
    if (ready) plan.steps.push({ kind: 'stop-sandbox', sandboxId: id });
  }
  if (observation.volumes !== 'removed') plan.steps.push({ kind: 'remove-volumes' });
  removeSuperseded(observation, plan);
}

/** Of each container the newest run and the one before are kept: status and `logs --previous` show them. */
export function removeSuperseded(observation: PodObservation, plan: PlanBuilder): void {
  for (const name of new Set(observation.containers.map((container) => container.name))) {
    for (const run of runsOf(observation, name).slice(2)) {
      if (run.state !== 'running') plan.steps.push({ kind: 'remove-container', containerId: run.id });
    }
  }
}
