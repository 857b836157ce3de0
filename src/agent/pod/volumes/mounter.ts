/** Mounting memory for a volume, with mount(8). Needs root. */
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import { promisify } from 'node:util';
import { VolumeError } from '../config-error.ts';

const run = promisify(execFile);

export interface Mounter {
  /** @param sizeBytes 0: as large as the kernel lets it be */
  mountMemory(folder: string, sizeBytes: number): Promise<void>;
  /** Everything that is mounted at or below `folder`. Idempotent. */
  unmountBelow(folder: string): Promise<void>;
}

export const systemMounter: Mounter = {
  async mountMemory(folder, sizeBytes) {
    if ((await mountsBelow(folder)).includes(folder)) return;
    const size = sizeBytes > 0 ? [`size=${sizeBytes}`] : [];
    try {
      await run('mount', ['-t', 'tmpfs', '-o', ['mode=0777', ...size].join(','), 'tmpfs', folder]);
    } catch (error) {
      throw new VolumeError(`memory could not be mounted at ${folder}`, { cause: error });
    }
  },

  async unmountBelow(folder) {
    const mounts = await mountsBelow(folder);
    for (const mount of mounts.toReversed()) await run('umount', ['-l', mount]);
  },
};

/** In the order in which they were made. */
async function mountsBelow(folder: string): Promise<readonly string[]> {
  const table = await fs.readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const points = table.split('\n').map((line) => unescape(line.split(' ')[4] ?? ''));
  return points.filter((point) => point === folder || point.startsWith(`${folder}/`));
}

/** The kernel writes space, tab, newline and backslash in octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
