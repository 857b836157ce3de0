/**
 * The pod's own cgroup: limits that hold for all its containers together, and the folder that nobody else takes away. Works on v1 (a
 * hierarchy for each controller) and v2. Where the node may not write them, pods run without: limits of containers are the runtime's.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../../lib/log.ts';
import type { PodResources } from './qos.ts';

export interface PodCgroups {
  /** @param cgroup from the root of the hierarchies */
  prepare(cgroup: string, resources: PodResources): Promise<void>;
  /** Idempotent; what still holds processes stays. */
  remove(cgroup: string): Promise<void>;
  /** Of all pods under `root`, by uid: for those whose pod is forgotten. */
  find(root: string, uid: string): Promise<readonly string[]>;
}

export const noCgroups: PodCgroups = { prepare: async () => {}, remove: async () => {}, find: async () => [] };

export class SystemCgroups implements PodCgroups {
  readonly #mount: string;
  readonly #log: Logger;

  constructor(options: { readonly log: Logger; readonly mount?: string }) {
    this.#mount = options.mount ?? '/sys/fs/cgroup';
    this.#log = options.log;
  }

  async prepare(cgroup: string, resources: PodResources): Promise<void> {
    try {
      if (await this.#isUnified()) await this.#prepareUnified(cgroup, resources);
      else await this.#prepareV1(cgroup, resources);
    } catch (error) {
      this.#log.warn('the cgroup of a pod cannot be limited', { cgroup, error });
    }
  }

  async remove(cgroup: string): Promise<void> {
    for (const hierarchy of await this.#hierarchies()) await removeTree(path.join(hierarchy, cgroup));
  }

  async find(root: string, uid: string): Promise<readonly string[]> {
    const levels = ['kubepods', 'kubepods/burstable', 'kubepods/besteffort'];
    return levels.map((level) => `${root}/${level}/pod${uid}`);
  }

  async #isUnified(): Promise<boolean> {
    return fs.access(path.join(this.#mount, 'cgroup.controllers')).then(
      () => true,
      () => false,
    );
  }

  async #hierarchies(): Promise<readonly string[]> {
    if (await this.#isUnified()) return [this.#mount];
    const names = await fs.readdir(this.#mount, { withFileTypes: true }).catch(() => []);
    return names.filter((entry) => entry.isDirectory()).map((entry) => path.join(this.#mount, entry.name));
  }

  async #prepareV1(cgroup: string, resources: PodResources): Promise<void> {
    const cpu = path.join(this.#mount, 'cpu', cgroup);
    await fs.mkdir(cpu, { recursive: true });
    await fs.writeFile(path.join(cpu, 'cpu.shares'), String(resources.cpuShares));
    if (resources.cpuQuotaUs > 0) {
      await fs.writeFile(path.join(cpu, 'cpu.cfs_period_us'), String(resources.cpuPeriodUs));
      await fs.writeFile(path.join(cpu, 'cpu.cfs_quota_us'), String(resources.cpuQuotaUs));
    }
    const memory = path.join(this.#mount, 'memory', cgroup);
    await fs.mkdir(memory, { recursive: true });
    if (resources.memoryLimitBytes > 0) {
      await fs.writeFile(path.join(memory, 'memory.limit_in_bytes'), String(resources.memoryLimitBytes));
    }
  }

  async #prepareUnified(cgroup: string, resources: PodResources): Promise<void> {
    let folder = this.#mount;
    for (const part of cgroup.split('/').filter((name) => name !== '')) {
      // A controller must be passed on at each level before the next one has its files.
      await fs.writeFile(path.join(folder, 'cgroup.subtree_control'), '+cpu +memory +pids').catch(() => {});
      folder = path.join(folder, part);
      await fs.mkdir(folder, { recursive: true });
    }
    await fs.writeFile(path.join(folder, 'cpu.weight'), String(cpuWeight(resources.cpuShares)));
    if (resources.cpuQuotaUs > 0) {
      await fs.writeFile(path.join(folder, 'cpu.max'), `${resources.cpuQuotaUs} ${resources.cpuPeriodUs}`);
    }
    if (resources.memoryLimitBytes > 0) {
      await fs.writeFile(path.join(folder, 'memory.max'), String(resources.memoryLimitBytes));
    }
  }
}

/** From v1's shares (2 to 262144) to v2's weight (1 to 10000), linearly, as runtimes do. */
export function cpuWeight(shares: number): number {
  return Math.floor(1 + ((shares - 2) * 9999) / 262_142);
}

async function removeTree(folder: string): Promise<void> {
  const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) await removeTree(path.join(folder, entry.name));
  }
  await fs.rmdir(folder).catch(() => {});
}
