/** Folders that a build works in, below the cache. What a build that was killed left behind, the next one removes. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

const prefix = 'work-';

/** The caller removes it. */
export async function makeWorkFolder(cache: string): Promise<string> {
  await mkdir(cache, { recursive: true, mode: 0o700 });
  for (const name of await readdir(cache)) {
    if (isAbandoned(name)) await rm(path.join(cache, name), { recursive: true, force: true });
  }
  return mkdtemp(path.join(cache, `${prefix}${process.pid}-`));
}

function isAbandoned(name: string): boolean {
  const pid = /^work-(\d+)-/.exec(name)?.[1];
  return pid !== undefined && !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
