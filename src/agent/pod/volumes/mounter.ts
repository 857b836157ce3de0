/**
 * Mounts for volumes, with mount(8) and umount(8). Needs root. What exists already is left as it is, so that an agent that starts anew
 * mounts nothing over what its pods use; after a power cut nothing exists, and all is made again.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import { promisify } from 'node:util';
import { VolumeError } from '../config-error.ts';

const run = promisify(execFile);
const timeoutMs = 10_000;

export interface TmpfsOptions {
  /** 0: as large as the kernel lets it be. */
  readonly sizeBytes: number;
  /** Permission bits of its root, and its group. */
  readonly mode: number;
  readonly gid?: number;
}

export interface Mounter {
  mountMemory(folder: string, options: TmpfsOptions): Promise<void>;
  /** @param pageSize as the kernel names it: `2M` */
  mountHugePages(folder: string, pageSize: string, options: TmpfsOptions): Promise<void>;
  /** Shows `source` at `target`, which must be there: a folder on a folder, a file on a file. What was mounted on `target` is replaced. */
  bind(source: string, target: string): Promise<void>;
  /** From now on what is mounted below `folder` shows wherever it is mounted, too, and the other way round. */
  share(folder: string): Promise<void>;
  /**
   * Everything that is mounted at or below `folder`. Idempotent.
   * @param lazily what is busy vanishes when its last user lets go
   * @throws VolumeError where something is busy
   */
  unmountBelow(folder: string, lazily: boolean): Promise<void>;
  /** Mount points at or below `folder`, in the order in which they were made. */
  mountsAt(folder: string): Promise<readonly string[]>;
}

export const systemMounter: Mounter = {
  async mountMemory(folder, { sizeBytes, mode, gid }) {
    const size = sizeBytes > 0 ? [`size=${sizeBytes}`] : [];
    await mountOnce(folder, 'tmpfs', [...rootOptions(mode, gid), ...size]);
  },

  async mountHugePages(folder, pageSize, { sizeBytes, mode, gid }) {
    const size = sizeBytes > 0 ? [`size=${sizeBytes}`] : [];
    const isNew = await mountOnce(folder, 'hugetlbfs', [`pagesize=${pageSize}`, ...rootOptions(mode, gid), ...size]);
    // This file system takes no set-group-id bit from its options.
    if (isNew) await fs.chmod(folder, mode);
  },

  async bind(source, target) {
    for (const mount of (await mountsAt(target)).filter((point) => point === target)) await unmount(mount, true);
    await mount(['--bind', source, target], target);
  },

  async share(folder) {
    if (!(await mountsAt(folder)).includes(folder)) await mount(['--bind', folder, folder], folder);
    await mount(['--make-shared', folder], folder);
  },

  async unmountBelow(folder, lazily) {
    // The last that was made is the first to go: what lies upon another is in its way.
    for (const point of (await mountsAt(folder)).toReversed()) await unmount(point, lazily);
  },

  mountsAt,
};

function rootOptions(mode: number, gid: number | undefined): readonly string[] {
  return [`mode=${mode.toString(8).padStart(4, '0')}`, ...(gid === undefined ? [] : [`gid=${gid}`])];
}

/** False: it is mounted already. */
async function mountOnce(folder: string, type: string, options: readonly string[]): Promise<boolean> {
  if ((await mountsAt(folder)).includes(folder)) return false;
  await mount(['-t', type, '-o', options.join(','), type, folder], folder);
  return true;
}

/** Paths are taken as they stand: nothing is to follow a link that somebody puts there. */
async function mount(parameters: readonly string[], folder: string): Promise<void> {
  try {
    await run('mount', ['--no-canonicalize', ...parameters], { timeout: timeoutMs });
  } catch (error) {
    throw new VolumeError(`cannot mount ${folder}: ${complaintOf(error)}`, { cause: error });
  }
}

async function unmount(point: string, lazily: boolean): Promise<void> {
  try {
    await run('umount', ['--no-canonicalize', ...(lazily ? ['--lazy'] : []), '--', point], { timeout: timeoutMs });
  } catch (error) {
    throw new VolumeError(`cannot unmount ${point}: ${complaintOf(error)}`, { cause: error });
  }
}

function complaintOf(error: unknown): string {
  const { stderr = '', message } = error as Error & { readonly stderr?: string };
  return stderr.trim() || message;
}

async function mountsAt(folder: string): Promise<readonly string[]> {
  const table = await fs.readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const points = table.split('\n').map((line) => unescape(line.split(' ')[4] ?? ''));
  return points.filter((point) => point === folder || point.startsWith(`${folder}/`));
}

/** The kernel writes space, tab, newline and backslash in octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
