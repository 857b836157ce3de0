/** ResourceQuotas and LimitRanges: what a namespace may use, and one thing in it. */
import { duplicate, forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import { isQualifiedName } from '../../api/names.ts';
import { integerValue, milliValue } from '../../api/quantity.ts';
import type {
  LimitRange,
  LimitRangeItem,
  ResourceQuota,
  ResourceQuotaSpec,
  ScopedResourceSelectorRequirement,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { immutableMessage, invalidEach } from './checks.ts';
import {
  type Amounts,
  compareAmounts,
  isStandardQuotaResource,
  mayBeOvercommitted,
  validateAmount,
  validateContainerResourceName,
  validateQuotaResourceName,
  validateResourceName,
} from './quantities.ts';

export function validateResourceQuota({ spec }: ResourceQuota): FieldError[] {
  return [
    ...validateGrants('spec.hard', spec?.hard),
    ...validateScopes(spec ?? {}),
    ...validateScopeSelector(spec ?? {}),
  ];
}

function validateGrants(path: string, amounts: Amounts | undefined): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, value]) => {
    const at = `${path}[${name}]`;
    return [...validateQuotaResourceName(at, name), ...validateAmount(at, name, value)];
  });
}

export function validateResourceQuotaStatus({ status }: ResourceQuota): FieldError[] {
  return [...validateGrants('status.hard', status?.hard), ...validateGrants('status.used', status?.used)];
}

const podCompute = new Set(['cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory']);

/** Which resources a scope narrows; undefined: any. */
const scopes: Readonly<Record<string, ((resource: string) => boolean) | undefined>> = {
  Terminating: (name) => name === 'pods' || podCompute.has(name),
  NotTerminating: (name) => name === 'pods' || podCompute.has(name),
  NotBestEffort: (name) => name === 'pods' || podCompute.has(name),
  BestEffort: (name) => name === 'pods',
  PriorityClass: undefined,
  CrossNamespacePodAffinity: undefined,
  VolumeAttributesClass: (name) => name === 'persistentvolumeclaims' || name === 'requests.storage',
};
const exclusiveScopes = [
  ['BestEffort', 'NotBestEffort'],
  ['NotTerminating', 'Terminating'],
] as const;

const isScope = (name: string): boolean => Object.hasOwn(scopes, name);

/** As many as there are resources that the scope knows nothing of. */
function misapplied(scope: string, hard: Amounts | undefined): string[] {
  const applies = isScope(scope) ? scopes[scope] : undefined;
  if (applies === undefined) return [];
  return Object.keys(hard ?? {}).filter((name) => isStandardQuotaResource(name) && !applies(name));
}

function validateScopes({ scopes: given, hard }: ResourceQuotaSpec): FieldError[] {
  const path = 'spec.scopes';
  const named = given ?? [];
  const errors = named.flatMap((scope) => [
    ...(isScope(scope) ? [] : [invalidValue(path, named, 'unsupported scope')]),
    ...misapplied(scope, hard).map(() => invalidValue(path, named, 'unsupported scope applied to resource')),
  ]);
  return [...errors, ...conflicts(path, named, named)];
}

function conflicts(path: string, given: readonly string[], shown: unknown): FieldError[] {
  const seen = new Set(given);
  return exclusiveScopes
    .filter((pair) => pair.every((scope) => seen.has(scope)))
    .map(() => invalidValue(path, shown, 'conflicting scopes'));
}

function validateScopeSelector({ scopeSelector, hard, scopes: given }: ResourceQuotaSpec): FieldError[] {
  if (scopeSelector === undefined) return [];
  const path = 'spec.scopeSelector.matchExpressions';
  const requirements = scopeSelector.matchExpressions ?? [];
  const errors = requirements.flatMap((requirement) => [
    ...(isScope(requirement.scopeName)
      ? []
      : [invalidValue(`${path}.scopeName`, requirement.scopeName ?? '', 'unsupported scope')]),
    ...misapplied(requirement.scopeName, hard).map(() =>
      invalidValue(path, scopeSelector, 'unsupported scope applied to resource'),
    ),
    ...validateRequirement(path, requirement),
  ]);
  const names = requirements.map(({ scopeName }) => scopeName);
  return [...errors, ...conflicts(path, names, given ?? null)];
}

/** These say of a pod that it is so, or say nothing: they have no values. */
const existenceOnly = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];

function validateRequirement(path: string, requirement: ScopedResourceSelectorRequirement): FieldError[] {
  const { scopeName, operator, values } = requirement;
  const errors: FieldError[] = [];
  if (existenceOnly.includes(scopeName) && operator !== 'Exists') {
    const why =
      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, " +
      'ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity';
    errors.push(invalidValue(`${path}.operator`, operator ?? '', why));
  }
  if (operator === 'In' || operator === 'NotIn') {
    const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    if (!values?.length) errors.push(required(`${path}.values`, why));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
    if (values?.length) errors.push(invalidValue(`${path}.values`, values, why));
  } else {
    errors.push(invalidValue(`${path}.operator`, operator ?? '', 'not a valid selector operator'));
  }
  return errors;
}

/** What a quota counts stays: another quota counts other things. */
export function validateResourceQuotaUpdate({ spec }: ResourceQuota, { spec: old }: ResourceQuota): FieldError[] {
  const sorted = (given: readonly string[] | undefined): string[] => [...new Set(given)].sort();
  if (sameJson(sorted(spec?.scopes), sorted(old?.scopes))) return [];
  return [invalidValue('spec.scopes', spec?.scopes ?? null, immutableMessage)];
}

const limitTypes = ['Pod', 'Container', 'PersistentVolumeClaim'];

export function validateLimitRange({ spec }: LimitRange): FieldError[] {
  const seen = new Set<string>();
  return (spec?.limits ?? []).flatMap((item, index) => {
    const path = `spec.limits[${index}]`;
    const type = item.type ?? '';
    const errors = validateLimitType(`${path}.type`, type);
    if (seen.has(type)) errors.push(duplicate(`${path}.type`, type));
    seen.add(type);
    return [...errors, ...validateLimitNames(path, type, item), ...validateLimitAmounts(path, item)];
  });
}

function validateLimitType(path: string, type: string): FieldError[] {
  const errors = invalidEach(path, type, isQualifiedName(type));
  if (errors.length > 0 || type.includes('/') || limitTypes.includes(type)) return errors;
  return [invalidValue(path, type, 'must be a standard limit type or fully qualified')];
}

function validateLimitNames(path: string, type: string, item: LimitRangeItem): FieldError[] {
  const ofContainers = type === 'Pod' || type === 'Container';
  const nameRule = ofContainers ? validateContainerResourceName : validateResourceName;
  const named = (field: 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio'): FieldError[] =>
    Object.keys(item[field] ?? {}).flatMap((name) => nameRule(`${path}.${field}[${name}]`, name));
  return [
    ...named('max'),
    ...named('min'),
    ...(type === 'Pod' ? noDefaults(path, item) : [...named('default'), ...named('defaultRequest')]),
    ...(type === 'PersistentVolumeClaim' ? storageBound(path, item) : []),
    ...named('maxLimitRequestRatio'),
  ];
}

function noDefaults(path: string, item: LimitRangeItem): FieldError[] {
  return (['default', 'defaultRequest'] as const)
    .filter((field) => Object.keys(item[field] ?? {}).length > 0)
    .map((field) => forbiddenField(`${path}.${field}`, "may not be specified when `type` is 'Pod'"));
}

function storageBound(path: string, { min, max }: LimitRangeItem): FieldError[] {
  if (min?.['storage'] !== undefined || max?.['storage'] !== undefined) return [];
  const why = 'either minimum or maximum storage value is required, but neither was provided';
  return [required(`${path}.limits`, why)];
}

interface Bounds {
  readonly min: string | number | undefined;
  readonly max: string | number | undefined;
  readonly limit: string | number | undefined;
  readonly request: string | number | undefined;
  readonly ratio: string | number | undefined;
}

function validateLimitAmounts(path: string, item: LimitRangeItem): FieldError[] {
  const { min, max, maxLimitRequestRatio: ratio } = item;
  const isPod = item.type === 'Pod';
  const limit = isPod ? undefined : item.default;
  const request = isPod ? undefined : item.defaultRequest;
  const own = (amounts: Amounts | undefined, name: string): string | number | undefined =>
    amounts && Object.hasOwn(amounts, name) ? amounts[name] : undefined;
  const names = new Set([max, min, limit, request, ratio].flatMap((amounts) => Object.keys(amounts ?? {})));
  return [...names].flatMap((name) =>
    validateBounds(path, name, {
      min: own(min, name),
      max: own(max, name),
      limit: own(limit, name),
      request: own(request, name),
      ratio: own(ratio, name),
    }),
  );
}

function validateBounds(path: string, name: string, { min, max, limit, request, ratio }: Bounds): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (field: string, value: string | number, why: string): number =>
    errors.push(invalidValue(`${path}.${field}[${name}]`, String(value), why));
  const above = (left: string | number | undefined, right: string | number | undefined): boolean =>
    left !== undefined && right !== undefined && compareAmounts(left, right) > 0;
  if (above(min, max)) refuse('min', min ?? '', `min value ${min} is greater than max value ${max}`);
  if (above(min, request)) {
    refuse('defaultRequest', request ?? '', `min value ${min} is greater than default request value ${request}`);
  }
  if (above(request, max)) {
    refuse('defaultRequest', request ?? '', `default request value ${request} is greater than max value ${max}`);
  }
  if (above(request, limit)) {
    const why = `default request value ${request} is greater than default limit value ${limit}`;
    refuse('defaultRequest', request ?? '', why);
  }
  if (above(min, limit)) refuse('default', min ?? '', `min value ${min} is greater than default value ${limit}`);
  if (above(limit, max)) refuse('default', max ?? '', `default value ${limit} is greater than max value ${max}`);
  if (ratio !== undefined && compareAmounts(ratio, 1) < 0) {
    refuse('maxLimitRequestRatio', ratio, `ratio ${ratio} is less than 1`);
  }
  const most = ratioMax(min, max, ratio);
  if (ratio !== undefined && most !== undefined) {
    refuse('maxLimitRequestRatio', ratio, `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`);
  }
  if (
    !mayBeOvercommitted(name) &&
    limit !== undefined &&
    request !== undefined &&
    compareAmounts(limit, request) !== 0
  ) {
    const why = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`;
    refuse('defaultRequest', request, why);
  }
  return errors;
}

/** Beyond this, thousandths do not fit into 64 bits. */
const milliMax = 2 ** 63 / 1000;

/** The largest share that limits can have of requests, where `ratio` goes beyond it. */
function ratioMax(min: Bounds['min'], max: Bounds['max'], ratio: Bounds['ratio']): number | undefined {
  if (min === undefined || max === undefined || ratio === undefined) return undefined;
  const fine = [min, max, ratio].every((value) => integerValue(value) < milliMax);
  const most = fine ? milliValue(max) / milliValue(min) : integerValue(max) / integerValue(min);
  const wanted = fine ? milliValue(ratio) / 1000 : integerValue(ratio);
  return wanted > most ? most : undefined;
}
