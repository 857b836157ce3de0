/**
 * What makes writes durable, and gives them back after a restart. The core hands it one batch at a time; it knows nothing of
 * compares, indexes or watches.
 */
import type { Compaction } from './history.ts';
import type { StoreKey } from './store.ts';

export interface JournalRecord {
  readonly kind: 'put' | 'delete';
  readonly key: StoreKey;
  readonly revision: number;
  /** The object's JSON; for `delete`, the last object with the delete's revision. */
  readonly json: Uint8Array;
  /** Why it cannot be read, where that is so; `json` is empty then. */
  readonly unreadable?: string;
}

export interface JournalBatch {
  /** Never empty; their revisions follow one another without a gap, and follow those of the batch before. */
  readonly records: readonly JournalRecord[];
  /** To be done together with the batch. */
  readonly compaction: Compaction | undefined;
}

export interface JournalContents {
  /** Every record after this revision is there; of those up to it, at least each key's last put that still matters. */
  readonly compactedRevision: number;
  /** In order of revision. */
  readonly records: Iterable<JournalRecord>;
}

export interface Journal {
  /** Rejects with an Error that says what is wrong with which file, and the way out. */
  open(): Promise<JournalContents>;
  /** Resolves when it is a good moment to form the next batch: other writes may join it until then. */
  gather(): Promise<void>;
  /**
   * Resolves when all of `batch` is durable.
   * @throws StoreUnavailable: none of it will be read back; the next batch starts at the same revision again.
   */
  commit(batch: JournalBatch): Promise<void>;
  close(): Promise<void>;
}

/** The first revision of a new store; the first write gets the next one. */
export const firstRevision = 1;

/** Keeps nothing. */
export class NullJournal implements Journal {
  async open(): Promise<JournalContents> {
    return { compactedRevision: firstRevision, records: [] };
  }

  async gather(): Promise<void> {}

  async commit(): Promise<void> {}

  async close(): Promise<void> {}
}
