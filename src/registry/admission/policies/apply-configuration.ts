/**
 * A mutating policy's `applyConfiguration`: what the expression wrote, merged into the object as a server-side apply would, but without
 * owners: fields that it leaves out stay.
 *
 * Lists, maps and structs of one owner (atomic) are refused: whoever names one of their fields would take away all others unawares.
 */
import { atomFor, messageAtom, type TypeAtom } from '../../../api/apply/atom.ts';
import { TypedError } from '../../../api/apply/list-items.ts';
import { mergeTyped } from '../../../api/apply/merge-typed.ts';
import { fieldElement, indexElement, type PathElement, pathText } from '../../../api/apply/path-element.ts';
import { validateTyped } from '../../../api/apply/validate-typed.ts';
import { misplacedTypes } from '../../../api/cel/patch-types.ts';
import { jsonOf, UnwritableValue } from '../../../api/cel/value-json.ts';
import type { JsonObject, JsonValue } from '../../../api/object.ts';
import { getKey, isArray, isObject } from '../../../api/patch/json-tree.ts';
import type { MessageType } from '../../../api/schema/schema.ts';
import { CelMessage, type CelValue } from '../../../lib/cel/values.ts';

/** The mutation cannot be carried out: `failurePolicy` says what that means. */
export class MutationFault extends Error {
  override name = 'MutationFault';
}

/** `object` with the configuration in it. @throws MutationFault in upstream's words */
export function withConfiguration(type: MessageType, object: JsonObject, value: CelValue): JsonObject {
  const configuration = configurationOf(object, value);
  const atom = messageAtom(type);
  const fail = (what: string, why: string): never => {
    throw new MutationFault(`error applying patch: ${what}: ${why}`);
  };
  attempt(
    () => validateTyped(atom, configuration),
    (why) => fail('failed to convert patch object to typed object', why),
  );
  const atomics = [...atomicPaths(atom, configuration, [])];
  if (atomics.length > 0) {
    fail('invalid ApplyConfiguration', `may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`);
  }
  attempt(
    () => validateTyped(atom, object, { allowDuplicates: true }),
    (why) => fail('failed to convert original object to typed object', why),
  );
  return attempt(
    () => mergeTyped(atom, object, configuration),
    (why) => fail('failed to merge patch', why),
  ) as JsonObject;
}

/** @throws MutationFault */
function configurationOf({ apiVersion, kind }: JsonObject, value: CelValue): JsonObject {
  if (!(value instanceof CelMessage)) {
    throw new MutationFault('unsupported return type from ApplyConfiguration expression');
  }
  const misplaced = misplacedTypes(value);
  if (misplaced !== '') throw new MutationFault(`type mismatch: ${misplaced}`);
  try {
    return { ...(jsonOf(value) as JsonObject), apiVersion: apiVersion ?? '', kind: kind ?? '' };
  } catch (error) {
    if (error instanceof UnwritableValue) throw new MutationFault(`invalid return type: ${error.message}`);
    throw error;
  }
}

function attempt<T>(work: () => T, fail: (why: string) => never): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TypedError) return fail(error.message);
    throw error;
  }
}

function* atomicPaths(declared: TypeAtom, value: JsonValue, path: readonly PathElement[]): Generator<string> {
  const { map, list } = atomFor(declared, value);
  if (isObject(value) && map !== undefined) {
    if (map.atomic) yield pathText(path);
    for (const name of Object.keys(value)) {
      const field = map.declares(name) ? map.field(name) : undefined;
      if (field) yield* atomicPaths(field, getKey(value, name) ?? null, [...path, fieldElement(name)]);
    }
  } else if (isArray(value) && list !== undefined) {
    if (list.atomic) yield pathText(path);
    for (const [index, item] of value.entries()) yield* atomicPaths(list.element, item, [...path, indexElement(index)]);
  }
}
