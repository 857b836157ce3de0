/** A request's body → a JSON object, from JSON or YAML. */
import { DecodeError, type ParsedDocument, parseJson } from '../api/decode.ts';
import type { JsonObject, JsonValue } from '../api/object.ts';
import { badRequest } from '../api/status-error.ts';
import { parseYaml } from '../api/yaml.ts';
import type { Encoding } from './negotiation.ts';

export interface ObjectDocument extends ParsedDocument {
  readonly value: JsonObject;
}

/** `what`: how a message calls the document. @throws StatusError BadRequest */
export function parseBody(bytes: Buffer, encoding: Encoding, what: string): ParsedDocument {
  try {
    return encoding === 'json' ? parseJson(bytes) : parseYaml(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`${what}: ${error.detail}`);
    throw error;
  }
}

/** @throws StatusError BadRequest */
export function parseObjectBody(bytes: Buffer, encoding: Encoding, what: string): ObjectDocument {
  const document = parseBody(bytes, encoding, what);
  // Not a copy: duplicates are only looked for when somebody asks.
  if (isObject(document.value)) return document as ObjectDocument;
  throw badRequest(`${what}: the body must be an object`);
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
