/**
 * Stored objects as protobuf messages: each is encoded once, when the first client wants it so, and kept as long as its entry.
 * Lists, watches and single answers share the bytes (ARCHITECTURE.md, D2).
 */
import type { JsonObject } from '../api/object.ts';
import { type ObjectKind, protobufType } from '../api/protobuf/envelope.ts';
import { encodeListItem, type ListItem } from '../api/protobuf/list.ts';
import { assert } from '../lib/assert.ts';
import type { Entry } from '../store/store.ts';

const messages = new WeakMap<Entry, ListItem>();

/** The entry has to be of a kind that has a protobuf form. */
export function storedMessage(entry: Entry): ListItem {
  let message = messages.get(entry);
  if (message === undefined) {
    const type = protobufType(kindOf(entry.object));
    assert(type !== undefined, 'what is answered in protobuf has a protobuf form');
    message = encodeListItem(type, entry.object as unknown as JsonObject);
    messages.set(entry, message);
  }
  return message;
}

export function kindOf({ apiVersion = '', kind = '' }: Partial<ObjectKind>): ObjectKind {
  return { apiVersion, kind };
}
