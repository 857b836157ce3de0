/**
 * Which routes are served by which listeners, parent by parent. Pure.
 *
 * ```
 *   parentRef ─▶ listeners of that Gateway or ListenerSet ─▶ section and port ─▶ kinds and namespaces ─▶ hostnames
 *                                          NoMatchingParent ┘    NotAllowedByListeners ┘     NoMatchingListenerHostname ┘
 * ```
 * Parents that are not ours are left to whom they belong: nothing is said of them.
 */
import type { ParentReference } from '../../../api/schema/types/gateway-v1.ts';
import type { Source } from '../plan.ts';
import { servedHosts } from './hostnames.ts';
import { type ReadGateway, type ReadListener, takesNamespace } from './listeners.ts';
import {
  type AnyRoute,
  bad,
  type GatewayObjects,
  gatewayGroup,
  good,
  oldestFirst,
  type RouteKind,
  sourceOf,
  type Verdict,
} from './objects.ts';

export interface Attachment {
  readonly listener: ReadListener;
  /** Lower case; `*` for every name. Of TCP: that alone. */
  readonly hosts: readonly string[];
}

export interface ReadParent {
  readonly parentRef: ParentReference;
  readonly gateway: ReadGateway;
  readonly verdict: Verdict;
  readonly attachments: readonly Attachment[];
}

export interface ReadRoute {
  readonly kind: RouteKind;
  readonly route: AnyRoute;
  readonly source: Source;
  readonly parents: readonly ReadParent[];
}

/** Oldest first; those with parents of ours. */
export function readRoutes(objects: GatewayObjects, gateways: readonly ReadGateway[]): ReadRoute[] {
  const owners = ownersOf(gateways);
  const kinds = Object.keys(objects.routes) as RouteKind[];
  return kinds.flatMap((kind) =>
    oldestFirst(objects.routes[kind]).flatMap((route) => {
      const source = sourceOf(kind, route);
      const parents = (route.spec.parentRefs ?? []).flatMap((parentRef): ReadParent[] => {
        const owner = owners.get(ownerKey(parentRef, source.namespace));
        return owner === undefined ? [] : [readParent(parentRef, owner, kind, route, source, objects)];
      });
      return parents.length === 0 ? [] : [{ kind, route, source, parents }];
    }),
  );
}

interface Owner {
  readonly gateway: ReadGateway;
  readonly listeners: readonly ReadListener[];
  /** Why it serves nothing, where it does not. */
  readonly refusal?: Verdict;
}

function ownersOf(gateways: readonly ReadGateway[]): ReadonlyMap<string, Owner> {
  const owners = new Map<string, Owner>();
  for (const gateway of gateways) {
    const own = sourceOf('Gateway', gateway.gateway);
    const of = (object: unknown): ReadListener[] => gateway.listeners.filter(({ owner }) => owner.object === object);
    const refusal = gateway.verdict.isGood ? {} : { refusal: gateway.verdict };
    owners.set(`Gateway/${own.namespace}/${own.name}`, { gateway, listeners: of(gateway.gateway), ...refusal });
    for (const { set, verdict } of gateway.listenerSets) {
      const { namespace, name } = sourceOf('ListenerSet', set);
      const listeners = of(set);
      owners.set(`ListenerSet/${namespace}/${name}`, {
        gateway,
        listeners,
        ...(!verdict.isGood && { refusal: verdict }),
      });
    }
  }
  return owners;
}

function ownerKey({ group = gatewayGroup, kind = 'Gateway', namespace, name }: ParentReference, own: string): string {
  return group === gatewayGroup ? `${kind}/${namespace ?? own}/${name}` : '';
}

function readParent(
  parentRef: ParentReference,
  owner: Owner,
  kind: RouteKind,
  route: AnyRoute,
  source: Source,
  objects: GatewayObjects,
): ReadParent {
  const { gateway, listeners, refusal } = owner;
  const refuse = (reason: string, message: string): ReadParent => ({
    parentRef,
    gateway,
    verdict: bad(reason, message),
    attachments: [],
  });
  if (refusal !== undefined) return refuse('NoMatchingParent', `the parent is not accepted: ${refusal.message}`);
  const { sectionName, port } = parentRef;
  const named = listeners.filter(
    (each) =>
      (sectionName === undefined || each.listener.name === sectionName) && (port === undefined || each.port === port),
  );
  if (named.length === 0) return refuse('NoMatchingParent', `no listener has ${wanted(sectionName, port)}`);
  const taking = named.filter((each) => each.kinds.includes(kind) && takesRoute(each, source.namespace, objects));
  if (taking.length === 0) {
    return refuse('NotAllowedByListeners', `no listener takes ${kind}s of namespace ${source.namespace}`);
  }
  const accepted = taking.filter((each) => each.accepted.isGood);
  if (accepted.length === 0)
    return refuse('NoMatchingParent', `no listener is accepted: ${taking[0]?.accepted.message}`);
  const attachments = accepted
    .map((listener) => ({ listener, hosts: hostsOf(listener, route) }))
    .filter(({ hosts }) => hosts.length > 0);
  if (attachments.length === 0) return refuse('NoMatchingListenerHostname', 'no listener has any of spec.hostnames');
  return { parentRef, gateway, verdict: good('Accepted', 'The route is served'), attachments };
}

function wanted(sectionName: string | undefined, port: number | undefined): string {
  const parts = [sectionName && `the name ${sectionName}`, port && `port ${port}`].filter(Boolean);
  return parts.length === 0 ? 'anything to offer' : parts.join(' and ');
}

function takesRoute({ listener, owner }: ReadListener, namespace: string, objects: GatewayObjects): boolean {
  return takesNamespace(listener.allowedRoutes?.namespaces ?? {}, owner.namespace, namespace, objects);
}

function hostsOf({ hostname }: ReadListener, { spec }: AnyRoute): string[] {
  return servedHosts(hostname, 'hostnames' in spec ? spec.hostnames : []);
}

/** How many routes each listener serves. */
export function attachedCounts(routes: readonly ReadRoute[]): ReadonlyMap<ReadListener, number> {
  const counts = new Map<ReadListener, number>();
  for (const { parents } of routes) {
    const served = new Set(parents.flatMap(({ attachments }) => attachments.map(({ listener }) => listener)));
    for (const listener of served) counts.set(listener, (counts.get(listener) ?? 0) + 1);
  }
  return counts;
}
