/** Mounts of this process's mount namespace, and their end. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Mount points below `folder` (not `folder` itself), the latest first: children before parents, covers before covered. */
export async function mountsBelow(folder: string): Promise<string[]> {
  return parseMountPoints(await readFile('/proc/self/mountinfo', 'utf8'))
    .filter((point) => point.startsWith(`${folder}/`))
    .reverse();
}

/** In the order of `/proc/PID/mountinfo`, which is the order in which they were made. */
export function parseMountPoints(mountinfo: string): string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const point = line.split(' ')[4];
    return point === undefined ? [] : unescape(point);
  });
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescape(text: string): string {
  const bytes = text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return bytes;
}

/** Unmounts, at once where possible and else lazily (it vanishes when its last user lets go). False where it stays. */
export async function unmount(point: string): Promise<boolean> {
  for (const options of [['--no-canonicalize'], ['--no-canonicalize', '--lazy']]) {
    try {
      await run('umount', [...options, '--', point], { timeout: 10_000 });
      return true;
    } catch {
      // Busy: the lazy way is next.
    }
  }
  return false;
}
