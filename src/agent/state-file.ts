/**
 * What the agent must know again after a restart, as one JSON file in the node's folder: whole, old or new, at every moment (written beside,
 * synced, renamed), and nobody else's to read. Several changes that come while it is being written share the next writing.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../lib/log.ts';

const version = 1;
/** Some thousand pods; a larger file is none of ours. */
const fileBytesMax = 16 * 2 ** 20;

export interface StateStore<T> {
  /** Undefined where there is none, or none that can be read. */
  load(): Promise<T | undefined>;
  /** Resolves when what `content` gives, as it is when the writing begins, is safe. */
  save(content: () => T): Promise<void>;
  /** Resolves when nothing is being written. */
  settled(): Promise<void>;
}

export class StateFile<T> implements StateStore<T> {
  readonly #file: string;
  readonly #parse: (content: unknown) => T;
  readonly #log: Logger;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** @param parse throws Error that says what is wrong with the content */
  constructor(file: string, parse: (content: unknown) => T, log: Logger) {
    this.#file = file;
    this.#parse = parse;
    this.#log = log;
  }

  async load(): Promise<T | undefined> {
    try {
      const { size } = await fs.stat(this.#file);
      if (size > fileBytesMax) throw new Error(`it has ${size} bytes; at most ${fileBytesMax} are read`);
      const read = JSON.parse(await fs.readFile(this.#file, 'utf8')) as { version?: unknown; content?: unknown };
      if (read.version !== version) throw new Error(`it is not of version ${version}`);
      return this.#parse(read.content);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log.error('what was kept for a restart cannot be read', { file: this.#file, error });
      }
      return undefined;
    }
  }

  save(content: () => T): Promise<void> {
    this.#next ??= this.#writing
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        this.#writing = this.#write(JSON.stringify({ version, content: content() }));
        return this.#writing;
      });
    return this.#next;
  }

  async settled(): Promise<void> {
    await (this.#next ?? this.#writing).catch(() => {});
  }

  async #write(text: string): Promise<void> {
    await fs.mkdir(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    const beside = `${this.#file}.new`;
    const handle = await fs.open(beside, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(beside, this.#file);
  }
}
