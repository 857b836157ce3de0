/** The rules of Namespaces, Nodes, Leases and the storage kinds. */
import { forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import { isQualifiedName } from '../../api/names.ts';
import type { Lease } from '../../api/schema/types/coordination-v1.ts';
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Taint,
} from '../../api/schema/types/core-v1.ts';
import type { NetworkPolicy } from '../../api/schema/types/networking-v1.ts';
import type { StorageClass } from '../../api/schema/types/storage-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { draftOf, sameJson } from '../draft.ts';
import { immutable, invalidEach, oneOf, requiredName, validateLabelSelector } from './checks.ts';
import { validateFinalizerName } from './metadata.ts';
import { validateQuantities } from './resources.ts';
import { isCidr } from './service.ts';

export function validateNamespace({ spec }: Namespace): FieldError[] {
  return (spec?.finalizers ?? []).flatMap((name) => validateFinalizerName('spec.finalizers', name));
}

export function validateNode({ spec, status }: Node): FieldError[] {
  const taints = spec?.taints ?? [];
  return [
    ...taints.flatMap((taint, index) => validateTaint(`spec.taints[${index}]`, taint)),
    ...duplicateTaints(taints),
    ...(spec?.podCIDRs ?? []).flatMap((cidr, index) =>
      isCidr(cidr)
        ? []
        : [
            invalidValue(
              `spec.podCIDRs[${index}]`,
              cidr,
              'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
            ),
          ],
    ),
    ...validateQuantities('status.capacity', status?.capacity),
    ...validateQuantities('status.allocatable', status?.allocatable),
  ];
}

const taintEffects = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];

function validateTaint(path: string, taint: Taint): FieldError[] {
  const errors = requiredName(`${path}.key`, taint.key, isQualifiedName);
  if (!taint.effect) errors.push(required(`${path}.effect`));
  return [...errors, ...oneOf(`${path}.effect`, taint.effect, taintEffects)];
}

function duplicateTaints(taints: readonly Taint[]): FieldError[] {
  const seen = new Set<string>();
  return taints.flatMap((taint, index) => {
    const key = `${taint.key}:${taint.effect}`;
    const repeated = seen.has(key);
    seen.add(key);
    const message = `Duplicate value: ${JSON.stringify(taint)}: taints must be unique by key and effect pair`;
    return repeated ? [{ reason: 'FieldValueDuplicate', field: `spec.taints[${index}]`, message }] : [];
  });
}

/** A node gets its address range and its provider's name once. */
export function validateNodeUpdate({ spec = {} }: Node, { spec: old = {} }: Node): FieldError[] {
  const errors: FieldError[] = [];
  if (old.podCIDRs?.length && !sameJson(spec.podCIDRs, old.podCIDRs)) {
    errors.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  }
  if (old.providerID && spec.providerID !== old.providerID) {
    errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  }
  return errors;
}

export function validateLease({ spec }: Lease): FieldError[] {
  const errors: FieldError[] = [];
  if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
    errors.push(invalidValue('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0'));
  }
  if (spec?.leaseTransitions !== undefined && spec.leaseTransitions < 0) {
    errors.push(invalidValue('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0'));
  }
  return errors;
}

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

export function validatePersistentVolume({ spec }: PersistentVolume): FieldError[] {
  const errors = [...validateAccessModes(spec?.accessModes), ...validateQuantities('spec.capacity', spec?.capacity)];
  if (!spec?.capacity?.['storage']) errors.push(required('spec.capacity'));
  errors.push(
    ...oneOf('spec.persistentVolumeReclaimPolicy', spec?.persistentVolumeReclaimPolicy, [
      'Delete',
      'Recycle',
      'Retain',
    ]),
  );
  errors.push(...oneOf('spec.volumeMode', spec?.volumeMode, ['Block', 'Filesystem']));
  return errors;
}

function validateAccessModes(modes: readonly string[] | undefined): FieldError[] {
  if (!modes?.length) return [required('spec.accessModes', 'at least 1 access mode is required')];
  return modes.flatMap((mode) => oneOf('spec.accessModes', mode, accessModes));
}

export function validatePersistentVolumeClaim({ spec }: PersistentVolumeClaim): FieldError[] {
  const errors = [
    ...validateLabelSelector('spec.selector', spec?.selector),
    ...validateAccessModes(spec?.accessModes),
    ...validateQuantities('spec.resources.requests', spec?.resources?.requests),
  ];
  const storage = spec?.resources?.requests?.['storage'];
  if (!storage) errors.push(required('spec.resources[storage]'));
  return [...errors, ...oneOf('spec.volumeMode', spec?.volumeMode, ['Block', 'Filesystem'])];
}

export function validatePersistentVolumeClaimUpdate(
  { spec }: PersistentVolumeClaim,
  { spec: old }: PersistentVolumeClaim,
): FieldError[] {
  const fixed = (value: PersistentVolumeClaim['spec']): object => {
    const { resources: _resources, volumeAttributesClassName: _class, ...rest } = draftOf(value ?? {});
    // The volume is named once, by whoever binds the claim.
    if (!old?.volumeName) delete rest.volumeName;
    return rest;
  };
  if (sameJson(fixed(spec), fixed(old))) return [];
  const message =
    'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
  return [forbiddenField('spec', message)];
}

export function validateStorageClass(storageClass: StorageClass): FieldError[] {
  return [
    ...requiredName('provisioner', storageClass.provisioner, (name) => isQualifiedName(name.toLowerCase())),
    ...oneOf('reclaimPolicy', storageClass.reclaimPolicy, ['Delete', 'Retain']),
    ...oneOf('volumeBindingMode', storageClass.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']),
  ];
}

export function validateStorageClassUpdate(storageClass: StorageClass, old: StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  if (!sameJson(storageClass.parameters ?? {}, old.parameters ?? {})) {
    errors.push(forbiddenField('parameters', 'updates to parameters are forbidden.'));
  }
  if (storageClass.provisioner !== old.provisioner) {
    errors.push(forbiddenField('provisioner', 'updates to provisioner are forbidden.'));
  }
  if (storageClass.reclaimPolicy !== old.reclaimPolicy) {
    errors.push(forbiddenField('reclaimPolicy', 'updates to reclaimPolicy are forbidden.'));
  }
  const same = storageClass.volumeBindingMode === old.volumeBindingMode;
  return [...errors, ...immutable('volumeBindingMode', storageClass.volumeBindingMode, same)];
}

export function validateNetworkPolicy({ spec }: NetworkPolicy): FieldError[] {
  const errors = validateLabelSelector('spec.podSelector', spec?.podSelector);
  for (const type of spec?.policyTypes ?? []) errors.push(...oneOf('spec.policyTypes', type, ['Egress', 'Ingress']));
  return errors;
}

/** Upstream's rule for the names in `roleRef` and the like: they never change. */
export function unchangeable(path: string, value: unknown, old: unknown): FieldError[] {
  return sameJson(value, old) ? [] : invalidEach(path, value, [`cannot change ${path}`]);
}
