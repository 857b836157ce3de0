/**
 * JSON merge patch (RFC 7386): objects merge key by key, null deletes, all else replaces.
 *
 * The result shares what did not change with `document` and what is new with `patch`; neither is changed.
 */
import type { JsonObject, JsonValue } from '../object.ts';
import { badRequest } from '../status-error.ts';
import { getKey, goTypeName, isArray, isObject, setKey } from './json-tree.ts';

/** @throws StatusError BadRequest where `patch` is no object: it would replace the whole. */
export function applyMergePatch(document: JsonObject, patch: JsonValue): JsonObject {
  if (!isObject(patch)) {
    const type = goTypeName(patch);
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`,
    );
  }
  return mergeObjects(document, patch);
}

function mergeObjects(document: JsonObject, patch: JsonObject): JsonObject {
  const result = { ...document };
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) delete result[key];
    else setKey(result, key, mergeValue(getKey(document, key), change));
  }
  return result;
}

function mergeValue(document: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return isArray(patch) ? withoutNullMembers(patch) : patch;
  return mergeObjects(isObject(document) ? document : {}, patch);
}

/**
 * The RFC takes a list as it is; upstream's library drops null members of the objects in it, and clients rely on what is
 * then stored.
 */
function withoutNullMembers(value: JsonValue): JsonValue {
  if (isArray(value)) return value.map(withoutNullMembers);
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [key, child] of Object.entries(value)) {
    if (child !== null) setKey(result, key, withoutNullMembers(child));
  }
  return result;
}
