/** `metav1.DeleteOptions`, from the body where there is one, else from the query, as upstream. Pure. */

import { goQuote } from '../api/field-error.ts';
import type { JsonObject, JsonValue } from '../api/object.ts';
import { badRequest, invalid } from '../api/status-error.ts';
import type { DeleteOptions } from '../registry/request.ts';
import { deleteOptionsErrors } from '../registry/validation/delete-options.ts';
import { booleanOf, integerOf } from './queries.ts';

type Policy = NonNullable<DeleteOptions['propagationPolicy']>;

interface RawOptions {
  readonly dryRun: readonly string[];
  readonly gracePeriodSeconds: number | undefined;
  readonly orphanDependents: boolean | undefined;
  readonly propagationPolicy: string | undefined;
  readonly preconditions: { uid?: string; resourceVersion?: string } | undefined;
  readonly ignoreStoreReadError?: boolean | undefined;
}

/** @throws StatusError BadRequest, Invalid */
export function deleteOptions(body: JsonObject | undefined, query: URLSearchParams): DeleteOptions {
  const raw = body === undefined ? rawFromQuery(query) : rawFromBody(body);
  const { ignoreStoreReadError: ignoreStoreReadErrorWithClusterBreakingPotential, ...rest } = raw;
  const errors = deleteOptionsErrors({ ...rest, ignoreStoreReadErrorWithClusterBreakingPotential });
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions', name: '' }, errors);
  return {
    ...(raw.dryRun.length > 0 && { dryRun: true }),
    ...(raw.gracePeriodSeconds !== undefined && { gracePeriodSeconds: raw.gracePeriodSeconds }),
    ...(raw.propagationPolicy !== undefined && { propagationPolicy: raw.propagationPolicy as Policy }),
    ...(raw.orphanDependents !== undefined && { orphanDependents: raw.orphanDependents }),
    ...(raw.preconditions && { preconditions: raw.preconditions }),
    ...(raw.ignoreStoreReadError && { ignoreStoreReadError: true }),
  };
}

function rawFromQuery(query: URLSearchParams): RawOptions {
  return {
    dryRun: query.getAll('dryRun'),
    gracePeriodSeconds: integerOf(query, 'gracePeriodSeconds'),
    orphanDependents: booleanOf(query, 'orphanDependents'),
    propagationPolicy: query.get('propagationPolicy') || undefined,
    preconditions: undefined,
  };
}

function rawFromBody(body: JsonObject): RawOptions {
  checkKind(body);
  return {
    // Upstream's has it behind a gate. Here it means nothing but where an object cannot be read, which else could never go.
    ignoreStoreReadError: typed(body, 'ignoreStoreReadErrorWithClusterBreakingPotential', isBoolean),
    dryRun: typed(body, 'dryRun', isStrings) ?? [],
    gracePeriodSeconds: typed(body, 'gracePeriodSeconds', isInteger),
    orphanDependents: typed(body, 'orphanDependents', isBoolean),
    propagationPolicy: typed(body, 'propagationPolicy', isString),
    preconditions: preconditionsOf(typed(body, 'preconditions', isObject)),
  };
}

/** `DeleteOptions` in `v1`, `meta.k8s.io/v1` and every other group and version: old clients send that of the object. */
function checkKind(body: JsonObject): void {
  const kind = body['kind'] || 'DeleteOptions';
  const apiVersion = body['apiVersion'] || 'v1';
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') {
    throw badRequest(`couldn't get version/kind; json parse error: apiVersion and kind must be strings`);
  }
  if (apiVersion.split('/').length > 2) throw badRequest(`unexpected GroupVersion string: ${apiVersion}`);
  if (kind === 'DeleteOptions') return;
  throw badRequest(`no kind ${goQuote(kind)} is registered for version ${goQuote(apiVersion)}`);
}

function preconditionsOf(value: JsonObject | undefined): RawOptions['preconditions'] {
  if (value === undefined) return undefined;
  const uid = typed(value, 'uid', isString);
  const resourceVersion = typed(value, 'resourceVersion', isString);
  return { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) };
}

function typed<T extends JsonValue>(
  from: JsonObject,
  field: string,
  is: (value: JsonValue) => value is T,
): T | undefined {
  const value = from[field];
  if (value === undefined || value === null) return undefined;
  if (!is(value)) throw badRequest(`DeleteOptions has a value of the wrong type in the field ${JSON.stringify(field)}`);
  return value;
}

const isString = (value: JsonValue): value is string => typeof value === 'string';
const isBoolean = (value: JsonValue): value is boolean => typeof value === 'boolean';
const isInteger = (value: JsonValue): value is number => Number.isSafeInteger(value);
const isStrings = (value: JsonValue): value is string[] => Array.isArray(value) && value.every(isString);
const isObject = (value: JsonValue): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
