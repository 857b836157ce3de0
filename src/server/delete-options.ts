/** `metav1.DeleteOptions`, from the body where there is one, else from the query, as upstream. Pure. */

import { invalidValue, notSupported } from '../api/field-error.ts';
import type { JsonObject, JsonValue } from '../api/object.ts';
import { badRequest, type FieldError, invalid } from '../api/status-error.ts';
import type { DeleteOptions } from '../registry/request.ts';
import { booleanOf, dryRunErrors, integerOf } from './queries.ts';

const policies = ['Foreground', 'Background', 'Orphan'] as const;

interface RawOptions {
  readonly dryRun: readonly string[];
  readonly gracePeriodSeconds: number | undefined;
  readonly orphanDependents: boolean | undefined;
  readonly propagationPolicy: string | undefined;
  readonly preconditions: { uid?: string; resourceVersion?: string } | undefined;
}

/** @throws StatusError BadRequest, Invalid */
export function deleteOptions(body: JsonObject | undefined, query: URLSearchParams): DeleteOptions {
  const raw = body === undefined ? rawFromQuery(query) : rawFromBody(body);
  const errors = errorsOf(raw);
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions', name: '' }, errors);
  return {
    ...(raw.dryRun.length > 0 && { dryRun: true }),
    ...(raw.gracePeriodSeconds !== undefined && { gracePeriodSeconds: raw.gracePeriodSeconds }),
    ...propagation(raw),
    ...(raw.preconditions && { preconditions: raw.preconditions }),
  };
}

/** `orphanDependents` is the old way to say it. */
function propagation({ propagationPolicy, orphanDependents }: RawOptions): Pick<DeleteOptions, 'propagationPolicy'> {
  if (propagationPolicy !== undefined) return { propagationPolicy: propagationPolicy as (typeof policies)[number] };
  if (orphanDependents === undefined) return {};
  return { propagationPolicy: orphanDependents ? 'Orphan' : 'Background' };
}

function errorsOf(raw: RawOptions): FieldError[] {
  const errors = dryRunErrors(raw.dryRun);
  if (raw.propagationPolicy !== undefined && raw.orphanDependents !== undefined) {
    errors.push(
      invalidValue(
        'propagationPolicy',
        raw.propagationPolicy,
        'orphanDependents and deletionPropagation cannot be both set',
      ),
    );
  }
  if (raw.propagationPolicy !== undefined && !(policies as readonly string[]).includes(raw.propagationPolicy)) {
    errors.push(notSupported('propagationPolicy', raw.propagationPolicy, [...policies, 'nil']));
  }
  return errors;
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
  if (body['kind'] !== undefined && body['kind'] !== 'DeleteOptions') {
    throw badRequest(`the body of a delete must be DeleteOptions, not ${JSON.stringify(body['kind'])}`);
  }
  return {
    dryRun: typed(body, 'dryRun', isStrings) ?? [],
    gracePeriodSeconds: typed(body, 'gracePeriodSeconds', isInteger),
    orphanDependents: typed(body, 'orphanDependents', isBoolean),
    propagationPolicy: typed(body, 'propagationPolicy', isString),
    preconditions: preconditionsOf(typed(body, 'preconditions', isObject)),
  };
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
