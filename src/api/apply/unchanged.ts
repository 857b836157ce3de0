/** Whether a write would change anything but since when somebody owns something: then nothing is written. */
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import { getKey, isObject } from '../patch/json-tree.ts';
import type { ManagedFieldsEntry } from '../schema/types/meta-v1.ts';
import { sameManagers } from './managed-fields.ts';

/**
 * `live` itself where `next` differs from it in the times of managedFields alone, else `next`. To be asked of the object
 * as it would be stored: defaults may undo what a request changed.
 */
export function unlessUnchanged(live: JsonObject, next: JsonObject): JsonObject {
  if (live === next) return live;
  if (!sameManagers(entriesOf(live), entriesOf(next))) return next;
  return sameObject(live, next, isSameMetadata) ? live : next;
}

const isSameMetadata = (name: string, a: JsonValue, b: JsonValue): boolean =>
  name === 'metadata' && isObject(a) && isObject(b)
    ? sameObject(a, b, (key, x, y) => key === 'managedFields' || sameValue(x, y))
    : sameValue(a, b);

function entriesOf(object: JsonObject): readonly ManagedFieldsEntry[] {
  const metadata = getKey(object, 'metadata');
  const entries = isObject(metadata) ? getKey(metadata, 'managedFields') : undefined;
  return Array.isArray(entries) ? (entries as readonly ManagedFieldsEntry[]) : [];
}

/** A field that is null is as one that is absent. */
function sameValue(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && sameList(a, b);
  return isObject(a) && isObject(b) && sameObject(a, b, (_, x, y) => sameValue(x, y));
}

const sameList = (a: JsonArray, b: JsonArray): boolean =>
  a.length === b.length && a.every((item, i) => sameValue(item, b[i] ?? null));

function sameObject(
  a: JsonObject,
  b: JsonObject,
  isSame: (name: string, a: JsonValue, b: JsonValue) => boolean,
): boolean {
  for (const name of Object.keys(a)) if (!isSame(name, a[name] ?? null, getKey(b, name) ?? null)) return false;
  for (const name of Object.keys(b)) if (!Object.hasOwn(a, name) && b[name] !== null) return false;
  return true;
}
