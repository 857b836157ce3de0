/** The rules of IPAddresses (one per address that a Service holds) and ServiceCIDRs (where these come from). */
import { invalidValue, required } from '../../api/field-error.ts';
import { isDns1123Subdomain, isPathSegmentName } from '../../api/names.ts';
import type { IPAddress, ServiceCIDR, ServiceCIDRSpec } from '../../api/schema/types/networking-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { parseCidr } from '../../lib/ip-addresses.ts';
import { immutableField, immutableMessage, invalidEach, requiredName } from './checks.ts';
import { canonicalCidrErrors, canonicalIpErrors } from './ip-rules.ts';

const invalidPrefix = /^Invalid value: "(?:[^"\\]|\\.)*": /;

/** The name is the address. */
export function ipAddressNameErrors(name: string): string[] {
  return canonicalIpErrors('', name).map(({ message }) => message.replace(invalidPrefix, ''));
}

export function validateIpAddress({ spec }: IPAddress): FieldError[] {
  const path = 'spec.parentRef';
  const parent = spec?.parentRef;
  if (parent === undefined) return [required(path)];
  const { group, resource, name, namespace } = parent;
  return [
    ...(group ? invalidEach(`${path}.group`, group, isDns1123Subdomain(group)) : []),
    ...requiredName(`${path}.resource`, resource, isPathSegmentName),
    ...requiredName(`${path}.name`, name, isPathSegmentName),
    ...(namespace ? invalidEach(`${path}.namespace`, namespace, isPathSegmentName(namespace)) : []),
  ];
}

export function validateIpAddressUpdate({ spec }: IPAddress, { spec: old }: IPAddress): FieldError[] {
  return immutableField('spec.parentRef', spec?.parentRef, old?.parentRef);
}

const cidrsPath = 'spec.cidrs';

export function validateServiceCidr({ spec }: ServiceCIDR): FieldError[] {
  const cidrs = spec?.cidrs ?? [];
  if (cidrs.length === 0) return [required(cidrsPath, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalidValue(cidrsPath, spec, 'may only hold up to 2 values')];
  const errors = cidrs.flatMap((cidr, index) => canonicalCidrErrors(`${cidrsPath}[${index}]`, cidr));
  const [first, second] = cidrs.map((cidr) => parseCidr(cidr)?.address.family);
  if (cidrs.length < 2 || first === undefined || first !== second) return errors;
  const detail = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
  return [...errors, invalidValue(cidrsPath, cidrs, detail)];
}

/** One family may be added to the other; else nothing changes. */
export function validateServiceCidrUpdate(object: ServiceCIDR, { spec: old }: ServiceCIDR): FieldError[] {
  const [cidrs, before] = [cidrsOf(object.spec), cidrsOf(old)];
  const grows = before.length === 1 && cidrs.length === 2;
  if (!grows && before.length !== cidrs.length) return [invalidValue(cidrsPath, cidrs, immutableMessage)];
  const errors = before.flatMap((cidr, index) =>
    cidr === cidrs[index] ? [] : [invalidValue(`${cidrsPath}[${index}]`, cidrs[index], immutableMessage)],
  );
  return grows ? [...errors, ...validateServiceCidr(object)] : errors;
}

const cidrsOf = (spec: ServiceCIDRSpec | undefined): readonly string[] => spec?.cidrs ?? [];
