/**
 * Upstream's StorageObjectInUseProtection: volumes, claims and attributes classes get a finalizer at birth, so that they are not gone while
 * somebody uses them. `controllers/storage-protection` takes it away.
 */
import { protectionFinalizers } from '../../api/storage-protection.ts';
import type { AdmissionRequest } from './admission.ts';

const finalizerOf: Readonly<Record<string, string>> = protectionFinalizers;

export function storageProtection({ operation, collection, target, draft }: AdmissionRequest): void {
  const finalizer = finalizerOf[collection];
  if (finalizer === undefined || operation !== 'CREATE' || target.subresource !== '' || draft === undefined) return;
  const { finalizers = [] } = draft.metadata ?? {};
  if (!finalizers.includes(finalizer)) draft.metadata = { ...draft.metadata, finalizers: [...finalizers, finalizer] };
}
