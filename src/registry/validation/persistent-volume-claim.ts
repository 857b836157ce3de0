/** PersistentVolumeClaims. A claim's wish is fixed, save that a bound claim may grow and change the class of its attributes. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from '../../api/names.ts';
import { integerValue } from '../../api/quantity.ts';
import type {
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  TypedObjectReference,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { type Draft, draftOf, sameJson } from '../draft.ts';
import { immutableField, invalidEach, requiredText, validateLabelSelector } from './checks.ts';
import { difference, validateAccessModes, validateVolumeMode } from './persistent-volume.ts';
import { compareAmounts, isNativeResource, validateAmount, validatePositive } from './quantities.ts';

const betaStorageClass = 'volume.beta.kubernetes.io/storage-class';

export function validatePersistentVolumeClaim(
  { spec }: PersistentVolumeClaim,
  old?: PersistentVolumeClaim,
): FieldError[] {
  const { dataSource, dataSourceRef } = old?.spec ?? {};
  const grouped = dataSource?.apiGroup !== undefined || dataSourceRef?.apiGroup !== undefined;
  return validateClaimSpec('spec', spec ?? {}, grouped);
}

/** `anyGroup`: an object that stands already may refer to a group by a name that is none. */
export function validateClaimSpec(path: string, spec: PersistentVolumeClaimSpec, anyGroup = false): FieldError[] {
  const modes = `${path}.accessModes`;
  return [
    ...(spec.accessModes?.length ? [] : [required(modes, 'at least 1 access mode is required')]),
    ...validateLabelSelector(`${path}.selector`, spec.selector),
    ...validateAccessModes(modes, spec.accessModes),
    ...validateSize(`${path}.resources[storage]`, spec.resources?.requests?.['storage']),
    ...validateClassName(`${path}.storageClassName`, spec.storageClassName),
    ...validateVolumeMode(`${path}.volumeMode`, spec.volumeMode),
    ...validateSource(`${path}.dataSource`, spec.dataSource, anyGroup),
    ...validateSource(`${path}.dataSourceRef`, spec.dataSourceRef, anyGroup),
    ...validateSources(path, spec),
    ...validateClassName(`${path}.volumeAttributesClassName`, spec.volumeAttributesClassName),
  ];
}

function validateSize(path: string, size: string | number | undefined): FieldError[] {
  if (size === undefined) return [required(path)];
  const errors = validatePositive(path, size);
  return errors.length > 0 ? errors : validateAmount(path, 'storage', size);
}

function validateClassName(path: string, name: string | undefined): FieldError[] {
  return name ? invalidEach(path, name, isDns1123Subdomain(name)) : [];
}

function validateSource(path: string, source: TypedObjectReference | undefined, anyGroup: boolean): FieldError[] {
  if (source === undefined) return [];
  const { kind, name, apiGroup = '', namespace } = source;
  const errors = [...requiredText(`${path}.name`, name), ...requiredText(`${path}.kind`, kind)];
  if (apiGroup === '' && kind !== 'PersistentVolumeClaim') {
    const why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    errors.push(invalidValue(path, kind ?? '', why));
  }
  if (apiGroup !== '' && !anyGroup) {
    errors.push(...invalidEach(`${path}.apiGroup`, apiGroup, isDns1123Subdomain(apiGroup)));
  }
  if (namespace) errors.push(...invalidEach(`${path}.namespace`, namespace, isDns1123Label(namespace)));
  return errors;
}

/** Both say the same, unless one reaches into another namespace: then it stands alone. The value shown is upstream's path struct. */
function validateSources(path: string, { dataSource, dataSourceRef }: PersistentVolumeClaimSpec): FieldError[] {
  if (dataSource === undefined || dataSourceRef === undefined) return [];
  if (dataSourceRef.namespace)
    return [invalidValue(path, {}, 'may not be specified when dataSourceRef.namespace is specified')];
  const same =
    dataSource.apiGroup === dataSourceRef.apiGroup &&
    dataSource.kind === dataSourceRef.kind &&
    dataSource.name === dataSourceRef.name;
  return same ? [] : [invalidValue(path, {}, 'must match dataSourceRef')];
}

/** Upstream looks at metadata and what changed first. */
export function validatePersistentVolumeClaimUpdate(
  claim: PersistentVolumeClaim,
  oldClaim: PersistentVolumeClaim,
): FieldError[] {
  const [spec, old] = [claim.spec ?? {}, oldClaim.spec ?? {}];
  return [
    ...storageClassErrors(claim, oldClaim),
    ...specErrors(claim, oldClaim),
    ...sizeErrors(claim, oldClaim),
    ...immutableField('volumeMode', spec.volumeMode, old.volumeMode),
    ...attributesClassErrors(spec.volumeAttributesClassName, old.volumeAttributesClassName),
  ];
}

const annotated = ({ metadata }: PersistentVolumeClaim): string | undefined =>
  metadata?.annotations?.[betaStorageClass];

/** The class that the old annotation named may move to the field. */
function movesClass(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const [before, now] = [annotated(old), annotated(claim)];
  if (before === undefined || old.spec?.storageClassName !== undefined) return false;
  return claim.spec?.storageClassName === before && (now === undefined || now === before);
}

function storageClassErrors(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  if (movesClass(claim, old) || (annotated(claim) ?? '') === (annotated(old) ?? '')) return [];
  const path = `metadata.annotations[${betaStorageClass}]`;
  return [invalidValue(path, annotated(claim) ?? '', 'field is immutable')];
}

function specErrors(claim: PersistentVolumeClaim, oldClaim: PersistentVolumeClaim): FieldError[] {
  const before = draftOf(oldClaim.spec ?? {});
  const now = draftOf(claim.spec ?? {});
  takeOver(now, before, claim, oldClaim);
  if (sameJson(now, before)) return [];
  const why =
    'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
  return [forbiddenField('spec', `${why}\n${difference(before, now)}`)];
}

/** Makes equal what may differ. */
function takeOver(
  now: Draft<PersistentVolumeClaimSpec>,
  before: Draft<PersistentVolumeClaimSpec>,
  claim: PersistentVolumeClaim,
  oldClaim: PersistentVolumeClaim,
): void {
  // The volume is named once, by whoever binds the claim.
  if (!before.volumeName && now.volumeName) before.volumeName = now.volumeName;
  const given = now.storageClassName;
  const late = given !== undefined && before.storageClassName === undefined;
  if (movesClass(claim, oldClaim)) delete now.storageClassName;
  else if (late && (annotated(oldClaim) === undefined || annotated(oldClaim) === given)) delete now.storageClassName;
  if (claim.status?.phase !== 'Bound') return;
  const size = before.resources?.requests?.['storage'];
  if (now.resources?.requests && size !== undefined) now.resources.requests['storage'] = size;
  if (now.volumeAttributesClassName === undefined) return;
  if (before.volumeAttributesClassName === undefined) delete now.volumeAttributesClassName;
  else now.volumeAttributesClassName = before.volumeAttributesClassName;
}

/** A wish to grow may be taken back as long as it was not granted. */
function sizeErrors(claim: PersistentVolumeClaim, oldClaim: PersistentVolumeClaim): FieldError[] {
  const size = claim.spec?.resources?.requests?.['storage'] ?? 0;
  const old = oldClaim.spec?.resources?.requests?.['storage'] ?? 0;
  if (compareAmounts(size, old) >= 0) return [];
  if (compareAmounts(size, oldClaim.status?.capacity?.['storage'] ?? 0) > 0) return [];
  return [forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity')];
}

function attributesClassErrors(now: string | undefined, old: string | undefined): FieldError[] {
  if (old === undefined || now === old) return [];
  const path = 'spec.volumeAttributesClassName';
  if (now === undefined) return [forbiddenField(path, 'update from non-nil value to nil is forbidden')];
  return now === '' ? [forbiddenField(path, 'update from non-nil value to an empty string is forbidden')] : [];
}

const resizeStatuses = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
].sort();

export function validatePersistentVolumeClaimStatusUpdate({ status }: PersistentVolumeClaim): FieldError[] {
  const errors = Object.entries(status?.capacity ?? {}).flatMap(([name, value]) =>
    validateUnits(`status.capacity[${name}]`, value),
  );
  const statusPath = 'status.allocatedResourceStatus';
  for (const [name, state] of Object.entries(status?.allocatedResourceStatuses ?? {})) {
    errors.push(...validateResourceKey(statusPath, name));
    if (!resizeStatuses.includes(state)) errors.push(notSupported(statusPath, name, resizeStatuses));
  }
  for (const [name, value] of Object.entries(status?.allocatedResources ?? {})) {
    const path = 'status.allocatedResources';
    const keyErrors = validateResourceKey(path, name);
    const at = `${path}[${name}]`;
    if (keyErrors.length > 0) errors.push(...keyErrors);
    else
      errors.push(
        ...(validateUnits(at, value).length > 0 ? validateUnits(at, value) : validateAmount(at, 'storage', value)),
      );
  }
  return errors;
}

function validateUnits(path: string, value: string | number): FieldError[] {
  const units = integerValue(value);
  return units < 0 ? [invalidValue(path, units, 'must be a valid resource quantity')] : [];
}

function validateResourceKey(path: string, name: string): FieldError[] {
  const errors = invalidEach(path, name, isQualifiedName(name));
  if (errors.length > 0 || !isNativeResource(name) || name === 'storage') return errors;
  return [notSupported(path, name, ['storage'])];
}
