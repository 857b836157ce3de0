/**
 * Which Secrets and ConfigMaps the objects of the Gateway API name: for the node authorizer, which lets nodes read these and no others. Pure.
 *
 * References to another namespace count only where a ReferenceGrant there allows them.
 */
import type { ObjectReference } from './object.ts';
import type {
  BackendTLSPolicy,
  FrontendTLSValidation,
  Gateway,
  Listener,
  ListenerSet,
  ReferenceGrant,
} from './schema/types/gateway-v1.ts';

/** `spec.controllerName` of the classes that the cluster's own gateway serves. */
export const gatewayController = 'naru.io/gateway';
export const gatewayGroup = 'gateway.networking.k8s.io';

export interface NamedReference extends ObjectReference {
  readonly kind: 'Secret' | 'ConfigMap';
}

interface Reference {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
}

export function gatewayReferences({ metadata, spec }: Gateway): readonly NamedReference[] {
  const { frontend, backend } = spec.tls ?? {};
  const validations = [frontend?.default.validation, ...(frontend?.perPort ?? []).map(({ tls }) => tls.validation)];
  const client = backend?.clientCertificateRef;
  const all = [
    ...listenerReferences(spec.listeners),
    ...validations.flatMap((one: FrontendTLSValidation | undefined) => one?.caCertificateRefs ?? []),
    ...(client ? [client] : []),
  ];
  return all.flatMap((one) => named(one, metadata?.namespace ?? ''));
}

export function listenerSetReferences({ metadata, spec }: ListenerSet): readonly NamedReference[] {
  return listenerReferences(spec.listeners).flatMap((one) => named(one, metadata?.namespace ?? ''));
}

export function backendPolicyReferences({ metadata, spec }: BackendTLSPolicy): readonly NamedReference[] {
  return (spec.validation.caCertificateRefs ?? []).flatMap((one) => named(one, metadata?.namespace ?? ''));
}

const listenerReferences = (listeners: readonly Listener[]): readonly Reference[] =>
  listeners.flatMap(({ tls }) => tls?.certificateRefs ?? []);

/** Kinds of the core group that are read; others are nothing to nodes. */
function named({ group = '', kind = 'Secret', name, namespace }: Reference, own: string): readonly NamedReference[] {
  if (group !== '' || (kind !== 'Secret' && kind !== 'ConfigMap')) return [];
  return [{ kind, namespace: namespace || own, name }];
}

/** May objects of this kind in `from` name it? Grants of its own namespace are asked. */
export function isGranted(
  grants: Iterable<ReferenceGrant>,
  from: { readonly kind: string; readonly namespace: string },
  to: NamedReference,
): boolean {
  if (from.namespace === to.namespace) return true;
  for (const { metadata, spec } of grants) {
    if (metadata?.namespace !== to.namespace) continue;
    const isFrom = spec.from.some(
      (one) => one.group === gatewayGroup && one.kind === from.kind && one.namespace === from.namespace,
    );
    const isTo = spec.to.some((one) => one.group === '' && one.kind === to.kind && (!one.name || one.name === to.name));
    if (isFrom && isTo) return true;
  }
  return false;
}
