/**
 * `emptyDir` volumes: a folder on the node's disk, or one in memory or of huge pages. It lives as long as the pod: it is set up once, and what
 * programs make of it then, its permissions included, is theirs through every restart of containers and of the agent.
 */
import fs from 'node:fs/promises';
import { integerValue } from '../../../api/quantity.ts';
import type { EmptyDirVolumeSource, Pod } from '../../../api/schema/types/core-v1.ts';
import { VolumeError } from '../config-error.ts';
import { allContainers } from '../containers.ts';
import { podResources } from '../qos.ts';
import { folderVolume, type VolumeContext, type VolumePlugin } from './plugin.ts';

const hugePages = /^HugePages(?:-(.+))?$/;

export const emptyDirPlugin: VolumePlugin = {
  field: 'emptyDir',
  usage: ({ emptyDir }) => (emptyDir?.medium ? 'memory' : 'disk'),
  async prepare(context) {
    await setUp(context, context.volume.emptyDir ?? {});
    return folderVolume(context.folder);
  },
};

async function setUp(context: VolumeContext, source: EmptyDirVolumeSource): Promise<void> {
  const { folder, mounter, pod } = context;
  const { medium = '' } = source;
  const gid = pod.spec?.securityContext?.fsGroup;
  const mode = gid === undefined ? 0o777 : 0o2777;
  const group = gid === undefined ? {} : { gid };
  if (medium === '') {
    await makeFolder(folder, mode, gid);
  } else if (medium === 'Memory') {
    await fs.mkdir(folder, { recursive: true });
    await mounter.mountMemory(folder, {
      ...group,
      // As the kernel makes the root of a tmpfs: everybody makes files in it, and each removes their own alone.
      mode: mode | 0o1000,
      sizeBytes: memoryBytes(pod, source, context.allocatable.memoryBytes),
    });
  } else if (hugePages.test(medium)) {
    const { size, bytes } = hugePagesOf(pod, medium);
    await fs.mkdir(folder, { recursive: true });
    await mounter.mountHugePages(folder, size, { ...group, mode, sizeBytes: bytes });
  } else {
    throw new VolumeError(`unknown storage medium "${medium}"`);
  }
}

/** Under another name until its owner and permissions are right: a half-made one is never taken for good. */
async function makeFolder(folder: string, mode: number, gid?: number): Promise<void> {
  if (await exists(folder)) return;
  const temporary = `${folder}~new`;
  await fs.mkdir(temporary, { recursive: true });
  if (gid !== undefined) await fs.chown(temporary, -1, gid).catch(ignoreNotPermitted);
  await fs.chmod(temporary, mode);
  await fs.rename(temporary, folder);
}

const exists = (path: string): Promise<boolean> =>
  fs.lstat(path).then(
    () => true,
    () => false,
  );

/** Only root gives files away. */
function ignoreNotPermitted(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM') throw error;
}

/** The least of what the node has for pods, the pod's own limit, and the volume's. */
export function memoryBytes(pod: Pod, { sizeLimit }: EmptyDirVolumeSource, allocatableBytes: number): number {
  const limits = [
    podResources(pod).memoryLimitBytes,
    sizeLimit === undefined ? 0 : integerValue(sizeLimit),
    allocatableBytes,
  ];
  return Math.min(...limits.filter((bytes) => bytes > 0));
}

/** Of what page size, as the kernel names it, and how much the pod asks for of it. */
export function hugePagesOf(pod: Pod, medium: string): { readonly size: string; readonly bytes: number } {
  const prefix = 'hugepages-';
  const asked = new Map<string, number>();
  for (const { resources } of allContainers(pod)) {
    for (const [name, quantity] of Object.entries(resources?.requests ?? resources?.limits ?? {})) {
      if (!name.startsWith(prefix)) continue;
      const size = name.slice(prefix.length);
      asked.set(size, (asked.get(size) ?? 0) + integerValue(quantity));
    }
  }
  const named = hugePages.exec(medium)?.[1];
  if (named === undefined && asked.size !== 1) {
    const why = asked.size === 0 ? 'requests none' : 'requests several page sizes';
    throw new VolumeError(`medium "${medium}" must name a page size ("HugePages-2Mi"), since the pod ${why}`);
  }
  const size = named ?? [...asked.keys()][0] ?? '';
  const bytes = asked.get(size);
  if (bytes === undefined) throw new VolumeError(`medium "${medium}" is not among the resources that the pod requests`);
  return { size: size.replace(/i$/, ''), bytes };
}
