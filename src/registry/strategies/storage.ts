/** Volumes, claims, classes and CSI. */
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  TypedLocalObjectReference,
} from '../../api/schema/types/core-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../../api/schema/types/storage-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { roundAmounts } from '../defaults/pod-resources.ts';
import {
  setCsiDriverDefaults,
  setPersistentVolumeClaimDefaults,
  setPersistentVolumeDefaults,
  setStorageClassDefaults,
} from '../defaults/storage.ts';
import type { Draft } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { immutableField } from '../validation/checks.ts';
import {
  validateCsiDriver,
  validateCsiDriverUpdate,
  validateCsiNode,
  validateCsiNodeUpdate,
  validateCsiStorageCapacity,
  validateCsiStorageCapacityUpdate,
} from '../validation/csi.ts';
import { validatePersistentVolume, validatePersistentVolumeUpdate } from '../validation/persistent-volume.ts';
import {
  validatePersistentVolumeClaim,
  validatePersistentVolumeClaimStatusUpdate,
  validatePersistentVolumeClaimUpdate,
} from '../validation/persistent-volume-claim.ts';
import {
  validateStorageClass,
  validateStorageClassUpdate,
  validateVolumeAttachment,
  validateVolumeAttachmentStatus,
  validateVolumeAttributesClass,
  validateVolumeAttributesClassUpdate,
} from '../validation/storage.ts';
import { claimWarnings, storageClassWarnings, volumeWarnings } from '../validation/storage-warnings.ts';

export const persistentVolumeStrategy: Strategy<PersistentVolume> = {
  returnDeletedObject: true,
  setDefaults: setPersistentVolumeDefaults,
  prepareForCreate(volume, { nowMs }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(nowMs) };
  },
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  prepareForStatusUpdate(volume, old, { nowMs }) {
    const status = (volume.status ??= {});
    if (status.phase !== old.status?.phase) status.lastPhaseTransitionTime = formatTime(nowMs);
  },
  warnings: volumeWarnings,
};

export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = {
  returnDeletedObject: true,
  setDefaults: setPersistentVolumeClaimDefaults,
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' };
    settleSources(claim, undefined);
  },
  prepareForUpdate: settleSources,
  prepareForStatusUpdate({ status }) {
    roundAmounts(status?.capacity);
    roundAmounts(status?.allocatedResources);
  },
  validate: validatePersistentVolumeClaim,
  validateUpdate: validatePersistentVolumeClaimUpdate,
  validateStatusUpdate: validatePersistentVolumeClaimStatusUpdate,
  warnings: claimWarnings,
};

/**
 * What a claim is filled from. A source in another namespace is an alpha feature, which is off. Of `dataSource` alone, other kinds
 * than claims and snapshots are let fall in silence, as they were before there was `dataSourceRef`; both fields then say the same.
 */
function settleSources({ spec }: Draft<PersistentVolumeClaim>, old: PersistentVolumeClaim | undefined): void {
  if (spec === undefined) return;
  const { dataSource, dataSourceRef } = old?.spec ?? {};
  if (spec.dataSourceRef?.namespace && dataSourceRef === undefined) delete spec.dataSourceRef;
  const isNew = dataSource === undefined && dataSourceRef === undefined;
  if (isNew && spec.dataSourceRef === undefined && !isClaimOrSnapshot(spec.dataSource)) delete spec.dataSource;
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { namespace: _none, ...source } = spec.dataSourceRef;
    spec.dataSource = source;
  }
}

function isClaimOrSnapshot(source: TypedLocalObjectReference | undefined): boolean {
  const { kind, apiGroup = '' } = source ?? {};
  if (kind === 'PersistentVolumeClaim') return apiGroup === '';
  return kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io';
}

export const storageClassStrategy: Strategy<StorageClass> = {
  setDefaults: setStorageClassDefaults,
  validate: validateStorageClass,
  validateUpdate: validateStorageClassUpdate,
  warnings: storageClassWarnings,
};

export const volumeAttributesClassStrategy: Strategy<VolumeAttributesClass> = {
  validate: validateVolumeAttributesClass,
  updateRules: 'change first',
  validateUpdate: validateVolumeAttributesClassUpdate,
};

export const csiDriverStrategy: Strategy<CSIDriver> = {
  generation: true,
  allowUnconditionalUpdate: false,
  setDefaults: setCsiDriverDefaults,
  validate: validateCsiDriver,
  validateUpdate: validateCsiDriverUpdate,
};

export const csiNodeStrategy: Strategy<CSINode> = {
  allowUnconditionalUpdate: false,
  validate: validateCsiNode,
  validateUpdate: validateCsiNodeUpdate,
};

export const csiStorageCapacityStrategy: Strategy<CSIStorageCapacity> = {
  allowUnconditionalUpdate: false,
  validate: validateCsiStorageCapacity,
  validateUpdate: validateCsiStorageCapacityUpdate,
};

export const volumeAttachmentStrategy: Strategy<VolumeAttachment> = {
  allowUnconditionalUpdate: false,
  validate: validateVolumeAttachment,
  validateUpdate: (attachment, old) => immutableField('spec', attachment.spec, old.spec),
  validateStatusUpdate: validateVolumeAttachmentStatus,
};
