/**
 * Places in an object, as kustomize's configuration names them: `spec/template/spec/containers[]/image`. Lists on the way are walked through,
 * marked by `[]` or not; a slash in a key is written `\/`.
 *
 * Kept true: objects are changed in place; they are copies that the build owns.
 */
import type { JsonObject, JsonValue } from '../api/object.ts';
import { setKey } from '../api/patch/json-tree.ts';
import { isRecord } from '../manifests/parse.ts';

/** Where something stands, in which kinds. What is absent is any. */
export interface FieldSpec {
  readonly path: string;
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  /** What is missing on the way is made. Not below lists. */
  readonly create?: boolean;
}

export interface Identity {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export const isMeantFor = (spec: Omit<FieldSpec, 'path'>, { group, version, kind }: Identity): boolean =>
  (spec.group === undefined || spec.group === group) &&
  (spec.version === undefined || spec.version === version) &&
  (spec.kind === undefined || spec.kind === kind);

/** What becomes of the value at a place; undefined leaves it. `current` is undefined where a place is made. */
export type Change = (current: JsonValue | undefined) => JsonValue | undefined;

/** Changes the value at each such place. */
export function changeAt(object: JsonObject, path: string, change: Change, create = false): void {
  walk(object, segmentsOf(path), change, create);
}

function walk(value: JsonValue, segments: readonly Segment[], change: Change, create: boolean): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, segments, change, create);
    return;
  }
  const [segment, ...rest] = segments;
  if (segment === undefined || !isRecord(value)) return;
  const { key, isList } = segment;
  const child = Object.hasOwn(value, key) ? value[key] : undefined;
  if (rest.length === 0) {
    changeLast(value, key, child, change, create);
    return;
  }
  if (child !== undefined && child !== null) {
    walk(child, rest, change, create);
  } else if (create && !isList && !rest.some((later) => later.isList)) {
    const made: JsonObject = {};
    walk(made, rest, change, create);
    if (Object.keys(made).length > 0) setKey(value, key, made);
  }
}

function changeLast(
  holder: JsonObject,
  key: string,
  child: JsonValue | undefined,
  change: Change,
  create: boolean,
): void {
  if (child === undefined && !create) return;
  const changed = change(child);
  if (changed !== undefined) setKey(holder, key, changed);
}

interface Segment {
  readonly key: string;
  readonly isList: boolean;
}

const segmentsOf = (path: string): Segment[] =>
  path.split(/(?<!\\)\//).map((part) => {
    const key = part.replaceAll('\\/', '/');
    return key.endsWith('[]') ? { key: key.slice(0, -2), isList: true } : { key, isList: false };
  });
