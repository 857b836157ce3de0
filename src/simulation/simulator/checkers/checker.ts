/**
 * What a safety checker is: it sees every change of the store, in order, and says when one must not have happened. Checkers read objects only,
 * never the memory of the parts that are being tested; each keeps what it needs from the past itself.
 */
import { type KubeObject, objectKey } from '../../../api/object.ts';
import type { StoreEvent } from '../../../store/store.ts';

export interface Checker {
  /** What must hold, in a few words. */
  readonly name: string;
  /** What is wrong with this change; undefined: nothing. */
  check(event: StoreEvent): string | undefined;
}

/** `pods default/web-1 (uid)`: names an object in a message. */
export function named({ entry }: StoreEvent): string {
  return `${entry.key.collection} ${objectKey(entry.object)} (${uidOf(entry.object)})`;
}

export const uidOf = (object: KubeObject): string => object.metadata?.uid ?? '';

/** What the key held before; undefined for what was made just now. */
export const before = <T extends KubeObject>({ previous }: StoreEvent): T | undefined =>
  previous?.object as T | undefined;
