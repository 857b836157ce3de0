/**
 * How values lie in the state file, and their way from one form to another: a walk through the log in stretches, so that commits come
 * between. Part of `sqlite-file.ts`, on whichever thread that runs.
 *
 * Kept true: a rewriting changes no revision and no meaning; at any point of it, each value opens with a key that is listed. Replaced bytes
 * are overwritten where they lie (`secure_delete`), and `erase` rids the file of what older ones left.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { SealedCounts } from '../encryption/encryption-keys.ts';
import {
  CannotOpen,
  formIn,
  formOf,
  openWith,
  plainForm,
  type SealedForm,
  Sealer,
  type Sealing,
  type SealingKey,
  sealWith,
} from '../encryption/sealing.ts';
import type { StoreKey } from '../store.ts';
import { checksumOf, KeysDoNotFit } from './log-row.ts';

/** The methods of `SealedRows` by their names, as they are asked for from another thread. */
export type SealingCall =
  | { readonly name: 'setSealing'; readonly argument: Sealing }
  | { readonly name: 'forgetKeys'; readonly argument: readonly SealedForm[] }
  | { readonly name: 'survey' | 'reseal'; readonly argument: number }
  | { readonly name: 'erase' | 'writes' };

/** One stretch of a walk through the whole log: `next` is where the following one begins, absent at the end. */
export interface Stretch<T> {
  readonly next?: number;
  readonly found: T;
}

/** Rows that one stretch looks at, and rewrites (and their bytes): commits wait no longer than for that. */
const stretchRowsMax = 4_096;
const rewrittenRowsMax = 64;
const rewrittenBytesMax = 2 * 1024 * 1024;

/** What pages may hold beside the rows: values that an older key sealed, or plain ones. */
const staleSealed = 1;
export const stalePlain = 2;
const erasedBytesMax = 512 * 1024 * 1024;

/** The place that a key's sample is sealed for; no object has it. */
const samplePlace = '/naru/key';
const sampleText = Buffer.from('naru');

interface StaleRow {
  readonly revision: number;
  readonly key: StoreKey;
  readonly plain: Uint8Array;
  /** It lay there as it is. */
  readonly wasPlain: boolean;
}

function opensSample(key: SealingKey, sample: Uint8Array): boolean {
  try {
    return Buffer.from(openWith({ ...key, kind: 'aesgcm' }, samplePlace, sample)).equals(sampleText);
  } catch {
    return false;
  }
}

export const createKeys =
  'CREATE TABLE keys (form TEXT PRIMARY KEY, sample BLOB NOT NULL, writes INTEGER NOT NULL) WITHOUT ROWID';

export class SealedRows {
  readonly #connection: () => DatabaseSync;
  #sealer: Sealer;

  /** `connection`: the one that is open now. */
  constructor(connection: () => DatabaseSync, sealing: Sealing) {
    this.#connection = connection;
    this.#sealer = new Sealer(sealing);
  }

  get sealer(): Sealer {
    return this.#sealer;
  }

  /** One of the methods around here, by name. */
  call(call: SealingCall): unknown {
    switch (call.name) {
      case 'setSealing':
        return this.setSealing(call.argument);
      case 'forgetKeys':
        return this.forgetKeys(call.argument);
      case 'survey':
        return this.survey(call.argument);
      case 'reseal':
        return this.reseal(call.argument);
      case 'erase':
        return this.erase();
      case 'writes':
        return this.writes();
    }
  }

  /** @throws KeysDoNotFit where a key is not the one of its name that sealed values here */
  checkKeys(): void {
    this.#newKeys(this.#sealer);
  }

  /**
   * From now on values are sealed and opened so. Of each key a sample is kept.
   * @throws KeysDoNotFit where a key is not the one that it was before; then all stays as it is
   */
  setSealing(sealing: Sealing): void {
    const sealer = new Sealer(sealing);
    const added = this.#newKeys(sealer);
    const insert = this.#connection().prepare('INSERT INTO keys VALUES (?,?,0)');
    // What aescbc sealed carries no proof of its key; its sample is sealed with the same bytes by AES-GCM.
    for (const key of added) insert.run(formOf(key), sealWith({ ...key, kind: 'aesgcm' }, samplePlace, sampleText));
    this.#sealer = sealer;
  }

  #newKeys(sealer: Sealer): SealingKey[] {
    const samples = new Map(this.#samples().map(({ form, sample }) => [form, sample]));
    return sealer.keys().filter((key) => {
      const sample = samples.get(formOf(key));
      if (sample !== undefined && !opensSample(key, sample)) {
        throw new KeysDoNotFit(`is sealed with another key of the name ${key.name}`);
      }
      return sample === undefined;
    });
  }

  /** How many values each key has sealed here. */
  writes(): Readonly<Record<SealedForm, number>> {
    const rows = this.#connection().prepare('SELECT form, writes FROM keys').all();
    return Object.fromEntries(rows.map(({ form, writes }) => [String(form), Number(writes)]));
  }

  /** Nothing is sealed with these any more, and no more will be. */
  forgetKeys(forms: readonly SealedForm[]): void {
    const statement = this.#connection().prepare('DELETE FROM keys WHERE form=?');
    for (const form of forms) statement.run(form);
  }

  /** How the values after `revision` lie there. */
  survey(revision: number): Stretch<SealedCounts> {
    const end = this.#endOfStretch(revision);
    const rows = this.#connection().prepare(
      'SELECT collection, substr(value,1,512) AS head FROM log WHERE revision>? AND revision<=?',
    );
    rows.setReturnArrays(true);
    const found: Record<string, Record<SealedForm, number>> = {};
    for (const row of rows.iterate(revision, end ?? Number.MAX_SAFE_INTEGER) as Iterable<unknown>) {
      const [collection, head] = row as [string, Uint8Array];
      const form = formIn(head);
      const forms = (found[collection] ??= {});
      forms[form] = (forms[form] ?? 0) + 1;
    }
    return { found, ...(end !== undefined && { next: end }) };
  }

  /**
   * Brings values after `revision` into the form that new ones get; `found`: how many. What does not open stays as it is. With
   * `secure_delete`, SQLite overwrites what it replaces.
   */
  reseal(revision: number): Stretch<number> {
    const end = this.#endOfStretch(revision);
    const rows = this.#staleRows(revision, end ?? Number.MAX_SAFE_INTEGER);
    if (rows.found.length > 0) this.#rewrite(rows.found);
    const next = rows.next ?? end;
    return { found: rows.found.length, ...(next !== undefined && { next }) };
  }

  /**
   * Rids the file, and the WAL, of what was replaced: SQLite writes it anew, and commits wait for that (some 200 MB a second). So where
   * nothing plain is left, only what an older key sealed, a large file is spared. False where a reader is in the way, or nothing was done.
   */
  erase(): boolean {
    const stale = this.#stale();
    if (stale === 0 || (stale === staleSealed && this.#bytes() > erasedBytesMax)) return false;
    this.#connection().exec('VACUUM');
    const checkpoint = this.#connection().prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    if (Number(checkpoint?.['busy']) !== 0) return false;
    this.#connection().exec(`UPDATE meta SET value=0 WHERE name='stale'`);
    return true;
  }

  /** One for each value that was sealed; part of the transaction that wrote them. */
  countWrites(written: readonly SealedForm[]): void {
    if (written.length === 0) return;
    const statement = this.#connection().prepare('UPDATE keys SET writes=writes+? WHERE form=?');
    for (const form of new Set(written)) statement.run(written.filter((each) => each === form).length, form);
  }

  #stale(): number {
    return Number(this.#connection().prepare(`SELECT value FROM meta WHERE name='stale'`).get()?.['value'] ?? 0);
  }

  #bytes(): number {
    const row = this.#connection()
      .prepare('SELECT page_count*page_size AS bytes FROM pragma_page_count, pragma_page_size')
      .get();
    return Number(row?.['bytes'] ?? 0);
  }

  #samples(): { readonly form: SealedForm; readonly sample: Uint8Array }[] {
    const rows = this.#connection().prepare('SELECT form, sample FROM keys').all();
    return rows.map(({ form, sample }) => ({ form: String(form), sample: sample as Uint8Array }));
  }

  /** The last revision of the stretch that begins after `revision`; undefined: it reaches to the end. */
  #endOfStretch(revision: number): number | undefined {
    const row = this.#connection()
      .prepare(`SELECT revision FROM log WHERE revision>? ORDER BY revision LIMIT 1 OFFSET ${stretchRowsMax - 1}`)
      .get(revision);
    return row === undefined ? undefined : Number(row['revision']);
  }

  #staleRows(revision: number, end: number): Stretch<readonly StaleRow[]> {
    const rows = this.#connection().prepare(
      'SELECT revision, collection, namespace, name, substr(value,1,512) FROM log WHERE revision>? AND revision<=?',
    );
    const value = this.#connection().prepare('SELECT value FROM log WHERE revision=?');
    rows.setReturnArrays(true);
    const found: StaleRow[] = [];
    let bytes = 0;
    for (const row of rows.iterate(revision, end) as Iterable<unknown>) {
      const [at, collection, namespace, name, head] = row as [number, string, string, string, Uint8Array];
      if (this.#sealer.providersOf(collection) === undefined) continue;
      if (formIn(head) === this.#sealer.formFor(collection)) continue;
      const key = { collection, namespace, name };
      const plain = this.#openOrSkip(key, value.get(at)?.['value'] as Uint8Array);
      if (plain === undefined) continue;
      found.push({ revision: at, key, plain, wasPlain: formIn(head) === plainForm });
      bytes += plain.length;
      if (found.length === rewrittenRowsMax || bytes > rewrittenBytesMax) return { found, next: at };
    }
    return { found };
  }

  #openOrSkip(key: StoreKey, stored: Uint8Array): Uint8Array | undefined {
    try {
      return this.#sealer.open(key, stored);
    } catch (error) {
      if (error instanceof CannotOpen) return undefined;
      throw error;
    }
  }

  #rewrite(rows: readonly StaleRow[]): void {
    const update = this.#connection().prepare('UPDATE log SET value=?, checksum=? WHERE revision=?');
    const written: SealedForm[] = [];
    this.#connection().exec('PRAGMA secure_delete=ON');
    try {
      this.#connection().exec('BEGIN IMMEDIATE');
      for (const { revision, key, plain } of rows) {
        const value = this.#sealer.seal(key, plain);
        if (value !== plain) written.push(this.#sealer.formFor(key.collection));
        update.run(value, checksumOf(key.collection, key.namespace, key.name, value), revision);
      }
      this.countWrites(written);
      const stale = rows.some(({ wasPlain }) => wasPlain) ? stalePlain : staleSealed;
      this.#connection().prepare(`UPDATE meta SET value=max(value, ?) WHERE name='stale'`).run(stale);
      this.#connection().exec('COMMIT');
    } catch (error) {
      // It changes no value's meaning: whether it got into the file or not, nothing is in doubt.
      if (this.#connection().isTransaction) this.#connection().exec('ROLLBACK');
      throw error;
    } finally {
      this.#connection().exec('PRAGMA secure_delete=OFF');
    }
  }
}
