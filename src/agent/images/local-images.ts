/**
 * Which images somebody made or imported on this node: the command that imports one leaves a note in `NODE/local-images`, a file for each name. The node
 * tells them in an annotation of its Node, so that other nodes can have them (`api/shared-images.ts`).
 *
 * Kept true: an image is told only while the name still stands for what was imported; a note whose image went is removed. A node without notes
 * asks nobody and tells nothing.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { formatLocalImages, type LocalImage, localImageOf, localImagesAnnotation } from '../../api/shared-images.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { writePrivateFile } from '../../lib/private-file.ts';
import type { Service } from '../../lib/service.ts';
import { PathWatch } from '../path-watch.ts';
import type { ImageStatus } from '../runtime.ts';

export const localImagesFolder = (nodeHome: string): string => path.join(nodeHome, 'local-images');

/** By the command that brought it. */
export async function noteLocalImage(folder: string, image: LocalImage): Promise<void> {
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  await writePrivateFile(path.join(folder, fileOf(image.name)), JSON.stringify(image));
}

const fileOf = (name: string): string => createHash('sha256').update(name).digest('hex');

export interface LocalImagesOptions {
  readonly folder: string;
  readonly images: () => Promise<readonly ImageStatus[]>;
  readonly clock: Clock;
}

/** The CRI sees an image a moment after the command that brought it. */
const keptMsMin = 60_000;

export class LocalImages implements Service {
  readonly name = 'local images';
  readonly #options: LocalImagesOptions;
  readonly #watch: PathWatch;
  #changed: () => void = () => {};

  constructor(options: LocalImagesOptions) {
    this.#options = options;
    this.#watch = new PathWatch(options.folder, () => this.#changed());
  }

  async start(): Promise<void> {
    await fs.mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
    this.#watch.open();
  }

  async close(): Promise<void> {
    this.#watch.close();
  }

  /** A note came or went: called also several times for one. */
  onChange(listener: () => void): void {
    this.#changed = listener;
  }

  /** The newest first, and not more than are told. @throws RuntimeError where the runtime does not answer */
  async list(): Promise<readonly LocalImage[]> {
    const { folder, images, clock } = this.#options;
    const notes = await readNotes(folder);
    if (notes.length === 0) return [];
    const here = new Map((await images()).flatMap(({ id, tags }) => tags.map((tag) => [tag, id] as const)));
    for (const { name, importedAtMs } of notes) {
      const isOld = clock.now() - importedAtMs > keptMsMin;
      if (!here.has(name) && isOld) await fs.rm(path.join(folder, fileOf(name)), { force: true });
    }
    return notes
      .filter(({ name, id }) => here.get(name) === id)
      .toSorted((a, b) => b.importedAtMs - a.importedAtMs)
      .slice(0, limits.localImagesMax);
  }

  /** Null: the Node is to have none. */
  async annotations(): Promise<Readonly<Record<string, string | null>>> {
    const images = await this.list();
    return { [localImagesAnnotation]: images.length === 0 ? null : formatLocalImages(images) };
  }
}

async function readNotes(folder: string): Promise<readonly LocalImage[]> {
  const files = await fs.readdir(folder).catch(() => []);
  const notes = await Promise.all(
    files.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => readNote(path.join(folder, name))),
  );
  return notes.filter((note) => note !== undefined);
}

async function readNote(file: string): Promise<LocalImage | undefined> {
  try {
    return localImageOf(JSON.parse(await fs.readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
