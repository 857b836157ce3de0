/**
 * Whose logs are read, decided from pods alone: a source is one run of one container. While a workload is followed, each run is followed once,
 * whatever becomes of its pod: runs that are new since the last look, in the order of their pods. Pure.
 */
import type { ContainerStatus, Pod } from '../../api/schema/types/core-v1.ts';
import { chooseContainer, containerNames } from './pods-of.ts';

export interface LogSource {
  readonly pod: string;
  readonly container: string;
  /** Different for every run of the container. */
  readonly run: string;
}

export interface ContainerWish {
  readonly container?: string;
  readonly allContainers?: boolean;
}

/** Of one pod. @throws UserError where it has no such container */
export function wantedContainers(pod: Pod, { container, allContainers }: ContainerWish): readonly string[] {
  return allContainers === true ? containerNames(pod) : [chooseContainer(pod, container).name];
}

/** What has begun to run in these pods and is not in `known`. Pods without the wanted container are left out: a selector may find others. */
export function newSources(
  pods: readonly Pod[],
  wish: ContainerWish,
  known: ReadonlySet<string>,
): readonly LogSource[] {
  return pods.flatMap((pod) => {
    const names =
      wish.container !== undefined && !containerNames(pod).includes(wish.container) ? [] : wantedContainers(pod, wish);
    return names.flatMap((container) => {
      const status = statusOf(pod, container);
      if (status?.containerID === undefined || status.containerID === '') return [];
      const source = { pod: pod.metadata?.name ?? '', container, run: `${pod.metadata?.uid}/${status.containerID}` };
      return known.has(source.run) ? [] : [source];
    });
  });
}

function statusOf({ status }: Pod, name: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].find(
    (one) => one.name === name,
  );
}
