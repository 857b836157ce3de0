/**
 * Keeps a node's images from filling its disk: looks every five minutes, and removes what `decide-image-gc.ts` says. Eviction asks for all
 * unused ones at once (`deleteUnused`).
 */
import fs from 'node:fs/promises';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import type { ImageStatus, Runtime } from '../runtime.ts';
import {
  bytesToFree,
  type CollectionPolicy,
  type Disk,
  type ImageRecords,
  observeImages,
  outdatedImages,
  removableImages,
} from './decide-image-gc.ts';
import type { PullRecords } from './pull-records.ts';

const periodMs = 5 * 60_000;

export interface ImageCollectorOptions {
  readonly runtime: Runtime;
  readonly policy: CollectionPolicy;
  readonly records: PullRecords;
  /** Ids of images that volumes show. */
  readonly mounted: () => Promise<ReadonlySet<string>>;
  /** Never removed: what every sandbox is made from, by name. */
  readonly sandboxImages: readonly string[];
  /** About the node. */
  readonly event: (reason: string, message: string) => void;
  /** Of the file system that holds `folder`; the machine's own where absent. */
  readonly disk?: (folder: string) => Promise<Disk>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class ImageCollector implements Service {
  readonly name = 'images';
  readonly #options: ImageCollectorOptions;
  readonly #stop = new AbortController();
  readonly #startedAtMs: number;
  #known: ImageRecords | undefined;
  #failures = 0;
  #running: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.now();
  }

  start(): Promise<void> {
    this.#running ??= this.#run();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    await this.#running;
  }

  /** Removes every unused image that is not too young. Resolves with how many bytes they took. @throws Error where some could not go */
  deleteUnused(): Promise<number> {
    return this.#inTurn(async () => {
      const nowMs = this.#options.clock.now();
      const records = await this.#observe(nowMs);
      return this.#remove(removableImages(records, this.#options.policy, nowMs), Number.POSITIVE_INFINITY);
    });
  }

  /** One look. @throws Error that says why the disk is not as it should be */
  collect(): Promise<void> {
    return this.#inTurn(() => this.#collect());
  }

  async #run(): Promise<void> {
    const { clock, log, event } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.collect();
        this.#failures = 0;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        log.warn('images could not be collected', { error });
        // The first time, the runtime may not know yet what lies on its disk.
        if (++this.#failures > 1) event('ImageGCFailed', message);
      }
      await clock.sleep(periodMs, signal).catch(() => {});
    }
  }

  async #collect(): Promise<void> {
    const { clock, policy, records, runtime, event, log } = this.#options;
    const nowMs = clock.now();
    const known = await this.#observe(nowMs);
    await records.prune(new Set(known.keys()), nowMs);
    const outdated = outdatedImages(known, policy, { startedAtMs: this.#startedAtMs, nowMs });
    await this.#remove(outdated, Number.POSITIVE_INFINITY);
    const { mountpoint } = await runtime.imageFilesystem();
    const disk = await (this.#options.disk ?? diskOf)(mountpoint);
    if (disk.capacityBytes === 0) {
      const message = 'invalid capacity 0 on image filesystem';
      event('InvalidDiskCapacity', message);
      throw new Error(message);
    }
    const wanted = bytesToFree(disk, policy);
    if (wanted === 0) return;
    log.info('the disk of the images is too full', { mountpoint, bytesToFree: wanted });
    const freed = await this.#remove(removableImages(this.#known ?? known, policy, nowMs), wanted);
    if (freed >= wanted) return;
    const message = `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`;
    event('FreeDiskSpaceFailed', message);
    throw new Error(message);
  }

  async #observe(nowMs: number): Promise<ImageRecords> {
    const { runtime, mounted, sandboxImages } = this.#options;
    // Containers last: an image that one of them begins to use meanwhile then counts as used.
    const [images, volumes] = [await runtime.images(), await mounted()];
    const { containers } = await runtime.state();
    const used = new Set([
      ...volumes,
      ...sandboxImages,
      ...containers.flatMap(({ imageRef, image }) => [imageRef, image]),
    ]);
    this.#known = observeImages(this.#known, images, used, nowMs);
    return this.#known;
  }

  /** Until `enough` bytes went. What cannot be removed does not hold up the rest. */
  async #remove(images: readonly ImageStatus[], enough: number): Promise<number> {
    const { runtime, log } = this.#options;
    const problems: string[] = [];
    const left = new Map(this.#known);
    let freed = 0;
    for (const { id, tags, sizeBytes } of images) {
      if (freed >= enough) break;
      try {
        await runtime.removeImage(id);
        log.info('removed an image that nothing uses', { id, tags, sizeBytes });
        left.delete(id);
        freed += sizeBytes;
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    this.#known = left;
    if (problems.length === 0) return freed;
    throw new Error(`freed ${freed} bytes, and ${problems.length} images could not be removed: ${problems.join('; ')}`);
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(task);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

async function diskOf(folder: string): Promise<Disk> {
  const { blocks, bavail, bsize } = await fs.statfs(folder);
  return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize };
}
