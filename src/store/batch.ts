/**
 * The compare: which of the waiting writes may happen, and what they make. Pure.
 *
 * Writes are judged in the order in which they were asked for, each seeing what the earlier ones of its batch will have made.
 * A refusal that rests on such an earlier write is `tentative`: it is true only if the batch gets to disk.
 */
import { limits } from '../lib/limits.ts';
import { makeEntry, makeStub, type StoredEntry } from './entry.ts';
import type { Change } from './history.ts';
import { ObjectTooLarge, RevisionConflict, type StoreKey, type WriteOperation } from './store.ts';

export interface PlannedWrite<Write> {
  readonly write: Write;
  readonly change: Change;
}

export interface RefusedWrite<Write> {
  readonly write: Write;
  readonly error: unknown;
  readonly tentative: boolean;
}

export interface BatchPlan<Write> {
  readonly planned: readonly PlannedWrite<Write>[];
  readonly refused: readonly RefusedWrite<Write>[];
  /** How many writes of the queue the plan takes; the others wait for the next one. */
  readonly taken: number;
}

/** Plans writes from the head of `queue` until a commit's bounds; `revision` is the store's, `current` reads its index. */
export function planBatch<Write extends { readonly operation: WriteOperation }>(
  queue: readonly Write[],
  revision: number,
  current: (key: StoreKey) => StoredEntry | undefined,
): BatchPlan<Write> {
  const planned: PlannedWrite<Write>[] = [];
  const refused: RefusedWrite<Write>[] = [];
  const overlay = new Map<string, StoredEntry | undefined>();
  let bytes = 0;
  for (const write of queue) {
    if (planned.length + refused.length === limits.commitWritesMax || bytes > limits.commitBytesMax) break;
    const id = overlayKey(write.operation.key);
    const tentative = overlay.has(id);
    const before = tentative ? overlay.get(id) : current(write.operation.key);
    try {
      const change = planChange(write.operation, before, revision + planned.length + 1);
      overlay.set(id, change.type === 'deleted' ? undefined : change.entry);
      planned.push({ write, change });
      bytes += change.entry.bytes;
    } catch (error) {
      refused.push({ write, error, tentative });
    }
  }
  return { planned, refused, taken: planned.length + refused.length };
}

/** @throws RevisionConflict, ObjectTooLarge, and what JSON.stringify throws */
function planChange(operation: WriteOperation, before: StoredEntry | undefined, revision: number): Change {
  const { key, expectedRevision } = operation;
  if ((before?.revision ?? 0) !== expectedRevision) throw new RevisionConflict(key, before);
  if (operation.kind === 'put') {
    const entry = makeEntry(key, revision, operation.object);
    if (entry.bytes > limits.objectBytesMax) throw new ObjectTooLarge(key, entry.bytes, limits.objectBytesMax);
    return before === undefined
      ? { type: 'added', entry, revision }
      : { type: 'modified', entry, previous: before, revision };
  }
  if (before === undefined) throw new RevisionConflict(key, before);
  const last = before.isReadable ? before.object : makeStub(key);
  return { type: 'deleted', entry: makeEntry(key, revision, last), previous: before, revision };
}

function overlayKey({ collection, namespace, name }: StoreKey): string {
  return `${collection}\0${namespace}\0${name}`;
}
