/**
 * The state file: one SQLite connection, its tables, and what may be done to them. Runs on either thread (`sqlite-journal.ts`
 * says when); so that a worker starts fast, it imports nothing of naru but its neighbours here, `sealing.ts`
 * and types.
 *
 * Format 2 (`user_version`; 1 had no `keys`), `application_id` "naru", WAL, `synchronous=FULL`:
 * ```
 *  log    revision   what happened, in order. A new row is always the last one: commits write one place.
 *         kind       0 put, 1 delete
 *         collection, namespace, name
 *         checksum   CRC-32 of the key and the value: SQLite itself would not notice a flipped bit in a value
 *         value      the object's JSON (for a delete: the last object, with the delete's revision), sealed where the encryption
 *                    configuration says so: nothing else of it ever gets here, nor to the WAL (`encryption/sealing.ts`)
 *  meta   compacted  rows after this revision are the history, complete; of the others, only what is still needed is there:
 *                    each key's current put, and what the history's oldest changes replaced
 *         clean      1 where the last close was orderly; else the next open checks the whole file
 *         stale      what pages may still hold of values that were replaced: 2 plain ones, 1 such of a key that went, 0 neither
 *  keys   form       which keys have sealed values here, by `aesgcm:NAME`
 *         sample     a known text, sealed: tells a wrong key of the right name from a value that was tampered with
 *         writes     how many values it sealed: a key is good for 2^32
 * ```
 * There is no table of objects: reading `log` in order and keeping each key's last put gives them. So a value is written
 * once, and the objects and the history cannot disagree.
 *
 * Kept true: a batch is in the file wholly or not at all. After a failure that leaves this in doubt (an I/O error, not a full
 * disk) the next commit, or an orderly close, works on a new connection and first removes whatever the failed one may have
 * left; only a crash between the two can bring back a write that was refused.
 */
import { statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { SealedForm, Sealing } from '../encryption/sealing.ts';
import type { Compaction } from '../history.ts';
import type { JournalRecord } from '../journal.ts';
import { BadStateFile, checksumOf, isStale, type LogRow, recordOf } from './log-row.ts';
import { createKeys, SealedRows, type SealingCall, stalePlain } from './sealed-rows.ts';

export const formatVersion = 2;
/** "naru" in ASCII. */
const applicationId = 0x6e617275;
/** Pods have 2 to 3 KB: pages of 4 KB would hold one each and waste a third of the file. */
const pageBytes = 8_192;
/** How long to wait for others' locks: a reader (`sqlite3`, a backup) never blocks a commit for longer than an instant. */
const busyMsMax = 5_000;

/** SQLite's primary result codes that mean something here. */
export const sqliteCodes = {
  busy: 5,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  constraint: 19,
  notADatabase: 26,
} as const;

/** Failures after which the batch is surely not in the file. (A row that is there already is another program's.) */
const leavesNothing = new Set<number | undefined>([sqliteCodes.full, sqliteCodes.constraint, sqliteCodes.busy]);

/** A batch, packed for the way to another thread: flat arrays clone fast, and `bytes` is handed over without a copy. */
export interface PackedBatch {
  readonly firstRevision: number;
  /** 0 put, 1 delete; one for each record. */
  readonly kinds: Uint8Array;
  /** Collection, namespace and name of the first record, then of the second, … */
  readonly keys: readonly string[];
  /** The length of each record's value in `bytes`. */
  readonly lengths: Uint32Array;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly compaction: Compaction | undefined;
}

/** The file under the path is not the one that was opened: somebody moved or deleted it. */
export class StateFileGone extends Error {
  override name = 'StateFileGone';
}

/** SQLite's primary result code of `error`; undefined where it is not SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

interface Statements {
  readonly begin: StatementSync;
  readonly commit: StatementSync;
  readonly rollback: StatementSync;
  readonly insert: StatementSync;
  readonly forget: StatementSync;
}

export class SqliteFile {
  readonly #path: string;
  readonly #bytesMax: number;
  #database: DatabaseSync;
  #statements: Statements;
  #inode: number;
  /** The last commit may or may not be in the file. */
  #inDoubt = false;
  readonly #sealed: SealedRows;
  #foundStale = false;

  /** Makes an empty state file at `path`, where nothing may be yet. */
  static create(path: string): void {
    const database = new DatabaseSync(path, { timeout: busyMsMax });
    try {
      database.exec(`PRAGMA page_size=${pageBytes}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN;
        CREATE TABLE log (revision INTEGER PRIMARY KEY, kind INTEGER NOT NULL, collection TEXT NOT NULL,
          namespace TEXT NOT NULL, name TEXT NOT NULL, checksum INTEGER NOT NULL, value BLOB NOT NULL);
        CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO meta VALUES ('compacted', 1), ('clean', 1), ('stale', 0);
        ${createKeys};
        PRAGMA application_id=${applicationId}; PRAGMA user_version=${formatVersion}; COMMIT`);
    } finally {
      database.close();
    }
  }

  /** Opens an existing state file. @throws BadStateFile, and SQLite's errors */
  constructor(path: string, bytesMax: number, sealing: Sealing = []) {
    this.#path = path;
    this.#sealed = new SealedRows(() => this.#database, sealing);
    this.#bytesMax = bytesMax;
    this.#inode = statSync(path).ino;
    this.#database = connect(path, bytesMax);
    this.#statements = prepare(this.#database);
  }

  /** Checks the keys, and the file's structure where the last close was not orderly. @throws BadStateFile, KeysDoNotFit */
  check(): void {
    this.checkKeys();
    if (this.#meta('clean') !== 1) this.checkForm();
  }

  /** @throws KeysDoNotFit */
  checkKeys(): void {
    if (pragma(this.#database, 'user_version') === formatVersion) this.#sealed.checkKeys();
  }

  /** @throws BadStateFile */
  checkForm(): void {
    const found = this.#database.prepare('PRAGMA quick_check(1)').get() as { quick_check?: string } | undefined;
    if (found?.quick_check !== 'ok')
      throw new BadStateFile('damaged', `is damaged (${found?.quick_check ?? 'unreadable'})`);
  }

  /**
   * An older format is brought up to this one. Its pages may hold values of before they were sealed, also where no row is left of them.
   */
  upgrade(): void {
    if (pragma(this.#database, 'user_version') === formatVersion) return;
    this.#database.exec(`BEGIN IMMEDIATE; ${createKeys}; INSERT OR REPLACE INTO meta VALUES ('stale', ${stalePlain});
      PRAGMA user_version=${formatVersion}; COMMIT`);
  }

  /** What is asked of how values are sealed. */
  call(call: SealingCall): unknown {
    // The next commit settles the doubt.
    if (this.#inDoubt && (call.name === 'reseal' || call.name === 'erase'))
      throw new Error('the last write is in doubt');
    return this.#sealed.call(call);
  }

  compactedRevision(): number {
    return this.#meta('compacted');
  }

  /** Whether `records` met a value in another form than new ones get. */
  get foundStale(): boolean {
    return this.#foundStale;
  }

  /** All records in order, each one verified. What was sealed and does not open is `unreadable`. @throws BadStateFile, KeysDoNotFit */
  *records(): Generator<JournalRecord> {
    let revision = this.compactedRevision();
    const { sealer } = this.#sealed;
    const rows = this.#database.prepare('SELECT * FROM log ORDER BY revision');
    rows.setReturnArrays(true);
    for (const row of rows.iterate() as Iterable<unknown>) {
      const record = recordOf(row as LogRow, sealer);
      this.#foundStale ||= isStale(row as LogRow, sealer);
      if (record.revision > revision && record.revision !== ++revision) {
        throw new BadStateFile('damaged', `is damaged (revision ${revision} is missing)`);
      }
      yield record;
    }
  }

  /** Notes whether the file is in use or was closed in order: also proves that it can be written. */
  setClean(clean: boolean): void {
    this.#database.prepare(`UPDATE meta SET value=? WHERE name='clean'`).run(clean ? 1 : 0);
  }

  /** Durable when it returns. When it throws, the batch is not in the file, and the same revisions come again. */
  commit(batch: PackedBatch): void {
    this.#assertInPlace();
    if (this.#inDoubt) this.#reconnect();
    try {
      this.#statements.begin.run();
      if (this.#inDoubt) this.#removeAfter(batch.firstRevision - 1);
      this.#insertAll(batch);
      if (batch.compaction !== undefined) this.#compact(batch.compaction);
      this.#statements.commit.run();
      this.#inDoubt = false;
    } catch (error) {
      if (!leavesNothing.has(sqliteCode(error))) this.#inDoubt = true;
      this.#rollback();
      throw error;
    }
  }

  /** Says that somebody else's commit through this file may or may not have happened. */
  distrust(): void {
    this.#inDoubt = true;
  }

  /** Nothing after `revision`, the last that was acknowledged, stays; the next open need not check the file. */
  closeInOrder(revision: number): void {
    try {
      this.#assertInPlace();
      if (this.#inDoubt) this.#reconnect();
      if (this.#inDoubt) this.#removeAfter(revision);
      this.setClean(true);
    } finally {
      this.close();
    }
  }

  /** Lets go of the file as it is. */
  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #insertAll({ firstRevision, kinds, keys, lengths, bytes }: PackedBatch): void {
    let start = 0;
    const { sealer } = this.#sealed;
    const written: SealedForm[] = [];
    for (let i = 0; i < kinds.length; i++) {
      const [collection, namespace, name] = keys.slice(3 * i, 3 * i + 3) as [string, string, string];
      const end = start + (lengths[i] as number);
      const plain = bytes.subarray(start, end);
      const value = sealer.seal({ collection, namespace, name }, plain);
      if (value !== plain) written.push(sealer.formFor(collection));
      const checksum = checksumOf(collection, namespace, name, value);
      this.#statements.insert.run(firstRevision + i, kinds[i] as number, collection, namespace, name, checksum, value);
      start = end;
    }
    this.#sealed.countWrites(written);
  }

  #removeAfter(revision: number): void {
    this.#database.prepare('DELETE FROM log WHERE revision>?').run(revision);
  }

  #compact({ revision, obsolete }: Compaction): void {
    for (const old of obsolete) this.#statements.forget.run(old);
    this.#database.prepare(`UPDATE meta SET value=max(value, ?) WHERE name='compacted'`).run(revision);
  }

  #rollback(): void {
    try {
      if (this.#database.isTransaction) this.#statements.rollback.run();
    } catch {
      this.#inDoubt = true;
    }
  }

  /** SQLite would go on writing into a deleted file, and acknowledge what no restart could find. */
  #assertInPlace(): void {
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino !== this.#inode) throw new StateFileGone();
  }

  #reconnect(): void {
    this.close();
    this.#database = connect(this.#path, this.#bytesMax);
    this.#statements = prepare(this.#database);
  }

  #meta(name: string): number {
    const row = this.#database.prepare('SELECT value FROM meta WHERE name=?').get(name);
    if (row === undefined) throw new BadStateFile('damaged', `is damaged (it does not say "${name}")`);
    return Number(row.value);
  }
}

/** Reads before it writes anything, so that a file that is not ours stays as it is. */
function connect(path: string, bytesMax: number): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyMsMax });
  try {
    const id = pragma(database, 'application_id');
    if (id !== applicationId) throw new BadStateFile('foreign', 'is a database of another program');
    const version = pragma(database, 'user_version');
    if (version > formatVersion) {
      throw new BadStateFile(
        'newer',
        `was written by a newer naru (format ${version}; this one knows ${formatVersion})`,
      );
    }
    database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;
      PRAGMA max_page_count=${Math.ceil(bytesMax / pageBytes)}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: DatabaseSync): Statements {
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
    insert: database.prepare('INSERT INTO log VALUES (?,?,?,?,?,?,?)'),
    forget: database.prepare('DELETE FROM log WHERE revision=?'),
  };
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
