/**
 * The rules of Services. Which addresses and ports are free is not asked here: see `service-addresses.ts` beside the registry.
 * The addresses themselves have `service-ips.ts`, what may change `service-update.ts`.
 */
import { duplicate, forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain, isPortNumber, isQualifiedName } from '../../api/names.ts';
import type { Service, ServicePort, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, requiredOneOf, validateLabels } from './checks.ts';
import { appProtocolErrors } from './endpoints.ts';
import { cidrErrors, endpointIpErrors, ipErrors } from './ip-rules.ts';
import { validatePortOrName } from './probes.ts';
import { isHeadless, validateClusterIps } from './service-ips.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const protocols = ['SCTP', 'TCP', 'UDP'];
const affinitySecondsMax = 86_400;
export const oldTopologyAnnotation = 'service.kubernetes.io/topology-aware-hints';
export const topologyAnnotation = 'service.kubernetes.io/topology-mode';
const rangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';

export function validateService(service: Service, old?: Service): FieldError[] {
  const spec = service.spec ?? {};
  return [
    ...validateTopology(service.metadata?.annotations),
    ...validateForType(spec),
    ...validatePorts(spec.ports ?? []),
    ...validateLabels('spec.selector', spec.selector),
    ...validateAffinity(spec),
    ...validateClusterIps(spec, old?.spec),
    ...validateExternalIps(spec.externalIPs ?? [], old?.spec?.externalIPs),
    ...requiredOneOf('spec.type', spec.type, types),
    ...validateNodePorts(spec),
    ...duplicatePorts(spec.ports ?? []),
    ...validateSourceRanges(service, old),
    ...validateBalancer(spec),
    ...validateTraffic(spec),
  ];
}

function validateTopology(annotations: Readonly<Record<string, string>> = {}): FieldError[] {
  const [old, mode] = [annotations[oldTopologyAnnotation], annotations[topologyAnnotation]];
  if (old === undefined || mode === undefined || old === mode) return [];
  const detail = `must match annotations[${oldTopologyAnnotation}] when both are specified`;
  return [invalidValue(`metadata.annotations[${topologyAnnotation}]`, mode, detail)];
}

function validateForType(spec: ServiceSpec): FieldError[] {
  const needsPorts = !isHeadless(spec) && spec.type !== 'ExternalName';
  const errors = needsPorts && !spec.ports?.length ? [required('spec.ports')] : [];
  if (spec.type === 'ExternalName') return [...errors, ...validateExternalName(spec)];
  if (!isHeadless(spec) || (spec.type !== 'LoadBalancer' && spec.type !== 'NodePort')) return errors;
  const detail = `may not be set to 'None' for ${spec.type} services`;
  return [...errors, invalidValue('spec.clusterIPs[0]', 'None', detail)];
}

/** A name alone: no address, and nothing that is said of addresses. */
function validateExternalName(spec: ServiceSpec): FieldError[] {
  const notFor = 'may not be set for ExternalName services';
  const errors: FieldError[] = [];
  if (spec.clusterIPs?.length) errors.push(forbiddenField('spec.clusterIPs', notFor));
  if (spec.ipFamilies?.length) errors.push(forbiddenField('spec.ipFamilies', notFor));
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbiddenField('spec.ipFamilyPolicy', notFor));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') return [...errors, required('spec.externalName')];
  return [...errors, ...invalidEach('spec.externalName', name, isDns1123Subdomain(name))];
}

function validatePorts(ports: readonly ServicePort[]): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, index) => validatePort(`spec.ports[${index}]`, port, ports.length > 1, names));
}

function validatePort(path: string, servicePort: ServicePort, needsName: boolean, names: Set<string>): FieldError[] {
  const { name = '', port, protocol, targetPort, appProtocol } = servicePort;
  const errors: FieldError[] = [];
  if (name !== '') {
    errors.push(...invalidEach(`${path}.name`, name, isDns1123Label(name)));
    if (names.has(name)) errors.push(duplicate(`${path}.name`, name));
    names.add(name);
  } else if (needsName) errors.push(required(`${path}.name`));
  return [
    ...errors,
    ...invalidEach(`${path}.port`, port, isPortNumber(port)),
    ...requiredOneOf(`${path}.protocol`, protocol, protocols),
    ...validatePortOrName(`${path}.targetPort`, targetPort),
    ...appProtocolErrors(`${path}.appProtocol`, appProtocol),
  ];
}

function validateAffinity({ sessionAffinity: affinity, sessionAffinityConfig: config }: ServiceSpec): FieldError[] {
  const path = 'spec.sessionAffinityConfig';
  const errors = requiredOneOf('spec.sessionAffinity', affinity, ['ClientIP', 'None']);
  if (affinity === 'None' && config !== undefined) {
    return [...errors, forbiddenField(path, 'must not be set when session affinity is None')];
  }
  return affinity === 'ClientIP' ? [...errors, ...validateAffinityTime(path, config)] : errors;
}

function validateAffinityTime(path: string, config: ServiceSpec['sessionAffinityConfig']): FieldError[] {
  const needed = 'when session affinity is ClientIP';
  if (config === undefined) return [required(path, needed)];
  if (config.clientIP === undefined) return [required(`${path}.clientIP`, needed)];
  const seconds = config.clientIP.timeoutSeconds;
  if (seconds === undefined) return [required(`${path}.clientIP.timeoutSeconds`, needed)];
  if (seconds > 0 && seconds <= affinitySecondsMax) return [];
  const detail = `must be greater than 0 and less than ${affinitySecondsMax}`;
  return [invalidValue(`${path}.clientIP.timeoutSeconds`, seconds, detail)];
}

function validateExternalIps(addresses: readonly string[], old: readonly string[] = []): FieldError[] {
  const before = new Set(old);
  return addresses.flatMap((address, index) => {
    const path = `spec.externalIPs[${index}]`;
    const errors = ipErrors(path, address, before);
    return errors.length > 0 ? errors : endpointIpErrors(path, address);
  });
}

function validateNodePorts({ type, ports = [] }: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { nodePort, protocol }] of ports.entries()) {
    if (!nodePort) continue;
    const path = `spec.ports[${index}].nodePort`;
    const key = `${protocol}/${nodePort}`;
    if (type === 'ClusterIP') errors.push(forbiddenField(path, "may not be used when `type` is 'ClusterIP'"));
    if (seen.has(key)) errors.push(duplicate(path, nodePort));
    seen.add(key);
  }
  return errors;
}

/** In the words of upstream's own form of a port. */
function duplicatePorts(ports: readonly ServicePort[]): FieldError[] {
  const seen = new Set<string>();
  return ports.flatMap(({ protocol = '', port }, index) => {
    const key = `${protocol}/${port}`;
    const isNew = !seen.has(key);
    seen.add(key);
    const shown = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
    return isNew ? [] : [duplicate(`spec.ports[${index}]`, shown)];
  });
}

/** They may be padded with spaces, and were an annotation before they were a field. */
function validateSourceRanges({ metadata, spec = {} }: Service, old: Service | undefined): FieldError[] {
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const said = metadata?.annotations?.[rangesAnnotation];
  const notHere = (path: string): FieldError[] =>
    spec.type === 'LoadBalancer' ? [] : [forbiddenField(path, onlyBalancer)];
  if (ranges.length > 0) {
    const path = 'spec.LoadBalancerSourceRanges';
    const before = new Set((old?.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim()));
    const check = (range: string, index: number): FieldError[] => cidrErrors(`${path}[${index}]`, range.trim(), before);
    return [...notHere(path), ...ranges.flatMap(check)];
  }
  if (said === undefined) return [];
  const path = `metadata.annotations[${rangesAnnotation}]`;
  const isNew = old?.metadata?.annotations?.[rangesAnnotation] !== said && said.trim() !== '';
  const errors = isNew ? said.split(',').flatMap((range) => cidrErrors(path, range.trim())) : [];
  return [...notHere(path), ...errors];
}

const onlyBalancer = "may only be used when `type` is 'LoadBalancer'";

function validateBalancer(spec: ServiceSpec): FieldError[] {
  const path = 'spec.allocateLoadBalancerNodePorts';
  const useless = spec.type !== 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== undefined;
  return [...(useless ? [forbiddenField(path, onlyBalancer)] : []), ...validateClass(spec)];
}

export function validateClass({ type, loadBalancerClass: name }: ServiceSpec): FieldError[] {
  const path = 'spec.loadBalancerClass';
  if (name === undefined) return [];
  return type === 'LoadBalancer'
    ? invalidEach(path, name, isQualifiedName(name))
    : [forbiddenField(path, onlyBalancer)];
}

/** Can it be reached from outside of the cluster? */
export function isReachable({ type, externalIPs }: ServiceSpec): boolean {
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && (externalIPs?.length ?? 0) > 0);
}

export function needsHealthCheck({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

function validateTraffic(spec: ServiceSpec): FieldError[] {
  const { externalTrafficPolicy: policy, internalTrafficPolicy, trafficDistribution } = spec;
  const path = 'spec.externalTrafficPolicy';
  const errors: FieldError[] = [];
  if (isReachable(spec)) errors.push(...requiredOneOf(path, policy, ['Cluster', 'Local']));
  else if (policy) errors.push(invalidValue(path, policy, 'may only be set for externally-accessible services'));
  errors.push(...validateHealthPort(spec));
  if (internalTrafficPolicy !== undefined || spec.type !== 'ExternalName') {
    errors.push(...requiredOneOf('spec.internalTrafficPolicy', internalTrafficPolicy, ['Cluster', 'Local']));
  }
  if (trafficDistribution !== undefined && !distributions.includes(trafficDistribution)) {
    errors.push(notSupported('spec.trafficDistribution', trafficDistribution, distributions));
  }
  return errors;
}

const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];

/** One that is needed and not given is allocated once the rules hold. */
function validateHealthPort(spec: ServiceSpec): FieldError[] {
  const { healthCheckNodePort: port } = spec;
  const path = 'spec.healthCheckNodePort';
  if (!port) return [];
  if (needsHealthCheck(spec)) return invalidEach(path, port, isPortNumber(port));
  const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
  return [invalidValue(path, port, detail)];
}
