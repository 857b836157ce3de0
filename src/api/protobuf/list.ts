/**
 * Lists in protobuf, joined from messages that are there already: a list of 100,000 pods is their bytes, and a few before each.
 *
 * Every list kind of Kubernetes has the same two fields: 1 is its metadata, 2 repeats the items.
 */
import type { JsonObject } from '../object.ts';
import type { MessageType } from '../schema/schema.ts';
import { encodeProtobuf, writeMessage } from './encode.ts';
import { envelop, type ObjectKind, protobufType } from './envelope.ts';
import { WireWriter } from './writer.ts';

const itemsNumber = 2;

/** An object's message, and the same bytes with the tag and length of a list's item before them. */
export interface ListItem {
  readonly message: Uint8Array;
  readonly asItem: Uint8Array;
}

export function encodeListItem(type: MessageType, object: JsonObject): ListItem {
  const writer = new WireWriter();
  writeMessage(writer, type, object);
  const length = writer.written;
  writer.close(itemsNumber, 0);
  const asItem = writer.finish();
  return { message: asItem.subarray(asItem.length - length), asItem };
}

/** The pieces of an enveloped list; undefined where the kind has no protobuf form. */
export function joinList(kind: ObjectKind, metadata: object, items: readonly ListItem[]): Uint8Array[] | undefined {
  const type = protobufType(kind);
  if (type === undefined) return undefined;
  const listHead = encodeProtobuf(type, { metadata } as JsonObject);
  const bytes = items.reduce((sum, { asItem }) => sum + asItem.length, listHead.length);
  const { head, tail } = envelop(kind, bytes);
  return [head, listHead, ...items.map(({ asItem }) => asItem), tail];
}
