/** The store of one server: everything in memory to be read, and in one SQLite file to be kept (ARCHITECTURE.md, D3). */
import { limits } from '../lib/limits.ts';
import { type CoreOptions, JournaledStore } from './core.ts';
import { SqliteJournal } from './sqlite/sqlite-journal.ts';

export interface SqliteStoreOptions extends CoreOptions {
  /** The state file. It is made where there is none, with its folder; its companions stand beside it. */
  readonly file: string;
  /** The file grows no larger than this (bytes); at it, writes are refused as on a full disk. */
  readonly fileBytesMax?: number;
}

export class SqliteStore extends JournaledStore {
  constructor(options: SqliteStoreOptions) {
    const { file, log, fileBytesMax = limits.stateFileBytesMax } = options;
    super('sqlite', new SqliteJournal({ file, log, bytesMax: fileBytesMax }), options);
  }
}
