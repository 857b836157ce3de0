/** The addresses of a Service: how many, of which families, and that the singular and the plural field say one thing. */
import { duplicate, invalidValue, notSupported, required } from '../../api/field-error.ts';
import type { ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { familyOf } from '../../lib/ip-addresses.ts';
import { ipErrors } from './ip-rules.ts';

const families = ['IPv4', 'IPv6'];
const familyPolicies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const path = 'spec.clusterIPs';

export function isHeadless({ clusterIPs }: ServiceSpec): boolean {
  return clusterIPs?.length === 1 && clusterIPs[0] === 'None';
}

export function validateClusterIps(spec: ServiceSpec, old: ServiceSpec | undefined): FieldError[] {
  if (spec.type === 'ExternalName') return [];
  const addresses = spec.clusterIPs ?? [];
  const errors = [...singularErrors(spec), ...familyErrors(spec)];
  const bad = addressErrors(addresses, new Set(old?.clusterIPs));
  errors.push(...bad);
  if (addresses.length > 2) errors.push(invalidValue(path, addresses, 'may only hold up to 2 values'));
  if (bad.length > 0) return errors;
  if (addresses.length > 1 && !isDualStack(addresses)) {
    errors.push(invalidValue(path, addresses, 'may specify no more than one IP for each IP family'));
  }
  return [...errors, ...wrongFamilies(spec)];
}

function singularErrors({ clusterIP, clusterIPs = [] }: ServiceSpec): FieldError[] {
  if (clusterIP && clusterIPs.length === 0) return [required(path)];
  if (clusterIP && clusterIPs[0] !== clusterIP) {
    return [invalidValue(path, clusterIPs, 'first value must match `clusterIP`')];
  }
  if (clusterIP || clusterIPs.length === 0) return [];
  return [invalidValue(path, clusterIPs, 'must be empty when `clusterIP` is not specified')];
}

function familyErrors({ ipFamilies = [], ipFamilyPolicy: policy }: ServiceSpec): FieldError[] {
  const seen = new Set<string>();
  const errors = ipFamilies.flatMap((family, index) => {
    const at = `spec.ipFamilies[${index}]`;
    const unknown = families.includes(family) ? [] : [notSupported(at, family, families)];
    const twice = seen.has(family) ? [duplicate(at, family)] : [];
    seen.add(family);
    return [...unknown, ...twice];
  });
  if (policy === undefined || familyPolicies.includes(policy)) return errors;
  return [...errors, notSupported('spec.ipFamilyPolicy', policy, familyPolicies)];
}

function addressErrors(addresses: readonly string[], before: ReadonlySet<string>): FieldError[] {
  return addresses.flatMap((address, index) => {
    if (index > 0 || address !== 'None') return ipErrors(`${path}[${index}]`, address, before);
    return addresses.length > 1 ? [invalidValue(path, addresses, "'None' must be the first and only value")] : [];
  });
}

function isDualStack(addresses: readonly string[]): boolean {
  return new Set(addresses.map(familyOf)).size > 1;
}

function wrongFamilies(spec: ServiceSpec): FieldError[] {
  if (isHeadless(spec)) return [];
  const { clusterIPs = [], ipFamilies = [] } = spec;
  return clusterIPs.slice(0, ipFamilies.length).flatMap((address, index) => {
    const wanted = ipFamilies[index] ?? '';
    if (!families.includes(wanted) || familyOf(address) === wanted) return [];
    const detail = `expected an ${wanted} value as indicated by \`ipFamilies[${index}]\``;
    return [invalidValue(`${path}[${index}]`, address, detail)];
  });
}
