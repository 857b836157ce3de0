/** What the machine as a whole uses, from the texts of /proc. Pure. */
import type { InterfaceStats } from './summary.ts';

export interface MachineMemory {
  readonly totalBytes: number;
  readonly usageBytes: number;
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
}

/** @param text of /proc/meminfo */
export function parseMemory(text: string): MachineMemory {
  const figures = new Map(
    [...text.matchAll(/^([^:\s]+):\s+(\d+) kB$/gm)].map(([, key, kib]) => [key, Number(kib) * 1024]),
  );
  const of = (key: string): number => figures.get(key) ?? 0;
  const usageBytes = of('MemTotal') - of('MemFree');
  return {
    totalBytes: of('MemTotal'),
    usageBytes,
    // What a file put there and nobody used since could be dropped at once.
    workingSetBytes: Math.max(0, usageBytes - of('Inactive(file)')),
    rssBytes: of('AnonPages'),
    swapTotalBytes: of('SwapTotal'),
    swapFreeBytes: of('SwapFree'),
  };
}

/** The unit of /proc/stat, which no Linux machine changes. */
const nsPerTick = 10_000_000;

/** All processors together, in ns of a core, without idling, waiting for disks, and what others on the same machine took. */
export function parseCpuNs(text: string): number {
  const ticks = /^cpu\s+(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/).map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0] = ticks;
  return (user + nice + system + interrupts + softInterrupts) * nsPerTick;
}

/** When the machine was started, in ms since the epoch; undefined where /proc/stat does not tell. */
export function parseBootMs(text: string): number | undefined {
  const seconds = /^btime (\d+)$/m.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** Processes and threads that there are now, from /proc/loadavg. */
export function parseTasks(text: string): number | undefined {
  const count = /^\S+ \S+ \S+ \d+\/(\d+) /.exec(text)?.[1];
  return count === undefined ? undefined : Number(count);
}

export interface InterfaceUsage extends Required<InterfaceStats> {
  readonly rxPackets: number;
  readonly rxDropped: number;
  readonly txPackets: number;
  readonly txDropped: number;
}

/** The loopback, and what belongs to pods and other containers. */
const ignoredInterface = /^(lo$|veth|docker|nerdctl)/;

/** @param text of /proc/PID/net/dev */
export function parseInterfaces(text: string): readonly InterfaceUsage[] {
  return text.split('\n').flatMap((line) => {
    const [, name, rest] = /^\s*(\S+):\s*(\d.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined || ignoredInterface.test(name)) return [];
    const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0, , , , , ...tx] = rest
      .trim()
      .split(/\s+/)
      .map(Number);
    const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = tx;
    return [{ name, rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped }];
  });
}

/** The interface of the default route, from /proc/PID/net/route. */
export function parseDefaultInterface(text: string): string | undefined {
  return /^(\S+)\t0{8}\t/m.exec(text)?.[1];
}

/** `eth0` of the figures, in the order of preference that upstream's readers expect; undefined where there is no interface. */
export function mainInterface(
  interfaces: readonly InterfaceUsage[],
  defaultName: string | undefined,
): InterfaceUsage | undefined {
  const named = (name: string | undefined): InterfaceUsage | undefined => interfaces.find((one) => one.name === name);
  return named(defaultName) ?? named('eth0') ?? interfaces[0];
}
