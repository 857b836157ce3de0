/**
 * Objects on their way to the store: copied, changeable, not yet frozen.
 *
 * Stored objects are frozen and the generated types are readonly; a `Draft<T>` is the same shape without either. A draft
 * belongs to one request, and ends when the store takes it over.
 */
import type { JsonObject, JsonValue, KubeObject } from '../api/object.ts';
import { setKey } from '../api/patch/json-tree.ts';

/** `T` without `readonly`, at every depth. */
export type Draft<T> = T extends readonly (infer E)[]
  ? Draft<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Draft<T[K]> }
    : T;

/** A whole object as a draft, whose kind nobody has looked at yet. */
export type ObjectDraft = Draft<KubeObject> & { [field: string]: unknown };

/** A deep copy of a JSON value, frozen or not. */
export function draftOf<T>(value: T): Draft<T> {
  return copy(value) as Draft<T>;
}

/**
 * A copy to change, of all that a request may change: of `fields` alone where these are named. What else there is, is shared; so are the
 * entries of who owns what, which are replaced and never changed.
 */
export function draftApart(object: ObjectDraft, fields?: readonly string[]): ObjectDraft {
  const { managedFields, ...metadata } = object.metadata ?? {};
  const apart: ObjectDraft = { ...object, metadata: draftOf(metadata) };
  if (managedFields !== undefined && apart.metadata !== undefined) apart.metadata.managedFields = managedFields;
  for (const field of fields ?? Object.keys(object)) {
    const value = object[field];
    if (field !== 'metadata' && value !== undefined) setKey(apart as JsonObject, field, copy(value) as JsonValue);
  }
  return apart;
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  const result: Record<string, unknown> = {};
  for (const key in value)
    setKey(result as JsonObject, key, copy((value as Record<string, unknown>)[key]) as JsonValue);
  return result;
}

/** Are two JSON values the same? A field that is undefined counts as absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return sameList(a, b);
  return sameFields(a as Record<string, unknown>, b as Record<string, unknown>);
}

function sameList(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((item, index) => sameJson(item, b[index]));
}

function sameFields(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  // A label may be called `constructor`, which every object seems to have.
  for (const key in a) if (!sameJson(a[key], Object.hasOwn(b, key) ? b[key] : undefined)) return false;
  for (const key in b) if (b[key] !== undefined && !Object.hasOwn(a, key)) return false;
  return true;
}

/** Sets `field` where it is absent: the whole of most defaults. Zero values that are present stay. */
export function setDefault<T extends object, K extends keyof T>(target: T, field: K, value: NonNullable<T[K]>): void {
  if (target[field] === undefined || target[field] === null) target[field] = value;
}

/** Sets `field` where it is absent or the empty string: for fields that are no pointer upstream, where the two are the same. */
export function setDefaultText<T extends object, K extends keyof T>(
  target: T,
  field: K,
  value: NonNullable<T[K]>,
): void {
  if (!target[field]) target[field] = value;
}
