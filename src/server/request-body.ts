/** A request's body → a JSON object, from JSON, YAML or protobuf. */
import { DecodeError, type ParsedDocument, parseJson } from '../api/decode.ts';
import type { JsonObject, JsonValue } from '../api/object.ts';
import { decodeEnveloped, type ObjectKind } from '../api/protobuf/envelope.ts';
import { badRequest } from '../api/status-error.ts';
import { parseYaml } from '../api/yaml.ts';
import type { Encoding, TextEncoding } from './negotiation.ts';

export interface ObjectDocument extends ParsedDocument {
  readonly value: JsonObject;
}

/** `what`: how a message calls the document. @throws StatusError BadRequest */
export function parseBody(bytes: Buffer, encoding: TextEncoding, what: string): ParsedDocument {
  try {
    return encoding === 'json' ? parseJson(bytes) : parseYaml(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`${what}: ${error.detail}`);
    throw error;
  }
}

/**
 * A whole object. `kind` is what it is where it does not say so itself: protobuf means nothing without its type.
 * @throws StatusError BadRequest
 */
export function parseObjectBody(bytes: Buffer, encoding: Encoding, kind: ObjectKind, what: string): ObjectDocument {
  if (encoding === 'protobuf') return { value: decodeProtobufBody(bytes, kind, what), duplicates: [] };
  const document = parseBody(bytes, encoding, what);
  // Not a copy: duplicates are only looked for when somebody asks.
  if (isObject(document.value)) return document as ObjectDocument;
  throw badRequest(`${what}: the body must be an object`);
}

function decodeProtobufBody(bytes: Buffer, kind: ObjectKind, what: string): JsonObject {
  try {
    return decodeEnveloped(bytes, kind);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`${what}: ${error.detail}`);
    throw error;
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
