/** What the kernel has for all pods together beside CPU and memory: huge pages by size, and how many processes there may be. */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { NodeFacts } from '../node-facts.ts';

/** @param root of the file system, for tests */
export async function readKernelLimits(root = '/'): Promise<Pick<NodeFacts, 'hugepageBytes' | 'pidsMax'>> {
  const hugepageBytes = await readHugepages(path.join(root, 'sys/kernel/mm/hugepages'));
  const limits = await Promise.all(
    ['pid_max', 'threads-max'].map((name) => readNumber(path.join(root, 'proc/sys/kernel', name))),
  );
  const known = limits.filter((limit) => limit !== undefined);
  return {
    ...(Object.keys(hugepageBytes).length > 0 && { hugepageBytes }),
    ...(known.length > 0 && { pidsMax: Math.min(...known) }),
  };
}

async function readHugepages(folder: string): Promise<Record<string, number>> {
  const names = await fs.readdir(folder).catch(() => []);
  const bytes: Record<string, number> = {};
  for (const name of names.toSorted()) {
    const kibibytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0);
    const count = await readNumber(path.join(folder, name, 'nr_hugepages'));
    if (kibibytes > 0 && count !== undefined) bytes[sizeName(kibibytes)] = count * kibibytes * 1024;
  }
  return bytes;
}

/** As resources name it: `2Mi`, `1Gi`, `64Ki`. */
function sizeName(kibibytes: number): string {
  let size = kibibytes;
  let unit = 0;
  for (; size % 1024 === 0 && unit < 2; unit++) size /= 1024;
  return `${size}${['Ki', 'Mi', 'Gi'][unit]}`;
}

async function readNumber(file: string): Promise<number | undefined> {
  const text = await fs.readFile(file, 'utf8').catch(() => '');
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}
