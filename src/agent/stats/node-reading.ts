/** The machine's own figures: processor, memory, network, disk, processes. A part that cannot be read is absent. */
import fs from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { formatTime } from '../../lib/clock.ts';
import type { CgroupFiles } from './cgroup-files.ts';
import { parseFigure, parseKeyed } from './keyed-file.ts';
import {
  type InterfaceUsage,
  parseBootMs,
  parseCpuNs,
  parseDefaultInterface,
  parseInterfaces,
  parseMemory,
  parseTasks,
} from './proc-usage.ts';
import type { CpuRates } from './rates.ts';
import type { StatsFacts } from './stats-facts.ts';
import { cpuStats, networkStats, usageStats, wholeFs } from './stats-values.ts';
import type { ContainerStats, NodeStats } from './summary.ts';

export interface NodeReader {
  readonly facts: StatsFacts;
  readonly cgroups: CgroupFiles;
  readonly rates: CpuRates;
  /** `/proc`. */
  readonly proc: string;
}

export interface NodeNetwork {
  readonly interfaces: readonly InterfaceUsage[];
  readonly defaultName: string | undefined;
}

/** The first process is in the machine's own network, wherever the agent is. */
export async function nodeNetwork(proc: string): Promise<NodeNetwork> {
  const [devices, routes] = await Promise.all([text(proc, '1/net/dev'), text(proc, '1/net/route')]);
  return { interfaces: parseInterfaces(devices), defaultName: parseDefaultInterface(routes) };
}

export async function readNode(reader: NodeReader, onlyCpuAndMemory: boolean): Promise<NodeStats> {
  const { facts, proc } = reader;
  const [stat, memory, faults] = await Promise.all(['stat', 'meminfo', 'vmstat'].map((file) => text(proc, file)));
  const nowMs = facts.clock.now();
  const basics = {
    nodeName: facts.nodeName,
    systemContainers: await systemContainers(reader, nowMs, onlyCpuAndMemory),
    startTime: formatTime(parseBootMs(stat ?? '') ?? nowMs),
    ...(stat !== '' && { cpu: cpuStats(parseCpuNs(stat ?? ''), nowMs, reader.rates, '/') }),
    ...(memory !== '' && memoryOf(memory ?? '', faults ?? '', nowMs)),
  };
  if (onlyCpuAndMemory) return basics;
  const [network, disk, rlimit] = await Promise.all([
    nodeNetwork(proc),
    fs.statfs(facts.home).catch(() => undefined),
    processLimits(proc, nowMs),
  ]);
  const told = networkStats(network.interfaces, network.defaultName, nowMs);
  return {
    ...basics,
    ...(told !== undefined && { network: told }),
    ...(disk !== undefined && { fs: wholeFs(disk, nowMs) }),
    rlimit,
  };
}

function memoryOf(memory: string, faultsText: string, nowMs: number): Pick<NodeStats, 'memory' | 'swap'> {
  const { totalBytes, usageBytes, workingSetBytes, rssBytes, swapTotalBytes, swapFreeBytes } = parseMemory(memory);
  const faults = parseKeyed(faultsText);
  const time = formatTime(nowMs);
  return {
    memory: {
      time,
      availableBytes: Math.max(0, totalBytes - workingSetBytes),
      usageBytes,
      workingSetBytes,
      rssBytes,
      pageFaults: faults.get('pgfault') ?? 0,
      majorPageFaults: faults.get('pgmajfault') ?? 0,
    },
    swap: { time, swapAvailableBytes: swapFreeBytes, swapUsageBytes: swapTotalBytes - swapFreeBytes },
  };
}

/** All pods together, and the agent itself. */
async function systemContainers(
  { facts, cgroups, rates }: NodeReader,
  nowMs: number,
  onlyCpuAndMemory: boolean,
): Promise<readonly ContainerStats[]> {
  const { cgroupRoot } = facts;
  const startTime = formatTime(nowMs - Math.round(process.uptime() * 1000));
  const podsCgroup = `${cgroupRoot}/kubepods`;
  const pods = { name: 'pods', startTime, ...usageStats(await cgroups.usage(podsCgroup), nowMs, rates, podsCgroup) };
  if (onlyCpuAndMemory) return [pods];
  const { user, system } = process.cpuUsage();
  const rssBytes = process.memoryUsage.rss();
  const time = formatTime(nowMs);
  return [
    {
      name: 'kubelet',
      startTime,
      cpu: cpuStats((user + system) * 1000, nowMs, rates, 'kubelet'),
      memory: { time, usageBytes: rssBytes, workingSetBytes: rssBytes, rssBytes },
    },
    pods,
  ];
}

async function processLimits(proc: string, nowMs: number): Promise<NonNullable<NodeStats['rlimit']>> {
  const files = ['sys/kernel/pid_max', 'sys/kernel/threads-max', 'loadavg'];
  const [pidMax, threadsMax, load] = await Promise.all(files.map((file) => text(proc, file)));
  const bounds = [parseFigure(pidMax), parseFigure(threadsMax)].filter((bound) => bound !== undefined);
  const tasks = parseTasks(load ?? '');
  return {
    time: formatTime(nowMs),
    ...(bounds.length > 0 && { maxpid: Math.min(...bounds) }),
    ...(tasks !== undefined && { curproc: tasks }),
  };
}

function text(proc: string, file: string): Promise<string> {
  return fs.readFile(path.join(proc, file), 'utf8').catch(() => '');
}
