/**
 * Allocations on the node's disk, so that an agent that starts anew knows what it had promised, whatever was written into pods meanwhile.
 *
 * Kept true: the file is whole, old or new, at every moment (written beside, synced, renamed), and nobody else's to read; several changes
 * that come while it is being written share the next writing.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../../lib/log.ts';
import type { Allocation } from './allocation.ts';

/** What is known of one pod. */
export interface AllocationRecord {
  readonly allocation: Allocation;
  /** The generation of the pod whose resources were promised and do not hold yet; absent: they hold. */
  readonly resizing?: number;
}

export interface AllocationStore {
  /** Without it, a restart asks the pods' statuses. */
  readonly isPersistent: boolean;
  load(): Promise<ReadonlyMap<string, AllocationRecord>>;
  /** Resolves when `records`, as they are when the writing begins, are safe. */
  save(records: ReadonlyMap<string, AllocationRecord>): Promise<void>;
}

export const noAllocationStore: AllocationStore = {
  isPersistent: false,
  load: async () => new Map(),
  save: async () => {},
};

const fileName = 'allocated_pods_state';
const version = 1;
/** Some thousand pods; a larger file is none of ours. */
const fileBytesMax = 16 * 2 ** 20;

export class AllocationFile implements AllocationStore {
  readonly isPersistent = true;
  readonly #file: string;
  readonly #log: Logger;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** @param folder of the node's state */
  constructor(folder: string, log: Logger) {
    this.#file = path.join(folder, fileName);
    this.#log = log;
  }

  /** A file that cannot be read is told of, and taken for none: the pods' statuses say nearly as much. */
  async load(): Promise<ReadonlyMap<string, AllocationRecord>> {
    try {
      const { size } = await fs.stat(this.#file);
      if (size > fileBytesMax) throw new Error(`it has ${size} bytes; at most ${fileBytesMax} are read`);
      return parse(await fs.readFile(this.#file, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log.error('what was allocated to pods cannot be read', { file: this.#file, error });
      }
      return new Map();
    }
  }

  save(records: ReadonlyMap<string, AllocationRecord>): Promise<void> {
    this.#next ??= this.#writing
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        this.#writing = this.#write(JSON.stringify({ version, pods: Object.fromEntries(records) }));
        return this.#writing;
      });
    return this.#next;
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

function parse(text: string): ReadonlyMap<string, AllocationRecord> {
  const content = JSON.parse(text) as { readonly version?: unknown; readonly pods?: unknown };
  if (content.version !== version || typeof content.pods !== 'object' || content.pods === null) {
    throw new Error(`it is not of version ${version}`);
  }
  const records = Object.entries(content.pods as Record<string, AllocationRecord>);
  for (const [uid, record] of records) {
    if (typeof record?.allocation?.containers !== 'object')
      throw new Error(`the entry of pod ${uid} has no containers`);
  }
  return new Map(records);
}
