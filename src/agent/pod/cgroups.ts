/**
 * Cgroups of pods and of the tiers above them: limits that hold for all below together, and folders that nobody else takes away. Works on
 * v1 (a hierarchy for each controller) and v2. Where the node may not write them, pods run without: limits of containers are the runtime's.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../../lib/log.ts';
import { type CgroupLimits, filesOf, readLimits, type Version } from './cgroup-limits.ts';

export interface PodCgroups {
  /**
   * Makes it where it is missing, and writes what can be written; the rest is logged.
   * @param cgroup from the root of the hierarchies
   */
  prepare(cgroup: string, limits: CgroupLimits): Promise<void>;
  /** Of one that is there. @throws Error where the kernel refuses a value */
  set(cgroup: string, limits: CgroupLimits): Promise<void>;
  /** What holds now; undefined where there is no such cgroup. */
  read(cgroup: string): Promise<CgroupLimits | undefined>;
  /** Bytes, caches included; undefined where nothing tells. */
  memoryUsage(cgroup: string): Promise<number | undefined>;
  /** Idempotent; what still holds processes stays. */
  remove(cgroup: string): Promise<void>;
  /** Of all pods under `root`, by uid: for those whose pod is forgotten. */
  find(root: string, uid: string): Promise<readonly string[]>;
  /** The pods that have one below `root`. */
  uids(root: string): Promise<readonly string[]>;
}

export const noCgroups: PodCgroups = {
  prepare: async () => {},
  set: async () => {},
  read: async () => undefined,
  memoryUsage: async () => undefined,
  remove: async () => {},
  find: async () => [],
  uids: async () => [],
};

/** Passed on from level to level on v2, as far as the kernel has them. */
const controllers = ['cpu', 'memory', 'pids', 'hugetlb', 'cpuset', 'io'] as const;

/** Where pods have theirs, by quality of service. */
const tiers = ['kubepods', 'kubepods/burstable', 'kubepods/besteffort'] as const;

export class SystemCgroups implements PodCgroups {
  readonly #mount: string;
  readonly #log: Logger;

  constructor(options: { readonly log: Logger; readonly mount?: string }) {
    this.#mount = options.mount ?? '/sys/fs/cgroup';
    this.#log = options.log;
  }

  async prepare(cgroup: string, limits: CgroupLimits): Promise<void> {
    const refused: string[] = [];
    await this.#write(cgroup, limits, { makes: true, refused: (file, why) => refused.push(`${file}: ${why}`) });
    if (refused.length > 0) this.#log.warn('a cgroup of pods cannot be limited', { cgroup, refused });
  }

  async set(cgroup: string, limits: CgroupLimits): Promise<void> {
    await this.#write(cgroup, limits, {
      makes: false,
      refused: (file, why) => {
        throw new Error(`failed to write ${file} of cgroup ${cgroup}: ${why}`);
      },
    });
  }

  async read(cgroup: string): Promise<CgroupLimits | undefined> {
    const version = await this.#version();
    return readLimits(version, (controller, file) => this.#text(this.#folder(version, controller, cgroup), file));
  }

  async memoryUsage(cgroup: string): Promise<number | undefined> {
    const version = await this.#version();
    const file = version === 'v1' ? 'memory.usage_in_bytes' : 'memory.current';
    const text = await this.#text(this.#folder(version, 'memory', cgroup), file);
    return text === undefined ? undefined : Number(text);
  }

  async remove(cgroup: string): Promise<void> {
    for (const hierarchy of await this.#hierarchies()) await removeTree(path.join(hierarchy, cgroup));
  }

  async find(root: string, uid: string): Promise<readonly string[]> {
    return tiers.map((tier) => `${root}/${tier}/pod${uid}`);
  }

  async uids(root: string): Promise<readonly string[]> {
    const folders = (await this.#hierarchies()).flatMap((hierarchy) =>
      tiers.map((tier) => path.join(hierarchy, root, tier)),
    );
    const names = await Promise.all(folders.map((folder) => fs.readdir(folder).catch(() => [])));
    return [...new Set(names.flat())].filter((name) => name.startsWith('pod')).map((name) => name.slice('pod'.length));
  }

  async #write(
    cgroup: string,
    limits: CgroupLimits,
    { makes, refused }: { readonly makes: boolean; readonly refused: (file: string, why: string) => void },
  ): Promise<void> {
    const version = await this.#version();
    if (makes) await this.#make(version, cgroup).catch((error: unknown) => refused(cgroup, whyOf(error)));
    for (const { controller, file, value, isOptional } of filesOf(version, limits)) {
      const folder = this.#folder(version, controller, cgroup);
      if (isOptional && !(await exists(path.join(folder, file)))) continue;
      await fs.writeFile(path.join(folder, file), value).catch((error: unknown) => {
        refused(file, whyOf(error));
      });
    }
  }

  /** Not in v1's cpuset, which would need to be set up; runtimes do. */
  async #make(version: Version, cgroup: string): Promise<void> {
    if (version === 'v2') {
      await this.#makeUnified(cgroup);
      return;
    }
    for (const controller of ['cpu', 'memory', 'pids', 'hugetlb'] as const) {
      if (!(await exists(path.join(this.#mount, controller, 'cgroup.procs')))) continue;
      await fs.mkdir(this.#folder(version, controller, cgroup), { recursive: true });
    }
  }

  /** A controller must be passed on at each level before the next one has its files. */
  async #makeUnified(cgroup: string): Promise<void> {
    let folder = this.#mount;
    for (const part of cgroup.split('/').filter((name) => name !== '')) {
      for (const controller of controllers) {
        await fs.writeFile(path.join(folder, 'cgroup.subtree_control'), `+${controller}`).catch(() => {});
      }
      folder = path.join(folder, part);
      await fs.mkdir(folder, { recursive: true });
    }
  }

  #folder(version: Version, controller: string, cgroup: string): string {
    return version === 'v1' ? path.join(this.#mount, controller, cgroup) : path.join(this.#mount, cgroup);
  }

  async #text(folder: string, file: string): Promise<string | undefined> {
    return fs.readFile(path.join(folder, file), 'utf8').then(
      (text) => text.trim(),
      () => undefined,
    );
  }

  async #version(): Promise<Version> {
    return (await exists(path.join(this.#mount, 'cgroup.controllers'))) ? 'v2' : 'v1';
  }

  async #hierarchies(): Promise<readonly string[]> {
    if ((await this.#version()) === 'v2') return [this.#mount];
    const names = await fs.readdir(this.#mount, { withFileTypes: true }).catch(() => []);
    return names.filter((entry) => entry.isDirectory()).map((entry) => path.join(this.#mount, entry.name));
  }
}

function whyOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(
    () => true,
    () => false,
  );
}

async function removeTree(folder: string): Promise<void> {
  const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) await removeTree(path.join(folder, entry.name));
  }
  await fs.rmdir(folder).catch(() => {});
}
