/** Packs a batch for another thread (`PackedBatch`). One copy of each value, because the store keeps its own. */
import type { JournalBatch } from '../journal.ts';
import type { PackedBatch } from './sqlite-file.ts';

export function pack({ records, compaction }: JournalBatch): PackedBatch {
  const lengths = Uint32Array.from(records, (record) => record.json.length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let start = 0;
  for (const { json } of records) {
    bytes.set(json, start);
    start += json.length;
  }
  return {
    firstRevision: records[0]?.revision ?? 0,
    kinds: Uint8Array.from(records, (record) => (record.kind === 'put' ? 0 : 1)),
    keys: records.flatMap(({ key }) => [key.collection, key.namespace, key.name]),
    lengths,
    bytes,
    compaction,
  };
}
