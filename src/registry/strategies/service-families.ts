/**
 * The address families of a Service, and how many of them it wants. What is not said follows from what was before, from the
 * addresses, and from the cluster, which has one family: IPv4. A headless Service without a selector has no address to give and
 * may be of both.
 *
 * Settled before the other rules are asked, as upstream does: who asks for what cannot be had is told of that alone.
 */
import { invalidValue } from '../../api/field-error.ts';
import type { IPFamily, Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import { type FieldError, invalid } from '../../api/status-error.ts';
import { type Draft, sameJson } from '../draft.ts';
import { familyOf } from '../validation/ip-addresses.ts';
import { validateClusterIps } from '../validation/service-ips.ts';

const clusterFamily = 'IPv4';

/** @throws StatusError Invalid */
export function settleFamilies({ metadata, spec }: Draft<Service>, old?: ServiceSpec): void {
  if (spec === undefined || spec.type === 'ExternalName' || staysPreferred(spec, old)) return;
  spec.ipFamilyPolicy ??= old?.ipFamilyPolicy ?? (isFree(spec) ? 'RequireDualStack' : 'SingleStack');
  const malformed = validateClusterIps(spec, old);
  const errors = malformed.length > 0 ? malformed : fillFamilies(spec, old);
  if (errors.length > 0) throw invalid({ group: '', kind: 'Service', name: metadata?.name ?? '' }, errors);
}

/** Nobody to send to, and no address: two families cost nothing. */
const isFree = ({ clusterIP, selector }: Draft<ServiceSpec>): boolean =>
  clusterIP === 'None' && Object.keys(selector ?? {}).length === 0;

/** Two stacks where the cluster has them: such a Service stays as it is until somebody asks for another thing. */
function staysPreferred(spec: Draft<ServiceSpec>, old: ServiceSpec | undefined): boolean {
  if (old === undefined || spec.type !== old.type || spec.ipFamilyPolicy !== 'PreferDualStack') return false;
  if ((old.ipFamilyPolicy ?? 'PreferDualStack') !== 'PreferDualStack') return false;
  const same = (field: 'clusterIPs' | 'ipFamilies'): boolean => sameJson(spec[field] ?? [], old[field] ?? []);
  return same('clusterIPs') && same('ipFamilies');
}

function fillFamilies(spec: Draft<ServiceSpec>, old: ServiceSpec | undefined): FieldError[] {
  const reduced = old === undefined ? [] : reducedErrors(spec, old);
  const errors = [...reduced, ...tooManyErrors(spec), ...inferFamilies(spec)];
  if (errors.length > 0) return errors;
  if (isFree(spec)) {
    const families: IPFamily[] = spec.ipFamilies?.length ? spec.ipFamilies : [clusterFamily];
    const other = families[0] === 'IPv4' ? 'IPv6' : 'IPv4';
    spec.ipFamilies = families.length < 2 && spec.ipFamilyPolicy !== 'SingleStack' ? [...families, other] : families;
    return [];
  }
  const missing = missingErrors(spec);
  if (missing.length === 0 && !spec.ipFamilies?.length) spec.ipFamilies = [clusterFamily];
  return missing;
}

/** Who asks for one stack and says nothing else gives the second address and family back; nobody else does. */
function reducedErrors(spec: Draft<ServiceSpec>, old: ServiceSpec): FieldError[] {
  const shared = { clusterIPs: 'cluster IP', ipFamilies: 'IP family' } as const;
  return (['clusterIPs', 'ipFamilies'] as const).flatMap((field) => {
    const [now, before] = [spec[field] ?? [], old[field] ?? []];
    if (spec.ipFamilyPolicy === 'SingleStack') {
      if (now.length > 1 && sameJson(now, before)) now.length = 1;
      return [];
    }
    if (now.length === 0 || now.length >= before.length) return [];
    const detail = `must be 'SingleStack' to release the secondary ${shared[field]}`;
    return [invalidValue('spec.ipFamilyPolicy', spec.ipFamilyPolicy, detail)];
  });
}

function tooManyErrors({ ipFamilyPolicy: policy, clusterIPs, ipFamilies }: Draft<ServiceSpec>): FieldError[] {
  if (policy !== 'SingleStack') return [];
  const refuse = (what: string): FieldError =>
    invalidValue(
      'spec.ipFamilyPolicy',
      policy,
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
    );
  return [
    ...(clusterIPs?.length === 2 ? [refuse('cluster IPs')] : []),
    ...(ipFamilies?.length === 2 ? [refuse('IP families')] : []),
  ];
}

function inferFamilies(spec: Draft<ServiceSpec>): FieldError[] {
  const addresses = spec.clusterIPs ?? [];
  return addresses.flatMap((address, index) => {
    const family = familyOf(address);
    if (family === undefined || index < (spec.ipFamilies?.length ?? 0)) return [];
    if (family !== clusterFamily) {
      return [invalidValue(`spec.clusterIPs[${index}]`, addresses, `${family} is not configured on this cluster`)];
    }
    spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    return [];
  });
}

function missingErrors({ ipFamilyPolicy: policy, ipFamilies = [] }: Draft<ServiceSpec>): FieldError[] {
  const errors: FieldError[] = [];
  if (policy === 'RequireDualStack') {
    const detail = 'this cluster is not configured for dual-stack services';
    errors.push(invalidValue('spec.ipFamilyPolicy', policy, detail));
  }
  for (const [index, family] of ipFamilies.entries()) {
    if (family === clusterFamily) continue;
    errors.push(invalidValue(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster'));
  }
  return errors;
}
