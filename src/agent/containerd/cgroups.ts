/** The cgroup of one home in every hierarchy of the machine: v2's one, or v1's many (or both at once). */
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const mountPoint = '/sys/fs/cgroup';

/** The folder of `cgroup` in each hierarchy, whether it exists or not. */
export async function cgroupFolders(cgroup: string): Promise<string[]> {
  return (await hierarchies()).map((hierarchy) => join(hierarchy, cgroup));
}

async function hierarchies(): Promise<string[]> {
  if (await exists(join(mountPoint, 'cgroup.controllers'))) return [mountPoint];
  const names = await readdir(mountPoint).catch(() => []);
  const folders = names.map((name) => join(mountPoint, name));
  const real = await Promise.all(folders.map((folder) => exists(join(folder, 'cgroup.procs'))));
  return folders.filter((_, index) => real[index]);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Puts a process into `cgroup`, so that stopping the service that started it does not take it along. A best effort: v1's
 * cpuset takes nobody before it is set up, and stays as it is.
 */
export async function joinCgroup(cgroup: string, pid: number): Promise<void> {
  const folders = (await cgroupFolders(cgroup)).filter((folder) => !folder.startsWith(`${mountPoint}/cpuset/`));
  await Promise.allSettled(
    folders.map(async (folder) => {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'cgroup.procs'), String(pid));
    }),
  );
}

/** `folder` and all below it, deepest first. */
async function tree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map(({ name }) => tree(join(folder, name))),
  );
  return (await exists(folder)) ? [...below.flat(), folder] : [];
}

/** Every process in `cgroup` or below it, in any hierarchy. */
export async function cgroupProcesses(cgroup: string): Promise<number[]> {
  const folders = (await Promise.all((await cgroupFolders(cgroup)).map(tree))).flat();
  const lists = await Promise.all(
    folders.map((folder) => readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '')),
  );
  return [...new Set(lists.flatMap((list) => list.split('\n').filter(Boolean).map(Number)))].filter((pid) => pid > 0);
}

/** SIGKILL waits for as long as a process is frozen. */
export async function thaw(cgroup: string): Promise<void> {
  const folders = (await Promise.all((await cgroupFolders(cgroup)).map(tree))).flat();
  await Promise.all(
    folders.flatMap((folder) => [
      writeExisting(join(folder, 'freezer.state'), 'THAWED'),
      writeExisting(join(folder, 'cgroup.freeze'), '0'),
    ]),
  );
}

async function writeExisting(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: 'r+' }).catch(() => undefined);
}

/** Removes `cgroup` and all below it; returns the folders that went and those that stayed. */
export async function removeCgroup(cgroup: string): Promise<{ removed: string[]; left: string[] }> {
  const removed: string[] = [];
  for (const root of await cgroupFolders(cgroup)) {
    for (const folder of await tree(root)) {
      await rmdir(folder).then(
        () => removed.push(folder),
        () => undefined,
      );
    }
  }
  const left = (await Promise.all((await cgroupFolders(cgroup)).map(tree))).flat();
  return { removed, left };
}
