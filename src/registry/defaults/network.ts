/** Defaults of services, endpoints and network policies. Addresses and node ports are no defaults: see `service-addresses.ts`. */
import type { Endpoints, Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { IngressClass, NetworkPolicy, NetworkPolicyPort } from '../../api/schema/types/networking-v1.ts';
import { type Draft, setDefault, setDefaultText } from '../draft.ts';

/** Three hours: how long a client sticks to its pod. */
const clientAffinitySeconds = 10_800;

export function setServiceDefaults({ spec }: Draft<Service>): void {
  if (spec === undefined) return;
  setDefaultText(spec, 'sessionAffinity', 'None');
  setDefaultText(spec, 'type', 'ClusterIP');
  setAffinityDefaults(spec);
  for (const port of spec.ports ?? []) {
    setDefaultText(port, 'protocol', 'TCP');
    setDefaultText(port, 'targetPort', port.port);
  }
  setTrafficDefaults(spec);
}

/** An address of a load balancer is one that the nodes answer to, unless it says otherwise. */
export function setServiceStatusDefaults({ spec, status }: Draft<Service>): void {
  if (spec?.type !== 'LoadBalancer') return;
  for (const entry of status?.loadBalancer?.ingress ?? []) if (entry.ip) setDefault(entry, 'ipMode', 'VIP');
}

function setAffinityDefaults(spec: Draft<ServiceSpec>): void {
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity !== 'ClientIP') return;
  setDefault(((spec.sessionAffinityConfig ??= {}).clientIP ??= {}), 'timeoutSeconds', clientAffinitySeconds);
}

function setTrafficDefaults(spec: Draft<ServiceSpec>): void {
  const reachableFromOutside =
    spec.type === 'NodePort' ||
    spec.type === 'LoadBalancer' ||
    (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0);
  if (reachableFromOutside) setDefaultText(spec, 'externalTrafficPolicy', 'Cluster');
  if (spec.type !== 'ExternalName') setDefault(spec, 'internalTrafficPolicy', 'Cluster');
  if (spec.type === 'LoadBalancer') setDefault(spec, 'allocateLoadBalancerNodePorts', true);
}

export function setEndpointsDefaults(endpoints: Draft<Endpoints>): void {
  for (const subset of endpoints.subsets ?? []) {
    for (const port of subset.ports ?? []) setDefaultText(port, 'protocol', 'TCP');
  }
}

export function setEndpointSliceDefaults(slice: Draft<EndpointSlice>): void {
  for (const port of slice.ports ?? []) {
    setDefault(port, 'name', '');
    setDefault(port, 'protocol', 'TCP');
  }
}

export function setNetworkPolicyDefaults({ spec }: Draft<NetworkPolicy>): void {
  if (spec === undefined) return;
  for (const rule of spec.ingress ?? []) setPolicyPortDefaults(rule.ports ?? []);
  for (const rule of spec.egress ?? []) setPolicyPortDefaults(rule.ports ?? []);
  if (spec.policyTypes?.length) return;
  spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
}

function setPolicyPortDefaults(ports: Draft<NetworkPolicyPort>[]): void {
  for (const port of ports) setDefault(port, 'protocol', 'TCP');
}

export function setIngressClassDefaults({ spec }: Draft<IngressClass>): void {
  if (spec?.parameters) setDefault(spec.parameters, 'scope', 'Cluster');
}
