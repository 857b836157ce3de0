/**
 * What the cluster gives a Service: its address, and its node ports (`service-node-ports.ts`). Its families are settled by then
 * (`service-families.ts`); there is one here, IPv4.
 */
import { invalidValue } from '../../api/field-error.ts';
import type { Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import { invalid } from '../../api/status-error.ts';
import type { Draft } from '../draft.ts';
import type { Reservations } from '../service-addresses.ts';
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
  if (hasAddress(spec)) allocateAddress(service, spec, reservations);
  const refused = allocateNodePorts(spec, old, reservations);
  if (refused.length > 0) throw invalid(subjectOf(service), refused);
}

const subjectOf = ({ metadata }: Draft<Service>) => ({ group: '', kind: 'Service', name: metadata?.name ?? '' });

function allocateAddress(service: Draft<Service>, spec: Draft<ServiceSpec>, reservations: Reservations): void {
  if (spec.clusterIP === 'None') return;
  spec.clusterIP ||= reservations.freeAddress();
  spec.clusterIPs = [spec.clusterIP];
  const address = spec.clusterIP;
  if (!reservations.isOurs(address)) {
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
