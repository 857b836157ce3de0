/**
 * Files that change all at once, the way that pods know them:
 *
 * ```
 * volume/key       ──▶ ..data/key            what the pod opens
 * volume/..data    ──▶ ..2026_11_21_01_02_03.4   replaced by a rename
 * volume/..2026_…/key                        the files themselves
 * ```
 * A reader sees the old files or the new ones, never some of each. What did not change is not touched.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { VolumeError } from '../config-error.ts';

export interface FolderFile {
  readonly data: Buffer;
  /** Permission bits. */
  readonly mode: number;
  /** The user that owns it; the agent's where absent. */
  readonly uid?: number;
}

export type FolderContent = ReadonlyMap<string, FolderFile>;

const dataLink = '..data';

/**
 * @param gid the group that owns the files; absent: nobody's in particular
 * @throws VolumeError where a path leads out of the folder
 */
export async function writeFolder(folder: string, content: FolderContent, gid?: number): Promise<void> {
  for (const name of content.keys()) checkPath(name);
  const version = `..${fingerprint(content)}`;
  const current = await fs.readlink(path.join(folder, dataLink)).catch(() => undefined);
  if (current !== version) {
    await makeFolder(folder, 0o777, gid);
    await writeVersion(path.join(folder, version), content, gid);
    await replaceLink(folder, dataLink, version);
  }
  // Also where nothing changed: an earlier life may have ended between the two.
  await linkVisible(folder, content);
  await removeOldVersions(folder, version);
}

const pathBytesMax = 4096;
const nameBytesMax = 255;

function checkPath(name: string): void {
  const parts = name.split('/');
  let problem: string | undefined;
  if (name === '') problem = 'must not be empty';
  else if (path.isAbsolute(name)) problem = 'must be relative path';
  else if (Buffer.byteLength(name) > pathBytesMax) problem = `must be less than or equal to ${pathBytesMax} characters`;
  else if (parts.includes('..')) problem = "must not contain '..'";
  else if (name.startsWith('..')) problem = "must not start with '..'";
  else if (parts.some((part) => Buffer.byteLength(part) > nameBytesMax)) {
    problem = `filenames must be less than or equal to ${nameBytesMax} characters`;
  }
  if (problem !== undefined) throw new VolumeError(`invalid path: ${problem}: ${name.slice(0, 200)}`);
}

function fingerprint(content: FolderContent): string {
  const hash = createHash('sha256');
  for (const [name, { data, mode, uid = -1 }] of [...content].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name.length}:${name}${mode}:${uid}:${data.length}:`).update(data);
  }
  return hash.digest('hex').slice(0, 24);
}

/** What is made anew in a group's folder is the group's. The umask takes no bits away. */
async function makeFolder(folder: string, mode: number, gid?: number): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  if (gid !== undefined) await fs.chown(folder, -1, gid).catch(ignoreNotPermitted);
  await fs.chmod(folder, gid === undefined ? mode : mode | 0o2000);
}

/** `a/b/c`: `a`, `a/b`. */
function parentsOf(name: string): readonly string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** The umask must not take bits away that the pod asked for, hence the chmod. */
async function writeVersion(folder: string, content: FolderContent, gid?: number): Promise<void> {
  await fs.rm(folder, { recursive: true, force: true });
  await makeFolder(folder, 0o755, gid);
  for (const [name, { data, mode, uid = -1 }] of content) {
    const file = path.join(folder, name);
    for (const parent of parentsOf(name)) await makeFolder(path.join(folder, parent), 0o755, gid);
    await fs.writeFile(file, data, { mode: 0o600 });
    if (gid !== undefined || uid !== -1) await fs.chown(file, uid, gid ?? -1).catch(ignoreNotPermitted);
    await fs.chmod(file, gid === undefined ? mode : mode | 0o440);
  }
}

/** One link for each name at the top; those of names that are gone are taken away. */
async function linkVisible(folder: string, content: FolderContent): Promise<void> {
  const names = new Set([...content.keys()].map((name) => name.split('/', 1)[0] ?? name));
  for (const name of await fs.readdir(folder)) {
    if (!name.startsWith('..') && !names.has(name)) await fs.rm(path.join(folder, name), { force: true });
  }
  for (const name of names) {
    const target = path.join(dataLink, name);
    const found = await fs.readlink(path.join(folder, name)).catch(() => undefined);
    if (found !== target) await replaceLink(folder, name, target);
  }
}

async function removeOldVersions(folder: string, version: string): Promise<void> {
  for (const name of await fs.readdir(folder)) {
    const isOld = name.startsWith('..') && name !== dataLink && name !== version;
    if (isOld) await fs.rm(path.join(folder, name), { recursive: true, force: true });
  }
}

async function replaceLink(folder: string, name: string, target: string): Promise<void> {
  const temporary = path.join(folder, `..tmp-${name}`);
  await fs.rm(temporary, { force: true });
  await fs.symlink(target, temporary);
  await fs.rename(temporary, path.join(folder, name));
}

function ignoreNotPermitted(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM') throw error;
}
