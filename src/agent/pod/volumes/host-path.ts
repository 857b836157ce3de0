/** `hostPath` volumes: what must stand there, and what is made where it does not. */

import type { Stats } from 'node:fs';
import fs from 'node:fs/promises';
import type { HostPathVolumeSource } from '../../../api/schema/types/core-v1.ts';
import { VolumeError } from '../config-error.ts';
import { folderVolume, type VolumePlugin } from './plugin.ts';

export const hostPathPlugin: VolumePlugin = {
  field: 'hostPath',
  usage: () => 'foreign',
  async prepare({ volume }) {
    const source = volume.hostPath ?? { path: '' };
    await checkHostPath(source);
    return folderVolume(source.path);
  },
};

interface HostPathType {
  /** Undefined: whatever stands there is good. */
  readonly fits?: (stats: Stats) => boolean;
  readonly is: string;
  readonly make?: (path: string) => Promise<unknown>;
}

const makeFolder = (path: string) => fs.mkdir(path, { recursive: true, mode: 0o755 });
const makeFile = async (path: string) => (await fs.open(path, 'a', 0o644)).close();
const isFolder = (stats: Stats) => stats.isDirectory();
const isFile = (stats: Stats) => stats.isFile();

const types: ReadonlyMap<string, HostPathType> = new Map<string, HostPathType>([
  // A runtime would make the folder, as root's; here it is made before.
  ['', { is: 'anything', make: makeFolder }],
  ['DirectoryOrCreate', { is: 'a directory', fits: isFolder, make: makeFolder }],
  ['Directory', { is: 'a directory', fits: isFolder }],
  ['FileOrCreate', { is: 'a file', fits: isFile, make: makeFile }],
  ['File', { is: 'a file', fits: isFile }],
  ['Socket', { is: 'a socket file', fits: (stats) => stats.isSocket() }],
  ['CharDevice', { is: 'a character device', fits: (stats) => stats.isCharacterDevice() }],
  ['BlockDevice', { is: 'a block device', fits: (stats) => stats.isBlockDevice() }],
]);

/** @throws VolumeError where the path is not of the type that the pod names */
export async function checkHostPath({ path, type = '' }: HostPathVolumeSource): Promise<void> {
  const wanted = types.get(type);
  if (wanted === undefined) throw new VolumeError(`hostPath type check failed: ${type} is not a type of hostPath`);
  const stats = await fs.stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (stats === undefined && wanted.make !== undefined) {
    await wanted.make(path);
  } else if (stats === undefined || wanted.fits?.(stats) === false) {
    throw new VolumeError(`hostPath type check failed: ${path} is not ${wanted.is}`);
  }
}
