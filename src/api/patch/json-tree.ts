/**
 * Steps that all patches share: looking into JSON values and building changed copies. Nothing here changes its arguments,
 * and a key called `__proto__` is a key like any other.
 */
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isArray(value: JsonValue | undefined): value is JsonArray {
  return Array.isArray(value);
}

/** The value of an own key. */
export function getKey(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets an own key; plain assignment of `__proto__` would change the object's prototype. */
export function setKey(object: JsonObject, key: string, value: JsonValue): void {
  if (key !== '__proto__') object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A copy without `key`. */
export function without(object: JsonObject, key: string): JsonObject {
  const copy: JsonObject = {};
  // An object from which something was deleted is slow to read ever after.
  for (const name of Object.keys(object)) if (name !== key) setKey(copy, name, object[name] as JsonValue);
  return copy;
}

export function deepCopy(value: JsonValue): JsonValue {
  if (isArray(value)) return value.map(deepCopy);
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const [key, child] of Object.entries(value)) setKey(copy, key, deepCopy(child));
  return copy;
}

export function deepEqual(left: JsonValue, right: JsonValue): boolean {
  if (left === right) return true;
  if (isArray(left)) {
    return isArray(right) && left.length === right.length && left.every((item, i) => deepEqual(item, right[i] ?? null));
  }
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && deepEqual(left[key] ?? null, right[key] ?? null));
}

/** Go's word for a JSON type, as its decoder's errors carry it. */
export function goTypeName(value: JsonValue): string {
  if (value === null) return 'null';
  if (isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** A value as Go's `%v` shows it: `map[a:1 b:[x y]]`. */
export function goText(value: JsonValue): string {
  if (value === null) return '<nil>';
  if (isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (!isObject(value)) return String(value);
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${goText(value[key] ?? null)}`).join(' ')}]`;
}
