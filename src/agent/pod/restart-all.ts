/**
 * A pod whose containers all start from the beginning, in the same sandbox, because one of them ended with an exit code for which it has the
 * rule `RestartAllContainers`: what runs is stopped at once and without hooks, all runs are removed, the one that asked for it last (so that
 * an agent that starts anew in between still knows why), and then the pod starts as a new one would. Pure.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { ContainerStatus } from '../runtime.ts';
import { appContainers, initContainers, newestRun } from './containers.ts';
import type { PlanBuilder, PodObservation } from './plan.ts';
import { mayRestartAll, restartsAll } from './restart.ts';

export const allContainersRestarting = 'AllContainersRestarting';

/** There is something left of the runs that must go. */
export function isRestartingAll(observation: PodObservation, pod: Pod): boolean {
  if (!mayRestartAll(pod)) return false;
  const isKnown = observation.status.conditions?.some(
    ({ type, status }) => type === allContainersRestarting && status === 'True',
  );
  const containers = [...initContainers(pod), ...appContainers(pod)];
  return containers.some((container) => {
    const run = newestRun(observation, container.name);
    if (run === undefined) return false;
    return isKnown === true || isCause(pod, run);
  });
}

/** This run asked for the restart of all. */
export function isCause(pod: Pod, run: ContainerStatus): boolean {
  if (run.state !== 'exited') return false;
  const container = [...initContainers(pod), ...appContainers(pod)].find(({ name }) => name === run.name);
  return container !== undefined && restartsAll(container, run.exitCode);
}

/** The least that a container gets to end by itself. */
const graceMs = 2000;

export function restartAll(observation: PodObservation, pod: Pod, plan: PlanBuilder): void {
  const names = new Set([...initContainers(pod), ...appContainers(pod)].map(({ name }) => name));
  const runs = observation.containers.filter(({ name }) => names.has(name));
  const alive = runs.filter(({ state }) => state === 'running' || state === 'unknown');
  for (const { id, name } of alive) {
    if (observation.stops.has(id)) continue;
    const target = { container: name, containerId: id, gracePeriodMs: graceMs, message: `Stopping container ${name}` };
    plan.steps.push({ kind: 'stop-container', ...target, skipsPreStop: true });
  }
  if (alive.length > 0) return;
  const causesLast = [...runs.filter((run) => !isCause(pod, run)), ...runs.filter((run) => isCause(pod, run))];
  for (const { id } of causesLast) plan.steps.push({ kind: 'remove-container', containerId: id });
}
