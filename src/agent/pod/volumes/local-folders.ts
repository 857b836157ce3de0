/**
 * The folders of volumes that naru itself makes on this node (`naru.io/local`), one each, by the volume's name:
 *
 * ```
 *  VOLUMES/pvc-UID      made when the first pod mounts it; stays when pods go; removed when the volume is released
 * ```
 * Kept true: what is made or removed lies directly below this node's own folder of volumes, whatever the volume's object says of paths; it
 * outlives pods, agents and `naru down`.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { isLocalVolumeName } from '../../../api/local-volumes.ts';
import { VolumeError } from '../config-error.ts';
import type { Mounter } from './mounter.ts';
import { removeFolder } from './remove-folder.ts';

export class LocalFolders {
  readonly #root: string;
  readonly #mounter: Mounter;

  constructor(root: string, mounter: Mounter) {
    this.#root = root;
    this.#mounter = mounter;
  }

  /** Its path; made where it is missing. @throws VolumeError */
  async make(volume: string): Promise<string> {
    const folder = this.#folder(volume);
    await fs.mkdir(this.#root, { recursive: true, mode: 0o700 });
    await fs.mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (await isUntouched(folder)) {
      // Images run as all kinds of users, and most pods name no group. Users of the machine do not get past NARU_HOME.
      await fs.chmod(folder, 0o777);
    }
    return folder;
  }

  /** Idempotent. @throws VolumeError where something is still mounted there */
  remove(volume: string): Promise<void> {
    return removeFolder(this.#folder(volume), this.#mounter, false);
  }

  #folder(volume: string): string {
    if (!isLocalVolumeName(volume)) throw new VolumeError(`"${volume}" is not a volume that naru made`);
    return path.join(this.#root, volume);
  }
}

/** Just made, now or before a crash: nobody's yet. */
async function isUntouched(folder: string): Promise<boolean> {
  const { mode, uid } = await fs.lstat(folder);
  return (mode & 0o777) === 0o700 && uid === process.getuid?.() && (await fs.readdir(folder)).length === 0;
}
