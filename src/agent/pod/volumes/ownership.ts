/**
 * The group that owns a volume (`fsGroup`): everything in it becomes the group's, readable and writable, and what is made in its folders stays
 * the group's (set-group-id). Links are not followed, and every thing is changed through a handle, since others may be writing.
 */
import { constants, type Stats } from 'node:fs';
import fs from 'node:fs/promises';
import { pathOf } from './safe-path.ts';

export interface Ownership {
  readonly gid: number;
  /** `OnRootMismatch`: nothing is done where the volume's root is right already. */
  readonly policy: 'Always' | 'OnRootMismatch';
}

const oPath = 0o10000000;
const setGroupId = 0o2000;
const groupMayWrite = 0o660;
const groupMayEnter = 0o110;
/** Folders open at the same time. */
const depthMax = 200;

export async function giveToGroup(root: string, { gid, policy }: Ownership): Promise<void> {
  if (policy === 'OnRootMismatch' && isRight(await fs.stat(root), gid)) return;
  await give(root, gid, 0, oPath);
}

function isRight(stats: Stats, gid: number): boolean {
  const wanted = setGroupId | groupMayWrite | groupMayEnter;
  return stats.gid === gid && stats.isDirectory() && (stats.mode & wanted) === wanted;
}

/** Children first: a root that is right tells that all is. */
async function give(at: string, gid: number, depth: number, flags = oPath | constants.O_NOFOLLOW): Promise<void> {
  if (depth > depthMax) throw new Error(`folders lie within each other deeper than ${depthMax}`);
  const handle = await fs.open(at, flags);
  try {
    const stats = await handle.stat();
    const own = pathOf(handle);
    if (stats.isSymbolicLink()) {
      await fs.lchown(at, stats.uid, gid);
      return;
    }
    if (stats.isDirectory()) {
      for await (const { name } of await fs.opendir(own)) await giveEntry(`${own}/${name}`, gid, depth + 1);
    }
    const more = stats.isDirectory() ? groupMayWrite | groupMayEnter | setGroupId : groupMayWrite;
    // In this order: a new owner takes set-id bits away.
    await fs.chown(own, stats.uid, gid);
    await fs.chmod(own, (stats.mode & 0o7777) | more);
  } finally {
    await handle.close();
  }
}

/** Programs may take it away meanwhile. */
async function giveEntry(at: string, gid: number, depth: number): Promise<void> {
  await give(at, gid, depth).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
