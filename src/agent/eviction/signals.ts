/**
 * What eviction watches: each signal with the figure of the node's summary that it reads, the condition that it brings about, and the
 * resource that pods must give back. Pure.
 */
import { formatQuantity, type QuantityFormat, quantityFromInteger } from '../../api/quantity.ts';
import type { FsStats, Summary } from '../stats/summary.ts';

export type Pressure = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';
export type Resource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

/** How much of something the node has left, and has at all. */
export interface Observation {
  readonly available: number;
  readonly capacity: number;
  /** How amounts of it are written. */
  readonly format: QuantityFormat;
  /** When it was measured. */
  readonly timeMs: number;
}

interface SignalRow {
  readonly pressure: Pressure;
  readonly resource: Resource;
  /** Undefined where the summary does not tell. */
  readonly observe: (summary: Summary) => Observation | undefined;
}

const bytes = { pressure: 'DiskPressure', resource: 'ephemeral-storage' } as const;
const inodes = { pressure: 'DiskPressure', resource: 'inodes' } as const;

export const signals = {
  'memory.available': { pressure: 'MemoryPressure', resource: 'memory', observe: nodeMemory },
  'allocatableMemory.available': { pressure: 'MemoryPressure', resource: 'memory', observe: memoryOfPods },
  'nodefs.available': { ...bytes, observe: ({ node }) => freeBytes(node.fs) },
  'nodefs.inodesFree': { ...inodes, observe: ({ node }) => freeInodes(node.fs) },
  'imagefs.available': { ...bytes, observe: ({ node }) => freeBytes(node.runtime?.imageFs) },
  'imagefs.inodesFree': { ...inodes, observe: ({ node }) => freeInodes(node.runtime?.imageFs) },
  'containerfs.available': { ...bytes, observe: ({ node }) => freeBytes(node.runtime?.containerFs) },
  'containerfs.inodesFree': { ...inodes, observe: ({ node }) => freeInodes(node.runtime?.containerFs) },
  'pid.available': { pressure: 'PIDPressure', resource: 'pids', observe: freePids },
} as const satisfies Readonly<Record<string, SignalRow>>;

export type Signal = keyof typeof signals;
export type Observations = ReadonlyMap<Signal, Observation>;

export function isSignal(name: string): name is Signal {
  return Object.hasOwn(signals, name);
}

export function observe(summary: Summary): Observations {
  const seen = new Map<Signal, Observation>();
  for (const signal of Object.keys(signals) as Signal[]) {
    const observation = signals[signal].observe(summary);
    if (observation !== undefined) seen.set(signal, observation);
  }
  return seen;
}

export function amount(value: number, format: QuantityFormat): string {
  return formatQuantity(quantityFromInteger(value, format));
}

function nodeMemory({ node }: Summary): Observation | undefined {
  return freeMemory(node.memory);
}

/** Of all pods together, within what the node lets them have; nothing where that is not limited. */
function memoryOfPods({ node }: Summary): Observation | undefined {
  return freeMemory(node.systemContainers?.find(({ name }) => name === 'pods')?.memory);
}

function freeMemory(memory: Summary['node']['memory']): Observation | undefined {
  const { availableBytes, workingSetBytes, time } = memory ?? {};
  if (availableBytes === undefined || workingSetBytes === undefined) return undefined;
  return observation(availableBytes, availableBytes + workingSetBytes, 'BinarySI', time);
}

function freeBytes({ availableBytes, capacityBytes, time }: Partial<FsStats> = {}): Observation | undefined {
  if (availableBytes === undefined || capacityBytes === undefined) return undefined;
  return observation(availableBytes, capacityBytes, 'BinarySI', time);
}

/** A file system that makes inodes as it needs them counts none, and never runs out of them. */
function freeInodes({ inodesFree, inodes, time }: Partial<FsStats> = {}): Observation | undefined {
  if (inodesFree === undefined || inodes === undefined || inodes === 0) return undefined;
  return observation(inodesFree, inodes, 'DecimalSI', time);
}

function freePids({ node }: Summary): Observation | undefined {
  const { curproc, maxpid, time } = node.rlimit ?? {};
  if (curproc === undefined || maxpid === undefined) return undefined;
  return observation(maxpid - curproc, maxpid, 'DecimalSI', time);
}

function observation(available: number, capacity: number, format: QuantityFormat, time = ''): Observation {
  return { available, capacity, format, timeMs: Date.parse(time) || 0 };
}
