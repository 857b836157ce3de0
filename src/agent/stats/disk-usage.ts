/**
 * What a folder takes on its disk, as `du` counts: blocks of 512 bytes, a file with several names once; links are not followed, and what
 * is mounted inside is somebody else's. Bounded: what is beyond the bound is not counted, and the result says so.
 */
import type { Stats } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { limits } from '../../lib/limits.ts';

export interface DiskUsage {
  readonly usedBytes: number;
  readonly inodesUsed: number;
  /** The walk came to its bound: there is more. */
  readonly isPartial: boolean;
}

export const noUsage: DiskUsage = { usedBytes: 0, inodesUsed: 0, isPartial: false };

const blockBytes = 512;

/** Of a folder or a file; nothing where it is not there. What vanishes during the walk is not counted. */
export async function diskUsage(root: string, entriesMax: number = limits.diskWalkEntriesMax): Promise<DiskUsage> {
  const top = await fs.lstat(root).catch(() => undefined);
  if (top === undefined) return noUsage;
  const tally = new Tally(top.dev);
  tally.add(top);
  const folders = top.isDirectory() ? [root] : [];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of await fs.readdir(folder).catch(() => [])) {
      if (tally.inodesUsed >= entriesMax) return { ...tally.usage, isPartial: true };
      const file = path.join(folder, name);
      const entry = await fs.lstat(file).catch(() => undefined);
      if (entry !== undefined && tally.add(entry) && entry.isDirectory()) folders.push(file);
    }
  }
  return tally.usage;
}

export function addUsage(left: DiskUsage, right: DiskUsage): DiskUsage {
  return {
    usedBytes: left.usedBytes + right.usedBytes,
    inodesUsed: left.inodesUsed + right.inodesUsed,
    isPartial: left.isPartial || right.isPartial,
  };
}

class Tally {
  readonly #device: Stats['dev'];
  readonly #seen = new Set<Stats['ino']>();
  #bytes = 0;
  inodesUsed = 0;

  constructor(device: Stats['dev']) {
    this.#device = device;
  }

  /** False: it is counted already, or lies on another disk. */
  add({ dev, ino, nlink, blocks }: Stats): boolean {
    if (dev !== this.#device) return false;
    if (nlink > 1 && this.#seen.has(ino)) return false;
    if (nlink > 1) this.#seen.add(ino);
    this.#bytes += blocks * blockBytes;
    this.inodesUsed++;
    return true;
  }

  get usage(): DiskUsage {
    return { usedBytes: this.#bytes, inodesUsed: this.inodesUsed, isPartial: false };
  }
}
