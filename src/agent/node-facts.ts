/** What a node is and has: read from the machine once, or made up for a simulated node. */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import { readKernelLimits } from './resources/kernel-limits.ts';

export interface NodeFacts {
  readonly hostname: string;
  /** The first is the node's address. */
  readonly addresses: readonly string[];
  readonly milliCpu: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
  readonly podsMax: number;
  /** Bytes of huge pages set aside, by size as resources name it (`2Mi`); absent: the machine has none. */
  readonly hugepageBytes?: Readonly<Record<string, number>>;
  /** Processes and threads that the kernel allows at all; absent: nobody knows. */
  readonly pidsMax?: number;
  /** What device plugins would offer, by name: `example.com/gpu`. */
  readonly extendedResources?: Readonly<Record<string, number>>;
  /** The folder of PersistentVolumes that naru makes here; absent: nobody keeps any. */
  readonly volumes?: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly operatingSystem: string;
  readonly architecture: string;
}

const defaultPodsMax = 110;

/** @param stateFolder the disk that pods will write to; @param addresses the node's own */
export async function readNodeFacts(stateFolder: string, addresses: readonly string[]): Promise<NodeFacts> {
  const text = async (file: string): Promise<string> => (await fs.readFile(file, 'utf8').catch(() => '')).trim();
  const disk = await fs.statfs(stateFolder).catch(() => undefined);
  const machineId = await text('/etc/machine-id');
  return {
    hostname: os.hostname().toLowerCase(),
    addresses,
    milliCpu: os.availableParallelism() * 1000,
    memoryBytes: os.totalmem(),
    ephemeralStorageBytes: disk === undefined ? 0 : disk.blocks * disk.bsize,
    podsMax: defaultPodsMax,
    ...(await readKernelLimits()),
    machineId,
    systemUuid: (await text('/sys/class/dmi/id/product_uuid')) || machineId,
    bootId: await text('/proc/sys/kernel/random/boot_id'),
    kernelVersion: os.release(),
    osImage: /^PRETTY_NAME="?(.*?)"?$/m.exec(await text('/etc/os-release'))?.[1] ?? 'unknown',
    operatingSystem: process.platform,
    architecture: goArchitecture(process.arch),
  };
}

/** A machine that does not exist: what `size` says, the same for the same name. */
export function simulatedNodeFacts(
  name: string,
  address: string,
  size: Partial<
    Pick<NodeFacts, 'milliCpu' | 'memoryBytes' | 'ephemeralStorageBytes' | 'podsMax' | 'extendedResources'>
  > = {},
): NodeFacts {
  const id = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return {
    hostname: name,
    addresses: [address],
    milliCpu: 4000,
    memoryBytes: 16 * 2 ** 30,
    ephemeralStorageBytes: 100 * 2 ** 30,
    podsMax: defaultPodsMax,
    machineId: id,
    systemUuid: id,
    bootId: id,
    kernelVersion: 'simulated',
    osImage: 'naru simulated node',
    operatingSystem: 'linux',
    architecture: 'amd64',
    ...size,
  };
}

function goArchitecture(arch: string): string {
  return arch === 'x64' ? 'amd64' : arch;
}
