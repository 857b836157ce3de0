/**
 * Looks into a state file from outside, while a cluster may be running on it: how values lie there. It changes nothing, and takes no lock
 * that a running cluster would notice.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { SealedCounts } from '../encryption/encryption-keys.ts';
import { formIn, type SealedForm } from '../encryption/sealing.ts';

/**
 * Whether keys have sealed something in there: without them it cannot be read. False where there is no state yet, or none that can be read:
 * opening it says what is wrong with it.
 */
export function holdsSealed(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    return reading(file, (database) => database.prepare('SELECT 1 FROM keys WHERE writes>0').get() !== undefined);
  } catch {
    // Also where it has no such table yet.
    return false;
  }
}

/** How many values lie there in each form, by collection; the watch history's among them. */
export function surveyState(file: string): SealedCounts {
  return reading(file, (database) => {
    const counts: Record<string, Record<SealedForm, number>> = {};
    const rows = database.prepare('SELECT collection, substr(value,1,512) AS head FROM log');
    for (const { collection, head } of rows.iterate()) {
      const forms = (counts[String(collection)] ??= {});
      const form = formIn(head as Uint8Array);
      forms[form] = (forms[form] ?? 0) + 1;
    }
    return counts;
  });
}

/** An object as it was written last, where its kind is not sealed; undefined where there is none, or none that can be read. */
export function lastWritten(file: string, collection: string, name: string): object | undefined {
  if (!existsSync(file)) return undefined;
  const query = 'SELECT value FROM log WHERE collection=? AND name=? ORDER BY revision DESC LIMIT 1';
  try {
    const value = reading(file, (database) => database.prepare(query).get(collection, name)?.['value']);
    return value instanceof Uint8Array ? (JSON.parse(Buffer.from(value).toString()) as object) : undefined;
  } catch {
    return undefined;
  }
}

function reading<T>(file: string, look: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    return look(database);
  } finally {
    database.close();
  }
}
