/** PersistentVolumes, also where they stand inside a VolumeAttachment. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Subdomain } from '../../api/names.ts';
import { integerValue } from '../../api/quantity.ts';
import type { PersistentVolume, PersistentVolumeSpec, VolumeNodeAffinity } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { draftOf, sameJson } from '../draft.ts';
import { immutableField, invalidEach, oneOf } from './checks.ts';
import { hasOddValues, validateNodeSelector } from './node-selector.ts';
import { sourceNames, validateVolumeSource } from './persistent-volume-sources.ts';
import { validatePositive } from './quantities.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const reclaimPolicies = ['Delete', 'Recycle', 'Retain'];
export const volumeModes = ['Block', 'Filesystem'];
const inline = 'in the context of inline volumes';

/** Whatever the modes are: one pod alone excludes every other. */
export function validateAccessModes(path: string, modes: readonly string[] | undefined): FieldError[] {
  const errors = (modes ?? []).flatMap((mode) =>
    accessModes.includes(mode) ? [] : [notSupported(path, mode, accessModes)],
  );
  const known = new Set((modes ?? []).filter((mode) => accessModes.includes(mode)));
  if (known.has('ReadWriteOncePod') && known.size > 1) {
    errors.push(forbiddenField(path, 'may not use ReadWriteOncePod with other access modes'));
  }
  return errors;
}

export function validatePersistentVolume({ spec }: PersistentVolume, old?: PersistentVolume): FieldError[] {
  return validatePersistentVolumeSpec('spec', spec ?? {}, false, hasOddValues(old?.spec?.nodeAffinity?.required));
}

/** `anyValue`: an old volume may select nodes by values that no label can have. */
export function validatePersistentVolumeSpec(
  path: string,
  spec: PersistentVolumeSpec,
  isInline: boolean,
  anyValue = false,
): FieldError[] {
  return [
    ...(isInline ? inlineErrors(path, spec) : []),
    ...(spec.accessModes?.length ? [] : [required(`${path}.accessModes`)]),
    ...validateAccessModes(`${path}.accessModes`, spec.accessModes),
    ...(isInline ? [] : validateCapacity(`${path}.capacity`, spec.capacity)),
    ...validateReclaimPolicy(`${path}.persistentVolumeReclaimPolicy`, spec.persistentVolumeReclaimPolicy, isInline),
    ...(isInline ? inlineAffinity : validateAffinity)(`${path}.nodeAffinity`, spec.nodeAffinity, anyValue),
    ...validateVolumeSource(path, spec, !isInline && spec.nodeAffinity?.required !== undefined),
    ...validateRecycledRoot(path, spec),
    ...validateClasses(path, spec, isInline),
  ];
}

function inlineErrors(path: string, { claimRef, capacity, csi }: PersistentVolumeSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (claimRef) errors.push(forbiddenField(`${path}.claimRef`, `may not be specified ${inline}`));
  if (Object.keys(capacity ?? {}).length > 0) {
    errors.push(forbiddenField(`${path}.capacity`, `may not be specified ${inline}`));
  }
  if (csi === undefined) errors.push(required(`${path}.csi`, `has to be specified ${inline}`));
  return errors;
}

function validateCapacity(path: string, capacity: PersistentVolumeSpec['capacity']): FieldError[] {
  const entries = Object.entries(capacity ?? {});
  const errors = entries.length === 0 ? [required(path)] : [];
  if (entries.length !== 1 || entries[0]?.[0] !== 'storage') {
    errors.push(notSupported(path, capacity ?? null, ['storage']));
  }
  for (const [name, value] of entries) {
    const at = `${path}[${name}]`;
    const units = integerValue(value);
    if (units < 0) errors.push(invalidValue(at, units, 'must be a valid resource quantity'));
    errors.push(...validatePositive(at, value));
  }
  return errors;
}

function validateReclaimPolicy(path: string, policy: string | undefined, isInline: boolean): FieldError[] {
  if (!isInline) return oneOf(path, policy, reclaimPolicies);
  return !policy || policy === 'Retain' ? [] : [forbiddenField(path, `may only be Retain ${inline}`)];
}

function inlineAffinity(path: string, affinity: VolumeNodeAffinity | undefined): FieldError[] {
  return affinity === undefined ? [] : [forbiddenField(path, `may not be specified ${inline}`)];
}

function validateAffinity(path: string, affinity: VolumeNodeAffinity | undefined, anyValue: boolean): FieldError[] {
  if (affinity === undefined) return [];
  if (affinity.required === undefined) return [required(`${path}.required`, 'must specify required node constraints')];
  return validateNodeSelector(`${path}.required`, affinity.required, anyValue);
}

/** The root of a node's file system would be emptied. */
function validateRecycledRoot(path: string, spec: PersistentVolumeSpec): FieldError[] {
  const { hostPath, persistentVolumeReclaimPolicy: policy } = spec;
  const parts = hostPath?.path?.split('/').filter((part) => part !== '' && part !== '.');
  if (policy !== 'Recycle' || !hostPath?.path?.startsWith('/') || parts?.length !== 0) return [];
  return [forbiddenField(`${path}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'")];
}

function validateClasses(path: string, spec: PersistentVolumeSpec, isInline: boolean): FieldError[] {
  const { storageClassName, volumeMode, volumeAttributesClassName: attributesClass, csi } = spec;
  const errors: FieldError[] = [];
  if (storageClassName) {
    const at = `${path}.storageClassName`;
    if (isInline) errors.push(forbiddenField(at, `may not be specified ${inline}`));
    else errors.push(...invalidEach(at, storageClassName, isDns1123Subdomain(storageClassName)));
  }
  if (isInline && volumeMode !== undefined && volumeMode !== 'Filesystem') {
    errors.push(forbiddenField(`${path}.volumeMode`, `may not specify volumeMode other than Filesystem ${inline}`));
  } else if (!isInline) errors.push(...validateVolumeMode(`${path}.volumeMode`, volumeMode));
  if (attributesClass === undefined || isInline) return errors;
  const at = `${path}.volumeAttributesClassName`;
  if (attributesClass === '') errors.push(required(at, 'an empty string is disallowed'));
  else errors.push(...invalidEach(at, attributesClass, isDns1123Subdomain(attributesClass)));
  if (!csi) errors.push(required(`${path}.csi`, 'has to be specified when using volumeAttributesClassName'));
  return errors;
}

export function validateVolumeMode(path: string, mode: string | undefined): FieldError[] {
  return mode === undefined || volumeModes.includes(mode) ? [] : [notSupported(path, mode, volumeModes)];
}

/** Where the bytes are never changes; who may mount them from where may be said later, once. */
export function validatePersistentVolumeUpdate(volume: PersistentVolume, old: PersistentVolume): FieldError[] {
  const [spec, before] = [volume.spec ?? {}, old.spec ?? {}];
  const errors: FieldError[] = [];
  if (!sameJson(sourceOf(spec, before), sourceOf(before, before))) {
    const why = 'spec.persistentvolumesource is immutable after creation';
    errors.push(
      forbiddenField(
        'spec.persistentvolumesource',
        `${why}\n${difference(sourceOf(before, before), sourceOf(spec, before))}`,
      ),
    );
  }
  errors.push(...immutableField('volumeMode', spec.volumeMode, before.volumeMode));
  if (before.nodeAffinity !== undefined) {
    errors.push(...immutableAffinity(spec.nodeAffinity, before.nodeAffinity));
  }
  if (before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    errors.push(forbiddenField('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'));
  }
  return errors;
}

/** The secret for expansion may come later. */
function sourceOf(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): Record<string, unknown> {
  const given = sourceNames.filter((name) => spec[name] !== undefined).map((name) => [name, draftOf(spec[name])]);
  const source = Object.fromEntries(given) as Record<string, unknown>;
  const csi = source['csi'] as Record<string, unknown> | undefined;
  if (csi && old.csi && old.csi.controllerExpandSecretRef === undefined) delete csi['controllerExpandSecretRef'];
  return source;
}

/** Labels that were renamed may be written by their new names. */
const renamedLabels: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
};

function immutableAffinity(now: VolumeNodeAffinity | undefined, old: VolumeNodeAffinity): FieldError[] {
  const renamed = draftOf(old);
  for (const [index, term] of (renamed.required?.nodeSelectorTerms ?? []).entries()) {
    const wanted = now?.required?.nodeSelectorTerms?.[index]?.matchExpressions ?? [];
    for (const [at, expression] of (term.matchExpressions ?? []).entries()) {
      const newer = renamedLabels[expression.key];
      if (newer !== undefined && wanted[at]?.key === newer) expression.key = newer;
    }
  }
  return immutableField('nodeAffinity', now, sameJson(now, renamed) ? now : old);
}

/** What changed, as lines: upstream shows a diff of its Go structs, which nobody parses. */
export function difference(old: object, now: object): string {
  const lines = (object: object): string[] => JSON.stringify(object, null, 2).split('\n');
  const [before, after] = [lines(old), lines(now)];
  const [gone, come] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !come.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !gone.has(line)).map((line) => `+ ${line}`),
    '',
  ].join('\n');
}
