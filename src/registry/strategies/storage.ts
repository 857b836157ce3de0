/** Volumes, claims, classes and CSI. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../../api/schema/types/storage-v1.ts';
import { formatTime } from '../../lib/clock.ts';
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
    dropForeignSources(claim, undefined);
  },
  prepareForUpdate: dropForeignSources,
  validate: validatePersistentVolumeClaim,
  validateUpdate: validatePersistentVolumeClaimUpdate,
  validateStatusUpdate: validatePersistentVolumeClaimStatusUpdate,
  warnings: claimWarnings,
};

/** A source in another namespace is an alpha feature, which is off. */
function dropForeignSources({ spec }: Draft<PersistentVolumeClaim>, old: PersistentVolumeClaim | undefined): void {
  if (spec?.dataSourceRef?.namespace && old?.spec?.dataSourceRef === undefined) delete spec.dataSourceRef;
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
