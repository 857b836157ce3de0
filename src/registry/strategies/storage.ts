/** Volumes, claims, storage classes and CSI. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import type { CSIDriver, CSINode, StorageClass, VolumeAttachment } from '../../api/schema/types/storage-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import {
  setCsiDriverDefaults,
  setPersistentVolumeClaimDefaults,
  setPersistentVolumeDefaults,
  setStorageClassDefaults,
} from '../defaults/storage.ts';
import { sameJson } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { immutable } from '../validation/checks.ts';
import {
  validatePersistentVolume,
  validatePersistentVolumeClaim,
  validatePersistentVolumeClaimUpdate,
  validateStorageClass,
  validateStorageClassUpdate,
} from '../validation/cluster.ts';

export const persistentVolumeStrategy: Strategy<PersistentVolume> = {
  returnDeletedObject: true,
  setDefaults: setPersistentVolumeDefaults,
  prepareForCreate(volume, { nowMs }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(nowMs) };
  },
  validate: validatePersistentVolume,
  prepareForStatusUpdate(volume, old, { nowMs }) {
    const status = (volume.status ??= {});
    if (status.phase !== old.status?.phase) status.lastPhaseTransitionTime = formatTime(nowMs);
  },
};

export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = {
  returnDeletedObject: true,
  setDefaults: setPersistentVolumeClaimDefaults,
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' };
  },
  validate: validatePersistentVolumeClaim,
  validateUpdate: validatePersistentVolumeClaimUpdate,
};

export const storageClassStrategy: Strategy<StorageClass> = {
  setDefaults: setStorageClassDefaults,
  validate: validateStorageClass,
  validateUpdate: validateStorageClassUpdate,
};

export const csiDriverStrategy: Strategy<CSIDriver> = {
  generation: true,
  allowUnconditionalUpdate: false,
  setDefaults: setCsiDriverDefaults,
};

export const csiNodeStrategy: Strategy<CSINode> = { allowUnconditionalUpdate: false };

export const volumeAttachmentStrategy: Strategy<VolumeAttachment> = {
  allowUnconditionalUpdate: false,
  validateUpdate: (attachment, old) => immutable('spec', attachment.spec, sameJson(attachment.spec, old.spec)),
};
