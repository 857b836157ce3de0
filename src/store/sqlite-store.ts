/** The store of one server: everything in memory to be read, and in one SQLite file to be kept (ARCHITECTURE.md, D3). */
import { limits } from '../lib/limits.ts';
import { type CoreOptions, JournaledStore } from './core.ts';
import type { SealedStore } from './encryption/encryption-keys.ts';
import type { Sealing } from './encryption/sealing.ts';
import { SqliteJournal } from './sqlite/sqlite-journal.ts';

export interface SqliteStoreOptions extends CoreOptions {
  /** The state file. It is made where there is none, with its folder; its companions stand beside it. */
  readonly file: string;
  /** The file grows no larger than this (bytes); at it, writes are refused as on a full disk. */
  readonly fileBytesMax?: number;
  /** How values are sealed, and the file that says so; not at all where absent. */
  readonly sealing?: { readonly rules: Sealing; readonly file: string } | undefined;
}

export class SqliteStore extends JournaledStore {
  /** How values lie in the file, and what can be done about it. */
  readonly sealed: SealedStore;

  constructor(options: SqliteStoreOptions) {
    const { file, log, fileBytesMax = limits.stateFileBytesMax, sealing } = options;
    const journal = new SqliteJournal({ file, log, bytesMax: fileBytesMax, sealing });
    super('sqlite', journal, options);
    this.sealed = journal;
  }
}
