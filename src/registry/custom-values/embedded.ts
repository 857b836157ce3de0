/** Objects inside custom resources (`x-kubernetes-embedded-resource`): they say what they are, and have metadata like any other. */
import { childPath, invalidValue, required } from '../../api/field-error.ts';
import { isDns1035Label, isPathSegmentName } from '../../api/names.ts';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import { isObject } from '../../api/patch/json-tree.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { validateMetadata } from '../validation/metadata.ts';

export function embeddedErrors(path: string, object: JsonObject): FieldError[] {
  const { apiVersion, kind, metadata } = object;
  return [
    ...(apiVersion === undefined ? [required(childPath(path, 'apiVersion'))] : []),
    ...(kind === undefined ? [required(childPath(path, 'kind'))] : []),
    ...textErrors(childPath(path, 'apiVersion'), apiVersion, versionProblem),
    ...textErrors(childPath(path, 'kind'), kind, kindProblem),
    ...(isObject(metadata) ? metadataErrors(path, metadata) : []),
  ];
}

function textErrors(
  path: string,
  value: JsonValue | undefined,
  problemOf: (text: string) => string | undefined,
): FieldError[] {
  if (value === undefined) return [];
  if (typeof value !== 'string') return [invalidValue(path, value, 'must be a string')];
  const problem = value === '' ? 'must not be empty' : problemOf(value);
  return problem === undefined ? [] : [invalidValue(path, value, problem)];
}

function versionProblem(text: string): string | undefined {
  return text.split('/').length > 2 ? `unexpected GroupVersion string: ${text}` : undefined;
}

function kindProblem(text: string): string | undefined {
  const problems = isDns1035Label(text.toLowerCase());
  return problems.length > 0 ? `may have mixed case, but should otherwise match: ${problems.join(',')}` : undefined;
}

/** It may have no name yet, and be of any kind, with names of any form. */
function metadataErrors(path: string, metadata: ObjectMeta): FieldError[] {
  const rule = { namespaced: !!metadata.namespace, anyFinalizer: true, nameErrors: isPathSegmentName };
  const errors = validateMetadata({ ...metadata, name: metadata.name || 'unnamed' }, rule);
  return errors.map((error) => ({ ...error, field: childPath(path, error.field) }));
}
