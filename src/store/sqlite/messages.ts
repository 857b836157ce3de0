/**
 * What an operator reads when the state file gives trouble: one sentence on what was found, one on the way out. naru never
 * deletes, repairs or overwrites a file that it cannot read.
 */
import { dirname } from 'node:path';
import { StoreUnavailable } from '../store.ts';
import { BadStateFile, KeysDoNotFit } from './log-row.ts';
import { sqliteCode, sqliteCodes } from './sqlite-file.ts';

/** The store cannot start. The message names the file and the way out; `cause` is what was thrown. */
export class StateFileError extends Error {
  override name = 'StateFileError';
  readonly file: string;

  constructor(file: string, sentences: string, cause?: unknown) {
    super(sentences, { cause });
    this.file = file;
  }
}

/** No error of SQLite's. */
const none = 0;

const untouched = 'naru has left it as it is';

/** Why the state file could not be opened. `keys`: the file that says how values are sealed. */
export function openError(file: string, error: unknown, keys?: string): StateFileError {
  if (error instanceof StateFileError) return error;
  if (error instanceof KeysDoNotFit) return keysError(file, keys, error);
  if (error instanceof BadStateFile) return badFileError(file, error);
  switch (sqliteCode(error) ?? none) {
    case sqliteCodes.notADatabase:
      return damaged(file, 'is not a naru state file, or its beginning is damaged', error);
    case sqliteCodes.corrupt:
      return damaged(file, `is damaged (${(error as Error).message})`, error);
    case sqliteCodes.full:
      return new StateFileError(
        file,
        `There is no room on the disk for the state file ${file}. Free some space and start again; nothing is lost.`,
        error,
      );
    case sqliteCodes.readOnly:
    case sqliteCodes.cannotOpen:
      return unwritable(file, error);
    default:
      return otherError(file, error);
  }
}

export function lockedError(file: string): StateFileError {
  return new StateFileError(
    file,
    `The state file ${file} is in use by another running naru. Stop that one (naru down), or give this one another NARU_HOME.`,
  );
}

/** The main file is missing or empty where its companion shows that there was one. */
export function lostError(file: string, found: 'missing' | 'empty'): StateFileError {
  const rest = found === 'missing' ? `, but ${file}-wal, which belongs to it, is there` : '';
  return damaged(file, `is ${found}${rest}`);
}

/** Why a batch was refused. */
export function commitError(file: string, error: unknown): StoreUnavailable {
  return new StoreUnavailable(commitSentences(file, error), { cause: error });
}

function commitSentences(file: string, error: unknown): string {
  if ((error as Error).name === 'StateFileGone') {
    return `The state file ${file} was moved or deleted while naru was running. Put it back; until then nothing can be written.`;
  }
  switch (sqliteCode(error) ?? none) {
    case sqliteCodes.full:
      return `There is no room for the state file ${file}: the disk is full, or the file has reached its limit. Free some space; writes go on by themselves then.`;
    case sqliteCodes.constraint:
      return `The state file ${file} was changed by another program while naru was running. Restart naru to load what it holds now.`;
    case sqliteCodes.busy:
      return `The state file ${file} is locked by another program. Stop that one; writes go on by themselves then.`;
    default:
      return `The state file ${file} cannot be written (${(error as Error).message}). Check the disk; writes go on by themselves when it works again.`;
  }
}

function keysError(file: string, keys: string | undefined, error: KeysDoNotFit): StateFileError {
  const wayOut =
    keys === undefined
      ? 'Start with the encryption configuration that it was written with'
      : `Restore the encryption configuration ${keys} that belongs to it from a backup`;
  return new StateFileError(
    file,
    `The state file ${file} ${error.message}; ${untouched}. ${wayOut}, or move the state file aside, together with ${file}-wal and ${file}-shm where they exist, to start an empty cluster.`,
    error,
  );
}

function badFileError(file: string, error: BadStateFile): StateFileError {
  switch (error.reason) {
    case 'damaged':
      return damaged(file, error.message, error);
    case 'foreign':
      return new StateFileError(
        file,
        `The file ${file} ${error.message}; ${untouched}. Move it aside, or give naru another NARU_HOME.`,
        error,
      );
    case 'newer':
      return new StateFileError(
        file,
        `The state file ${file} ${error.message}; ${untouched}. Run that newer naru, or restore the backup from before the upgrade.`,
        error,
      );
  }
}

function damaged(file: string, found: string, cause?: unknown): StateFileError {
  return new StateFileError(
    file,
    `The state file ${file} ${found}; ${untouched}. Restore a backup in its place, or move it aside, together with ${file}-wal and ${file}-shm where they exist, to start an empty cluster.`,
    cause,
  );
}

function unwritable(file: string, error: unknown): StateFileError {
  const folder = dirname(file);
  return new StateFileError(
    file,
    `The state file ${file} cannot be opened for writing. Make the file and the folder ${folder} writable for the user who runs naru, or give naru another NARU_HOME.`,
    error,
  );
}

function otherError(file: string, error: unknown): StateFileError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return unwritable(file, error);
  return new StateFileError(
    file,
    `The state file ${file} cannot be opened (${message}). Check the disk and the folder, then start again; nothing was changed.`,
    error,
  );
}
