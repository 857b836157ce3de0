/** A mutating policy's `jsonPatch`: the operations that the expression wrote, applied to the object (RFC 6902). */
import { misplacedTypes } from '../../../api/cel/patch-types.ts';
import { jsonOf, UnwritableValue } from '../../../api/cel/value-json.ts';
import { DecodeError, decodeObject } from '../../../api/decode.ts';
import type { JsonObject, JsonValue } from '../../../api/object.ts';
import { applyJsonPatch, PatchTestFailed } from '../../../api/patch/json-patch.ts';
import type { MessageType } from '../../../api/schema/schema.ts';
import { internalError, StatusError } from '../../../api/status-error.ts';
import { CelMessage, type CelValue } from '../../../lib/cel/values.ts';
import { MutationFault } from './apply-configuration.ts';

/**
 * `object` itself where one of the operations tests for what is not there.
 * @throws MutationFault in upstream's words; StatusError InternalError where the result has fields that its kind does not know
 */
export function withJsonPatch(type: MessageType, object: JsonObject, value: CelValue): JsonObject {
  const operations = operationsOf(value);
  let patched: JsonObject;
  try {
    patched = applyJsonPatch(object, operations);
  } catch (error) {
    if (error instanceof PatchTestFailed) return object;
    if (error instanceof StatusError) throw new MutationFault(`JSON Patch: ${error.message}`);
    throw error;
  }
  checkFields(type, patched);
  return patched;
}

function operationsOf(value: CelValue): JsonValue {
  if (!Array.isArray(value)) {
    throw new MutationFault('type mismatch: JSONPatchType.expression should evaluate to array');
  }
  return (value as readonly CelValue[]).map(operationOf);
}

function operationOf(value: CelValue): JsonObject {
  if (!(value instanceof CelMessage)) {
    throw new MutationFault('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch');
  }
  const operation: JsonObject = { op: value.get('op') as string, path: value.get('path') as string };
  operation['op'] ??= '';
  operation['path'] ??= '';
  const from = value.get('from') as string | undefined;
  if (from) operation['from'] = from;
  const written = value.get('value');
  if (written !== undefined) operation['value'] = valueOf(written);
  return operation;
}

function valueOf(value: CelValue): JsonValue {
  const misplaced = value instanceof CelMessage ? misplacedTypes(value) : '';
  if (misplaced !== '') throw new MutationFault(`type mismatch: ${misplaced}`);
  try {
    return jsonOf(value);
  } catch (error) {
    if (!(error instanceof UnwritableValue)) throw error;
    const what = 'JSONPath valueExpression evaluated to a type that could not marshal to JSON';
    throw new MutationFault(`${what}: ${error.message}`);
  }
}

/** Built-in kinds are decoded strictly. */
function checkFields(type: MessageType, patched: JsonObject): void {
  if (type.declared !== undefined) return;
  try {
    const { unknownFields } = decodeObject(type, patched);
    if (unknownFields.length > 0) throw internalError(new Error(`strict decoding error: ${unknownFields.join(', ')}`));
  } catch (error) {
    throw error instanceof DecodeError ? internalError(error) : error;
  }
}
