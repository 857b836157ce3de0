/**
 * Objects that `kubectl apply` manages on the client's side carry the configuration in an annotation. These rules let
 * kubectl, and only the manager called `kubectl`, move over to server-side apply and back.
 */
import { limits } from '../../lib/limits.ts';
import { DecodeError } from '../decode-error.ts';
import { parseJson } from '../decode-json.ts';
import type { JsonObject } from '../object.ts';
import { getKey, isObject, setKey, without } from '../patch/json-tree.ts';
import { messageAtom } from './atom.ts';
import { compareTyped } from './compare-typed.ts';
import type { FieldSet } from './field-set.ts';
import { goJson } from './go-text.ts';
import { TypedError } from './list-items.ts';
import type { Versioned } from './ownership.ts';
import { toFieldSet } from './typed-to-set.ts';
import { validateTyped } from './validate-typed.ts';

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** To whom these rules apply. */
export const isKubectl = (manager: string): boolean => manager === 'kubectl';

function annotationsOf(object: JsonObject): JsonObject | undefined {
  const metadata = getKey(object, 'metadata');
  const annotations = isObject(metadata) ? getKey(metadata, 'annotations') : undefined;
  return isObject(annotations) ? annotations : undefined;
}

function lastAppliedOf(object: JsonObject): string | undefined {
  const annotations = annotationsOf(object);
  const value = annotations && getKey(annotations, annotation);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** What kubectl applied on its side and is still as it applied it: its own, whoever owns it in managedFields. */
export function lastAppliedFields(live: Versioned): FieldSet | undefined {
  const text = lastAppliedOf(live.value);
  if (text === undefined) return undefined;
  try {
    const { value } = parseJson(text);
    if (!isObject(value) || value.apiVersion !== live.apiVersion) return undefined;
    const atom = messageAtom(live.type);
    validateTyped(atom, live.value);
    validateTyped(atom, value);
    const { modified, added, removed } = compareTyped(atom, value, live.value);
    return toFieldSet(atom, value).difference(modified).difference(added).difference(removed);
  } catch (error) {
    if (error instanceof DecodeError || error instanceof TypedError) return undefined;
    throw error;
  }
}

/** `object` with its annotation, if it has one, saying what was applied now. */
export function withLastApplied(object: JsonObject, applied: JsonObject): JsonObject {
  if (lastAppliedOf(object) === undefined) return object;
  const annotations = { ...annotationsOf(object), [annotation]: `${goJson(withoutAnnotation(applied))}\n` };
  const kept = bytesOf(annotations) <= limits.annotationsBytesMax ? annotations : without(annotations, annotation);
  return { ...object, metadata: { ...(object.metadata as JsonObject), annotations: kept } };
}

function withoutAnnotation(applied: JsonObject): JsonObject {
  const annotations = annotationsOf(applied);
  if (!annotations) return applied;
  const copy: JsonObject = { ...applied };
  setKey(copy, 'metadata', { ...(applied.metadata as JsonObject), annotations: without(annotations, annotation) });
  return copy;
}

function bytesOf(annotations: JsonObject): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(annotations)) {
    bytes += Buffer.byteLength(name) + (typeof value === 'string' ? Buffer.byteLength(value) : 0);
  }
  return bytes;
}
