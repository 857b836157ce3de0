/**
 * One row of the state file's log, read and judged: is it what was written, and can it be opened? A row that is neither sealed nor what its
 * checksum says condemns the whole file; a sealed value proves itself, and a bad one is that object's alone.
 */
import { crc32 } from 'node:zlib';
import { CannotOpen, formIn, isSealed, plainForm, type Sealer } from '../encryption/sealing.ts';
import type { JournalRecord } from '../journal.ts';

/** In the order of the table's columns. */
export type LogRow = [number, number, string, string, string, number, Uint8Array];

/** The file's content is not what it should be. `found` completes "the state file … ". */
export class BadStateFile extends Error {
  override name = 'BadStateFile';
  readonly reason: 'foreign' | 'newer' | 'damaged';

  constructor(reason: BadStateFile['reason'], found: string) {
    super(found);
    this.reason = reason;
  }
}

/** Values are sealed, and what was given does not open them. `found` completes "the state file … ". */
export class KeysDoNotFit extends Error {
  override name = 'KeysDoNotFit';
}

/** A plain value is JSON. */
const openingBrace = 0x7b;
const nothing = new Uint8Array(0);

/** Its JSON, or why there is none. @throws BadStateFile, KeysDoNotFit */
export function recordOf(row: LogRow, sealer: Sealer): JournalRecord {
  const [revision, kind, collection, namespace, name, , value] = row;
  const key = Object.freeze({ collection, namespace, name });
  const record = { kind: kind === 0 ? ('put' as const) : ('delete' as const), key, revision };
  const why = whyAltered(row, sealer);
  if (why !== undefined) return { ...record, json: nothing, unreadable: why };
  try {
    return { ...record, json: sealer.open(key, value) };
  } catch (error) {
    if (!(error instanceof CannotOpen)) throw error;
    if (error.reason === 'key') throw new KeysDoNotFit(withoutKey(collection, value));
    return { ...record, json: nothing, unreadable: error.message };
  }
}

/** What no longer looks sealed, though its collection is, may have lost its prefix. @throws BadStateFile */
function whyAltered(row: LogRow, sealer: Sealer): string | undefined {
  const [revision, , collection, namespace, name, checksum, value] = row;
  if (isSealed(value) || checksumOf(collection, namespace, name, value) === checksum) return undefined;
  if (sealer.formFor(collection) !== plainForm && value[0] !== openingBrace) return 'no matching prefix found';
  throw new BadStateFile(
    'damaged',
    `is damaged (${collection} ${namespace}/${name} at revision ${revision} was altered)`,
  );
}

function withoutKey(collection: string, value: Uint8Array): string {
  const form = formIn(value);
  if (form === plainForm) return `holds ${collection} that are not sealed, and no identity provider is listed for them`;
  const [kind, name] = form.split(':', 2);
  return `holds ${collection} that are sealed with the ${kind} key ${name}, which is not listed for them`;
}

/** Whether the value lies there in another form than new ones get. */
export function isStale([, , collection, , , , value]: LogRow, sealer: Sealer): boolean {
  return sealer.providersOf(collection) !== undefined && formIn(value) !== sealer.formFor(collection);
}

export function checksumOf(collection: string, namespace: string, name: string, value: Uint8Array): number {
  return crc32(value, crc32(`${collection}/${namespace}/${name}`));
}
