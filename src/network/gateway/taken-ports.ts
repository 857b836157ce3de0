/**
 * The ports of entry nodes that are taken, and by whom: those that this cluster's own gateway listens on, and those of the machine itself. Nothing else may
 * have them there. Pure.
 */
import { gatewayController } from '../../api/gateway-references.ts';
import { type FindIngressClass, isServedIngress } from '../../api/ingress-classes.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { Gateway, GatewayClass } from '../../api/schema/types/gateway-v1.ts';
import type { Ingress } from '../../api/schema/types/networking-v1.ts';
import type { IngressSettings } from './settings.ts';

/** The Service whose endpoints are the API servers. */
export const apiService = 'default/kubernetes';

/** Whoever takes it locks the machine's owner out. */
const sshPort = 22;

export interface PortTakers {
  readonly ingresses: readonly Ingress[];
  readonly ingressClass: FindIngressClass;
  readonly gateways: readonly Gateway[];
  readonly gatewayClass: (name: string) => GatewayClass | undefined;
  readonly settings: Pick<IngressSettings, 'httpPort' | 'httpsPort'>;
  /** Of `apiService`. */
  readonly apiSlices: readonly EndpointSlice[];
}

/** What another controller serves is its own, wherever that listens. */
export function takenPorts(takers: PortTakers): ReadonlyMap<number, string> {
  const { ingresses, ingressClass, gateways, gatewayClass, settings, apiSlices } = takers;
  const taken = new Map<number, string>([[sshPort, 'the machine (SSH)']]);
  for (const { ports } of apiSlices)
    for (const { port = 0 } of ports ?? []) if (port > 0) taken.set(port, 'the API server');
  for (const { metadata, spec } of gateways) {
    if (gatewayClass(spec.gatewayClassName)?.spec.controllerName !== gatewayController) continue;
    for (const { port } of spec.listeners) taken.set(port, `Gateway ${metadata?.namespace}/${metadata?.name}`);
  }
  if (ingresses.some((ingress) => isServedIngress(ingress, ingressClass)))
    for (const port of [settings.httpPort, settings.httpsPort]) taken.set(port, 'the Ingresses');
  return taken;
}
