/**
 * Upstream's DefaultStorageClass and DefaultIngressClass: what asks for no class gets the one that is marked as default by an annotation.
 * Of several, the newest; of those made in the same second, the first by name.
 */
import type { PersistentVolumeClaimSpec } from '../../api/schema/types/core-v1.ts';
import type { IngressSpec } from '../../api/schema/types/networking-v1.ts';
import type { Store } from '../../store/store.ts';
import type { Draft } from '../draft.ts';
import type { AdmissionRequest } from './admission.ts';

const storageClassMarks = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const ingressClassMarks = ['ingressclass.kubernetes.io/is-default-class'];

/** Annotations that named a class before there was a field. */
export const claimClassAnnotation = 'volume.beta.kubernetes.io/storage-class';
const ingressClassAnnotation = 'kubernetes.io/ingress.class';

export function defaultStorageClass(request: AdmissionRequest): void {
  if (!isCreated(request, 'persistentvolumeclaims')) return;
  const spec = request.draft?.['spec'] as Draft<PersistentVolumeClaimSpec> | undefined;
  // An empty class is a choice, too: none.
  if (spec === undefined || spec.storageClassName !== undefined || isAnnotated(request, claimClassAnnotation)) return;
  const name = defaultClass(request.store, 'storageclasses.storage.k8s.io', storageClassMarks);
  if (name !== undefined) spec.storageClassName = name;
}

export function defaultIngressClass(request: AdmissionRequest): void {
  if (!isCreated(request, 'ingresses.networking.k8s.io') || request.draft === undefined) return;
  const spec = (request.draft['spec'] ?? {}) as Draft<IngressSpec>;
  if (spec.ingressClassName !== undefined || isAnnotated(request, ingressClassAnnotation)) return;
  const name = defaultClass(request.store, 'ingressclasses.networking.k8s.io', ingressClassMarks);
  if (name !== undefined) request.draft['spec'] = { ...spec, ingressClassName: name };
}

const isCreated = ({ operation, collection, target }: AdmissionRequest, wanted: string): boolean =>
  operation === 'CREATE' && collection === wanted && target.subresource === '';

const isAnnotated = ({ draft }: AdmissionRequest, key: string): boolean =>
  draft?.metadata?.annotations?.[key] !== undefined;

function defaultClass(store: Store, collection: string, marks: readonly string[]): string | undefined {
  const defaults = store
    .list(collection)
    .entries.map(({ object }) => object.metadata ?? {})
    .filter(({ annotations }) => marks.some((mark) => annotations?.[mark] === 'true'));
  const newest = defaults.sort(
    (a, b) =>
      (b.creationTimestamp ?? '').localeCompare(a.creationTimestamp ?? '') ||
      ((a.name ?? '') < (b.name ?? '') ? -1 : 1),
  );
  return newest[0]?.name;
}
