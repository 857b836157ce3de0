/**
 * The end of a pod's folder: mounts first, the last made first, and the files only when nothing is mounted there any more. So nothing outside of
 * the folder is ever removed: what is mounted is let go, and links are removed, not followed.
 */
import { VolumeError } from '../config-error.ts';
import type { Mounter } from './mounter.ts';
import { removeTree } from './remove-tree.ts';

/** @param lazily what is busy is taken out of the tree all the same, and ends with its last user */
export async function removeFolder(folder: string, mounter: Mounter, lazily: boolean): Promise<void> {
  await mounter.unmountBelow(folder, lazily);
  const left = await mounter.mountsAt(folder);
  if (left.length > 0) throw new VolumeError(`${folder} is not removed: ${left[0]} is still mounted`);
  await removeTree(folder);
}
