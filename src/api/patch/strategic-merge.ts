/**
 * Strategic merge patch: a merge patch that knows the type it patches.
 *
 * Objects merge key by key and null deletes, as in a merge patch; lists are replaced, or merged where the field's
 * `patchStrategy` says so: objects by `patchMergeKey`, scalars as a set. Directives in the patch say more:
 *
 *   `$patch: delete | replace | merge`      for the object it stands in; in a merged list, delete the element with that key,
 *                                           or replace the whole list
 *   `$retainKeys: [a, b]`                   drop every other key of the object
 *   `$deleteFromPrimitiveList/f: [x]`       take x out of the list f of scalars
 *   `$setElementOrder/f: [...]`             the order of the elements of f that the client knows
 *
 * Order in merged lists: what the patch (or `$setElementOrder`) names comes in its order, what only the document has keeps
 * its own order, and both are woven together by the document's order (upstream's "preserve order in strategic merge patch").
 *
 * Where the type is not known (a custom resource, a free-form field), objects merge as in a merge patch. Kept true: neither
 * `document` nor `patch` is changed. Upstream answers 500 to some malformed patches; here they are the client's error (400).
 */
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import type { Field, MessageType, Type } from '../schema/schema.ts';
import { badRequest, StatusError } from '../status-error.ts';
import { getKey, goText, goTypeName, isArray, isObject, setKey, without } from './json-tree.ts';
import { elementKey, orderElements } from './list-order.ts';

const patchDirective = '$patch';
const retainKeysDirective = '$retainKeys';
const deletePrefix = '$deleteFromPrimitiveList';
const orderPrefix = '$setElementOrder';

/** @throws StatusError BadRequest, or Invalid for lists of lists */
export function applyStrategicMergePatch(document: JsonObject, patch: JsonValue, type: MessageType): JsonObject {
  if (!isObject(patch)) {
    throw badRequest(`json: cannot unmarshal ${goTypeName(patch)} into Go value of type map[string]interface {}`);
  }
  return mergeObject(document, patch, { kind: 'message', message: type });
}

/** How the values under one key merge. */
interface Member {
  /** Of the value, or of the list's elements; undefined where nothing is known. */
  readonly type: Type | undefined;
  readonly strategy: 'merge' | 'replace' | undefined;
  readonly mergeKey: string | undefined;
}

const unknownMember: Member = { type: undefined, strategy: undefined, mergeKey: undefined };

function memberOf(type: Type | undefined, key: string): Member {
  if (type?.kind === 'map') return { ...unknownMember, type: type.value };
  const field = type?.kind === 'message' ? type.message.fieldsByName.get(key) : undefined;
  return field === undefined ? unknownMember : fieldMember(field);
}

function fieldMember(field: Field): Member {
  return {
    type: field.type.kind === 'list' ? field.type.element : field.type,
    strategy: field.patchStrategy?.find((strategy) => strategy !== 'retainKeys'),
    mergeKey: field.patchMergeKey,
  };
}

function mergeObject(document: JsonObject, patch: JsonObject, type: Type | undefined): JsonObject {
  const directive = getKey(patch, patchDirective);
  if (directive === 'replace') return withoutNulls(withoutDirectives(without(patch, patchDirective)));
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw unknownDirective(directive, patch);
  const result = retainedKeys(document, patch);
  const ordered = mergeOrderedLists(result, patch, type);
  for (const [key, change] of Object.entries(patch)) {
    if (ordered.has(key) || isOwnDirective(key)) continue;
    if (key.startsWith(deletePrefix)) deleteFromList(result, listName(key, deletePrefix), change);
    else mergeKey(result, key, change, type);
  }
  return result;
}

function isOwnDirective(key: string): boolean {
  return key === patchDirective || key === retainKeysDirective || key.startsWith(orderPrefix);
}

function isDirective(key: string): boolean {
  return isOwnDirective(key) || key.startsWith(deletePrefix);
}

function unknownDirective(directive: JsonValue, patch: JsonObject): StatusError {
  return badRequest(`unknown patch type: ${goText(directive)} in map: ${goText(patch)}`);
}

function listName(key: string, prefix: string): string {
  if (key[prefix.length] !== '/' || key.length === prefix.length + 1) {
    throw badRequest(`fail to find unknown prefix "${prefix}" in ${key}`);
  }
  return key.slice(prefix.length + 1);
}

/** A copy of `document`, with only the keys that `$retainKeys` lists where the patch has it. */
function retainedKeys(document: JsonObject, patch: JsonObject): JsonObject {
  const keys = getKey(patch, retainKeysDirective);
  if (keys === undefined) return { ...document };
  if (!isArray(keys)) throw badRequest('invalid patch format of retainKeys');
  const retained = new Set(keys);
  for (const [key, change] of Object.entries(patch)) {
    if (change !== null && !isDirective(key) && !retained.has(key)) {
      throw badRequest('invalid patch format of retainKeys');
    }
  }
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(document)) if (retained.has(key)) setKey(result, key, value);
  return result;
}

/** Merges one key of `patch` into `result`, which is ours to change. */
function mergeKey(result: JsonObject, key: string, change: JsonValue, type: Type | undefined): void {
  if (change === null) {
    delete result[key];
    return;
  }
  const current = getKey(result, key);
  const member = memberOf(type, key);
  if (isObject(current) && isObject(change)) {
    setKey(result, key, member.strategy === 'replace' ? cleaned(change) : mergeObject(current, change, member.type));
  } else if (isArray(current) && isArray(change)) {
    setKey(result, key, mergeLists(current, change, member));
  } else if (isObject(change) && Object.hasOwn(change, patchDirective)) {
    delete result[key];
  } else {
    setKey(result, key, cleaned(change));
  }
}

/** A value of the patch that meets nothing to merge with: as it is, without directives and nulls. */
function cleaned<T extends JsonValue>(value: T): T {
  return withoutNulls(withoutDirectives(value));
}

function withoutNulls<T extends JsonValue>(value: T): T {
  return rebuild(value, (_key, child) => child !== null);
}

/** Objects that are only a directive (`$patch`) vanish, and so do the parallel lists of others. */
function withoutDirectives<T extends JsonValue>(value: T): T {
  return rebuild(value, (key, child) => {
    if (key !== undefined && isDirective(key)) return false;
    return !(isObject(child) && Object.hasOwn(child, patchDirective));
  });
}

/** A copy with only the members and elements that `keep` accepts, all the way down. `key` is undefined for elements. */
function rebuild<T extends JsonValue>(value: T, keep: (key: string | undefined, child: JsonValue) => boolean): T {
  if (isArray(value)) {
    const kept: JsonArray = value.filter((child) => child === null || keep(undefined, child));
    return kept.map((child) => rebuild(child, keep)) as T;
  }
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [key, child] of Object.entries(value)) if (keep(key, child)) setKey(result, key, rebuild(child, keep));
  return result as T;
}

function deleteFromList(result: JsonObject, key: string, values: JsonValue): void {
  const current = getKey(result, key);
  if (!isArray(current)) return;
  if (!isArray(values)) throw badRequest('invalid patch format of primitive list');
  const gone = new Set(values);
  setKey(
    result,
    key,
    current.filter((value) => !gone.has(value)),
  );
}

function mergeLists(document: JsonArray, patch: JsonArray, member: Member): JsonArray {
  if (member.strategy !== 'merge') return cleaned(patch);
  if (document.length === 0 && patch.length === 0) return document;
  if (elementForm(document, patch) !== 'object') {
    const merged = [...new Set([...document, ...patch])];
    return orderElements(merged, patch, document, undefined);
  }
  const { mergeKey: key } = member;
  if (key === undefined) throw badRequest('cannot merge lists without merge key');
  return mergeObjectLists(document as JsonObject[], patch as JsonObject[], key, member.type);
}

/** Elements of one form only, and never lists. */
function elementForm(...lists: readonly JsonArray[]): string {
  const forms = new Set(lists.flat(1).map((element) => (isObject(element) ? 'object' : goTypeName(element))));
  if (forms.has('array')) throw new StatusError(422, 'Invalid', 'lists of lists are not supported', {});
  if (forms.size > 1) throw badRequest(`list element types are not identical: ${goText([...lists])}`);
  const [form = 'object'] = forms;
  return form;
}

function mergeObjectLists(document: JsonObject[], patch: JsonObject[], key: string, type: Type | undefined): JsonArray {
  const { kept, changes, replace } = splitDirectives(document, patch, key);
  if (replace) return changes.map(cleaned);
  const merged = [...kept];
  for (const change of changes) {
    const value = requiredKey(change, key);
    const index = merged.findIndex((element) => getKey(element, key) === value);
    const current = merged[index];
    if (current === undefined) merged.push(cleaned(change));
    else merged[index] = mergeObject(current, change, type);
  }
  return orderElements(merged, changes, kept, key);
}

interface SplitPatch {
  /** The document's elements that no directive deletes. */
  readonly kept: JsonObject[];
  /** The patch's elements without directives. */
  readonly changes: JsonObject[];
  readonly replace: boolean;
}

function splitDirectives(document: JsonObject[], patch: JsonObject[], key: string): SplitPatch {
  const changes: JsonObject[] = [];
  const deleted = new Set<JsonValue>();
  let replace = false;
  for (const element of patch) {
    const directive = getKey(element, patchDirective);
    if (directive === undefined) changes.push(element);
    else if (directive === 'delete') deleted.add(requiredKey(element, key));
    else if (directive === 'replace') replace = true;
    else if (directive === 'merge') throw badRequest('merging lists cannot yet be specified in the patch');
    else throw unknownDirective(directive, element);
  }
  const kept = document.filter((element) => !deleted.has(getKey(element, key) ?? null));
  return { kept, changes, replace };
}

function requiredKey(element: JsonObject, key: string): JsonValue {
  const value = getKey(element, key);
  if (value === undefined) throw badRequest(`map: ${goText(element)} does not contain declared merge key: ${key}`);
  return value;
}

/** Merges the lists that have a `$setElementOrder`, and says which keys are done with. */
function mergeOrderedLists(result: JsonObject, patch: JsonObject, type: Type | undefined): Set<string> {
  const done = new Set<string>();
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(orderPrefix)) continue;
    const key = listName(directive, orderPrefix);
    if (!isArray(order)) throw badRequest(`expected a []interface {}, but received a ${goTypeName(order)}`);
    const member = memberOf(type, key);
    const [current, change] = [listAt(result, key), listAt(patch, key)];
    if (change !== undefined) checkOrder(change, order, member.mergeKey);
    const merged = mergeInto(current, change, member);
    if (merged === undefined) continue;
    setKey(result, key, orderElements(merged, order, current ?? [], member.mergeKey));
    done.add(key);
  }
  return done;
}

function listAt(object: JsonObject, key: string): JsonArray | undefined {
  const value = getKey(object, key);
  if (value === undefined || isArray(value)) return value;
  throw badRequest(`expected a []interface {}, but received a ${goTypeName(value)}`);
}

function mergeInto(
  current: JsonArray | undefined,
  change: JsonArray | undefined,
  member: Member,
): JsonArray | undefined {
  if (change === undefined) return current;
  return current === undefined ? cleaned(change) : mergeLists(current, change, member);
}

/** What the patch sets must stand in the order list too, in the same order. */
function checkOrder(change: JsonArray, order: JsonArray, key: string | undefined): void {
  if (order.length === 0) return;
  let next = 0;
  for (const element of change) {
    if (isObject(element) && Object.hasOwn(element, patchDirective)) continue;
    const wanted = elementKey(element, key);
    while (next < order.length && elementKey(order[next] ?? null, key) !== wanted) next++;
    if (next++ < order.length) continue;
    throw badRequest(
      `The order in patch list:\n${goText(change)}\n doesn't match ${orderPrefix} list:\n${goText(order)}\n`,
    );
  }
}
