/**
 * What the cluster gives a Service: its address families, its address, and its node ports (`service-node-ports.ts`). There is one family here, IPv4; a headless
 * Service without a selector has no address to give and may be of both.
 */
import { invalidValue } from '../../api/field-error.ts';
import type { IPFamily, Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import { type FieldError, invalid } from '../../api/status-error.ts';
import type { Draft } from '../draft.ts';
import { isClusterAddress, type Reservations } from '../service-addresses.ts';
import { familyOf } from '../validation/ip-addresses.ts';
import { hasAddress } from './service-fields.ts';
import { allocateNodePorts } from './service-node-ports.ts';

const clusterFamily = 'IPv4';

/** @throws StatusError Invalid where something asked for cannot be had */
export function allocateForService(
  service: Draft<Service>,
  old: ServiceSpec | undefined,
  reservations: Reservations,
): void {
  const { spec } = service;
  if (spec === undefined) return;
  if (hasAddress(spec)) {
    const errors = fillFamilies(spec, old);
    if (errors.length > 0) throw invalid(subjectOf(service), errors);
    allocateAddress(service, spec, reservations);
  }
  const refused = allocateNodePorts(spec, old, reservations);
  if (refused.length > 0) throw invalid(subjectOf(service), refused);
}

const subjectOf = ({ metadata }: Draft<Service>) => ({ group: '', kind: 'Service', name: metadata?.name ?? '' });

/** What is not said follows from what was before, from the addresses, and from the cluster. */
function fillFamilies(spec: Draft<ServiceSpec>, old: ServiceSpec | undefined): FieldError[] {
  const free = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= old?.ipFamilyPolicy ?? (free ? 'RequireDualStack' : 'SingleStack');
  if (old && spec.ipFamilyPolicy === 'SingleStack') shrink(spec, old);
  const errors = [...tooManyErrors(spec), ...inferFamilies(spec)];
  if (errors.length > 0) return errors;
  if (free) {
    const families: IPFamily[] = spec.ipFamilies?.length ? spec.ipFamilies : [clusterFamily];
    const other = families[0] === 'IPv4' ? 'IPv6' : 'IPv4';
    spec.ipFamilies = families.length < 2 && spec.ipFamilyPolicy !== 'SingleStack' ? [...families, other] : families;
    return [];
  }
  const missing = missingErrors(spec);
  if (missing.length === 0 && !spec.ipFamilies?.length) spec.ipFamilies = [clusterFamily];
  return missing;
}

/** Who asks for one stack and says nothing else gives the second address and family back. */
function shrink(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (spec.clusterIPs?.length === 2 && old.clusterIPs?.[1] === spec.clusterIPs[1]) spec.clusterIPs.length = 1;
  if (spec.ipFamilies?.length === 2 && old.ipFamilies?.[1] === spec.ipFamilies[1]) spec.ipFamilies.length = 1;
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

function allocateAddress(service: Draft<Service>, spec: Draft<ServiceSpec>, reservations: Reservations): void {
  if (spec.clusterIP === 'None') return;
  spec.clusterIP ||= reservations.freeAddress();
  spec.clusterIPs = [spec.clusterIP];
  const address = spec.clusterIP;
  if (!isClusterAddress(address)) {
    const why = 'the provided network does not match the current range';
    refuse(service, 'spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${address}: ${why}`);
  }
  if (!reservations.takeAddress(address)) {
    const why = `failed to allocate IP ${address}: provided IP is already allocated`;
    refuse(service, 'spec.clusterIPs', spec.clusterIPs, why);
  }
}

function refuse(service: Draft<Service>, path: string, value: unknown, why: string): never {
  throw invalid(subjectOf(service), [invalidValue(path, value, why)]);
}
