/**
 * One naru for one state file. The lock is SQLite's exclusive lock on an empty file beside it: the kernel gives it back when
 * the process dies, however it dies, and it also holds between two stores of one process. The state file itself stays
 * readable for others (`sqlite3`, a backup) meanwhile.
 */
import { DatabaseSync } from 'node:sqlite';
import { sqliteCode, sqliteCodes } from './sqlite-file.ts';

export interface FileLock {
  release(): void;
}

/** Undefined where somebody else holds it. `path` must exist; nothing else may open it (closing it would drop the lock). */
export function lockFile(path: string): FileLock | undefined {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (sqliteCode(error) === sqliteCodes.busy) return undefined;
    throw error;
  }
  return { release: () => database.close() };
}
