/**
 * A kind of volume: how it is made for a pod, and what containers get of it. `plugins.ts` is the table of all; `pod-folders.ts` walks it.
 *
 * Kept true: `prepare` is idempotent, and leaves what it made in an earlier life of the agent as it is. What a plugin makes lies in the
 * folder that it is given, or is the volume's own business (a path of the machine): the pod's folder goes as a whole at the end, mounts first.
 */
import type { Pod, Volume } from '../../../api/schema/types/core-v1.ts';
import type { ClaimSource } from '../../object-source.ts';
import type { LocalFolders } from './local-folders.ts';
import type { Mounter } from './mounter.ts';
import type { ProjectionFacts } from './projected-files.ts';
import type { VolumeBook } from './volume-book.ts';

export interface VolumeContext extends ProjectionFacts {
  readonly source: ProjectionFacts['source'] & ClaimSource;
  readonly pod: Pod;
  readonly volume: Volume;
  /** The volume's own place on the disk of the node. Its parent is there. */
  readonly folder: string;
  /** The same in memory, for what must never lie on a disk. Its parent may not be there. */
  readonly memoryFolder: () => Promise<string>;
  readonly mounter: Mounter;
  /** Which PersistentVolumes the node's pods use. */
  readonly book: VolumeBook;
  /** Those that naru makes itself. */
  readonly localFolders: LocalFolders;
}

export interface PreparedVolume {
  /** What containers mount; the device itself where `isBlock`. */
  readonly path: string;
  readonly isBlock: boolean;
  /** Whatever the container's mount says. */
  readonly readOnly: boolean;
  /** Processes in the pod's containers belong to this group, too. */
  readonly gid?: number;
  /** Its PersistentVolume. */
  readonly volumeName?: string;
}

export interface VolumePlugin {
  /** The field of `Volume` that says it is of this kind. */
  readonly field: keyof Volume;
  /** Whose bytes these are: the pod's, of the node's disk (`ephemeral-storage`); memory; or somebody else's. */
  usage(volume: Volume): 'disk' | 'memory' | 'foreign';
  /** It is made from objects, and `prepare` brings it up to date. Others are prepared once. */
  readonly isRefreshed?: true;
  /** @throws Error with why it cannot be; VolumeError where its message stands for itself */
  prepare(context: VolumeContext): Promise<PreparedVolume>;
  /** When `prepare` must be called again though no object has changed; absent: never. */
  refreshAtMs?(context: VolumeContext): number;
}

export const folderVolume = (path: string, readOnly = false): PreparedVolume => ({ path, isBlock: false, readOnly });
