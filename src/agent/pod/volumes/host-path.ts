/** `hostPath` volumes: what must stand there, and what is made where it does not. */

import type { Stats } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { HostPathVolumeSource } from '../../../api/schema/types/core-v1.ts';
import { VolumeError } from '../config-error.ts';

/** @throws VolumeError where the path is not of the type that the pod names */
export async function checkHostPath({ path: hostPath, type = '' }: HostPathVolumeSource): Promise<void> {
  const stats = await fs.stat(hostPath).catch(() => undefined);
  if (stats === undefined) {
    await make(hostPath, type);
    return;
  }
  if (!isOfType(stats, type)) throw new VolumeError(`hostPath type check failed: ${hostPath} is not ${words[type]}`);
}

const words: Readonly<Record<string, string>> = {
  Directory: 'a directory',
  DirectoryOrCreate: 'a directory',
  File: 'a file',
  FileOrCreate: 'a file',
  Socket: 'a socket file',
  CharDevice: 'a character device',
  BlockDevice: 'a block device',
};

async function make(hostPath: string, type: string): Promise<void> {
  if (type === '' || type === 'DirectoryOrCreate') {
    await fs.mkdir(hostPath, { recursive: true, mode: 0o755 });
  } else if (type === 'FileOrCreate') {
    await fs.writeFile(hostPath, '', { flag: 'a', mode: 0o644 }).catch((error: unknown) => {
      throw new VolumeError(`cannot make ${hostPath} in ${path.dirname(hostPath)}`, { cause: error });
    });
  } else {
    throw new VolumeError(`hostPath type check failed: ${hostPath} is not ${words[type]}`);
  }
}

function isOfType(stats: Stats, type: string): boolean {
  if (type === 'Directory' || type === 'DirectoryOrCreate') return stats.isDirectory();
  if (type === 'File' || type === 'FileOrCreate') return stats.isFile();
  if (type === 'Socket') return stats.isSocket();
  if (type === 'CharDevice') return stats.isCharacterDevice();
  return type !== 'BlockDevice' || stats.isBlockDevice();
}
