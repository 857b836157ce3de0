/** From what was read to the fields of the answer. Pure. */
import type { StatsFs } from 'node:fs';
import { formatTime } from '../../lib/clock.ts';
import type { CgroupMemory, CgroupUsage } from './cgroup-usage.ts';
import type { DiskUsage } from './disk-usage.ts';
import { type InterfaceUsage, mainInterface } from './proc-usage.ts';
import type { CpuRates } from './rates.ts';
import type { CpuStats, FsStats, InterfaceStats, MemoryStats, NetworkStats, SwapStats } from './summary.ts';

/** @param key under which the rate's last look is remembered */
export function cpuStats(cpuNs: number, nowMs: number, rates: CpuRates, key: string): CpuStats {
  const usageNanoCores = rates.rate(key, cpuNs, nowMs);
  return {
    time: formatTime(nowMs),
    ...(usageNanoCores !== undefined && { usageNanoCores }),
    usageCoreNanoSeconds: cpuNs,
  };
}

export function memoryStats(memory: CgroupMemory, nowMs: number): MemoryStats {
  const { usageBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults, limitBytes } = memory;
  return {
    time: formatTime(nowMs),
    ...(limitBytes !== undefined && { availableBytes: Math.max(0, limitBytes - workingSetBytes) }),
    usageBytes,
    workingSetBytes,
    rssBytes,
    pageFaults,
    majorPageFaults,
  };
}

export function swapStats({ swapBytes, swapLimitBytes }: CgroupMemory, nowMs: number): SwapStats | undefined {
  if (swapBytes === undefined) return undefined;
  return {
    time: formatTime(nowMs),
    ...(swapLimitBytes !== undefined && { swapAvailableBytes: Math.max(0, swapLimitBytes - swapBytes) }),
    swapUsageBytes: swapBytes,
  };
}

/** `cpu`, `memory` and `swap` of a pod or a container. */
export function usageStats({ cpuNs, memory }: CgroupUsage, nowMs: number, rates: CpuRates, key: string) {
  const swap = memory === undefined ? undefined : swapStats(memory, nowMs);
  return {
    ...(cpuNs !== undefined && { cpu: cpuStats(cpuNs, nowMs, rates, key) }),
    ...(memory !== undefined && { memory: memoryStats(memory, nowMs) }),
    ...(swap !== undefined && { swap }),
  };
}

/** Undefined where there is no interface but the loopback. */
export function networkStats(
  interfaces: readonly InterfaceUsage[],
  defaultName: string | undefined,
  nowMs: number,
): NetworkStats | undefined {
  const main = mainInterface(interfaces, defaultName);
  if (main === undefined) return undefined;
  return { time: formatTime(nowMs), ...interfaceStats(main), interfaces: interfaces.map(interfaceStats) };
}

const interfaceStats = ({ name, rxBytes, rxErrors, txBytes, txErrors }: InterfaceUsage): InterfaceStats => ({
  name,
  rxBytes,
  rxErrors,
  txBytes,
  txErrors,
});

export type FsRoom = Pick<FsStats, 'availableBytes' | 'capacityBytes' | 'inodes' | 'inodesFree'>;

/** A disk's room, without what is used of it. */
export function fsRoom({ bsize, blocks, bavail, files, ffree }: StatsFs): FsRoom {
  return { availableBytes: bavail * bsize, capacityBytes: blocks * bsize, inodes: files, inodesFree: ffree };
}

/** All that is used of a disk, by whomever. */
export function wholeFs(disk: StatsFs, nowMs: number): FsStats {
  return {
    time: formatTime(nowMs),
    ...fsRoom(disk),
    usedBytes: (disk.blocks - disk.bfree) * disk.bsize,
    inodesUsed: disk.files - disk.ffree,
  };
}

/** What somebody used of a disk. */
export function partOfFs(
  room: FsRoom,
  { usedBytes, inodesUsed }: Pick<DiskUsage, 'usedBytes' | 'inodesUsed'>,
  timeMs: number,
): FsStats {
  return { time: formatTime(timeMs), ...room, usedBytes, inodesUsed };
}
