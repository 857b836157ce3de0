/**
 * What becomes of the fields of a Service that depend on each other: the singular address and the plural, values that were
 * allocated and that an update says nothing of, and those that a new type has no use for.
 */
import type { IPFamily, Service, ServicePort, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import { type Draft, sameJson } from '../draft.ts';
import { isReachable, needsHealthCheck } from '../validation/service.ts';
import { settleFamilies } from './service-families.ts';

type Spec = ServiceSpec | Draft<ServiceSpec>;

export const hasAddress = (spec: Spec): boolean => spec.type !== 'ExternalName';

/** May it have ports of nodes? */
const takesNodePorts = ({ type }: Spec): boolean => type === 'NodePort' || type === 'LoadBalancer';

/** Does it get them, where its author names none? */
export function getsNodePorts(spec: Spec): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

/** Old clients know the singular only; whoever writes the plural writes both. */
export function fillAddresses(spec: Draft<ServiceSpec>): void {
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
}

/**
 * In upstream's order: what was allocated comes back, the two fields are brought together, the families are settled, and what has
 * no use any more goes.
 * @throws StatusError Invalid
 */
export function carryOver(service: Draft<Service>, { spec: old }: Service, cluster: readonly IPFamily[]): void {
  const { spec } = service;
  if (!spec || !old) return;
  keepAllocated(spec, old);
  followAddress(spec, old);
  settleFamilies(service, cluster, old);
  dropUseless(spec, old);
  if (spec.type !== 'LoadBalancer' && service.status?.loadBalancer) {
    service.status = { ...service.status, loadBalancer: {} };
  }
}

/** An update that says nothing of an allocated value means the same value. */
function keepAllocated(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (hasAddress(spec) && hasAddress(old)) {
    if (!spec.clusterIP && old.clusterIP) spec.clusterIP = old.clusterIP;
    if (!spec.clusterIPs?.length && spec.clusterIP === old.clusterIP && old.clusterIPs) {
      spec.clusterIPs = [...old.clusterIPs];
    }
  }
  if (getsNodePorts(spec) && takesNodePorts(old)) keepNodePorts(spec.ports ?? [], old.ports ?? []);
  if (needsHealthCheck(spec) && needsHealthCheck(old) && old.healthCheckNodePort) {
    spec.healthCheckNodePort ||= old.healthCheckNodePort;
  }
}

/** By the ports' names; a number that another port names now is that one's. */
function keepNodePorts(ports: Draft<ServicePort>[], old: readonly ServicePort[]): void {
  const used = new Set(ports.flatMap(({ nodePort }) => nodePort || []));
  const byName = new Map(old.map(({ name, nodePort }) => [name ?? '', nodePort ?? 0]));
  for (const port of ports) {
    if (port.nodePort) continue;
    const before = byName.get(port.name ?? '') ?? 0;
    if (before === 0 || used.has(before)) continue;
    port.nodePort = before;
    used.add(before);
  }
}

/** Who changes `clusterIP` alone means `clusterIPs` as well. */
function followAddress(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if ((spec.clusterIP ?? '') === (old.clusterIP ?? '') || !sameJson(spec.clusterIPs, old.clusterIPs)) return;
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
  else delete spec.clusterIPs;
}

/** Values that came with the old type go with it, unless the author changed them in the same breath. */
function dropUseless(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  const dropSame = (...fields: readonly (keyof ServiceSpec)[]): void => {
    for (const field of fields) if (sameJson(spec[field], old[field])) delete spec[field];
  };
  if (hasAddress(old) && !hasAddress(spec)) {
    if (sameJson([spec.clusterIP ?? '', spec.clusterIPs ?? []], [old.clusterIP ?? '', old.clusterIPs ?? []])) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    dropSame('ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy');
  }
  // Those of a balancer that asks for none any more stay until its author takes them away.
  if (takesNodePorts(old) && !takesNodePorts(spec)) dropNodePorts(spec.ports ?? [], old.ports ?? []);
  if (needsHealthCheck(old) && !needsHealthCheck(spec)) dropSame('healthCheckNodePort');
  if (old.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    dropSame('allocateLoadBalancerNodePorts', 'loadBalancerClass');
  }
  if (isReachable(old) && !isReachable(spec)) dropSame('externalTrafficPolicy');
}

/** Only where the author named no new one. */
function dropNodePorts(ports: Draft<ServicePort>[], old: readonly ServicePort[]): void {
  const known = new Set(old.map(({ nodePort }) => nodePort ?? 0));
  if (ports.some(({ nodePort }) => nodePort && !known.has(nodePort))) return;
  for (const port of ports) delete port.nodePort;
}
