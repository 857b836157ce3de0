/** Names of Ingresses, and of routes by the Gateways that serve them. Pure. */
import type { Gateway } from '../../api/schema/types/gateway-v1.ts';
import type { Ingress } from '../../api/schema/types/networking-v1.ts';
import type { Resource } from '../../client/client.ts';
import { grpcRoutes, httpRoutes, ingresses as ingressResource, tlsRoutes } from '../../client/resources.ts';
import { type ReadRoute, readRoutes } from '../gateway/routes/attachment.ts';
import { anyHost, covers } from '../gateway/routes/hostnames.ts';
import { readGateways } from '../gateway/routes/listeners.ts';
import type { AnyRoute, GatewayObjects, RouteKind } from '../gateway/routes/objects.ts';
import { type AnnotationName, annotation, isForOthers, listed, type Wish, wishes } from './annotations.ts';
import { ingressTargets } from './service-names.ts';

/** Names of the object, of its annotation, or of both, as another annotation says. */
function chosen(object: AnyRoute | Ingress, by: AnnotationName, own: readonly string[]): readonly string[] {
  const source = annotation(object, by);
  const said = source === 'defined-hosts-only' ? [] : listed(object, 'hostname');
  return source === 'annotation-only' ? said : [...own, ...said];
}

export function ingressWishes(ingress: Ingress): readonly Wish[] {
  if (isForOthers(ingress)) return [];
  const { rules = [], tls = [] } = ingress.spec ?? {};
  const hosts = [...rules.flatMap(({ host }) => host || []), ...tls.flatMap(({ hosts: some }) => some ?? [])];
  const names = chosen(ingress, 'ingress-hostname-source', hosts);
  const targets = ingressTargets(ingress.status?.loadBalancer?.ingress ?? []);
  return wishes(names, { resource: ingressResource, object: ingress }, targets, true);
}

const namedRoutes: Readonly<Partial<Record<RouteKind, Resource<AnyRoute>>>> = {
  GRPCRoute: grpcRoutes,
  HTTPRoute: httpRoutes,
  TLSRoute: tlsRoutes,
};

/** Of routes of our Gateways: each name that a listener serves for the route, with the Gateway's addresses. */
export function routeWishes(objects: GatewayObjects): readonly Wish[] {
  return readRoutes(objects, readGateways(objects)).flatMap((read) => {
    const resource = namedRoutes[read.kind];
    if (resource === undefined || isForOthers(read.route)) return [];
    const found = new Map<string, Gateway[]>();
    for (const [name, gateway] of servedNames(read)) found.set(name, [...(found.get(name) ?? []), gateway]);
    return [...found].flatMap(([name, gateways]) => {
      const isOpen = gateways.filter(isProgrammed);
      return wishes([name], { resource, object: read.route }, isOpen.flatMap(gatewayTargets), true);
    });
  });
}

function* servedNames({ route, parents }: ReadRoute): Generator<readonly [name: string, gateway: Gateway]> {
  for (const { gateway, verdict, attachments } of parents) {
    if (!verdict.isGood) continue;
    for (const { listener, hosts } of attachments) {
      const said = listed(route, 'hostname').filter((name) => covers(listener.hostname, name));
      const own = hosts.filter((host) => host !== anyHost);
      const names = annotation(route, 'gateway-hostname-source');
      if (names !== 'annotation-only') for (const name of own) yield [name, gateway.gateway];
      if (names !== 'defined-hosts-only') for (const name of said) yield [name, gateway.gateway];
    }
  }
}

const isProgrammed = ({ status }: Gateway): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Programmed' && is === 'True') ?? false;

function gatewayTargets(gateway: Gateway): readonly string[] {
  const said = listed(gateway, 'target');
  return said.length > 0 ? said : (gateway.status?.addresses ?? []).map(({ value }) => value);
}
