/** `image` volumes: a folder, on which the image is mounted when it is there (`agent/images/image-mounts.ts`). */
import fs from 'node:fs/promises';
import { folderVolume, type VolumePlugin } from './plugin.ts';

export const imagePlugin: VolumePlugin = {
  field: 'image',
  usage: () => 'foreign',
  async prepare({ folder }) {
    await fs.mkdir(folder, { recursive: true, mode: 0o755 });
    return folderVolume(folder, true);
  },
};
