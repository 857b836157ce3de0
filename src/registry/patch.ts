/** PATCH: the current object in the version asked for, the patch applied to it, and then the way of any update. */

import type { JsonObject, JsonValue, KubeObject } from '../api/object.ts';
import { applyJsonPatch } from '../api/patch/json-patch.ts';
import { applyMergePatch } from '../api/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../api/patch/strategic-merge.ts';
import type { MessageType } from '../api/schema/schema.ts';
import { StatusError } from '../api/status-error.ts';
import { StrictErrors } from '../api/strict-errors.ts';
import { applyObject } from './apply.ts';
import { type DecodedBody, decodePatched, type ExpectedKind } from './decode-body.ts';
import { draftApart } from './draft.ts';
import type { Environment } from './environment.ts';
import type { Part } from './parts.ts';
import type { ObjectResult, PatchType, RequestTarget, WriteOptions } from './request.ts';
import { decodedBefore } from './served-resource.ts';
import { changeObject } from './update.ts';

/** A patch of a kind other than apply, which is no patch but a configuration. */
export type DocumentPatchType = Exclude<PatchType, 'application/apply-patch+yaml'>;

export async function patchObject(
  environment: Environment,
  target: RequestTarget,
  part: Part,
  patchType: PatchType,
  patch: JsonValue,
  options: WriteOptions,
): Promise<ObjectResult> {
  const served = environment.served.of(target.resource);
  const { apiVersion, type } = served;
  checkPatchType(patchType, served.custom);
  if (patchType === 'application/apply-patch+yaml') return applyObject(environment, target, part, patch, options);
  const expected = { apiVersion, kind: served.info.kind, type };
  const next = (current: KubeObject): DecodedBody => {
    const known = decodedBefore(served, current);
    const { draft, warnings } = patched(expected, current, patchType, patch, options, known);
    return { draft: draftApart(draft, part.changes), warnings };
  };
  return changeObject(environment, { served, target, part, options, fromCurrent: true, next });
}

/** What takes patches by the tables of built-in kinds takes none of these for custom ones. @throws StatusError UnsupportedMediaType */
export function checkPatchType(patchType: PatchType, custom = false): void {
  if (!custom || patchType !== 'application/strategic-merge-patch+json') return;
  throw new StatusError(
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: ' +
      'application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    {},
  );
}

/** `current` with the patch applied to it. Shares with `known` what both have in common. @throws StatusError */
export function patched(
  expected: ExpectedKind,
  current: KubeObject,
  patchType: DocumentPatchType,
  patch: JsonValue,
  options: WriteOptions,
  known?: JsonObject,
): DecodedBody {
  const document = applyPatch(patchType, current as unknown as JsonObject, patch, expected.type);
  const showsPatch = patchType === 'application/strategic-merge-patch+json';
  const looks = (options.fieldValidation ?? 'Warn') !== 'Ignore';
  const complaints = looks ? complaintsOf(patchType, patch, options.duplicateFields ?? []) : [];
  return decodePatched(expected, document, { patch, complaints, showsPatch, options, known });
}

const operationFields: ReadonlySet<string> = new Set(['op', 'path', 'from', 'value']);

/** Of a JSON patch, what its operations carry too much is told as the patch's own. */
function complaintsOf(
  patchType: DocumentPatchType,
  patch: JsonValue,
  duplicates: readonly string[],
): readonly string[] {
  if (patchType !== 'application/json-patch+json' || !Array.isArray(patch)) return duplicates;
  const errors = new StrictErrors();
  patch.forEach((operation, index) => {
    errors.enterIndex(index);
    for (const name of Object.keys(operation ?? {})) {
      if (!operationFields.has(name)) errors.add('unknown field', name);
    }
    errors.leave();
  });
  return [...errors.texts, ...duplicates].map((text) => `json patch ${text}`);
}

/** Pure. @throws StatusError what the patch functions throw */
export function applyPatch(
  patchType: DocumentPatchType,
  document: JsonObject,
  patch: JsonValue,
  type: MessageType,
): JsonObject {
  switch (patchType) {
    case 'application/json-patch+json':
      return applyJsonPatch(document, patch);
    case 'application/merge-patch+json':
      return applyMergePatch(document, patch);
    case 'application/strategic-merge-patch+json':
      return applyStrategicMergePatch(document, patch, type);
  }
}
