/** What an update of a Service may change of what was given to it, what its status may say, and what its author is told of. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import type { LoadBalancerIngress, Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { addressNameErrors } from './ingresses.ts';
import { cidrWarnings, ipErrors, ipWarnings } from './ip-rules.ts';
import { needsHealthCheck, oldTopologyAnnotation, topologyAnnotation, validateClass } from './service.ts';
import { isHeadless } from './service-ips.ts';

const fixed = 'may not change once set';

/** An address stays with its Service while it has one; a second one, of the other family, may come and go. */
export function validateServiceUpdate({ spec = {} }: Service, { spec: old = {} }: Service): FieldError[] {
  const bothHaveAddress = spec.type !== 'ExternalName' && old.type !== 'ExternalName';
  return [
    ...(bothHaveAddress ? [...addressChanges(spec, old), ...familyChanges(spec, old)] : []),
    ...classChanges(spec, old),
    ...healthPortChanges(spec, old),
  ];
}

function addressChanges(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  if (isHeadless(spec) && isHeadless(old)) return [];
  const [now, before] = [spec.clusterIPs ?? [], old.clusterIPs ?? []];
  const refuse = (index: number, detail: string): FieldError =>
    invalidValue(`spec.clusterIPs[${index}]`, spec.clusterIPs ?? null, detail);
  if (now.length === before.length) {
    return before.flatMap((address, index) => (address === now[index] ? [] : [refuse(index, fixed)]));
  }
  if (now.length === 0) return [refuse(0, 'primary clusterIP can not be unset')];
  const errors = before.length > 0 && now[0] !== before[0] ? [refuse(0, fixed)] : [];
  if (before.length < now.length || now.length !== 1 || spec.ipFamilyPolicy === 'SingleStack') return errors;
  const detail = "must be set to 'SingleStack' when releasing the secondary clusterIP";
  return [...errors, invalidValue('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, detail)];
}

function familyChanges(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  if (isHeadless(spec) || isHeadless(old)) return [];
  const [now, before] = [spec.ipFamilies ?? [], old.ipFamilies ?? []];
  const at = 'spec.ipFamilies[0]';
  if (now.length === before.length) {
    return before.flatMap((family, index) => (family === now[index] ? [] : [invalidValue(at, now, fixed)]));
  }
  const errors: FieldError[] = [];
  const addresses = spec.clusterIPs ?? null;
  if (now.length < before.length && !spec.clusterIPs?.length) {
    errors.push(invalidValue(at, spec.ipFamilies ?? null, 'primary ipFamily can not be unset'));
  }
  if (before.length > 0 && now.length > 0 && now[0] !== before[0]) errors.push(invalidValue(at, addresses, fixed));
  if (before.length < now.length || now.length !== 1 || spec.ipFamilyPolicy === 'SingleStack') return errors;
  const detail = "must be set to 'SingleStack' when releasing the secondary ipFamily";
  return [...errors, invalidValue('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, detail)];
}

/** Upstream looks at the class's form once with the change, and once more with the whole. */
function classChanges(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  const both = spec.type === 'LoadBalancer' && old.type === 'LoadBalancer';
  const name = spec.loadBalancerClass;
  const changed = both && name !== old.loadBalancerClass;
  return [...(changed ? [invalidValue('spec.loadBalancerClass', name ?? null, fixed)] : []), ...validateClass(spec)];
}

function healthPortChanges(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  const same = (spec.healthCheckNodePort ?? 0) === (old.healthCheckNodePort ?? 0);
  if (same || !needsHealthCheck(spec) || !needsHealthCheck(old)) return [];
  return [forbiddenField('spec.healthCheckNodePort', 'field is immutable')];
}

export function validateServiceStatus({ spec, status }: Service, { status: old }: Service): FieldError[] {
  const entries = status?.loadBalancer?.ingress ?? [];
  const path = 'status.loadBalancer.ingress';
  if (spec?.type !== 'LoadBalancer' && entries.length > 0) {
    return [forbiddenField(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  const before = new Set((old?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []));
  return entries.flatMap((entry, index) => validateEntry(`${path}[${index}]`, entry, before));
}

const ipModes = ['Proxy', 'VIP'];

function validateEntry(path: string, entry: LoadBalancerIngress, before: ReadonlySet<string>): FieldError[] {
  const { ip, hostname, ipMode } = entry;
  const errors = ip ? ipErrors(`${path}.ip`, ip, before) : [];
  if (ip && ipMode === undefined) {
    errors.push(required(`${path}.ipMode`, 'must be specified when `ip` is set'));
  } else if (!ip && ipMode !== undefined) {
    errors.push(forbiddenField(`${path}.ipMode`, 'may not be specified when `ip` is not set'));
  } else if (ipMode !== undefined && !ipModes.includes(ipMode)) {
    errors.push(notSupported(`${path}.ipMode`, ipMode, ipModes));
  }
  if (hostname) errors.push(...addressNameErrors(`${path}.hostname`, hostname));
  return errors;
}

export function serviceWarnings({ metadata, spec = {} }: Service): string[] {
  const { type, clusterIPs = [], externalIPs = [], loadBalancerIP, loadBalancerSourceRanges = [] } = spec;
  const warnings: string[] = [];
  if (metadata?.annotations?.[oldTopologyAnnotation] !== undefined) {
    warnings.push(`annotation ${oldTopologyAnnotation} is deprecated, please use ${topologyAnnotation} instead`);
  }
  const headless = type === 'ClusterIP' && isHeadless(spec);
  if (type !== 'ExternalName' && !headless) {
    warnings.push(...clusterIPs.flatMap((address, index) => ipWarnings(`spec.clusterIPs[${index}]`, address)));
  }
  if (headless) warnings.push(...headlessWarnings(spec));
  if (externalIPs.length > 0) warnings.push('spec.externalIPs is deprecated');
  warnings.push(...externalIPs.flatMap((address, index) => ipWarnings(`spec.externalIPs[${index}]`, address)));
  if (loadBalancerIP) warnings.push(...ipWarnings('spec.loadBalancerIP', loadBalancerIP));
  const ranges = loadBalancerSourceRanges.map((range) => range.trim());
  warnings.push(...ranges.flatMap((range, index) => cidrWarnings(`spec.loadBalancerSourceRanges[${index}]`, range)));
  return [...warnings, ...typeWarnings(spec)];
}

function headlessWarnings({ loadBalancerIP, externalIPs, sessionAffinity }: ServiceSpec): string[] {
  const ignored = {
    'spec.loadBalancerIP': Boolean(loadBalancerIP),
    'spec.externalIPs': Boolean(externalIPs?.length),
    'spec.SessionAffinity': sessionAffinity !== 'None',
  };
  return Object.entries(ignored).flatMap(([path, given]) =>
    given ? [`${path} is ignored for headless services`] : [],
  );
}

function typeWarnings({ type, externalIPs, externalName, trafficDistribution }: ServiceSpec): string[] {
  const warnings: string[] = [];
  if (type === 'ExternalName' && externalIPs?.length) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (type !== 'ExternalName' && externalName) {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (trafficDistribution === 'PreferClose') {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return warnings;
}
