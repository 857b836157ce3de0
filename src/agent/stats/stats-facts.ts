/** What a node's statistics are made from: the pods that it runs, and where their traces are. */
import type { Pod, PodStatus } from '../../api/schema/types/core-v1.ts';
import { type Clock, formatTime } from '../../lib/clock.ts';
import type { VolumePlace } from '../pod/volumes/pod-storage.ts';
import type { ContainerStatus, PodIdentity, Runtime } from '../runtime.ts';

/** A pod as its worker knows it. */
export interface StatsPod {
  readonly identity: PodIdentity;
  readonly lastPod: Pod | undefined;
  readonly status: PodStatus;
  readonly containers: readonly ContainerStatus[];
}

export interface StatsFacts {
  readonly nodeName: string;
  readonly pods: () => readonly StatsPod[];
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** The node's part of the cgroup hierarchy. */
  readonly cgroupRoot: string;
  /** The folder on the disk that volumes and logs lie on. */
  readonly home: string;
  /** Where the bytes of a pod's volumes lie. */
  readonly places: (pod: Pod) => readonly VolumePlace[];
  /** How old what is known of volumes may grow. */
  readonly volumePeriodMs: number;
  /** What the node has, as its status says. */
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
}

/** A pod that has something to tell of: it was taken, and has not ended. */
export interface ShownPod {
  readonly pod: Pod;
  readonly identity: PodIdentity;
  readonly startTime: string;
  /** Those that run, by name. */
  readonly running: readonly ContainerStatus[];
  readonly sandboxId: string | undefined;
}

export function shownPods(pods: readonly StatsPod[]): readonly ShownPod[] {
  return pods.flatMap(({ lastPod, identity, status, containers }) => {
    const hasEnded = status.phase === 'Succeeded' || status.phase === 'Failed';
    if (lastPod === undefined || hasEnded || containers.length === 0) return [];
    const running = containers.filter(({ state }) => state === 'running').sort((a, b) => (a.name < b.name ? -1 : 1));
    const newest = containers.reduce((a, b) => (b.createdAtMs > a.createdAtMs ? b : a));
    const startTime = status.startTime ?? lastPod.metadata?.creationTimestamp ?? formatTime(newest.createdAtMs);
    return [{ pod: lastPod, identity, startTime, running, sandboxId: newest.sandboxId }];
  });
}
