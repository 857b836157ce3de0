/** ResourceClaims, their templates, and DeviceClasses. What a claim asks for never changes; its status says what it got. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../api/names.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import type {
  DeviceAllocationMode,
  DeviceClaim,
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
} from '../../api/schema/types/resource-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { immutableField, invalidEach, requiredName, validateLabels } from './checks.ts';
import {
  validateConfiguration,
  validateDeviceToleration,
  validateFullAttributeName,
  validateList,
  validateSelectors,
  validateSet,
} from './device-lists.ts';
import { validateAnnotations } from './metadata.ts';
import { isExtendedResource } from './quantities.ts';

export const requestsMax = 32;
const constraintsMax = 32;
export const configurationsMax = 32;
const alternativesMax = 8;

export function validateResourceClaim({ spec }: ResourceClaim): FieldError[] {
  return validateDevices('spec.devices', spec?.devices ?? {});
}

export function validateResourceClaimTemplate({ spec }: ResourceClaimTemplate): FieldError[] {
  return [
    ...validateTemplateMetadata('spec.metadata', spec?.metadata ?? {}),
    ...validateDevices('spec.spec.devices', spec?.spec?.devices ?? {}),
  ];
}

/** All else is the claim's own. */
function validateTemplateMetadata(path: string, metadata: ObjectMeta): FieldError[] {
  const { annotations, labels, ...others } = metadata;
  const given = Object.entries(others).filter(([, value]) => value !== undefined && value !== null);
  return [
    ...validateAnnotations(annotations, `${path}.annotations`),
    ...validateLabels(`${path}.labels`, labels),
    ...given.map(([name]) => forbiddenField(`${path}.${name}`, 'cannot be set')),
  ];
}

export function specStays(now: ResourceClaim | ResourceClaimTemplate, old: typeof now): FieldError[] {
  return sameJson(now.spec, old.spec) ? [] : immutableField('spec', now.spec, old.spec);
}

/** Request → its alternatives. */
export type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;

export function requestNames({ requests }: DeviceClaim): RequestNames {
  return new Map(
    (requests ?? []).map(({ name, firstAvailable }) => [
      name,
      new Set((firstAvailable ?? []).map((each) => each.name)),
    ]),
  );
}

function validateDevices(path: string, devices: DeviceClaim): FieldError[] {
  const names = requestNames(devices);
  return [
    ...validateSet(`${path}.requests`, devices.requests, requestsMax, validateRequest, ({ name }) => name),
    ...validateList(`${path}.constraints`, devices.constraints, constraintsMax, (at, constraint) =>
      validateConstraint(at, constraint, names),
    ),
    ...validateList(`${path}.config`, devices.config, configurationsMax, (at, config) => [
      ...validateReferences(`${at}.requests`, config.requests, names),
      ...validateConfiguration(at, config),
    ]),
  ];
}

function validateRequest(path: string, { name, exactly, firstAvailable }: DeviceRequest): FieldError[] {
  const errors = invalidEach(`${path}.name`, name ?? '', isDns1123Label(name ?? ''));
  const one = 'exactly one of `exactly` or `firstAvailable` is required';
  const several = (firstAvailable?.length ?? 0) > 0;
  if (several && exactly) return [...errors, invalidValue(path, null, `${one}, but multiple fields are set`)];
  if (exactly) return [...errors, ...validateExact(`${path}.exactly`, exactly)];
  if (!several) return [...errors, required(path, one)];
  return [
    ...errors,
    ...validateSet(`${path}.firstAvailable`, firstAvailable, alternativesMax, validateAlternative, (each) => each.name),
  ];
}

function validateAlternative(path: string, request: DeviceSubRequest): FieldError[] {
  return [
    ...invalidEach(`${path}.name`, request.name ?? '', isDns1123Label(request.name ?? '')),
    ...validateExact(path, request),
  ];
}

function validateExact(path: string, request: ExactDeviceRequest | DeviceSubRequest): FieldError[] {
  return [
    ...requiredName(`${path}.deviceClassName`, request.deviceClassName, isDns1123Subdomain),
    ...validateSelectors(`${path}.selectors`, request.selectors),
    ...validateMode(path, request.allocationMode, request.count ?? 0),
    ...(request.tolerations ?? []).flatMap((each, index) =>
      validateDeviceToleration(`${path}.tolerations[${index}]`, each),
    ),
  ];
}

function validateMode(path: string, mode: DeviceAllocationMode | undefined, count: number): FieldError[] {
  const at = `${path}.count`;
  if (mode === 'All') {
    return count === 0 ? [] : [invalidValue(at, count, "must not be specified when allocationMode is 'All'")];
  }
  if (mode !== 'ExactCount') return [notSupported(`${path}.allocationMode`, mode ?? '', ['All', 'ExactCount'])];
  return count > 0 ? [] : [invalidValue(at, count, 'must be greater than zero')];
}

function validateConstraint(path: string, constraint: DeviceConstraint, names: RequestNames): FieldError[] {
  const { requests, matchAttribute, distinctAttribute } = constraint;
  const errors = validateReferences(`${path}.requests`, requests, names);
  if (matchAttribute !== undefined) {
    return [...errors, ...validateFullAttributeName(`${path}.matchAttribute`, matchAttribute)];
  }
  if (distinctAttribute !== undefined) {
    return [...errors, ...validateFullAttributeName(`${path}.distinctAttribute`, distinctAttribute)];
  }
  const why = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
  return [...errors, required(path, why)];
}

export function validateReferences(
  path: string,
  references: readonly string[] | undefined,
  names: RequestNames,
): FieldError[] {
  return validateSet(
    path,
    references,
    requestsMax,
    (at, name) => validateReference(at, name, names),
    (name) => name,
  );
}

/** `request`, or `request/alternative`. */
export function validateReference(path: string, reference: string, names: RequestNames): FieldError[] {
  const why = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
  const parts = reference.split('/');
  if (parts.length > 2) return [invalidValue(path, reference, why)];
  const errors = parts.flatMap((part) => invalidEach(path, part, isDns1123Label(part)));
  const alternatives = names.get(parts[0] ?? '');
  const known = alternatives !== undefined && (parts[1] === undefined || alternatives.has(parts[1]));
  return known ? errors : [...errors, invalidValue(path, reference, why)];
}

export function validateDeviceClass({ spec }: DeviceClass, old?: DeviceClass): FieldError[] {
  const isStored = old !== undefined && sameJson(spec?.config, old.spec?.config);
  const areStored = old !== undefined && sameJson(spec?.selectors, old.spec?.selectors);
  const extended = spec?.extendedResourceName;
  return [
    ...validateSelectors('spec.selectors', spec?.selectors, areStored),
    ...validateList('spec.config', spec?.config, configurationsMax, (at, config) =>
      validateConfiguration(at, config, isStored),
    ),
    ...(extended === undefined || isExtendedResource(extended)
      ? []
      : [invalidValue('spec.extendedResourceName', extended, 'must be a valid extended resource name')]),
  ];
}
