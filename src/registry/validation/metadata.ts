/** The rules of `metadata`, the same for all kinds (upstream's apimachinery, `api/validation/objectmeta.go`). */
import { forbiddenField, goQuote, indexPath, invalidValue, required, tooLong } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from '../../api/names.ts';
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from '../../api/schema/types/meta-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { immutable, invalidEach, nonNegativeMessage, validateLabels } from './checks.ts';
import { fieldManagerErrors } from './field-manager.ts';

/** All keys and values of one object's annotations together. */
const annotationBytesMax = 256 * 1024;

export const foregroundDeletion = 'foregroundDeletion';
export const orphanDependents = 'orphan';

export interface NameRule {
  readonly namespaced: boolean;
  readonly nameErrors?: (name: string) => string[];
  /** Of custom resources: a finalizer may be called anything, which is warned of. */
  readonly anyFinalizer?: boolean;
}

export function validateMetadata(metadata: ObjectMeta, rule: NameRule): FieldError[] {
  return [
    ...validateName(metadata, rule.nameErrors ?? isDns1123Subdomain),
    ...validateNamespace(metadata.namespace, rule.namespaced),
    ...((metadata.generation ?? 0) < 0
      ? [invalidValue('metadata.generation', metadata.generation, nonNegativeMessage)]
      : []),
    ...validateLabels('metadata.labels', metadata.labels),
    ...validateAnnotations(metadata.annotations),
    ...validateOwners(metadata.ownerReferences ?? []),
    ...validateFinalizers(metadata.finalizers ?? [], rule),
    ...validateManagedFields(metadata.managedFields ?? []),
  ];
}

function validateName(metadata: ObjectMeta, nameErrors: (name: string) => string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (metadata.generateName) {
    errors.push(
      ...invalidEach('metadata.generateName', metadata.generateName, prefixErrors(metadata.generateName, nameErrors)),
    );
  }
  if (!metadata.name) errors.push(required('metadata.name', 'name or generateName is required'));
  else errors.push(...invalidEach('metadata.name', metadata.name, nameErrors(metadata.name)));
  return errors;
}

/** A prefix may end in a dash, since more follows. */
function prefixErrors(prefix: string, nameErrors: (name: string) => string[]): string[] {
  return nameErrors(prefix.endsWith('-') ? `${prefix.slice(0, -1)}a` : prefix);
}

function validateNamespace(namespace: string | undefined, namespaced: boolean): FieldError[] {
  const path = 'metadata.namespace';
  if (!namespaced) return namespace ? [forbiddenField(path, 'not allowed on this type')] : [];
  if (!namespace) return [required(path)];
  return invalidEach(path, namespace, isDns1123Label(namespace));
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path = 'metadata.annotations',
): FieldError[] {
  const entries = Object.entries(annotations ?? {});
  const errors = entries.flatMap(([key]) => invalidEach(path, key, isQualifiedName(key.toLowerCase())));
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > annotationBytesMax) errors.push(tooLong(path, annotationBytesMax));
  return errors;
}

function validateOwners(owners: readonly OwnerReference[]): FieldError[] {
  const controllers: string[] = [];
  return owners.flatMap((owner) => {
    const errors = validateOwner(owner);
    if (!owner.controller) return errors;
    const [first, second] = [controllers[0], `${owner.kind}/${owner.name}`];
    controllers.push(second);
    if (first === undefined) return errors;
    const why = `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`;
    return [...errors, invalidValue(ownersPath, owners, why)];
  });
}

const ownersPath = 'metadata.ownerReferences';

function validateOwner(owner: OwnerReference): FieldError[] {
  const errors: FieldError[] = [];
  const [version, ...group] = (owner.apiVersion ?? '').split('/').reverse();
  if (!version || group.length > 1) {
    errors.push(invalidValue(`${ownersPath}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
  }
  if (!owner.kind) errors.push(invalidValue(`${ownersPath}.kind`, '', 'must not be empty'));
  if (!owner.name) errors.push(invalidValue(`${ownersPath}.name`, '', 'must not be empty'));
  if (!owner.uid) errors.push(invalidValue(`${ownersPath}.uid`, '', 'must not be empty'));
  // Events end by their age. Of the newer group's, which are the same objects, upstream says nothing.
  if (owner.kind === 'Event' && owner.apiVersion === 'v1') {
    errors.push(invalidValue(ownersPath, owner, '/v1, Kind=Event is disallowed from being an owner'));
  }
  return errors;
}

/** Names of finalizers without a domain are for those that Kubernetes itself owns. */
const standardFinalizers = new Set(['kubernetes', foregroundDeletion, orphanDependents]);

function validateFinalizers(finalizers: readonly string[], { anyFinalizer = false }: NameRule): FieldError[] {
  const path = 'metadata.finalizers';
  const errors = finalizers.flatMap((name) => invalidEach(path, name, isQualifiedName(name)));
  if (finalizers.includes(orphanDependents) && finalizers.includes(foregroundDeletion)) {
    errors.push(
      invalidValue(path, finalizers, `finalizer ${orphanDependents} and ${foregroundDeletion} cannot be both set`),
    );
  }
  if (anyFinalizer) return errors;
  return [...errors, ...finalizers.flatMap((name, index) => validateStandardName(indexPath(path, index), name))];
}

const subresourceBytesMax = 256;

/** What clients send of them is kept, where it can be read; so it is looked at. */
function validateManagedFields(entries: readonly ManagedFieldsEntry[]): FieldError[] {
  return entries.flatMap(({ operation, fieldsType, manager = '', subresource = '' }, index) => {
    const path = indexPath('metadata.managedFields', index);
    const errors: FieldError[] = [];
    if (operation !== 'Apply' && operation !== 'Update') {
      errors.push(invalidValue(`${path}.operation`, operation ?? '', 'must be `Apply` or `Update`'));
    }
    if (fieldsType && fieldsType !== 'FieldsV1') {
      errors.push(invalidValue(`${path}.fieldsType`, fieldsType, 'must be `FieldsV1`'));
    }
    errors.push(...fieldManagerErrors(`${path}.manager`, manager));
    if (Buffer.byteLength(subresource) > subresourceBytesMax) {
      errors.push(tooLong(`${path}.subresource`, subresourceBytesMax));
    }
    return errors;
  });
}

export function validateFinalizerName(path: string, name: string): FieldError[] {
  return [...invalidEach(path, name, isQualifiedName(name)), ...validateStandardName(path, name)];
}

const isUnqualified = (name: string): boolean => !name.includes('/') && !standardFinalizers.has(name);

function validateStandardName(path: string, name: string): FieldError[] {
  const detail = 'name is neither a standard finalizer name nor is it fully qualified';
  return isUnqualified(name) ? [invalidValue(path, name, detail)] : [];
}

/** What is said of new finalizers where any name is allowed. */
export function finalizerWarnings(metadata: ObjectMeta, old: ObjectMeta = {}): string[] {
  const added = new Set((metadata.finalizers ?? []).filter((name) => !(old.finalizers ?? []).includes(name)));
  return [...added]
    .filter(isUnqualified)
    .sort()
    .map((name) => {
      const path = name.includes('.') ? ' including a path (/)' : '';
      const advice = `prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`;
      return `metadata.finalizers: ${goQuote(name)}: ${advice}`;
    });
}

/** What a change of an object may do to its metadata. Call it after the fields that the client left out were brought back. */
export function validateMetadataUpdate(metadata: ObjectMeta, old: ObjectMeta): FieldError[] {
  const errors = newFinalizersWhileDeleting(metadata, old);
  for (const field of fixedFields) {
    errors.push(...immutable(`metadata.${field}`, metadata[field], sameJson(metadata[field], old[field])));
  }
  return errors;
}

const fixedFields = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

function newFinalizersWhileDeleting(metadata: ObjectMeta, old: ObjectMeta): FieldError[] {
  if (old.deletionTimestamp === undefined) return [];
  const added = (metadata.finalizers ?? []).filter((name) => !(old.finalizers ?? []).includes(name));
  if (added.length === 0) return [];
  const names = added.map((name) => JSON.stringify(name)).join(', ');
  return [
    forbiddenField(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${names}}`,
    ),
  ];
}
