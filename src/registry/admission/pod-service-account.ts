/** The first half of upstream's ServiceAccount admission: a pod that names no account runs as `default`. */
import type { PodSpec } from '../../api/schema/types/core-v1.ts';
import type { Draft } from '../draft.ts';
import { type AdmissionRequest, isPodWrite } from './admission.ts';

/** Pods that only mirror a node's own files have no identity. */
const mirrorAnnotation = 'kubernetes.io/config.mirror';

export function podServiceAccount(request: AdmissionRequest): void {
  const { draft, operation } = request;
  if (operation !== 'CREATE' || !isPodWrite(request) || draft === undefined) return;
  if (draft.metadata?.annotations?.[mirrorAnnotation] !== undefined) return;
  const spec = draft['spec'] as Draft<PodSpec> | undefined;
  if (spec === undefined || spec.serviceAccountName) return;
  spec.serviceAccountName = 'default';
  spec.serviceAccount = 'default';
}
