/**
 * Services: who gets which address and node port, and what stays when the author leaves it out of an update. Endpoints and
 * EndpointSlices beside them.
 */

import { invalidValue, notSupported } from '../../api/field-error.ts';
import { isDns1035Label } from '../../api/names.ts';
import type { Endpoints, Service, ServicePort, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { invalid } from '../../api/status-error.ts';
import { setEndpointSliceDefaults, setEndpointsDefaults, setServiceDefaults } from '../defaults/network.ts';
import { type Draft, sameJson } from '../draft.ts';
import { isClusterAddress, nodePortRange, type Reservations } from '../service-addresses.ts';
import type { Strategy } from '../strategy.ts';
import { immutable } from '../validation/checks.ts';
import { validateService, validateServiceUpdate } from '../validation/service.ts';

export const serviceStrategy: Strategy<Service> = {
  allowCreateOnUpdate: true,
  returnDeletedObject: true,
  nameErrors: isDns1035Label,
  setDefaults: setServiceDefaults,
  prepareForCreate: ({ spec }) => mirrorAddresses(spec),
  prepareForUpdate({ spec }, { spec: old }) {
    if (!spec || !old) return;
    followAddress(spec, old);
    keepAllocated(spec, old);
    dropWhatTypeForbids(spec, old);
    mirrorAddresses(spec);
  },
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  allocate(service, _old, { reservations }) {
    if (service.spec) allocate(service, service.spec, reservations);
  },
  fields: {
    'spec.clusterIP': ({ spec }) => spec?.clusterIP ?? '',
    'spec.type': ({ spec }) => spec?.type ?? '',
  },
};

/** `clusterIP` is the first of `clusterIPs`; either may be given. */
function mirrorAddresses(spec: Draft<ServiceSpec> | undefined): void {
  if (spec === undefined) return;
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  if (!spec.clusterIP && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0];
}

/** Who changes `clusterIP` alone means `clusterIPs` as well. */
function followAddress(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if ((spec.clusterIP ?? '') === (old.clusterIP ?? '') || !sameJson(spec.clusterIPs, old.clusterIPs)) return;
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
  else delete spec.clusterIPs;
}

function hasAddress(spec: ServiceSpec | Draft<ServiceSpec>): boolean {
  return spec.type !== 'ExternalName';
}

function hasNodePorts(spec: ServiceSpec | Draft<ServiceSpec>): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

function needsHealthCheckPort(spec: ServiceSpec | Draft<ServiceSpec>): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

/** An update that says nothing of an allocated value means the same value. */
function keepAllocated(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (hasAddress(spec) && hasAddress(old) && !spec.clusterIP && !spec.clusterIPs?.length) {
    if (old.clusterIP) spec.clusterIP = old.clusterIP;
    if (old.clusterIPs) spec.clusterIPs = [...old.clusterIPs];
  }
  if (hasNodePorts(spec) && hasNodePorts(old)) {
    for (const port of spec.ports ?? []) port.nodePort ||= nodePortOf(old, port) ?? 0;
  }
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(old) && old.healthCheckNodePort) {
    spec.healthCheckNodePort ||= old.healthCheckNodePort;
  }
}

function nodePortOf(old: ServiceSpec, port: Draft<ServicePort>): number | undefined {
  return old.ports?.find((other) => other.port === port.port && other.protocol === port.protocol)?.nodePort;
}

/** Values that came with the old type go with it, unless the author changed them in the same breath. */
function dropWhatTypeForbids(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (!hasAddress(spec) && hasAddress(old) && spec.clusterIP === old.clusterIP) {
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'] as const) {
      delete spec[field];
    }
  }
  if (!hasNodePorts(spec) && hasNodePorts(old)) {
    for (const port of spec.ports ?? []) if (port.nodePort === nodePortOf(old, port)) delete port.nodePort;
  }
  if (!needsHealthCheckPort(spec) && spec.healthCheckNodePort === old.healthCheckNodePort)
    delete spec.healthCheckNodePort;
  if (spec.type === 'ClusterIP' && old.type !== 'ClusterIP' && !spec.externalIPs?.length)
    delete spec.externalTrafficPolicy;
  if (spec.type !== 'LoadBalancer' && old.type === 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === old.allocateLoadBalancerNodePorts)
      delete spec.allocateLoadBalancerNodePorts;
    if (spec.loadBalancerClass === old.loadBalancerClass) delete spec.loadBalancerClass;
  }
}

function allocate(service: Draft<Service>, spec: Draft<ServiceSpec>, reservations: Reservations): void {
  if (hasAddress(spec)) allocateAddress(service, spec, reservations);
  if (hasNodePorts(spec)) allocateNodePorts(service, spec, reservations);
  else for (const [index, port] of (spec.ports ?? []).entries()) takeGivenPort(service, port, index, reservations);
  if (needsHealthCheckPort(spec)) spec.healthCheckNodePort ||= reservations.freeNodePort(['TCP']);
}

function allocateAddress(service: Draft<Service>, spec: Draft<ServiceSpec>, reservations: Reservations): void {
  spec.ipFamilies ??= ['IPv4'];
  spec.ipFamilyPolicy ??= 'SingleStack';
  if (spec.clusterIP === 'None') return;
  spec.clusterIP ||= reservations.freeAddress();
  spec.clusterIPs = [spec.clusterIP];
  const address = spec.clusterIP;
  if (!isClusterAddress(address)) {
    const why = `the provided IP (${address}) is not in the valid range. The range of valid IPs is 10.43.0.0/16`;
    refuse(service, 'spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${address}: ${why}`);
  }
  if (!reservations.takeAddress(address)) {
    const why = `failed to allocate IP ${address}: provided IP is already allocated`;
    refuse(service, 'spec.clusterIPs', spec.clusterIPs, why);
  }
}

/** One number serves two protocols where the service shows one port over both, as DNS does. */
function allocateNodePorts(service: Draft<Service>, spec: Draft<ServiceSpec>, reservations: Reservations): void {
  const ports = spec.ports ?? [];
  for (const [index, port] of ports.entries()) takeGivenPort(service, port, index, reservations);
  for (const port of ports) {
    if (port.nodePort) continue;
    const shared = ports.find(
      (other) => other.port === port.port && other.protocol !== port.protocol && other.nodePort,
    );
    const protocol = port.protocol ?? 'TCP';
    if (shared?.nodePort && reservations.takeNodePort(shared.nodePort, protocol)) port.nodePort = shared.nodePort;
    else port.nodePort = reservations.freeNodePort([protocol]);
  }
}

function takeGivenPort(
  service: Draft<Service>,
  port: Draft<ServicePort>,
  index: number,
  reservations: Reservations,
): void {
  if (!port.nodePort) return;
  const { first, last } = nodePortRange;
  const path = `spec.ports[${index}].nodePort`;
  if (port.nodePort < first || port.nodePort > last) {
    const why = `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
    refuse(service, path, port.nodePort, why);
  }
  if (!reservations.takeNodePort(port.nodePort, port.protocol ?? 'TCP')) {
    refuse(service, path, port.nodePort, 'provided port is already allocated');
  }
}

function refuse(service: Draft<Service>, path: string, value: unknown, why: string): never {
  const subject = { group: '', kind: 'Service', name: service.metadata?.name ?? '' };
  throw invalid(subject, [invalidValue(path, value, why)]);
}

export const endpointsStrategy: Strategy<Endpoints> = {
  allowCreateOnUpdate: true,
  setDefaults: setEndpointsDefaults,
};

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];

export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  generation: true,
  setDefaults: setEndpointSliceDefaults,
  validate: ({ addressType }) =>
    addressTypes.includes(addressType) ? [] : [notSupported('addressType', addressType ?? '', addressTypes)],
  validateUpdate: (slice, old) => immutable('addressType', slice.addressType, slice.addressType === old.addressType),
};
