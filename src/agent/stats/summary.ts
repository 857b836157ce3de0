/**
 * What the node and its pods use: the answer to `/stats/summary`, with the field names of upstream's `stats/v1alpha1`. Eviction, metrics
 * and autoscaling decide on these figures. Times are RFC 3339, CPU is nano-cores (10⁻⁹ of a core) and nano-seconds of a core.
 */

import type { ContainerStatus, LayerUsage, PodIdentity } from '../runtime.ts';
import type { CgroupDetails, CgroupUsage } from './cgroup-usage.ts';
import type { InterfaceUsage } from './proc-usage.ts';

export interface Summary {
  readonly node: NodeStats;
  readonly pods: readonly PodStats[];
}

export interface NodeStats {
  readonly nodeName: string;
  /** What is not a pod: `kubelet`, `runtime`, `pods` (all pods together). */
  readonly systemContainers?: readonly ContainerStats[];
  readonly startTime: string;
  readonly cpu?: CpuStats;
  readonly memory?: MemoryStats;
  readonly swap?: SwapStats;
  readonly network?: NetworkStats;
  /** The disk that volumes and logs lie on. */
  readonly fs?: FsStats;
  readonly runtime?: { readonly imageFs?: FsStats; readonly containerFs?: FsStats };
  readonly rlimit?: { readonly time: string; readonly maxpid?: number; readonly curproc?: number };
}

export interface PodStats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly startTime: string;
  readonly containers: readonly ContainerStats[];
  readonly cpu?: CpuStats;
  readonly memory?: MemoryStats;
  readonly swap?: SwapStats;
  readonly network?: NetworkStats;
  readonly volume?: readonly VolumeStats[];
  /** Writable layers, logs, and emptyDir volumes on disk, together. */
  readonly 'ephemeral-storage'?: FsStats;
  readonly process_stats?: { readonly process_count?: number };
}

export interface ContainerStats {
  readonly name: string;
  readonly startTime: string;
  readonly cpu?: CpuStats;
  readonly memory?: MemoryStats;
  readonly swap?: SwapStats;
  /** Its writable layer. */
  readonly rootfs?: FsStats;
  readonly logs?: FsStats;
}

export interface CpuStats {
  readonly time: string;
  /** Absent in the first look: it takes two. */
  readonly usageNanoCores?: number;
  readonly usageCoreNanoSeconds?: number;
}

export interface MemoryStats {
  readonly time: string;
  /** Absent where nothing limits it. */
  readonly availableBytes?: number;
  readonly usageBytes?: number;
  /** In use, without what could be dropped at once (inactive pages of files). */
  readonly workingSetBytes?: number;
  readonly rssBytes?: number;
  readonly pageFaults?: number;
  readonly majorPageFaults?: number;
}

export interface SwapStats {
  readonly time: string;
  readonly swapAvailableBytes?: number;
  readonly swapUsageBytes?: number;
}

export interface NetworkStats extends InterfaceStats {
  readonly time: string;
  readonly interfaces?: readonly InterfaceStats[];
}

export interface InterfaceStats {
  readonly name: string;
  readonly rxBytes?: number;
  readonly rxErrors?: number;
  readonly txBytes?: number;
  readonly txErrors?: number;
}

export interface FsStats {
  readonly time: string;
  readonly availableBytes?: number;
  readonly capacityBytes?: number;
  readonly usedBytes?: number;
  readonly inodesFree?: number;
  readonly inodes?: number;
  readonly inodesUsed?: number;
}

export interface VolumeStats extends FsStats {
  readonly name: string;
  readonly pvcRef?: { readonly name: string; readonly namespace: string };
}

export interface StatsSource {
  /**
   * A look that is at most `ageMsMax` old. With `only`, without disks and networks: that costs less.
   * @throws Error where the machine or the runtime cannot be asked
   */
  summary(ageMsMax: number, only?: 'cpu-and-memory'): Promise<Summary>;
  /** All that is known of pods, sandboxes and containers, for `/metrics/cadvisor`; absent where there are no cgroups. */
  cgroups?(): Promise<readonly CgroupReading[]>;
}

/** One cgroup: a pod's (without a name), a sandbox's (`POD`), or a container's. */
export interface CgroupReading {
  readonly pod: PodIdentity;
  /** Its path from the root of the hierarchy. */
  readonly id: string;
  readonly name?: string;
  readonly run?: ContainerStatus;
  readonly usage: CgroupUsage;
  readonly details: CgroupDetails;
  /** Of the pod's network, with its sandbox. */
  readonly interfaces?: readonly InterfaceUsage[];
  readonly layer?: LayerUsage;
  readonly timeMs: number;
}
