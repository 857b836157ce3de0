/**
 * Paths inside a volume, which programs in the pod may change at any moment: a path is resolved, checked, and then walked part by part,
 * each opened below its parent's handle and never through a link. What comes back is a handle, so that whatever is swapped later
 * changes nothing.
 */
import { constants } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { ConfigError } from '../config-error.ts';

/** Names a thing without opening it for reading. Node does not list it. */
const oPath = 0o10000000;
const closed = constants.O_NOFOLLOW | oPath;

/** Where the handle's thing is found by this process and its children, whatever its name is by now. */
export const pathOf = (handle: FileHandle): string => `/proc/${process.pid}/fd/${handle.fd}`;

/** @throws ConfigError where it is absolute, or goes up */
export function checkSubPath(subPath: string): void {
  if (path.isAbsolute(subPath)) throw new ConfigError(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split('/').includes('..')) {
    throw new ConfigError(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  }
}

/**
 * What `subPath` means in the folder `root`; links are followed where they lead to another place in it. The caller closes it.
 * @throws Error where there is no such thing, or it lies outside
 */
export async function openInside(root: string, subPath: string): Promise<FileHandle> {
  const real = await fs.realpath(root);
  return walk(real, inside(real, await fs.realpath(path.join(real, subPath))));
}

/**
 * Makes the folders of `subPath` that are not there, with the permissions of `root`.
 * @throws Error where the way leads outside
 */
export async function makeInside(root: string, subPath: string): Promise<void> {
  const real = await fs.realpath(root);
  const mode = (await fs.stat(real)).mode & 0o7777;
  const parts = path.normalize(subPath).split('/').filter(Boolean);
  let have = parts.length;
  let found: string | undefined;
  for (; found === undefined; have--) {
    found = await fs.realpath(path.join(real, ...parts.slice(0, have))).catch(() => undefined);
    if (found !== undefined) break;
  }
  let handle = await walk(real, inside(real, found ?? real));
  try {
    for (const part of parts.slice(have)) {
      await fs.mkdir(`${pathOf(handle)}/${part}`, { mode }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      handle = await step(handle, part);
      // The umask took bits away.
      await fs.chmod(pathOf(handle), mode);
    }
  } finally {
    await handle.close();
  }
}

/** @returns the way from `root` to `found` */
function inside(root: string, found: string): readonly string[] {
  if (found === root) return [];
  if (!found.startsWith(root === '/' ? '/' : `${root}/`)) throw new Error(`${found} is not within ${root}`);
  return path.relative(root, found).split('/');
}

async function walk(root: string, parts: readonly string[]): Promise<FileHandle> {
  let handle = await fs.open(root, closed);
  for (const part of parts) handle = await step(handle, part);
  return handle;
}

/** From a folder to what it holds. The folder's handle is closed, whatever happens. */
async function step(folder: FileHandle, name: string): Promise<FileHandle> {
  try {
    const next = await fs.open(`${pathOf(folder)}/${name}`, closed);
    if (!(await next.stat()).isSymbolicLink()) return next;
    await next.close();
    throw new Error(`${name} became a link while it was looked at`);
  } finally {
    await folder.close();
  }
}
