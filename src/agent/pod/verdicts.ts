/** What the probes make of a running container. Pure. */
import type { ContainerStatus as ApiContainerStatus, Container } from '../../api/schema/types/core-v1.ts';
import type { ContainerStatus } from '../runtime.ts';
import type { PodObservation } from './plan.ts';

/** Its startup probe has succeeded, or it has none. */
export function isStarted(observation: PodObservation, container: Container, run: ContainerStatus): boolean {
  if (run.state !== 'running') return false;
  if (container.startupProbe === undefined) return true;
  const verdict = observation.probes.get(run.id)?.startup ?? 'unknown';
  if (verdict !== 'unknown') return verdict === 'success';
  return lastWordOf(observation, run)?.started ?? false;
}

/** It may get traffic. Until the first result after a restart of the agent, what the status said of this run holds. */
export function isReady(observation: PodObservation, container: Container, run: ContainerStatus): boolean {
  if (!isStarted(observation, container, run)) return false;
  if (container.readinessProbe === undefined) return true;
  const verdict = observation.probes.get(run.id)?.readiness ?? 'unknown';
  if (verdict !== 'unknown') return verdict === 'success';
  return lastWordOf(observation, run)?.ready ?? false;
}

function lastWordOf({ status }: PodObservation, run: ContainerStatus): ApiContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = status;
  return [...initContainerStatuses, ...containerStatuses].find(({ containerID }) =>
    containerID?.endsWith(`//${run.id}`),
  );
}
