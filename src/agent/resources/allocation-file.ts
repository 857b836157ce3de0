/** Allocations on the node's disk, so that an agent that starts anew knows what it had promised, whatever was written into pods meanwhile. */
import path from 'node:path';
import type { Logger } from '../../lib/log.ts';
import { StateFile } from '../state-file.ts';
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
  /** Resolves when `records`, or what came after them, are safe. */
  save(records: ReadonlyMap<string, AllocationRecord>): Promise<void>;
}

export const noAllocationStore: AllocationStore = {
  isPersistent: false,
  load: async () => new Map(),
  save: async () => {},
};

const fileName = 'allocated_pods_state';

interface FileContent {
  readonly pods: Readonly<Record<string, AllocationRecord>>;
}

export class AllocationFile implements AllocationStore {
  readonly isPersistent = true;
  readonly #file: StateFile<FileContent>;
  #newest: ReadonlyMap<string, AllocationRecord> = new Map();

  /** @param folder of the node's state */
  constructor(folder: string, log: Logger) {
    this.#file = new StateFile(path.join(folder, fileName), parse, log);
  }

  /** A file that cannot be read is told of, and taken for none: the pods' statuses say nearly as much. */
  async load(): Promise<ReadonlyMap<string, AllocationRecord>> {
    const { pods } = (await this.#file.load()) ?? { pods: {} };
    return new Map(Object.entries(pods));
  }

  save(records: ReadonlyMap<string, AllocationRecord>): Promise<void> {
    this.#newest = records;
    return this.#file.save(() => ({ pods: Object.fromEntries(this.#newest) }));
  }
}

/** @throws Error that says what is wrong */
function parse(content: unknown): FileContent {
  const { pods } = (content ?? {}) as { readonly pods?: unknown };
  if (typeof pods !== 'object' || pods === null) throw new Error('it names no pods');
  const records = pods as FileContent['pods'];
  for (const [uid, record] of Object.entries(records)) {
    if (typeof record?.allocation?.containers !== 'object')
      throw new Error(`the entry of pod ${uid} has no containers`);
  }
  return { pods: records };
}
