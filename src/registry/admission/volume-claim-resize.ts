/** Upstream's PersistentVolumeClaimResize: a claim grows only while it is bound, and where its class says that its volumes can. */
import { compareQuantities, parseQuantity } from '../../api/quantity.ts';
import type { PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import type { StorageClass } from '../../api/schema/types/storage-v1.ts';
import { forbidden } from '../../api/status-error.ts';
import type { Store } from '../../store/store.ts';
import type { AdmissionRequest } from './admission.ts';
import { claimClassAnnotation } from './default-classes.ts';

export function volumeClaimResize({ operation, collection, target, draft, old, store }: AdmissionRequest): void {
  if (collection !== 'persistentvolumeclaims' || operation !== 'UPDATE' || target.subresource !== '') return;
  const [claim, before] = [draft as PersistentVolumeClaim, old as PersistentVolumeClaim];
  if (compareQuantities(sizeOf(claim), sizeOf(before)) <= 0) return;
  const refuse = (why: string): Error =>
    forbidden({ group: '', kind: 'persistentvolumeclaims', name: target.name }, why);
  if (before.status?.phase !== 'Bound') throw refuse('Only bound persistent volume claims can be expanded');
  if (mayGrow(store, classOf(claim), classOf(before))) return;
  throw refuse(
    'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
  );
}

const sizeOf = ({ spec }: PersistentVolumeClaim) => parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');

const classOf = ({ metadata, spec }: PersistentVolumeClaim): string =>
  metadata?.annotations?.[claimClassAnnotation] ?? spec?.storageClassName ?? '';

function mayGrow(store: Store, name: string, before: string): boolean {
  if (name === '' || name !== before) return false;
  const entry = store.get({ collection: 'storageclasses.storage.k8s.io', namespace: '', name });
  return (entry?.object as StorageClass | undefined)?.allowVolumeExpansion === true;
}
