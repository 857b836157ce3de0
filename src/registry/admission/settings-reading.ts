/**
 * Reading the settings of admission plugins strictly: a field that nobody knows, or that is of the wrong type, is an error that names it.
 * Pure; who knows the file adds its name.
 */

import { childPath, goQuote, indexPath } from '../../api/field-error.ts';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import type { FieldError } from '../../api/status-error.ts';

/** @throws Error where it is not an object of that kind, in one of these versions */
export function checkKind(value: JsonValue, kind: string, apiVersions: readonly string[]): JsonObject {
  if (!isObject(value)) throw new Error(`a ${kind} is expected`);
  const { apiVersion, kind: found } = value;
  if (typeof apiVersion !== 'string' || typeof found !== 'string' || !apiVersion || !found) {
    throw new Error(`apiVersion and kind are expected: ${apiVersions[0]}, ${kind}`);
  }
  if (found === kind && apiVersions.includes(apiVersion)) return value;
  throw new Error(
    `no kind ${goQuote(found)} is registered for version ${goQuote(apiVersion)}: ${apiVersions[0]}, ${kind} is expected`,
  );
}

/** @throws Error where there is a field beside `known` */
export function checkFields(object: JsonObject, path: string, known: readonly string[]): void {
  const unknown = Object.keys(object).filter((field) => !known.includes(field));
  if (unknown.length === 0) return;
  const names = unknown.map((field) => `unknown field ${goQuote(childPath(path, field))}`);
  throw new Error(`strict decoding error: ${names.join(', ')}`);
}

/** An empty one where the field is absent or null. @throws Error */
export function objectAt(object: JsonObject, path: string, field: string): JsonObject {
  const value = object[field] ?? {};
  if (!isObject(value)) throw new Error(`${childPath(path, field)} must be an object`);
  return value;
}

/** Empty where the field is absent or null. @throws Error */
export function textAt(object: JsonObject, path: string, field: string): string {
  const value = object[field] ?? '';
  if (typeof value !== 'string') throw new Error(`${childPath(path, field)} must be a string`);
  return value;
}

/** @throws Error */
export function textsAt(object: JsonObject, path: string, field: string): readonly string[] {
  return listAt(object, path, field).map((value, index) => {
    if (typeof value !== 'string') throw new Error(`${indexPath(childPath(path, field), index)} must be a string`);
    return value;
  });
}

/** @throws Error */
export function objectsAt(object: JsonObject, path: string, field: string): readonly JsonObject[] {
  return listAt(object, path, field).map((value, index) => {
    if (!isObject(value)) throw new Error(`${indexPath(childPath(path, field), index)} must be an object`);
    return value;
  });
}

function listAt(object: JsonObject, path: string, field: string): readonly JsonValue[] {
  const value = object[field] ?? [];
  if (!Array.isArray(value)) throw new Error(`${childPath(path, field)} must be a list`);
  return value;
}

/** @throws Error with all of them, where there are any */
export function fail(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new Error(errorText(errors));
}

/** Upstream's form: one alone, several in square brackets. */
export function errorText(errors: readonly FieldError[]): string {
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`;
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
