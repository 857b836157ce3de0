/** The phase of a pod, from the states of its containers: upstream's rules. Pure. */
import type { Container, ContainerStatus, Pod, PodPhase } from '../../api/schema/types/core-v1.ts';
import { appContainers, initContainers } from './containers.ts';
import { isSidecar, type RunEnd, willRunAgain } from './restart.ts';

export interface PhaseFacts {
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  /** Nothing will run any more, whatever the restart policy says. */
  readonly isOver: boolean;
  /** Names of containers that start anew whatever their restart policy says. */
  readonly renewed: ReadonlySet<string>;
}

type Progress = 'unknown' | 'waiting' | 'running' | 'succeeded' | 'failed';

export function podPhase(pod: Pod, { initStatuses, statuses, isOver, renewed }: PhaseFacts): PodPhase {
  const apps = appContainers(pod).map((container) => ({ container, status: find(statuses, container.name) }));
  const progress = apps.map(({ status }) => progressOf(status));
  const initialized = progress.some((p) => p === 'running') || apps.some(({ status }) => hasRun(status));
  if (!initialized) {
    const init = initPhase(pod, initStatuses, { isOver, renewed });
    if (init !== undefined) return init;
  }
  if (progress.some((p) => p === 'waiting' || p === 'unknown')) return 'Pending';
  if (progress.some((p) => p === 'running')) return 'Running';
  const succeeded = progress.every((p) => p === 'succeeded');
  if (isOver) return succeeded ? 'Succeeded' : 'Failed';
  const willRunSoon = apps.some(
    ({ container, status }) => renewed.has(container.name) || willRun(pod, container, status),
  );
  if (willRunSoon) return 'Running';
  return succeeded ? 'Succeeded' : 'Failed';
}

/** Undefined: the init containers are through. */
function initPhase(
  pod: Pod,
  statuses: readonly ContainerStatus[],
  { isOver, renewed }: Pick<PhaseFacts, 'isOver' | 'renewed'>,
): PodPhase | undefined {
  for (const container of initContainers(pod)) {
    const status = find(statuses, container.name);
    const progress = progressOf(status);
    if (renewed.has(container.name) && !isOver) return 'Pending';
    if (isSidecar(container)) {
      if (progress !== 'running' && !isOver) return 'Pending';
    } else if (progress === 'failed') {
      const end = endOf(status) ?? { exitCode: 1 };
      return isOver || !willRunAgain(pod, container, end, true) ? 'Failed' : 'Pending';
    } else if (progress !== 'succeeded') {
      return isOver && progress === 'unknown' ? 'Failed' : 'Pending';
    }
  }
  return undefined;
}

function progressOf(status: ContainerStatus | undefined): Progress {
  if (status === undefined) return 'unknown';
  if (status.state?.running !== undefined) return 'running';
  const end = endOf(status);
  if (end === undefined) return 'waiting';
  return end.exitCode === 0 ? 'succeeded' : 'failed';
}

/** Of the run that ended last; a container that waits to run again counts as ended. */
function endOf(status: ContainerStatus | undefined): RunEnd | undefined {
  return status?.state?.terminated ?? status?.lastState?.terminated;
}

function hasRun(status: ContainerStatus | undefined): boolean {
  return endOf(status) !== undefined;
}

function willRun(pod: Pod, container: Container, status: ContainerStatus | undefined): boolean {
  return willRunAgain(pod, container, endOf(status) ?? { exitCode: 0 });
}

function find(statuses: readonly ContainerStatus[], name: string): ContainerStatus | undefined {
  return statuses.find((status) => status.name === name);
}
