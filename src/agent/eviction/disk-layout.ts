/** Whether images and layers lie on the disk of volumes and logs, or on one of their own. */
import fs from 'node:fs/promises';
import type { Runtime } from '../runtime.ts';
import type { DiskLayout } from './thresholds.ts';

/** @param home where volumes and logs lie. @throws Error where the runtime does not tell, or one of the two is not there */
export async function diskLayout(runtime: Runtime, home: string): Promise<DiskLayout> {
  const { mountpoint } = await runtime.imageFilesystem();
  const [images, volumes] = await Promise.all([fs.stat(mountpoint), fs.stat(home)]);
  return images.dev === volumes.dev ? 'one-disk' : 'images-apart';
}
