/** What a node does about images, put together: having them for containers, showing them as volumes, and removing them. */
import path from 'node:path';
import type { SharedImages } from '../../client/shared-images.ts';
import { pauseImageName } from '../../images/pause-image.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import type { ObjectSource } from '../object-source.ts';
import type { PodHook } from '../pod/pod-hook.ts';
import type { Runtime } from '../runtime.ts';
import { ImageCollector } from './image-collector.ts';
import { ImageKeeper, type MountImage } from './image-keeper.ts';
import { ImageMounts, imageVolumes, mountedImageIds } from './image-mounts.ts';
import { type ImageArchives, ImagesOfNodes } from './images-of-nodes.ts';
import { LocalImages, localImagesFolder } from './local-images.ts';
import { nodeCredentialFiles } from './pull-credentials.ts';
import { PullRecordFiles } from './pull-records.ts';

export interface NodeImagesOptions {
  readonly runtime: Runtime;
  readonly source: ObjectSource;
  readonly configuration: KubeletConfiguration;
  /** The node's folder; absent: it is simulated, and has no disk. */
  readonly home: string | undefined;
  /** What images of other nodes come by, and this node's go; absent: it takes part in none of that. */
  readonly sharing?: ImageSharing | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ImageSharing {
  readonly shared: SharedImages;
  readonly archives: ImageArchives;
}

export interface NodeImages {
  readonly keeper: ImageKeeper;
  readonly hooks: readonly PodHook[];
  /** What was imported on this node, for other nodes. */
  readonly local?: { readonly list: LocalImages; readonly archives: ImageArchives };
  /** Absent where there is no disk. @param event about the node */
  readonly collector?: (event: (reason: string, message: string) => void) => ImageCollector;
}

export function nodeImages(options: NodeImagesOptions): NodeImages {
  const { runtime, source, configuration, home, sharing, clock, log } = options;
  const plain = { runtime, source, clock, settings: configuration };
  if (home === undefined) return { keeper: new ImageKeeper(plain), hooks: [] };
  const records = new PullRecordFiles({
    folder: path.join(home, 'image_manager'),
    policy: configuration,
    images: () => runtime.images(),
    clock,
    log,
  });
  const mounts = imageMounts(runtime, home);
  const keeper = new ImageKeeper({
    ...plain,
    records,
    credentials: nodeCredentialFiles(credentialFiles(home)),
    mount: mounts === undefined ? refuseImageVolumes : (volume) => mounts.mount(volume),
    ...(sharing && { nodes: imagesOfNodes(options, home, sharing) }),
  });
  const collector = (event: (reason: string, message: string) => void): ImageCollector =>
    new ImageCollector({
      runtime,
      policy: configuration,
      records,
      mounted: () => mountedImageIds(imageVolumeNotes(home)),
      sandboxImages: [pauseImageName],
      event,
      clock,
      log,
    });
  const list = sharing && new LocalImages({ folder: localImagesFolder(home), images: () => runtime.images(), clock });
  const local = list && { local: { list, archives: sharing.archives } };
  return { keeper, hooks: mounts === undefined ? [] : [imageVolumes(mounts)], collector, ...local };
}

function imagesOfNodes({ runtime, clock, log }: NodeImagesOptions, home: string, sharing: ImageSharing): ImagesOfNodes {
  return new ImagesOfNodes({ ...sharing, folder: path.join(home, 'incoming-images'), runtime, clock, log });
}

/** Docker's format: the administrator's own, and what came with `registries.yaml`. */
export function credentialFiles(nodeHome: string): readonly [own: string, made: string] {
  return [path.join(nodeHome, 'config.json'), path.join(nodeHome, 'registries.json')];
}

export function imageVolumeNotes(nodeHome: string): string {
  return path.join(nodeHome, 'image-volumes');
}

function imageMounts({ imageViews }: Runtime, home: string): ImageMounts | undefined {
  if (imageViews === undefined) return undefined;
  return new ImageMounts({
    views: imageViews,
    folderOf: (uid, name) => path.join(home, 'pods', uid, 'volumes', name),
    notes: imageVolumeNotes(home),
  });
}

const refuseImageVolumes: MountImage = ({ name }) =>
  Promise.reject(
    new Error(`volume "${name}" is an image, and this container runtime cannot mount one; use containerd`),
  );
