/** StorageClasses, VolumeAttributesClasses and VolumeAttachments. What a class means never changes. */
import { forbiddenField, invalidValue, notSupported, required, tooLong } from '../../api/field-error.ts';
import { isDns1123Subdomain, isQualifiedName, rangeMessage } from '../../api/names.ts';
import type {
  StorageClass,
  VolumeAttachment,
  VolumeAttachmentSource,
  VolumeAttributesClass,
  VolumeError,
} from '../../api/schema/types/storage-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { immutableField, invalidEach, oneOf, validateDriverName } from './checks.ts';
import { validateTopologies } from './node-selector.ts';
import { validatePersistentVolumeSpec } from './persistent-volume.ts';

const parametersMax = 512;
const parameterBytesMax = 256 * 1024;
const metadataBytesMax = 256 * 1024;
const messageBytesMax = 1024;

const reclaimPolicies = ['Delete', 'Retain'];
const bindingModes = ['Immediate', 'WaitForFirstConsumer'];

export function validateStorageClass(storageClass: StorageClass): FieldError[] {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode: mode, allowedTopologies } = storageClass;
  return [
    ...validateProvisioner('provisioner', provisioner),
    ...validateParameters('parameters', parameters),
    ...oneOf('reclaimPolicy', reclaimPolicy, reclaimPolicies),
    ...(mode === undefined || bindingModes.includes(mode)
      ? []
      : [notSupported('volumeBindingMode', mode, bindingModes)]),
    ...validateTopologies('allowedTopologies', allowedTopologies),
  ];
}

function validateProvisioner(path: string, name: string | undefined): FieldError[] {
  if (!name) return [required(path)];
  const lower = name.toLowerCase();
  return invalidEach(path, lower, isQualifiedName(lower));
}

type Texts = Readonly<Record<string, string>>;

function bytesOf(texts: Texts | undefined): number {
  const entries = Object.entries(texts ?? {});
  return entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
}

function validateParameters(path: string, parameters: Texts | undefined): FieldError[] {
  if (Object.keys(parameters ?? {}).length > parametersMax) return [tooLong(path, parametersMax)];
  const errors = Object.hasOwn(parameters ?? {}, '') ? [invalidValue(path, '', 'field can not be empty.')] : [];
  if (bytesOf(parameters) > parameterBytesMax) errors.push(tooLong(path, parameterBytesMax));
  return errors;
}

export function validateStorageClassUpdate(now: StorageClass, old: StorageClass): FieldError[] {
  return [
    ...immutableField('parameters', now.parameters, old.parameters),
    ...immutableField('provisioner', now.provisioner, old.provisioner),
    ...immutableField('reclaimPolicy', now.reclaimPolicy, old.reclaimPolicy),
    ...immutableField('volumeBindingMode', now.volumeBindingMode, old.volumeBindingMode),
  ];
}

export function validateVolumeAttributesClass({ driverName, parameters }: VolumeAttributesClass): FieldError[] {
  const errors = [...validateProvisioner('driverName', driverName), ...validateParameters('parameters', parameters)];
  if (Object.keys(parameters ?? {}).length > 0) return errors;
  return [...errors, required('parameters', 'must contain at least one key/value pair')];
}

export function validateVolumeAttributesClassUpdate(
  now: VolumeAttributesClass,
  old: VolumeAttributesClass,
): FieldError[] {
  const errors: FieldError[] = [];
  if (now.driverName !== old.driverName) {
    errors.push(forbiddenField('driverName', 'updates to driverName are forbidden.'));
  }
  if (!sameJson(now.parameters ?? {}, old.parameters ?? {})) {
    errors.push(forbiddenField('parameters', 'updates to parameters are forbidden.'));
  }
  return errors;
}

export function validateVolumeAttachment(attachment: VolumeAttachment): FieldError[] {
  const { spec } = attachment;
  const volume = spec?.source?.persistentVolumeName;
  return [
    ...validateDriverName('spec.attacher', spec?.attacher),
    ...validateSource('spec.source', spec?.source ?? {}),
    ...invalidEach('spec.nodeName', spec?.nodeName ?? '', isDns1123Subdomain(spec?.nodeName ?? '')),
    ...validateVolumeAttachmentStatus(attachment),
    ...(volume === undefined
      ? []
      : invalidEach('spec.source.persistentVolumeName', volume, isDns1123Subdomain(volume))),
  ];
}

function validateSource(path: string, source: VolumeAttachmentSource): FieldError[] {
  const { inlineVolumeSpec, persistentVolumeName } = source;
  const one = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (inlineVolumeSpec === undefined && persistentVolumeName === undefined) return [required(path, one)];
  if (inlineVolumeSpec !== undefined && persistentVolumeName !== undefined) return [forbiddenField(path, one)];
  if (inlineVolumeSpec !== undefined) {
    return validatePersistentVolumeSpec(`${path}.inlineVolumeSpec`, inlineVolumeSpec, true);
  }
  return persistentVolumeName
    ? []
    : [required(`${path}.persistentVolumeName`, 'must specify non empty persistentVolumeName')];
}

export function validateVolumeAttachmentStatus({ status }: VolumeAttachment): FieldError[] {
  const path = 'status.attachmentMetadata';
  return [
    ...(bytesOf(status?.attachmentMetadata) > metadataBytesMax ? [tooLong(path, metadataBytesMax)] : []),
    ...validateVolumeError('status.attachError', status?.attachError),
    ...validateVolumeError('status.detachError', status?.detachError),
  ];
}

function validateVolumeError(path: string, error: VolumeError | undefined): FieldError[] {
  const { message, errorCode } = error ?? {};
  const errors: FieldError[] = [];
  // The bound that upstream names is another one than it holds to.
  if (Buffer.byteLength(message ?? '') > messageBytesMax) errors.push(tooLong(`${path}.message`, metadataBytesMax));
  if ((errorCode ?? 0) < 0) errors.push(invalidValue(`${path}.errorCode`, errorCode, rangeMessage(0, 2 ** 31 - 1)));
  return errors;
}
