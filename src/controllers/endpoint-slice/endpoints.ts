/** What the slices of a Service hold: an endpoint for a pod, the ports that it is reached at, the labels. Pure. */
import type { Node, Pod, Service } from '../../api/schema/types/core-v1.ts';
import type { AddressType, Endpoint, EndpointPort, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { services } from '../../client/resources.ts';
import { isDeleting, nameOf, namespaceOf, uidOf } from '../shared/context.ts';
import { managedByLabel, serviceNameLabel, slicePrefix } from '../shared/endpoint-slices.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { canonicalIp } from '../shared/ip.ts';
import { controllerReference } from '../shared/ownership.ts';
import { isReady } from '../shared/pods.ts';
import { headlessLabel, hostnameIn, isHeadless, podReference, targetPortOf } from '../shared/service-pods.ts';

export const manager = 'endpointslice-controller.k8s.io';
export const zoneLabel = 'topology.kubernetes.io/zone';

/** Undefined where the pod has no address of this type. A pod that is ending is not ready, whatever it says, unless all is published. */
export function endpointOf(
  service: Service,
  pod: Pod,
  node: Node | undefined,
  addressType: AddressType,
): Endpoint | undefined {
  const addresses = addressesOf(pod, addressType);
  if (addresses.length === 0) return undefined;
  const serving = isReady(pod);
  const terminating = isDeleting(pod);
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const { nodeName } = pod.spec ?? {};
  const zone = node?.metadata?.labels?.[zoneLabel];
  const hostname = hostnameIn(service, pod);
  return {
    addresses,
    conditions: { ready, serving, terminating },
    targetRef: podReference(pod),
    ...(nodeName && { nodeName }),
    ...(zone && { zone }),
    ...(hostname && { hostname }),
  };
}

function addressesOf({ status }: Pod, addressType: AddressType): readonly string[] {
  const ips = (status?.podIPs ?? (status?.podIP ? [{ ip: status.podIP }] : [])).map(({ ip }) => canonicalIp(ip ?? ''));
  return ips.flatMap((ip) => (ip?.family === addressType ? [ip.text] : []));
}

/** A port whose name the pod does not have is left out. */
export function portsOf(service: Service, pod: Pod): readonly EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((each) => {
    const port = targetPortOf(pod, each);
    const { name = '', protocol = 'TCP', appProtocol } = each;
    return port === undefined ? [] : [{ name, port, protocol, ...(appProtocol !== undefined && { appProtocol }) }];
  });
}

export function addressTypesOf({ spec }: Service): readonly AddressType[] {
  const families = (spec?.ipFamilies ?? []).filter((family) => family === 'IPv4' || family === 'IPv6');
  if (families.length > 0) return [...new Set(families)];
  // Of an object from before families were told: its address says which, and a Service without one may have both.
  if (!spec?.clusterIP || spec.clusterIP === 'None') return ['IPv4', 'IPv6'];
  return [spec.clusterIP.includes(':') ? 'IPv6' : 'IPv4'];
}

const reservedLabels: ReadonlySet<string> = new Set([serviceNameLabel, managedByLabel, headlessLabel]);

/** The Service's own, and on top of them ours. */
export function labelsOf(service: Service): Readonly<Record<string, string>> {
  return {
    ...unreserved(service.metadata?.labels),
    ...(isHeadless(service) && { [headlessLabel]: '' }),
    [serviceNameLabel]: nameOf(service),
    [managedByLabel]: manager,
  };
}

/** Has the Service other labels than it had when the slice was written? Ours do not count: they are put back with the next write. */
export const hasOldLabels = (service: Service, slice: EndpointSlice): boolean =>
  !semanticallyEqual(unreserved(service.metadata?.labels), unreserved(slice.metadata?.labels));

const unreserved = (labels: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(labels).filter(([name]) => !reservedLabels.has(name)));

export function newSlice(service: Service, addressType: AddressType, ports: readonly EndpointPort[]): EndpointSlice {
  return {
    metadata: {
      namespace: namespaceOf(service),
      generateName: slicePrefix(nameOf(service)),
      labels: labelsOf(service),
      ownerReferences: [controllerReference(services, service)],
    },
    addressType,
    endpoints: [],
    ports,
  };
}

/** A slice of an older Service of this name is the garbage collector's. */
export const isOwnedBy = (slice: EndpointSlice, service: Service): boolean =>
  (slice.metadata?.ownerReferences ?? []).some(
    ({ uid, kind, apiVersion }) => uid === uidOf(service) && kind === 'Service' && apiVersion === 'v1',
  );
