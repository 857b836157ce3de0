/**
 * The address families of a Service, and how many of them it wants. What is not said follows from what was before, from the
 * addresses, and from the cluster, which has one family or two. A headless Service without a selector has no address to give and
 * may be of both.
 *
 * Settled before the other rules are asked, as upstream does: who asks for what cannot be had is told of that alone.
 */
import { invalidValue } from '../../api/field-error.ts';
import type { IPFamily, Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import { type FieldError, invalid } from '../../api/status-error.ts';
import { familyOf } from '../../lib/ip-addresses.ts';
import { type Draft, sameJson } from '../draft.ts';
import { validateClusterIps } from '../validation/service-ips.ts';

/** Those of the cluster, the primary first. */
type Families = readonly IPFamily[];

/** @throws StatusError Invalid */
export function settleFamilies({ metadata, spec }: Draft<Service>, cluster: Families, old?: ServiceSpec): void {
  if (spec === undefined || spec.type === 'ExternalName' || staysPreferred(spec, old)) return;
  spec.ipFamilyPolicy ??= old?.ipFamilyPolicy ?? (isFree(spec) ? 'RequireDualStack' : 'SingleStack');
  const malformed = validateClusterIps(spec, old);
  const errors = malformed.length > 0 ? malformed : fillFamilies(spec, cluster, old);
  if (errors.length > 0) throw invalid({ group: '', kind: 'Service', name: metadata?.name ?? '' }, errors);
}

/** Nobody to send to, and no address: two families cost nothing. */
const isFree = ({ clusterIP, selector }: Draft<ServiceSpec>): boolean =>
  clusterIP === 'None' && Object.keys(selector ?? {}).length === 0;

/** Two stacks where the cluster has them: such a Service stays as it is until somebody asks for another thing. */
export function staysPreferred(spec: Draft<ServiceSpec>, old: ServiceSpec | undefined): boolean {
  if (old === undefined || spec.type !== old.type || spec.ipFamilyPolicy !== 'PreferDualStack') return false;
  if ((old.ipFamilyPolicy ?? 'PreferDualStack') !== 'PreferDualStack') return false;
  const same = (field: 'clusterIPs' | 'ipFamilies'): boolean => sameJson(spec[field] ?? [], old[field] ?? []);
  return same('clusterIPs') && same('ipFamilies');
}

function fillFamilies(spec: Draft<ServiceSpec>, cluster: Families, old: ServiceSpec | undefined): FieldError[] {
  const reduced = old === undefined ? [] : reducedErrors(spec, old);
  const errors = [...reduced, ...tooManyErrors(spec), ...inferFamilies(spec, cluster)];
  if (errors.length > 0) return errors;
  const missing = isFree(spec) ? [] : missingErrors(spec, cluster);
  if (missing.length > 0) return missing;
  const families: IPFamily[] = spec.ipFamilies?.length ? spec.ipFamilies : cluster.slice(0, 1);
  const wantsBoth = spec.ipFamilyPolicy !== 'SingleStack' && (isFree(spec) || cluster.length > 1);
  const other = families[0] === 'IPv4' ? 'IPv6' : 'IPv4';
  spec.ipFamilies = wantsBoth && families.length === 1 ? [...families, other] : families;
  return [];
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

function inferFamilies(spec: Draft<ServiceSpec>, cluster: Families): FieldError[] {
  const addresses = spec.clusterIPs ?? [];
  return addresses.flatMap((address, index) => {
    const family = familyOf(address);
    if (family === undefined || index < (spec.ipFamilies?.length ?? 0)) return [];
    if (!cluster.includes(family)) {
      return [invalidValue(`spec.clusterIPs[${index}]`, addresses, `${family} is not configured on this cluster`)];
    }
    spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    return [];
  });
}

function missingErrors(spec: Draft<ServiceSpec>, cluster: Families): FieldError[] {
  const { ipFamilyPolicy: policy, ipFamilies = [] } = spec;
  const errors: FieldError[] = [];
  if (policy === 'RequireDualStack' && cluster.length < 2) {
    const detail = 'this cluster is not configured for dual-stack services';
    errors.push(invalidValue('spec.ipFamilyPolicy', policy, detail));
  }
  for (const [index, family] of ipFamilies.entries()) {
    if (cluster.includes(family)) continue;
    errors.push(invalidValue(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster'));
  }
  return errors;
}
