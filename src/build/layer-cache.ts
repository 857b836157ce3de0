/**
 * Layers that were made before, by what they are made of: a file with the tar, and one beside it that describes it. The description is written last, so what
 * was cut off counts as absent. Bounded: the layers that were not used for longest go first.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { MadeLayer } from '../images/archive-writer.ts';
import type { Clock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';

export class LayerCache {
  readonly #folder: string;
  readonly #clock: Clock;

  constructor(cache: string, clock: Clock) {
    this.#folder = path.join(cache, 'layers');
    this.#clock = clock;
  }

  /** @param key a file name @param make writes the layer's file */
  async get(key: string, make: (file: string) => Promise<MadeLayer>): Promise<MadeLayer> {
    const known = await this.#read(key);
    if (known !== undefined) return known;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const work = await mkdtemp(path.join(this.#folder, '.new-'));
    try {
      const layer = { ...(await make(path.join(work, 'layer'))), file: this.#tarOf(key) };
      await rename(path.join(work, 'layer'), layer.file);
      await writeFile(path.join(work, 'description'), JSON.stringify(layer), { mode: 0o600 });
      await rename(path.join(work, 'description'), this.#descriptionOf(key));
      await this.#prune();
      return layer;
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  #tarOf(key: string): string {
    return path.join(this.#folder, `${key}.tar`);
  }

  #descriptionOf(key: string): string {
    return path.join(this.#folder, `${key}.json`);
  }

  async #read(key: string): Promise<MadeLayer | undefined> {
    try {
      const layer = JSON.parse(await readFile(this.#descriptionOf(key), 'utf8')) as MadeLayer;
      if ((await stat(this.#tarOf(key))).size !== layer.sizeBytes) return undefined;
      const now = new Date(this.#clock.now());
      await utimes(this.#descriptionOf(key), now, now);
      return { ...layer, file: this.#tarOf(key) };
    } catch {
      return undefined;
    }
  }

  async #prune(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith('.json'));
    const keys = names.map((name) => name.slice(0, -'.json'.length));
    const known = await Promise.all(
      keys.map(async (key) => {
        const usedMs = (await stat(this.#descriptionOf(key)).catch(() => undefined))?.mtimeMs ?? 0;
        const bytes = (await stat(this.#tarOf(key)).catch(() => undefined))?.size ?? 0;
        return { key, usedMs, bytes };
      }),
    );
    let bytes = 0;
    for (const layer of known.sort((a, b) => b.usedMs - a.usedMs)) {
      bytes += layer.bytes;
      if (bytes <= limits.buildCacheBytesMax) continue;
      for (const file of [this.#descriptionOf(layer.key), this.#tarOf(layer.key)]) await rm(file, { force: true });
    }
  }
}
