/** A body of a request or an answer as a JSON value, whatever form it came in. Pure. */
import { parseJson } from '../../api/decode-json.ts';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import { decodeEnveloped, protobufMediaType } from '../../api/protobuf/envelope.ts';
import { documentAtAGlance, firstDocument, yamlText } from '../../api/yaml.ts';
import { limits } from '../../lib/limits.ts';
import { mediaType } from '../negotiation.ts';

export type BodyObject = { readonly value: JsonValue } | 'too large' | undefined;

/** Undefined where there is no body, or none that is an object in a known form. */
export function bodyObject(
  body: readonly Uint8Array[],
  contentType: string | readonly string[] | undefined,
  omitManagedFields: boolean,
): BodyObject {
  const bytes = body.reduce((sum, part) => sum + part.length, 0);
  if (bytes === 0) return undefined;
  if (bytes > limits.auditObjectBytesMax) return 'too large';
  try {
    const decoded = decode(Buffer.concat(body), mediaType(String(contentType ?? '')));
    if (typeof decoded !== 'object' || !omitManagedFields) return decoded;
    return { value: withoutManagedFields(decoded.value) };
  } catch {
    // What could not be read was answered with an error, which the event tells.
    return undefined;
  }
}

function decode(bytes: Buffer, type: string): BodyObject {
  if (type === protobufMediaType) return { value: decodeEnveloped(bytes, { kind: '', apiVersion: '' }) };
  if (type === 'application/yaml' || type.endsWith('+yaml')) return yamlValue(yamlText(bytes));
  if (type === '' || type === 'application/json' || type.endsWith('+json')) return { value: parseJson(bytes).value };
  return undefined;
}

/** Other requests do not wait for an event to be written. */
function yamlValue(text: string): BodyObject {
  const document = documentAtAGlance(text);
  if (document === undefined && text.length > limits.yamlCharactersInlineMax) return 'too large';
  const { value } = document ?? firstDocument(text);
  return { value };
}

/** Of an object, of a list's items, of a table's rows. */
function withoutManagedFields(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const object = { ...value };
  const { metadata, items, rows } = object;
  if (typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)) {
    const { managedFields: _left, ...rest } = metadata;
    object['metadata'] = rest;
  }
  if (Array.isArray(items)) object['items'] = items.map((item) => withoutManagedFields(item));
  if (Array.isArray(rows)) object['rows'] = rows.map((row) => withoutObjectsManagedFields(row as JsonObject));
  return object;
}

function withoutObjectsManagedFields(row: JsonObject): JsonObject {
  return row['object'] === undefined ? row : { ...row, object: withoutManagedFields(row['object']) };
}
