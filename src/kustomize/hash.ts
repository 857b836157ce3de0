/**
 * The suffix that a generated ConfigMap's or Secret's name gets from its content, so that pods roll when it changes: ten characters of
 * SHA-256 over its JSON, with those replaced that could make words. The same as kustomize's, digit for digit.
 */
import { createHash } from 'node:crypto';
import type { JsonObject, JsonValue } from '../api/object.ts';

export function contentHash(object: JsonObject): string {
  const text = goJson(hashed(object));
  const hex = createHash('sha256').update(text).digest('hex').slice(0, 10);
  return hex.replace(/./g, (digit) => safeDigits[digit] ?? digit);
}

const safeDigits: Readonly<Record<string, string>> = { 0: 'g', 1: 'h', 3: 'k', a: 'm', e: 't' };

/** What of an object counts. What is absent is an empty text, and so is the name, whatever it is: kustomize has it so. */
function hashed(object: JsonObject): JsonObject {
  const { kind = '', type = '', data = '', binaryData, stringData } = object;
  const name = '';
  if (kind === 'ConfigMap') return { kind, name, data, ...(binaryData !== undefined && { binaryData }) };
  if (kind === 'Secret') return { kind, type, name, data, ...(stringData !== undefined && { stringData }) };
  return object;
}

/** JSON as Go writes it: keys in order, and what HTML could take for its own escaped. */
export function goJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return escaped(JSON.stringify(value));
  const keys = Object.keys(value).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${keys.map((key) => `${escaped(JSON.stringify(key))}:${goJson(value[key] ?? null)}`).join(',')}}`;
}

const escaped = (json: string): string =>
  json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
