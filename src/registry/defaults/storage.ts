/** Defaults of volumes, claims, storage classes and CSI drivers. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import type { CSIDriver, StorageClass } from '../../api/schema/types/storage-v1.ts';
import { type Draft, setDefault, setDefaultText } from '../draft.ts';
import { roundAmounts } from './pod-resources.ts';

export function setPersistentVolumeDefaults(volume: Draft<PersistentVolume>): void {
  const { spec } = volume;
  setDefaultText((volume.status ??= {}), 'phase', 'Pending');
  if (spec === undefined) return;
  setDefaultText(spec, 'persistentVolumeReclaimPolicy', 'Retain');
  setDefault(spec, 'volumeMode', 'Filesystem');
  roundAmounts(spec.capacity);
  if (spec.hostPath) setDefault(spec.hostPath, 'type', '');
  if (spec.iscsi) setDefaultText(spec.iscsi, 'iscsiInterface', 'default');
}

export function setPersistentVolumeClaimDefaults(claim: Draft<PersistentVolumeClaim>): void {
  setDefaultText((claim.status ??= {}), 'phase', 'Pending');
  const { spec } = claim;
  if (spec === undefined) return;
  setDefault(spec, 'volumeMode', 'Filesystem');
  roundAmounts(spec.resources?.requests);
  roundAmounts(spec.resources?.limits);
}

/** Claim templates of a StatefulSet are whole objects upstream, kind and status included. */
export function setClaimTemplateDefaults(claim: Draft<PersistentVolumeClaim>): void {
  claim.apiVersion = 'v1';
  claim.kind = 'PersistentVolumeClaim';
  setPersistentVolumeClaimDefaults(claim);
}

export function setStorageClassDefaults(storageClass: Draft<StorageClass>): void {
  setDefault(storageClass, 'reclaimPolicy', 'Delete');
  setDefault(storageClass, 'volumeBindingMode', 'Immediate');
}

export function setCsiDriverDefaults({ spec }: Draft<CSIDriver>): void {
  if (spec === undefined) return;
  setDefault(spec, 'attachRequired', true);
  setDefault(spec, 'podInfoOnMount', false);
  setDefault(spec, 'storageCapacity', false);
  setDefault(spec, 'fsGroupPolicy', 'ReadWriteOnceWithFSType');
  setDefault(spec, 'requiresRepublish', false);
  setDefault(spec, 'seLinuxMount', false);
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
}
