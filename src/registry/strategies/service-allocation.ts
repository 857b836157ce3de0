/**
 * What the cluster gives a Service: an address of each of its families, and its node ports (`service-node-ports.ts`). Its families are
 * settled by then (`service-families.ts`).
 */
import { invalidValue } from '../../api/field-error.ts';
import type { Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import { invalid } from '../../api/status-error.ts';
import type { Draft } from '../draft.ts';
import type { Reservations } from '../service-addresses.ts';
import { staysPreferred } from './service-families.ts';
import { hasAddress } from './service-fields.ts';
import { allocateNodePorts } from './service-node-ports.ts';

/** @throws StatusError Invalid where something asked for cannot be had */
export function allocateForService(
  service: Draft<Service>,
  old: ServiceSpec | undefined,
  reservations: Reservations,
): void {
  const { spec } = service;
  if (spec === undefined) return;
  if (takesAddresses(spec, old)) allocateAddresses(service, spec, old, reservations);
  const refused = allocateNodePorts(spec, old, reservations);
  if (refused.length > 0) throw invalid(subjectOf(service), refused);
}

const subjectOf = ({ metadata }: Draft<Service>) => ({ group: '', kind: 'Service', name: metadata?.name ?? '' });

/** A headless Service has none to give and none to get, also where it is to be another one: validation lets that pass. */
function takesAddresses(spec: Draft<ServiceSpec>, old: ServiceSpec | undefined): boolean {
  if (!hasAddress(spec) || spec.clusterIPs?.[0] === 'None') return false;
  const wasHeadless = old !== undefined && hasAddress(old) && old.clusterIPs?.[0] === 'None';
  return !wasHeadless && !staysPreferred(spec, old);
}

/** Those that it names, and free ones for the rest of its families; what it had it keeps. */
function allocateAddresses(
  service: Draft<Service>,
  spec: Draft<ServiceSpec>,
  old: ServiceSpec | undefined,
  reservations: Reservations,
): void {
  const kept = new Set(old !== undefined && hasAddress(old) ? old.clusterIPs : []);
  const wanted = spec.clusterIPs ?? [];
  spec.clusterIPs = wanted;
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    const address = wanted[index];
    if (!address) wanted[index] = reservations.freeAddress(family);
    else if (!kept.has(address)) take(service, address, reservations);
  }
  spec.clusterIP = wanted[0] ?? '';
}

function take(service: Draft<Service>, address: string, reservations: Reservations): void {
  const why = reservations.takeAddress(address);
  if (why === undefined) return;
  const detail = `failed to allocate IP ${address}: ${why}`;
  throw invalid(subjectOf(service), [invalidValue('spec.clusterIPs', service.spec?.clusterIPs, detail)]);
}
