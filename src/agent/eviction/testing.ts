/** Summaries and pods for tests of eviction: what is not named is not told. */
import { integerValue } from '../../api/quantity.ts';
import type { Pod, PodSpec } from '../../api/schema/types/core-v1.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import type { FsStats, PodStats, Summary } from '../stats/summary.ts';

export interface NodeUsage {
  readonly timeMs: number;
  /** Free and in all, as quantities. */
  readonly memory?: readonly [string, string];
  readonly memoryOfPods?: readonly [string, string];
  readonly nodefs?: readonly [string, string];
  readonly nodefsInodes?: readonly [string, string];
  readonly imagefs?: readonly [string, string];
  readonly pids?: readonly [string, string];
}

export interface PodUsage {
  readonly memory?: string;
  readonly layer?: string;
  readonly layerInodes?: string;
  readonly logs?: string;
  readonly volumes?: Readonly<Record<string, string>>;
  readonly whole?: string;
  readonly processes?: number;
}

/** @param pods by uid, which is the pod's name, too */
export function summary(usage: NodeUsage, pods: Readonly<Record<string, PodUsage>> = {}): Summary {
  const time = formatTime(usage.timeMs);
  const memory = (pair: readonly [string, string]) => {
    const availableBytes = integerValue(pair[0]);
    return { time, availableBytes, workingSetBytes: integerValue(pair[1]) - availableBytes };
  };
  const disk = (bytes: NodeUsage['nodefs'], inodes?: NodeUsage['nodefsInodes']): FsStats => ({
    time,
    ...(bytes && { availableBytes: integerValue(bytes[0]), capacityBytes: integerValue(bytes[1]) }),
    ...(inodes && { inodesFree: integerValue(inodes[0]), inodes: integerValue(inodes[1]) }),
  });
  const { memoryOfPods, nodefs, nodefsInodes, imagefs, pids } = usage;
  return {
    node: {
      nodeName: 'node-1',
      startTime: time,
      ...(usage.memory && { memory: memory(usage.memory) }),
      ...(memoryOfPods && { systemContainers: [{ name: 'pods', startTime: time, memory: memory(memoryOfPods) }] }),
      fs: disk(nodefs, nodefsInodes),
      runtime: { imageFs: disk(imagefs), containerFs: disk(imagefs) },
      ...(pids && {
        rlimit: { time, maxpid: integerValue(pids[1]), curproc: integerValue(pids[1]) - integerValue(pids[0]) },
      }),
    },
    pods: Object.entries(pods).map(([name, used]) => podStats(name, used, time)),
  };
}

export function podStats(name: string, used: PodUsage, time = formatTime(0)): PodStats {
  const bytes = (quantity: string): FsStats => ({ time, usedBytes: integerValue(quantity) });
  const memory = used.memory === undefined ? {} : { memory: { time, workingSetBytes: integerValue(used.memory) } };
  const inodesUsed = used.layerInodes === undefined ? {} : { inodesUsed: integerValue(used.layerInodes) };
  const volumes = Object.entries(used.volumes ?? {}).map(([volume, size]) => ({ name: volume, ...bytes(size) }));
  return {
    podRef: { name, namespace: 'default', uid: name },
    startTime: time,
    ...memory,
    containers: [
      {
        name: 'app',
        startTime: time,
        ...memory,
        rootfs: { ...bytes(used.layer ?? '0'), ...inodesUsed },
        logs: bytes(used.logs ?? '0'),
      },
    ],
    volume: volumes,
    ...(used.whole !== undefined && { 'ephemeral-storage': bytes(used.whole) }),
    ...(used.processes !== undefined && { process_stats: { process_count: used.processes } }),
  };
}

export interface PodWishes {
  readonly priority?: number;
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
  readonly spec?: Partial<PodSpec>;
  readonly metadata?: Partial<ObjectMeta>;
}

export function podOf(name: string, { priority = 0, requests, limits, spec, metadata }: PodWishes = {}): Pod {
  const resources = { ...(requests && { requests }), ...(limits && { limits }) };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name, uid: name, ...metadata },
    spec: { priority, containers: [{ name: 'app', image: 'app:1', resources }], ...spec },
  };
}
