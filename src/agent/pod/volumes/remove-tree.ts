/**
 * Removes a folder with all that is in it, while programs may still change what is in it: each folder is opened below its parent's handle and
 * never through a link, so that what is swapped for a link meanwhile leads nowhere else.
 *
 * ```
 *  round: what is in the folder goes, folders after what they hold ──▶ is it empty? ── no ──▶ another round
 *         └─ deeper than a path may be long, or handles reach: moved up beside the first ones, for the next round
 * ```
 * Names are bytes: programs may choose any.
 */
import { constants } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import { pathOf } from './safe-path.ts';

const asFolder = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Each level holds one handle open. */
const depthMax = 64;
/** Somebody who goes on making files is given up on; a tree that is deeper than all others takes one for every `depthMax` levels. */
const roundsMax = 10_000;

/** Nothing where there is none. @throws Error of the file system where something stays */
export async function removeTree(folder: string): Promise<void> {
  const root = await fs.open(folder, asFolder).catch(unlessCode('ENOENT'));
  if (root === undefined) return;
  try {
    const removal = new Removal(root);
    for (let round = 0; round < roundsMax && (await removal.round()); round++);
  } finally {
    await root.close();
  }
  await fs.rmdir(folder).catch(unlessCode('ENOENT'));
}

class Removal {
  readonly #root: FileHandle;
  #moved = 0;
  #removed = 0;

  constructor(root: FileHandle) {
    this.#root = root;
  }

  /** Whether another one may bring it further. */
  async round(): Promise<boolean> {
    this.#removed = 0;
    await this.#empty(this.#root, 0);
    return this.#removed > 0;
  }

  async #empty(folder: FileHandle, depth: number): Promise<void> {
    for (const name of await fs.readdir(pathOf(folder), { encoding: 'buffer' })) {
      const place = within(folder, name);
      try {
        await fs.unlink(place);
        this.#removed++;
      } catch (error) {
        const code = codeOf(error);
        if (code === 'EISDIR') await this.#removeFolder(place, depth + 1);
        else if (code !== 'ENOENT') throw error;
      }
    }
  }

  async #removeFolder(place: Buffer, depth: number): Promise<void> {
    if (depth > depthMax) return this.#moveUp(place);
    const folder = await fs.open(place, asFolder).catch(unlessCode(...swapped));
    if (folder === undefined) return;
    try {
      await this.#empty(folder, depth);
    } finally {
      await folder.close();
    }
    await fs.rmdir(place).then(
      () => {
        this.#removed++;
      },
      unlessCode(...swapped, 'ENOTEMPTY', 'EEXIST'),
    );
  }

  async #moveUp(place: Buffer): Promise<void> {
    // What bears the name already is passed over, and goes by itself.
    const goal = within(this.#root, Buffer.from(`.naru-removed-${this.#moved++}`));
    await fs.rename(place, goal).then(
      () => {
        this.#removed++;
      },
      unlessCode('ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EISDIR'),
    );
  }
}

/** It is gone, or something else by now: the next round sees. */
const swapped = ['ENOENT', 'ENOTDIR', 'ELOOP'] as const;

const within = (folder: FileHandle, name: Buffer): Buffer => Buffer.concat([Buffer.from(`${pathOf(folder)}/`), name]);

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

const unlessCode =
  (...codes: readonly string[]) =>
  (error: unknown): undefined => {
    if (!codes.includes(codeOf(error))) throw error;
  };
