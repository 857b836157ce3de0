/**
 * Copies of the state file for backups: taken while naru writes it, checked, and made ready to be gone on from after a restore.
 *
 * Kept true: a snapshot holds every write that was acknowledged before it began, each batch wholly or not at all, and no bytes of values that
 * were replaced or deleted (SQLite writes it anew). The state file itself is only read.
 *
 * After a restore, clients know revisions that the snapshot has not seen, and would take other objects for those. So, as etcd's
 * `--bump-revision --mark-compacted` does, the revision jumps beyond whatever anybody may have seen, and all before it counts as compacted: watches
 * get 410 Expired and list again, and every new write has a number that was never given out.
 */
import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Sealing } from '../encryption/sealing.ts';
import { lockFile } from './file-lock.ts';
import { BadStateFile } from './log-row.ts';
import { lockedError, openError } from './messages.ts';
import { SqliteFile } from './sqlite-file.ts';

const busyMsMax = 30_000;

/** More revisions than a cluster writes between two backups, and few enough for millions of restores: the figure that etcd's guide gives. */
export const revisionsSkipped = 1_000_000_000;

export interface SnapshotFacts {
  readonly revision: number;
  readonly objects: number;
}

/** Writes a copy of `file` to `target`, which must not exist. @throws StateFileError */
export function takeSnapshot(file: string, target: string): SnapshotFacts {
  // SQLite would make a state file where there is none.
  guarded(file, () => statSync(file));
  guarded(file, () =>
    withDatabase(file, (database) => {
      // SQLite fills an empty file, too: so nobody else can read it at any moment.
      closeSync(openSync(target, 'wx', 0o600));
      database.prepare('VACUUM INTO ?').run(target);
    }),
  );
  chmodSync(target, 0o600);
  return checkSnapshot(target);
}

/** @throws StateFileError where it is no whole state file of this format or an older one */
export function checkSnapshot(file: string): SnapshotFacts {
  return guarded(file, () => {
    const opened = new SqliteFile(file, Number.MAX_SAFE_INTEGER);
    try {
      opened.checkForm();
    } finally {
      opened.close();
    }
    return withDatabase(file, outlineOf);
  });
}

/** Each key's last record, where that is no deletion. */
const currentPuts =
  'SELECT last FROM (SELECT max(revision) AS last, kind FROM log GROUP BY collection, namespace, name) WHERE kind=0';

function outlineOf(database: DatabaseSync): SnapshotFacts {
  const numberOf = (query: string): number => Number(database.prepare(query).get()?.['number'] ?? 0);
  const last = numberOf('SELECT max(revision) AS number FROM log');
  const compacted = numberOf(`SELECT value AS number FROM meta WHERE name='compacted'`);
  const objects = numberOf(`SELECT count(*) AS number FROM (${currentPuts})`);
  return { revision: Math.max(last, compacted), objects };
}

/** Opens every value with these keys, as a start would. `keys`: the file that they come from. @throws StateFileError */
export function checkValues(file: string, sealing: Sealing, keys: string): void {
  try {
    const opened = new SqliteFile(file, Number.MAX_SAFE_INTEGER, sealing);
    try {
      opened.checkKeys();
      for (const _record of opened.records()) continue;
    } finally {
      opened.close();
    }
  } catch (error) {
    throw openError(file, error, keys);
  }
}

/** Makes a restored copy one to go on from; `seen`: a revision that somebody knows to have been given out. @throws StateFileError */
export function bumpRevision(file: string, seen: number): number {
  const next = Math.max(checkSnapshot(file).revision, seen) + revisionsSkipped;
  if (!Number.isSafeInteger(next)) throw openError(file, new BadStateFile('damaged', `has no revisions after ${next}`));
  guarded(file, () =>
    withDatabase(file, (database) => {
      database.exec(`BEGIN IMMEDIATE; DELETE FROM log WHERE revision NOT IN (${currentPuts})`);
      database.prepare(`UPDATE meta SET value=? WHERE name='compacted'`).run(next);
      database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
    }),
  );
  return next;
}

/** Runs `act` while no naru can open the state file. @throws StateFileError where one has */
export async function whileUnused<T>(file: string, act: () => Promise<T>): Promise<T> {
  const path = `${file}.lock`;
  closeSync(openSync(path, 'a', 0o600));
  const lock = lockFile(path);
  if (lock === undefined) throw lockedError(file);
  try {
    return await act();
  } finally {
    lock.release();
  }
}

/** Whether a running cluster has this state file. */
export function isInUse(file: string): boolean {
  const path = `${file}.lock`;
  if (!existsSync(path)) return false;
  const lock = lockFile(path);
  lock?.release();
  return lock === undefined;
}

/** The revision that a state file has come to; 0 where there is none, or none that can be read. */
export function revisionOf(file: string): number {
  try {
    return existsSync(file) ? checkSnapshot(file).revision : 0;
  } catch {
    return 0;
  }
}

function guarded<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw openError(file, error);
  }
}

function withDatabase<T>(file: string, act: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file, { timeout: busyMsMax });
  try {
    return act(database);
  } finally {
    database.close();
  }
}
