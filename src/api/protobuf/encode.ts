/**
 * From the JSON shape of an object of a type to Kubernetes' protobuf, byte for byte as upstream's encoder writes it: fields by
 * ascending number, map entries by key, what is no pointer always, also when it is empty, and pointers only where they are
 * set. Equal objects give equal bytes.
 *
 * The object must have come from `decodeObject`: what its type does not know is left out, and nothing is checked again.
 * Everything is written backwards (`writer.ts`).
 */
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import type { Field, MessageType, Scalar, Type } from '../schema/schema.ts';
import { encodeRawJson, encodeSpecial } from './encode-special.ts';
import { lengthWire, wireOf } from './wire.ts';
import { WireWriter } from './writer.ts';

export function encodeProtobuf(type: MessageType, object: JsonObject): Buffer {
  const writer = new WireWriter();
  writeMessage(writer, type, object);
  return writer.finish();
}

type ListType = Type & { readonly kind: 'list' };
type MapType = Type & { readonly kind: 'map' };

/** A field as the encoder wants it. */
interface Slot {
  readonly name: string;
  readonly number: number;
  readonly type: Type;
  readonly inline: boolean;
  /** Where it is absent, nothing is written. Bytes are a slice in Go: nil where they are absent. */
  readonly optional: boolean;
}

const slotsByMessage = new WeakMap<MessageType, readonly Slot[]>();

/** By descending number. */
function slotsOf(message: MessageType): readonly Slot[] {
  let slots = slotsByMessage.get(message);
  if (slots === undefined) {
    slots = [...message.fieldsByNumber].sort(([a], [b]) => b - a).map(([number, field]) => slotOf(number, field));
    slotsByMessage.set(message, slots);
  }
  return slots;
}

function slotOf(number: number, { name, type, inline, pointer }: Field): Slot {
  const isBytes = type.kind === 'scalar' && type.scalar === 'bytes';
  return { name, number, type, inline, optional: pointer || isBytes || type.kind === 'list' || type.kind === 'map' };
}

/** The fields alone: a message's length and tag are its parent's. */
export function writeMessage(writer: WireWriter, type: MessageType, object: JsonObject): void {
  for (const slot of slotsOf(type)) {
    const value = slot.inline ? object : (object[slot.name] ?? undefined);
    if (value !== undefined || !slot.optional) writeField(writer, slot, value);
  }
}

function writeField(writer: WireWriter, { type, number }: Slot, value: JsonValue | undefined): void {
  if (type.kind === 'list') writeList(writer, type, number, value as JsonArray);
  else if (type.kind === 'map') writeMap(writer, type, number, value as JsonObject);
  else writeValue(writer, type, number, value);
}

function writeList(writer: WireWriter, type: ListType, number: number, list: JsonArray): void {
  const end = writer.written;
  const elementNumber = type.wrapped ? 1 : number;
  for (let index = list.length - 1; index >= 0; index--) {
    writeValue(writer, type.element, elementNumber, list[index] ?? undefined);
  }
  if (type.wrapped) writer.close(number, end);
}

function writeMap(writer: WireWriter, type: MapType, number: number, map: JsonObject): void {
  for (const key of Object.keys(map).sort().reverse()) {
    const end = writer.written;
    if (type.value.kind === 'list') writeList(writer, type.value, 2, (map[key] ?? []) as JsonArray);
    else writeValue(writer, type.value, 2, map[key] ?? undefined);
    writer.string(key);
    writer.tag(1, lengthWire);
    writer.close(number, end);
  }
}

/** With its tag; undefined is Go's zero value. */
function writeValue(writer: WireWriter, type: Type, number: number, value: JsonValue | undefined): void {
  if (type.kind === 'scalar') {
    writeScalar(writer, type.scalar, value);
    writer.tag(number, wireOf(type.scalar));
    return;
  }
  const end = writer.written;
  if (type.kind === 'message') writeMessage(writer, type.message, (value ?? {}) as JsonObject);
  else if (type.kind === 'special') writeSpecial(writer, type, value);
  writer.close(number, end);
}

function writeSpecial(
  writer: WireWriter,
  type: Type & { readonly kind: 'special' },
  value: JsonValue | undefined,
): void {
  if (type.form !== 'json' || type.message === undefined) return encodeSpecial(writer, type.form, value);
  if (type.message.fieldsByName.has('Raw')) return encodeRawJson(writer, value);
  writeMessage(writer, type.message, partsOf(type.message, value));
}

/** One of JSONSchemaProps' forms, as the message that it is here. */
function partsOf({ fieldsByName }: MessageType, value: JsonValue | undefined): JsonObject {
  if (typeof value === 'boolean') return { Allows: value };
  if (Array.isArray(value)) return fieldsByName.has('JSONSchemas') ? { JSONSchemas: value } : { Property: value };
  return value === undefined ? {} : { Allows: true, Schema: value };
}

function writeScalar(writer: WireWriter, scalar: Scalar, value: JsonValue | undefined): void {
  switch (scalar) {
    case 'string':
      return writer.string((value ?? '') as string);
    case 'bytes':
      return writer.bytes(Buffer.from((value ?? '') as string, 'base64'));
    case 'boolean':
      return writer.integer(value === true ? 1 : 0);
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'uint64':
      return writer.integer((value ?? 0) as number);
    case 'float':
      return writer.float((value ?? 0) as number);
    case 'double':
      return writer.double((value ?? 0) as number);
  }
}
