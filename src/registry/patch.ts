/** PATCH: the current object in the version asked for, the patch applied to it, and then the way of any update. */

import type { JsonObject, JsonValue, KubeObject } from '../api/object.ts';
import { applyJsonPatch } from '../api/patch/json-patch.ts';
import { applyMergePatch } from '../api/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../api/patch/strategic-merge.ts';
import type { MessageType } from '../api/schema/schema.ts';
import { StatusError } from '../api/status-error.ts';
import { decodePatched } from './decode-body.ts';
import type { Environment } from './environment.ts';
import type { Part } from './parts.ts';
import type { ObjectResult, PatchType, RequestTarget, WriteOptions } from './request.ts';
import { changeObject } from './update.ts';

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
  const next = (current: KubeObject) => {
    const document = applyPatch(patchType, current as unknown as JsonObject, patch, type);
    return decodePatched({ apiVersion, kind: served.info.kind, type }, document, patch, options);
  };
  return changeObject(environment, { served, target, part, options, fromCurrent: true, next });
}

/** @throws StatusError UnsupportedMediaType */
export function checkPatchType(patchType: PatchType, custom = false): void {
  if (patchType === 'application/apply-patch+yaml') {
    throw new StatusError(
      415,
      'UnsupportedMediaType',
      'server-side apply is not served by this version of naru; use a strategic merge patch, a merge patch or a JSON patch',
    );
  }
  if (custom && patchType === 'application/strategic-merge-patch+json') {
    throw new StatusError(
      415,
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json',
    );
  }
}

/** Pure. @throws StatusError what the patch functions throw */
export function applyPatch(
  patchType: PatchType,
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
    case 'application/apply-patch+yaml':
      checkPatchType(patchType);
      return document;
  }
}
