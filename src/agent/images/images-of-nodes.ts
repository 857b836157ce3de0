/**
 * An image that this node lacks, from a node on which it was made or imported: asked for at the server, brought in as an archive.
 *
 * Kept true: what comes has the digest that the server told, under that one name, or it is not kept; an archive lies on this disk only while it is brought in;
 * one image is fetched once at a time, whoever waits for it.
 */
import { createWriteStream } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ImageOffer } from '../../api/shared-images.ts';
import type { SharedImages } from '../../client/shared-images.ts';
import { checkImageArchive } from '../../images/archive-reader.ts';
import { normalizeImageName } from '../../images/reference.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Runtime } from '../runtime.ts';

/** What the machine's container runtime does with archives, beside the CRI. */
export interface ImageArchives {
  /** Bytes as they come; what goes wrong is the stream's error. Destroying it ends it. */
  readonly export: (name: string) => Readable;
  /** Resolves when pods can use what it holds. @throws Error */
  readonly import: (file: string) => Promise<unknown>;
}

export interface ImagesOfNodesOptions {
  readonly shared: SharedImages;
  readonly archives: Pick<ImageArchives, 'import'>;
  /** For archives on their way; others have no business there. */
  readonly folder: string;
  readonly runtime: Pick<Runtime, 'imageStatus' | 'removeImage'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface FetchedImage {
  readonly imageId: string;
  readonly sizeBytes: number;
  readonly tookMs: number;
  /** Absent: it came while this was asked. */
  readonly node?: string;
}

/** A server that does not answer holds no pull up for longer. */
const offerMsMax = 5_000;

export class ImagesOfNodes {
  readonly #options: ImagesOfNodesOptions;
  readonly #fetches = new Map<string, Promise<FetchedImage>>();
  #prepared: Promise<void> | undefined;

  constructor(options: ImagesOfNodesOptions) {
    this.#options = options;
  }

  /**
   * Undefined: no node has it.
   * @param inTurn runs what loads the network and the disk when it may begin
   * @throws Error that says which node did not give it, and why
   */
  async fetch(image: string, inTurn: <T>(task: () => Promise<T>) => Promise<T>): Promise<FetchedImage | undefined> {
    const name = normalizeImageName(image);
    const offers = await this.#offers(name);
    if (offers.length === 0) return undefined;
    const running = this.#fetches.get(name);
    if (running !== undefined) return running;
    const fetch = inTurn(() => this.#fetchFirst(name, offers)).finally(() => this.#fetches.delete(name));
    this.#fetches.set(name, fetch);
    return fetch;
  }

  async #offers(name: string): Promise<readonly ImageOffer[]> {
    const { shared, clock, log } = this.#options;
    const answered = new AbortController();
    const late = clock.sleep(offerMsMax, answered.signal).then(() => Promise.reject(new Error('no answer in time')));
    late.catch(() => {});
    try {
      return await Promise.race([shared.offers(name), late]);
    } catch (error) {
      log.debug('whether a node has an image cannot be asked', { image: name, error });
      return [];
    } finally {
      answered.abort(new Error('it has answered'));
    }
  }

  async #fetchFirst(name: string, offers: readonly ImageOffer[]): Promise<FetchedImage> {
    const { runtime, clock } = this.#options;
    const startedMs = clock.monotonic();
    const here = await runtime.imageStatus(name);
    if (here !== undefined) return { imageId: here.id, sizeBytes: here.sizeBytes, tookMs: 0 };
    const problems: string[] = [];
    for (const offer of offers) {
      try {
        const sizeBytes = await this.#bring(name, offer);
        return { imageId: offer.id, sizeBytes, tookMs: clock.monotonic() - startedMs, node: offer.node };
      } catch (error) {
        problems.push(`node "${offer.node}", where it was imported, did not give it: ${(error as Error).message}`);
      }
    }
    throw new Error(problems.join('; '));
  }

  /** Resolves with the image's size. */
  async #bring(name: string, { node, id }: ImageOffer): Promise<number> {
    const { shared, archives, folder, runtime } = this.#options;
    this.#prepared ??= emptyFolder(folder);
    await this.#prepared;
    const file = path.join(folder, `${id.replace(':', '-')}.tar`);
    try {
      const body = await shared.open(name, node);
      await this.#receive(body, file);
      const names = new Set((await checkImageArchive(file)).names.map(normalizeImageName));
      if (names.size !== 1 || !names.has(name))
        throw new Error(`what came is named ${[...names].join(', ') || 'nothing'}`);
      await archives.import(file);
    } finally {
      await fs.rm(file, { force: true });
    }
    const image = await runtime.imageStatus(name);
    if (image?.id === id) return image.sizeBytes;
    if (image !== undefined) await runtime.removeImage(image.id);
    throw new Error(`what came is ${image?.id ?? 'nothing'}, and should be ${id}`);
  }

  async #receive(body: Readable, file: string): Promise<void> {
    const { clock } = this.#options;
    const idle = (): Error => new Error(`nothing came for ${limits.sharedImageIdleMsMax / 1000} s`);
    const watched = () => clock.after(limits.sharedImageIdleMsMax, () => body.destroy(idle()));
    let late = watched();
    let bytes = 0;
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        late.cancel();
        late = watched();
        bytes += chunk.length;
        if (bytes > limits.sharedImageBytesMax) done(new Error(`it has more than ${limits.sharedImageBytesMax} bytes`));
        else done(null, chunk);
      },
    });
    try {
      await pipeline(body, counted, createWriteStream(file, { mode: 0o600 }));
    } finally {
      late.cancel();
    }
  }
}

/** What a killed agent left there goes. */
async function emptyFolder(folder: string): Promise<void> {
  await fs.rm(folder, { recursive: true, force: true });
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
}
