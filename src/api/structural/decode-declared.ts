/**
 * Objects of kinds that CustomResourceDefinitions declare, from a client's JSON or from the store. What every object has is read as of built-in
 * kinds; the rest by its schema (`coerce.ts`). Upstream's order of complaints: metadata, fields, metadata of objects inside.
 */
import type { Decoded } from '../decode.ts';
import { normalizeObject } from '../normalize.ts';
import { refuseInexact } from '../number-literals.ts';
import type { JsonObject, JsonValue } from '../object.ts';
import { setKey } from '../patch/json-tree.ts';
import type { MessageType } from '../schema/schema.ts';
import { Coercion, type DecodedMetadata } from './coerce.ts';
import { objectMetaType } from './message-type.ts';
import type { Structural } from './structural.ts';

/** `decodeObject`, handed in by it. */
type DecodeMessage = (type: MessageType, value: JsonValue, known: undefined, inside: string) => Decoded;

/** @throws DecodeError */
export function decodeDeclared(type: MessageType, value: JsonObject, decodeMessage: DecodeMessage): Decoded {
  refuseInexact(value);
  const { metadata, ...rest } = value;
  const read = (each: JsonValue, path: string): DecodedMetadata => readMetadata(decodeMessage, each, path);
  const own =
    metadata === undefined ? undefined : decodeMessage(objectMetaType(), metadata ?? {}, undefined, 'metadata');
  const coercion = new Coercion({ readMetadata: read });
  const structural = type.declared?.structural;
  const body = structural === undefined ? coercion.whole(rest) : coercion.root(structural, rest);
  return {
    object: inOrder(own?.object, body),
    unknownFields: [...(own?.unknownFields ?? []), ...coercion.unknownFields],
  };
}

/** The form that metadata has in all objects, whatever the kind. */
export function readMetadata(decodeMessage: DecodeMessage, metadata: JsonValue, path: string): DecodedMetadata {
  const { object, unknownFields } = decodeMessage(objectMetaType(), metadata ?? {}, undefined, path);
  return { metadata: normalizeObject(objectMetaType(), object), unknownFields };
}

/** apiVersion, kind, metadata, and the rest by name, as upstream prints them. */
function inOrder(metadata: JsonObject | undefined, body: JsonObject): JsonObject {
  const { apiVersion, kind, ...rest } = body;
  const object: JsonObject = {};
  if (apiVersion !== undefined) object['apiVersion'] = apiVersion;
  if (kind !== undefined) object['kind'] = kind;
  if (metadata !== undefined) object['metadata'] = metadata;
  for (const name of Object.keys(rest).sort()) setKey(object, name, rest[name] as JsonValue);
  return object;
}

/** See `conformed`, which hands in the last. */
export function conformStored(
  structural: Structural,
  stored: JsonObject,
  decodeMessage: DecodeMessage,
  withoutDefaults = false,
): JsonObject {
  const read = (each: JsonValue, path: string): DecodedMetadata => readMetadata(decodeMessage, each, path);
  return new Coercion({ readMetadata: read, dropsMalformed: true, withoutDefaults }).root(structural, stored);
}
