/**
 * JSON patch (RFC 6902) as the API server applies it.
 *
 * It goes beyond the RFC where upstream does, because clients rely on it: an index may count from the end (`-1`), `replace`
 * takes a key that is not there, `test` for null holds where nothing is there, a missing `value` is null; the whole document
 * can be tested and replaced, but not added, removed, moved or copied.
 *
 * Kept true: `document` and `operations` are not changed and may be frozen. Containers are copied when first changed, so a
 * patch costs what it touches. What the patch means for the kind is the registry's to check.
 */
import { limits } from '../../lib/limits.ts';
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import { badRequest, StatusError } from '../status-error.ts';
import { deepCopy, deepEqual, getKey, goTypeName, isArray, isObject, setKey } from './json-tree.ts';

/** What `copy` may add to the document in one patch (bytes of JSON): upstream's limit, the size of a request. */
const copiedBytesMax = limits.requestBodyBytesMax;

const missing = 'missing value';
const badIndex = 'invalid index referenced';
const testFailed = 'test failed';

/**
 * @throws StatusError BadRequest where `operations` is no list of objects, RequestEntityTooLarge where there are too many,
 * Invalid (422) where an operation does not apply or a test fails
 */
export function applyJsonPatch(document: JsonObject, operations: JsonValue): JsonObject {
  const patcher = new JsonPatcher(document);
  for (const operation of decodeOperations(operations)) patcher.apply(operation);
  if (!isObject(patcher.root)) throw invalidPatch('the document is no object after the patch');
  return patcher.root;
}

function decodeOperations(operations: JsonValue): JsonObject[] {
  if (!isArray(operations)) throw badRequest(cannotDecode(operations, 'jsonpatch.Patch'));
  if (operations.length > limits.jsonPatchOperationsMax) {
    const message = `Request entity too large: The allowed maximum operations in a JSON patch is ${limits.jsonPatchOperationsMax}, got ${operations.length}`;
    throw new StatusError(413, 'RequestEntityTooLarge', message);
  }
  return operations.map((operation) => {
    if (!isObject(operation)) throw badRequest(cannotDecode(operation, 'jsonpatch.Operation'));
    return operation;
  });
}

function cannotDecode(value: JsonValue, type: string): string {
  return `json: cannot unmarshal ${goTypeName(value)} into Go value of type ${type}`;
}

/** A `test` found another value: whoever only patches what passes the test leaves the document as it is. */
export class PatchTestFailed extends StatusError {}

function invalidPatch(message: string): StatusError {
  return new StatusError(422, 'Invalid', message, {});
}

/** A container and the key or index in it that a pointer's last part names. */
interface Place {
  readonly container: JsonObject | JsonArray;
  readonly key: string;
}

class JsonPatcher {
  root: JsonValue;
  /** Containers made here: the only ones that may be changed. */
  readonly #own = new WeakSet<object>();
  #copiedBytes = 0;
  #shifted = 0;

  constructor(document: JsonObject) {
    this.root = document;
  }

  apply(operation: JsonObject): void {
    const { op } = operation;
    const kind: string = typeof op === 'string' ? op : 'unknown';
    switch (kind) {
      case 'add':
        return this.#add(operation);
      case 'remove':
        return this.#remove(operation);
      case 'replace':
        return this.#replace(operation);
      case 'move':
        return this.#move(operation);
      case 'copy':
        return this.#copy(operation);
      case 'test':
        return this.#test(operation);
      default:
        throw invalidPatch(`Unexpected kind: ${kind}`);
    }
  }

  #add(operation: JsonObject): void {
    const path = pathOf(operation, 'path', 'add');
    const place = this.#open(path);
    if (place === undefined)
      throw invalidPatch(`add operation does not apply: doc is missing path: "${path}": ${missing}`);
    insert(this.#shifting(place), valueOf(operation), `error in add for path: '${path}'`);
  }

  #remove(operation: JsonObject): void {
    const path = pathOf(operation, 'path', 'remove');
    const place = this.#open(path);
    if (place === undefined) {
      throw invalidPatch(`remove operation does not apply: doc is missing path: "${path}": ${missing}`);
    }
    take(this.#shifting(place), `error in remove for path: '${path}'`);
  }

  #replace(operation: JsonObject): void {
    const path = pathOf(operation, 'path', 'replace');
    const value = valueOf(operation);
    if (path === '') {
      if (!isObject(value)) throw invalidPatch('replace operation value must be object or array');
      this.root = value;
      return;
    }
    const place = this.#open(path);
    if (place === undefined) {
      throw invalidPatch(`replace operation does not apply: doc is missing path: ${path}: ${missing}`);
    }
    if (!isArray(place.container)) return setKey(place.container, place.key, value);
    const index = indexOf(place.key, place.container.length - 1);
    if (typeof index === 'string') {
      throw invalidPatch(`replace operation does not apply: doc is missing key: ${path}: ${missing}`);
    }
    place.container[index] = value;
  }

  #move(operation: JsonObject): void {
    const from = pathOf(operation, 'from', 'move');
    const source = this.#open(from);
    if (source === undefined) {
      throw invalidPatch(`move operation does not apply: doc is missing from path: ${from}: ${missing}`);
    }
    const value = take(this.#shifting(source), `error in move for path: '${source.key}'`);
    const path = pathOf(operation, 'path', 'move');
    const target = this.#open(path);
    if (target === undefined) {
      throw invalidPatch(`move operation does not apply: doc is missing destination path: ${path}: ${missing}`);
    }
    insert(this.#shifting(target), value, `error in move for path: '${path}'`);
  }

  #copy(operation: JsonObject): void {
    const from = pathOf(operation, 'from', 'copy');
    const source = this.#find(from);
    if (source === undefined) {
      throw invalidPatch(`copy operation does not apply: doc is missing from path: ${from}: ${missing}`);
    }
    const value = deepCopy(read(source, `error in copy for from: '${from}'`) ?? null);
    this.#countCopied(value);
    const path = pathOf(operation, 'path', 'copy');
    const target = this.#open(path);
    if (target === undefined) {
      throw invalidPatch(`copy operation does not apply: doc is missing destination path: ${path}: ${missing}`);
    }
    insert(this.#shifting(target), value, 'error while adding value during copy');
  }

  #countCopied(value: JsonValue): void {
    this.#copiedBytes += Buffer.byteLength(JSON.stringify(value));
    if (this.#copiedBytes <= copiedBytesMax) return;
    throw invalidPatch(
      `Unable to complete the copy, the accumulated size increase of copy is ${this.#copiedBytes}, exceeding the limit ${copiedBytesMax}`,
    );
  }

  /** A place where something comes or goes: in a list, all behind it may have to move. */
  #shifting(place: Place): Place {
    const { container, key } = place;
    if (isArray(container) && key !== '-') this.#shifted += Math.max(0, container.length - (Number(key) || 0));
    if (this.#shifted <= limits.jsonPatchShiftsMax) return place;
    const message = `Request entity too large: the JSON patch moves more than ${limits.jsonPatchShiftsMax} items of lists`;
    throw new StatusError(413, 'RequestEntityTooLarge', message);
  }

  #test(operation: JsonObject): void {
    const path = pathOf(operation, 'path', 'test');
    const found = path === '' ? this.root : this.#read(path);
    if (deepEqual(found, valueOf(operation))) return;
    throw new PatchTestFailed(422, 'Invalid', `testing value ${path} failed: ${testFailed}`, {});
  }

  #read(path: string): JsonValue {
    const place = this.#find(path);
    if (place === undefined) throw invalidPatch(`test operation does not apply: is missing path: ${path}: ${missing}`);
    return read(place, `error in test for path: '${path}'`) ?? null;
  }

  /** The place that `path` names, for reading. */
  #find(path: string): Place | undefined {
    const parts = pointerParts(path);
    const key = parts.pop();
    if (key === undefined) return undefined;
    let current: JsonValue | undefined = this.root;
    for (const part of parts) current = childOf(current, part);
    return isArray(current) || isObject(current) ? { container: current, key } : undefined;
  }

  /** The same for changing: every container on the way becomes our own copy. */
  #open(path: string): Place | undefined {
    if (this.#find(path) === undefined) return undefined;
    const parts = pointerParts(path);
    const key = parts.pop() ?? '';
    let container = this.#ours(this.root as JsonObject | JsonArray);
    this.root = container;
    for (const part of parts) {
      const child = this.#ours(childOf(container, part) as JsonObject | JsonArray);
      putChild(container, part, child);
      container = child;
    }
    return { container, key };
  }

  #ours(container: JsonObject | JsonArray): JsonObject | JsonArray {
    if (this.#own.has(container)) return container;
    const copy = isArray(container) ? [...container] : { ...container };
    this.#own.add(copy);
    return copy;
  }
}

function pathOf(operation: JsonObject, member: 'path' | 'from', kind: string): string {
  const value = getKey(operation, member);
  if (typeof value === 'string') return value;
  throw invalidPatch(`${kind} operation failed to decode ${member}: ${missing}`);
}

function valueOf(operation: JsonObject): JsonValue {
  return getKey(operation, 'value') ?? null;
}

/** RFC 6901; empty for a pointer that names no place in the document. */
function pointerParts(path: string): string[] {
  const [, ...parts] = path.split('/');
  return parts.map((part) => part.replace(/~[01]/g, (escaped) => (escaped === '~1' ? '/' : '~')));
}

function childOf(container: JsonValue | undefined, part: string): JsonValue | undefined {
  if (isObject(container)) return getKey(container, part);
  if (!isArray(container)) return undefined;
  const index = indexOf(part, container.length - 1);
  return typeof index === 'string' ? undefined : container[index];
}

function putChild(container: JsonObject | JsonArray, part: string, child: JsonValue): void {
  if (!isArray(container)) return setKey(container, part, child);
  const index = indexOf(part, container.length - 1);
  if (typeof index === 'number') container[index] = child;
}

/** An index from 0 to `last`, or counted from the end (`-1` is `last`); else what is wrong with it. */
function indexOf(key: string, last: number): number | string {
  if (!/^[+-]?[0-9]{1,15}$/.test(key)) return `strconv.Atoi: parsing "${key}": invalid syntax`;
  const index = Number(key);
  const counted = index < 0 ? index + last + 1 : index;
  return counted >= 0 && counted <= last ? counted : `Unable to access invalid index: ${index}: ${badIndex}`;
}

function read({ container, key }: Place, context: string): JsonValue | undefined {
  if (!isArray(container)) return getKey(container, key);
  const index = indexOf(key, container.length - 1);
  if (typeof index === 'string') throw invalidPatch(`${context}: ${index}`);
  return container[index];
}

function insert({ container, key }: Place, value: JsonValue, context: string): void {
  if (!isArray(container)) return setKey(container, key, value);
  if (key === '-') {
    container.push(value);
    return;
  }
  const index = indexOf(key, container.length);
  if (typeof index === 'string') {
    const detail = index.startsWith('strconv') ? `value was not a proper array index: '${key}': ${index}` : index;
    throw invalidPatch(`${context}: ${detail}`);
  }
  container.splice(index, 0, value);
}

/** Takes the value out of its place. */
function take({ container, key }: Place, context: string): JsonValue {
  if (isArray(container)) {
    const index = indexOf(key, container.length - 1);
    if (typeof index === 'string') throw invalidPatch(`${context}: ${index}`);
    return container.splice(index, 1)[0] ?? null;
  }
  if (!Object.hasOwn(container, key)) {
    throw invalidPatch(`${context}: Unable to remove nonexistent key: ${key}: ${missing}`);
  }
  const value = container[key] ?? null;
  delete container[key];
  return value;
}
