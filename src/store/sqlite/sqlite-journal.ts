/**
 * The journal in a SQLite file, written by a worker thread: a commit waits 0.3 ms and more for the disk, and the main thread
 * has better things to do meanwhile.
 *
 * ```
 *  open:   lock ─▶ read everything on this thread ─▶ answer        (no copy between threads; 100,000 rows in 0.5 s)
 *                                                  └▶ start the worker, which takes 60 ms to get ready
 *  commit: by this thread itself until the worker is ready, then by the worker; never by both
 * ```
 * So nobody waits for the worker: neither the start, nor the first writes of a new cluster. Should the worker die, this thread
 * takes over again; the batch that it was working on is refused, and taken out of the file if it got there.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from '../../lib/log.ts';
import type { SealedCounts } from '../encryption/encryption-keys.ts';
import type { SealedForm, Sealing } from '../encryption/sealing.ts';
import { firstRevision, type Journal, type JournalBatch, type JournalContents } from '../journal.ts';
import { StoreUnavailable } from '../store.ts';
import { type FileLock, lockFile } from './file-lock.ts';
import { commitError, lockedError, lostError, openError } from './messages.ts';
import { pack } from './pack.ts';
import type { SealingCall, Stretch } from './sealed-rows.ts';
import { SqliteFile } from './sqlite-file.ts';
import { WorkerFile } from './worker-file.ts';

export interface SqliteJournalOptions {
  readonly file: string;
  readonly log: Logger;
  /** The file grows no larger (bytes). */
  readonly bytesMax: number;
  /** How values are sealed, and the file that says so; not at all where absent. */
  readonly sealing?: { readonly rules: Sealing; readonly file: string } | undefined;
}

export class SqliteJournal implements Journal {
  readonly #file: string;
  readonly #log: Logger;
  readonly #bytesMax: number;
  readonly #sealingFile: string | undefined;
  #sealing: Sealing;
  #lock: FileLock | undefined;
  /** The last that was acknowledged. */
  #revision = firstRevision;
  /** This thread's connection, while it is the one that commits. */
  #own: SqliteFile | undefined;
  /** Present while the worker is the one that commits. */
  #worker: WorkerFile | undefined;
  /** Not ready yet. */
  #startingWorker: WorkerFile | undefined;
  /** The last use of the file: a commit, or one stretch of a walk through it. One at a time, in the order of asking. */
  #lastUse: Promise<unknown> = Promise.resolve();
  #closing = false;
  #foundStale = false;

  constructor(options: SqliteJournalOptions) {
    this.#file = options.file;
    this.#log = options.log;
    this.#bytesMax = options.bytesMax;
    this.#sealing = options.sealing?.rules ?? [];
    this.#sealingFile = options.sealing?.file;
  }

  /** Who commits now. */
  get writer(): 'main thread' | 'worker' {
    return this.#worker === undefined ? 'main thread' : 'worker';
  }

  async open(): Promise<JournalContents> {
    try {
      return this.#open();
    } catch (error) {
      this.#own?.close();
      this.#lock?.release();
      throw openError(this.#file, error, this.#sealingFile);
    }
  }

  /** A turn of the event loop is cheap beside a commit, and lets those join who were woken by the last one. */
  gather(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  async commit(batch: JournalBatch): Promise<void> {
    const packed = pack(batch);
    try {
      await this.#use(async () => {
        const worker = this.#livingWorker();
        if (worker === undefined) this.#ownFile().commit(packed);
        else await worker.commit(packed);
      });
    } catch (error) {
      throw commitError(this.#file, error);
    }
    this.#revision = packed.firstRevision + batch.records.length - 1;
  }

  /**
   * From now on values are sealed so. What lies there is brought into that form by `reseal`.
   * @throws KeysDoNotFit, by name: then all stays as it is
   */
  async setSealing(sealing: Sealing): Promise<void> {
    // Else the worker would begin with the keys of before.
    await this.#startingWorker?.ready.catch(() => undefined);
    await this.#call({ name: 'setSealing', argument: sealing });
    this.#sealing = sealing;
  }

  /** Whether the start met values in another form than new ones get. */
  get foundStale(): boolean {
    return this.#foundStale;
  }

  /** How all values lie there. */
  async survey(): Promise<SealedCounts> {
    const total: Record<string, Record<SealedForm, number>> = {};
    for await (const found of this.#walk<SealedCounts>('survey')) addCounts(total, found);
    return total;
  }

  /** Brings all values into the form that new ones get. How many were not. */
  async reseal(): Promise<number> {
    let count = 0;
    for await (const found of this.#walk<number>('reseal')) count += found;
    return count;
  }

  /** Rids the file of what was replaced. */
  async erase(): Promise<boolean> {
    return (await this.#call({ name: 'erase' })) as boolean;
  }

  async sealedWrites(): Promise<Readonly<Record<SealedForm, number>>> {
    return (await this.#call({ name: 'writes' })) as Readonly<Record<SealedForm, number>>;
  }

  async forgetKeys(forms: readonly SealedForm[]): Promise<void> {
    await this.#call({ name: 'forgetKeys', argument: forms });
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#lastUse.catch(() => undefined);
    try {
      await this.#startingWorker?.destroy();
      const worker = this.#livingWorker();
      if (worker === undefined) this.#ownFile().closeInOrder(this.#revision);
      else await worker.close(this.#revision);
    } catch (error) {
      this.#log.warn('state file was not closed in order; the next start checks it', { file: this.#file, error });
    } finally {
      this.#lock?.release();
    }
  }

  /** Commits come between the stretches. */
  async *#walk<T>(name: 'survey' | 'reseal'): AsyncGenerator<T> {
    for (let revision: number | undefined = 0; revision !== undefined; ) {
      const stretch = (await this.#call({ name, argument: revision })) as Stretch<T>;
      yield stretch.found;
      revision = stretch.next;
    }
  }

  #call(call: SealingCall): Promise<unknown> {
    return this.#use(async () => {
      if (this.#closing) throw new StoreUnavailable('The store is not open.');
      const worker = this.#livingWorker();
      return worker === undefined ? this.#ownFile().call(call) : worker.call(call);
    });
  }

  #use<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lastUse.then(work, work);
    this.#lastUse = done;
    return done;
  }

  #open(): JournalContents {
    this.#lock = this.#acquire();
    createIfNew(this.#file);
    const file = new SqliteFile(this.#file, this.#bytesMax, this.#sealing);
    this.#own = file;
    file.check();
    const contents = { compactedRevision: file.compactedRevision(), records: [...file.records()] };
    this.#foundStale = file.foundStale;
    this.#revision = Math.max(contents.records.at(-1)?.revision ?? 0, contents.compactedRevision);
    // Everything could be read: only now is anything changed.
    file.upgrade();
    file.call({ name: 'setSealing', argument: this.#sealing });
    file.setClean(false);
    this.#startWorker();
    return contents;
  }

  #acquire(): FileLock {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    const path = `${this.#file}.lock`;
    touch(path);
    const lock = lockFile(path);
    if (lock === undefined) throw lockedError(this.#file);
    return lock;
  }

  #startWorker(): void {
    const worker = new WorkerFile({ path: this.#file, bytesMax: this.#bytesMax, sealing: this.#sealing });
    this.#startingWorker = worker;
    worker.ready.then(
      () => this.#handOver(worker),
      (error: unknown) => {
        if (this.#startingWorker !== worker) return;
        this.#startingWorker = undefined;
        this.#log.warn('no thread for the state file; the main thread writes it', { error });
      },
    );
  }

  /** Commits on this thread are synchronous, so none is under way here. */
  #handOver(worker: WorkerFile): void {
    if (this.#startingWorker !== worker) return;
    this.#startingWorker = undefined;
    this.#worker = worker;
    this.#own?.close();
    this.#own = undefined;
  }

  /** A dead one is given up: this thread commits from now on. */
  #livingWorker(): WorkerFile | undefined {
    if (this.#worker?.dead) {
      this.#log.error('the thread that writes the state file died; the main thread writes it', { file: this.#file });
      this.#worker = undefined;
    }
    return this.#worker;
  }

  /** After the worker's death: what it did last is in doubt. */
  #ownFile(): SqliteFile {
    if (this.#own === undefined) {
      this.#own = new SqliteFile(this.#file, this.#bytesMax, this.#sealing);
      this.#own.distrust();
    }
    return this.#own;
  }
}

function addCounts(total: Record<string, Record<SealedForm, number>>, found: SealedCounts): void {
  for (const [collection, forms] of Object.entries(found)) {
    const sums = (total[collection] ??= {});
    for (const [form, count] of Object.entries(forms)) sums[form] = (sums[form] ?? 0) + count;
  }
}

/**
 * A new file is made under another name and moved into place: an empty file under the right one is then always a lost one,
 * and never taken for a new cluster (whose controllers would clear all nodes).
 */
function createIfNew(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) {
    if (existsSync(`${file}-wal`)) throw lostError(file, 'missing');
    createFile(file);
  } else {
    if (found.size === 0) throw lostError(file, 'empty');
    if ((found.mode & 0o777) !== 0o600) chmodSync(file, 0o600);
  }
}

function createFile(file: string): void {
  const fresh = `${file}.new`;
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${fresh}${suffix}`, { force: true });
  touch(fresh);
  SqliteFile.create(fresh);
  renameSync(fresh, file);
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** SQLite gives its `-wal` and `-shm` files the same mode. */
function touch(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
