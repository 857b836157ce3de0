/**
 * Names that Services ask for by their annotations, as ExternalDNS reads them. Pure.
 *
 * | Service | the name leads to |
 * |---|---|
 * | LoadBalancer | its external IPs, else the addresses in its status; its own address for `internal-hostname` |
 * | headless | its ready pods, each also by its own name before it; or their nodes, by `endpoints-type` |
 * | ClusterIP | external IPs; its own address for `internal-hostname` |
 * | NodePort | its nodes, by `access` |
 * | ExternalName | that name |
 */
import type { KubeObject } from '../../api/object.ts';
import type { Node, Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice, Endpoint as SliceEndpoint } from '../../api/schema/types/discovery-v1.ts';
import { services as serviceResource } from '../../client/resources.ts';
import { canonicalIp } from '../../controllers/shared/ip.ts';
import { addressesOf } from '../gateway/addresses.ts';
import { type Asker, annotation, isForOthers, listed, type Wish, wishes } from './annotations.ts';

export interface ServiceSurroundings {
  /** All of the cluster. */
  readonly nodes: readonly Node[];
  node(name: string): Node | undefined;
  slices(service: Service): readonly EndpointSlice[];
}

export const asksForNames = (service: KubeObject): boolean =>
  annotation(service, 'hostname') !== undefined || annotation(service, 'internal-hostname') !== undefined;

export const isHeadless = ({ spec }: Service): boolean => spec?.clusterIP === 'None';

/** Whether its names change with its pods. */
export const followsPods = (service: Service): boolean =>
  asksForNames(service) &&
  (isHeadless(service) || (service.spec?.type === 'NodePort' && service.spec.externalTrafficPolicy === 'Local'));

export function serviceWishes(service: Service, around: ServiceSurroundings): readonly Wish[] {
  if (isForOthers(service)) return [];
  const asker: Asker = { resource: serviceResource, object: service };
  const names = listed(service, 'hostname');
  const isPod = isHeadless(service) && service.spec?.type !== 'ExternalName';
  const outer = isPod ? podWishes(names, asker, service, around) : typeWishes(names, asker, service, around);
  const own = (service.spec?.clusterIPs ?? []).filter((address) => address !== 'None');
  return [...outer, ...wishes(listed(service, 'internal-hostname'), asker, own, false)];
}

function typeWishes(
  names: readonly string[],
  asker: Asker,
  service: Service,
  around: ServiceSurroundings,
): readonly Wish[] {
  const { type = 'ClusterIP', externalIPs = [], externalName = '' } = service.spec ?? {};
  if (type === 'ExternalName') return wishes(names, asker, externalName === '' ? [] : [externalName], false);
  if (externalIPs.length > 0) return wishes(names, asker, externalIPs, false);
  if (type === 'NodePort') return wishes(names, asker, nodeTargets(service, around), true);
  const { ingress = [] } = service.status?.loadBalancer ?? {};
  return type === 'LoadBalancer'
    ? wishes(names, asker, ingressTargets(ingress), true)
    : wishes(names, asker, [], false);
}

/** Of a status: addresses and names of a load balancer. */
export const ingressTargets = (
  ingress: readonly { readonly ip?: string; readonly hostname?: string }[],
): readonly string[] => ingress.flatMap(({ ip, hostname }) => [ip || [], hostname || []].flat());

function nodeTargets(service: Service, around: ServiceSurroundings): readonly string[] {
  const isReady = ({ status }: Node): boolean =>
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  const local =
    service.spec?.externalTrafficPolicy === 'Local' &&
    new Set(readyEndpoints(service, around).map(({ nodeName }) => nodeName));
  const nodes = around.nodes.filter(
    (node) => isReady(node) && (local === false || local.has(node.metadata?.name ?? '')),
  );
  const outside = nodes.flatMap((node) => addressesOf(node, 'ExternalIP'));
  const inside = nodes.flatMap((node) => addressesOf(node, 'InternalIP'));
  const access = annotation(service, 'access') ?? (outside.length > 0 ? 'public' : 'private');
  return access === 'public' ? [...outside, ...inside.filter(isSix)] : inside;
}

const isSix = (address: string): boolean => canonicalIp(address)?.family === 'IPv6';

const readyEndpoints = (service: Service, around: ServiceSurroundings): readonly SliceEndpoint[] =>
  around
    .slices(service)
    .flatMap(({ endpoints }) => (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false));

/** Pods with a host name of their own have it before the Service's. */
function podWishes(
  names: readonly string[],
  asker: Asker,
  service: Service,
  around: ServiceSurroundings,
): readonly Wish[] {
  const targets = new Map<string, string[]>();
  for (const endpoint of readyEndpoints(service, around)) {
    const addresses = podTargets(endpoint, annotation(service, 'endpoints-type'), around);
    for (const name of names) {
      for (const one of endpoint.hostname ? [name, `${endpoint.hostname}.${name}`] : [name])
        targets.set(one, [...(targets.get(one) ?? []), ...addresses]);
    }
  }
  return [...targets].flatMap(([name, addresses]) => wishes([name], asker, addresses, false));
}

function podTargets(
  { addresses, nodeName }: SliceEndpoint,
  kind: string | undefined,
  around: ServiceSurroundings,
): readonly string[] {
  if (kind !== 'HostIP' && kind !== 'NodeExternalIP') return addresses;
  const node = around.node(nodeName ?? '');
  if (node === undefined) return [];
  const inside = addressesOf(node, 'InternalIP');
  return kind === 'HostIP' ? inside : [...addressesOf(node, 'ExternalIP'), ...inside.filter(isSix)];
}
