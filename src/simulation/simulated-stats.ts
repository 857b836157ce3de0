/**
 * What a simulated node and its pods use: what the behaviours of its containers say, the same for the same seed and time. The node
 * itself uses a little, and its disk is empty but for the images.
 */
import { type ShownPod, type StatsFacts, shownPods } from '../agent/stats/stats-facts.ts';
import type { ContainerStats, CpuStats, MemoryStats, PodStats, StatsSource, Summary } from '../agent/stats/summary.ts';
import { formatTime } from '../lib/clock.ts';
import type { ContainerUsage, SimulatedRuntime } from './simulated-runtime.ts';

/** Of the node without its pods. */
const idle = { cpuMilli: 20, memoryBytes: 200 * 2 ** 20 };

export class SimulatedStats implements StatsSource {
  readonly #facts: StatsFacts;
  readonly #runtime: SimulatedRuntime;
  readonly #startMs: number;

  constructor(facts: StatsFacts, runtime: SimulatedRuntime) {
    this.#facts = facts;
    this.#runtime = runtime;
    this.#startMs = facts.clock.now();
  }

  /** Always of this moment: it costs nothing. */
  async summary(_ageMsMax: number, only?: 'cpu-and-memory'): Promise<Summary> {
    const { clock, nodeName, pods } = this.#facts;
    const nowMs = clock.now();
    const told = shownPods(pods()).map((shown) => this.#pod(shown, nowMs));
    const ownNs = idle.cpuMilli * (nowMs - this.#startMs) * 1000;
    const own = { cpuNanoCores: idle.cpuMilli * 1_000_000, cpuNs: ownNs, memoryBytes: idle.memoryBytes };
    const whole = sum([own, ...told.map(({ usage }) => usage)]);
    const node = {
      nodeName,
      startTime: formatTime(this.#startMs),
      ...usageStats(whole, nowMs, this.#facts.memoryBytes),
    };
    const stats = told.map((one) => one.stats);
    if (only !== undefined) return Promise.resolve({ node, pods: stats });
    return { node: { ...node, ...(await this.#disks(nowMs)) }, pods: stats };
  }

  async #disks(nowMs: number) {
    const capacityBytes = this.#facts.ephemeralStorageBytes;
    const { usedBytes } = await this.#runtime.imageFilesystem();
    const fs = {
      time: formatTime(nowMs),
      capacityBytes,
      availableBytes: Math.max(0, capacityBytes - usedBytes),
      usedBytes,
    };
    return { fs, runtime: { imageFs: fs, containerFs: fs } };
  }

  #pod(shown: ShownPod, nowMs: number): { readonly usage: ContainerUsage; readonly stats: PodStats } {
    const { name, namespace, uid } = shown.identity;
    const runs = shown.running.map((run) => ({ run, usage: this.#runtime.usage(run.id) ?? nothing }));
    const usage = sum(runs.map((each) => each.usage));
    const containers: readonly ContainerStats[] = runs.map(({ run, usage }) => ({
      name: run.name,
      startTime: formatTime(run.startedAtMs),
      ...usageStats(usage, nowMs),
    }));
    const podRef = { name, namespace, uid };
    return { usage, stats: { podRef, startTime: shown.startTime, containers, ...usageStats(usage, nowMs) } };
  }
}

const nothing: ContainerUsage = { cpuNanoCores: 0, cpuNs: 0, memoryBytes: 0 };

function sum(usages: readonly ContainerUsage[]): ContainerUsage {
  return usages.reduce(
    (a, b) => ({
      cpuNanoCores: a.cpuNanoCores + b.cpuNanoCores,
      cpuNs: a.cpuNs + b.cpuNs,
      memoryBytes: a.memoryBytes + b.memoryBytes,
    }),
    nothing,
  );
}

function usageStats(
  { cpuNanoCores, cpuNs, memoryBytes }: ContainerUsage,
  nowMs: number,
  capacityBytes?: number,
): { readonly cpu: CpuStats; readonly memory: MemoryStats } {
  const time = formatTime(nowMs);
  return {
    cpu: { time, usageNanoCores: cpuNanoCores, usageCoreNanoSeconds: cpuNs },
    memory: {
      time,
      ...(capacityBytes !== undefined && { availableBytes: Math.max(0, capacityBytes - memoryBytes) }),
      usageBytes: memoryBytes,
      workingSetBytes: memoryBytes,
      rssBytes: memoryBytes,
    },
  };
}
