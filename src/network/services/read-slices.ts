/** Endpoints of one Service's port, from its EndpointSlices: pure. What a slice says in doubtful words (no address, no port) is left out. */
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointPort, EndpointSlice, Endpoint as SliceEndpoint } from '../../api/schema/types/discovery-v1.ts';
import { canonicalIp } from '../../controllers/shared/ip.ts';
import type { Endpoint, Protocol } from './endpoints.ts';

export type Family = 'IPv4' | 'IPv6';

/**
 * Several slices may hold the same endpoint while the controller moves it from one to another: it is one, and of two words the better holds (ready before
 * serving). In the order of addresses, so that the same slices give the same list.
 *
 * @param portName of the Service's port; '' for the one without
 */
export function endpointsOf(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: Protocol,
  family: Family,
): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    for (const port of slice.ports ?? []) {
      if (port.port === undefined || (port.name ?? '') !== portName || (port.protocol ?? 'TCP') !== protocol) continue;
      for (const endpoint of slice.endpoints ?? []) keep(found, read(endpoint, port, family));
    }
  }
  return [...found.keys()].toSorted().map((key) => found.get(key) as Endpoint);
}

const none: readonly string[] = [];

function keep(found: Map<string, Endpoint>, endpoint: Endpoint | undefined): void {
  if (endpoint === undefined) return;
  const key = `${endpoint.ip} ${endpoint.port}`;
  const known = found.get(key);
  if (known === undefined || rank(endpoint) > rank(known)) found.set(key, endpoint);
}

function rank({ ready, serving }: Endpoint): number {
  return ready ? 2 : serving ? 1 : 0;
}

function read(endpoint: SliceEndpoint, port: EndpointPort, family: Family): Endpoint | undefined {
  const ip = canonicalIp(endpoint.addresses[0] ?? '');
  if (ip === undefined || ip.family !== family) return undefined;
  const { conditions, nodeName, zone, hostname, targetRef, hints } = endpoint;
  const ready = conditions?.ready ?? true;
  return {
    ip: ip.text,
    port: port.port ?? 0,
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(targetRef?.kind === 'Pod' && targetRef.name !== undefined ? { podName: targetRef.name } : {}),
    ready,
    serving: conditions?.serving ?? ready,
    terminating: conditions?.terminating ?? false,
    hintedZones: hints?.forZones?.map(({ name }) => name) ?? none,
    hintedNodes: hints?.forNodes?.map(({ name }) => name) ?? none,
  };
}

/** The families in which a Service has addresses, or would have them. */
export function familiesOf(service: Service): readonly Family[] {
  const { ipFamilies = [], clusterIPs = [] } = service.spec ?? {};
  if (ipFamilies.length > 0) return ipFamilies as readonly Family[];
  return clusterIPs.flatMap((text) => canonicalIp(text)?.family ?? []);
}
