/**
 * The pod worker's mind: from what is wanted and what is there, what to do next and what to tell the API. Synchronous and pure
 * (ARCHITECTURE.md, D4); the worker calls it until a plan has no steps, and again whenever something happened.
 *
 * ```
 *             ┌─ the pod is deleted, gone, finished or failed ──▶ decide-ending.ts: stop, then remove
 * observation ┤
 *             └─ it should run ─────────────────────────────────▶ decide-running.ts: volumes, sandbox, init, containers
 *                                                    either way ─▶ pod-status.ts
 * ```
 * Kept true: a plan never starts what runs, never stops twice with the same deadline, never removes what it has not told the
 * API about. What it cannot decide (is the image there?) it asks for as a step and sees in the next observation.
 */
import { decideEnding, type Ending, endingOf } from './decide-ending.ts';
import { decideRunning } from './decide-running.ts';
import { PlanBuilder, type PodObservation, type PodPlan } from './plan.ts';
import { isTerminal, podStatus } from './pod-status.ts';

export function decidePod(observation: PodObservation): PodPlan {
  const plan = new PlanBuilder();
  const ending = endingOf(observation) ?? finished(observation);
  const isOver = ending !== undefined && decideEnding(observation, ending, plan);
  if (ending === undefined) decideRunning(observation, plan);
  const status = podStatus(observation, { waiting: plan.waiting, isOver, ...(ending !== undefined && { ending }) });
  const { pod, sandboxes, containers, volumes } = observation;
  const gone = pod === undefined && sandboxes.length === 0 && containers.length === 0 && volumes === 'removed';
  return { steps: plan.steps, status, wakeAtMs: plan.wakeAtMs, gone };
}

/** All its containers have come to an end that its restart policy accepts. */
function finished(observation: PodObservation): Ending | undefined {
  const status = podStatus(observation, { waiting: new Map(), isOver: false });
  return isTerminal(status.phase) ? { kind: 'finished', graceMs: graceMsOf(observation) } : undefined;
}

function graceMsOf({ lastPod }: PodObservation): number {
  return (lastPod?.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
}
