/**
 * Stopping a container beside the other steps: its preStop hook, then its signal, then KILL when its time is over.
 *
 * Of a pod that was deleted the signal waits, beside the hook, until nobody sends the pod anything new: many programs close their doors when they are
 * signalled, and whoever was sent to them just then would find them closed. Upstream's kubelet does not wait, and users write `preStop: sleep` instead.
 *
 * Kept true: its time runs from the decision and includes the hook and that wait, whatever the wall clock does; a hook runs once, however often the
 * container is told to stop; who deletes a pod again with less time, or by force, is not kept waiting.
 */
import { findContainer } from '../containers.ts';
import { runHook } from '../lifecycle-hooks.ts';
import { leavePod } from '../pod-hook.ts';
import type { PodMemory } from '../pod-memory.ts';
import type { StepOf } from './step.ts';

/** A container that is asked to stop gets at least this long after its hook. */
const graceAfterHookMsMin = 2000;

type Target = Pick<StepOf<'stop-container'>, 'container' | 'containerId' | 'gracePeriodMs' | 'message'>;

/** The next decision must find the deadline that it would set. */
export function stopContainer(memory: PodMemory, step: StepOf<'stop-container'>): boolean {
  stopInBackground(memory, step, memory.decidedAtMs);
  return true;
}

/** The hook alone, of a container whose turn to stop has not come. */
export function preStopContainer(memory: PodMemory, step: StepOf<'pre-stop-container'>): boolean {
  memory.event('Normal', 'Killing', step.message, step.container);
  memory.preStops.set(step.containerId, hasHook(memory, step) ? 'running' : 'done');
  if (!hasHook(memory, step)) return true;
  memory.inBackground(async () => {
    await preStop(memory, step);
    memory.preStops.set(step.containerId, 'done');
  });
  return true;
}

/**
 * @param fromMs when its time began, on the clock that never jumps
 * @param ended called when it has ended, before the worker decides what comes next
 */
export function stopInBackground(
  memory: PodMemory,
  step: StepOf<'stop-container'>,
  fromMs: number,
  ended: () => void = () => {},
): void {
  const { container: name, containerId, gracePeriodMs } = step;
  const { runtime, clock } = memory.host;
  const deadlineMs = fromMs + gracePeriodMs;
  const wasTold = memory.stops.has(containerId) || memory.preStops.has(containerId);
  memory.stops.set(containerId, deadlineMs);
  if (step.renews) memory.renewals.add(containerId);
  if (!wasTold) memory.event('Normal', 'Killing', step.message, name);
  memory.inBackground(async () => {
    try {
      if (!wasTold && !step.skipsPreStop) await Promise.all([preStop(memory, step), leave(memory, step)]);
      if (memory.isClosed) return;
      const leftMs = Math.max(Math.min(graceAfterHookMsMin, gracePeriodMs), deadlineMs - clock.monotonic());
      if (!hasEnded(memory, containerId)) await runtime.stopContainer(containerId, leftMs, stopSignalOf(memory, name));
    } catch (error) {
      memory.log.warn('a container could not be stopped', { container: name, error });
      await memory.pause(memory.retries.next(containerId));
    }
    if (memory.stops.get(containerId) === deadlineMs) memory.stops.delete(containerId);
    ended();
  });
}

/** One wait for all containers of the pod. */
async function leave(memory: PodMemory, { leaveMsMax = 0 }: StepOf<'stop-container'>): Promise<void> {
  const { host, lastPod } = memory;
  if (leaveMsMax === 0 || lastPod === undefined) return;
  memory.leaving ??= leavePod(host.hooks, lastPod, leaveMsMax)?.catch((error: unknown) =>
    memory.log.warn('a pod ends, and it is not known whether it still gets requests', { error }),
  );
  if (memory.leaving !== undefined) await Promise.race([memory.leaving, memory.pause(leaveMsMax)]);
}

/** It may have ended by itself during its hook. */
function hasEnded({ state }: PodMemory, containerId: string): boolean {
  return state.containers.some((run) => run.id === containerId && run.state === 'exited');
}

function stopSignalOf({ lastPod }: PodMemory, name: string): string | undefined {
  return lastPod === undefined ? undefined : findContainer(lastPod, name)?.lifecycle?.stopSignal;
}

function hasHook({ lastPod }: PodMemory, { container: name, gracePeriodMs }: Target): boolean {
  const container = lastPod === undefined ? undefined : findContainer(lastPod, name);
  return container?.lifecycle?.preStop !== undefined && gracePeriodMs > 0;
}

/** What the hook's target answered may be a secret: it is logged, and not told to all who read events. */
async function preStop(memory: PodMemory, step: Target): Promise<void> {
  const { container: name, containerId, gracePeriodMs: timeoutMs } = step;
  const { lastPod } = memory;
  const container = lastPod === undefined ? undefined : findContainer(lastPod, name);
  const hook = container?.lifecycle?.preStop;
  if (container === undefined || hook === undefined || timeoutMs === 0) return;
  const { clock } = memory.host;
  const endsAtMs = clock.monotonic() + timeoutMs;
  try {
    await runHook(memory.host, hook, { container, containerId, podIp: memory.podIps[0] ?? '', timeoutMs });
  } catch (error) {
    // That its time ran out before it was done is no failure of the hook.
    if (clock.monotonic() >= endsAtMs) return;
    memory.event('Warning', 'FailedPreStopHook', 'PreStopHook failed', name);
    memory.log.warn('a preStop hook failed', { container: name, error });
  }
}
