/**
 * Everything that both the plan (on each node) and the statuses (once, with the control plane) stand on: our Gateways with their listeners and
 * certificates, the routes that they serve, grants and policies. Pure: the same objects give the same.
 */
import type { TranslatorSources } from '../translator.ts';
import { type ReadRoute, readRoutes } from './attachment.ts';
import { Backends, type ServiceSources } from './backends.ts';
import { backendCertificate, type ListenerTls, listenerTls } from './certificates.ts';
import type { Place } from './filters.ts';
import { Grants } from './grants.ts';
import { type ReadGateway, type ReadListener, readGateways } from './listeners.ts';
import { bad, type GatewayObjects, good, type Verdict } from './objects.ts';
import { Policies } from './policies.ts';
import { type ReadRules, readRules } from './rules.ts';

export interface RouteSources {
  readonly services: ServiceSources;
  readonly named: TranslatorSources['named'];
}

export interface Resolved {
  readonly gateways: readonly ReadGateway[];
  readonly routes: readonly ReadRoute[];
  readonly tls: ReadonlyMap<ReadListener, ListenerTls>;
  readonly backends: Backends;
  readonly policies: Policies;
  readonly backendCertificates: ReadonlyMap<ReadGateway, ReturnType<typeof backendCertificate>>;
}

export function resolve(objects: GatewayObjects, { services, named }: RouteSources): Resolved {
  const grants = new Grants(objects.grants);
  const policies = new Policies(objects.policies, named);
  const read = readGateways(objects);
  const tls = new Map<ReadListener, ListenerTls>();
  const gateways = read.map((gateway) => ({
    ...gateway,
    listeners: gateway.listeners.map((listener) => {
      const its = listenerTls(listener, named, grants);
      const accepted = listener.accepted.isGood && !its.clients.isGood ? its.clients : listener.accepted;
      const known = { ...listener, accepted };
      tls.set(known, its);
      return known;
    }),
  }));
  const backendCertificates = new Map(
    gateways.map((gateway) => [gateway, backendCertificate(gateway.gateway, named, grants)] as const),
  );
  const backends = new Backends(services, grants, policies);
  return { gateways, routes: readRoutes(objects, gateways), tls, backends, policies, backendCertificates };
}

/** A route's rules as a listener of a Gateway carries them out. */
export function rulesAt(
  { backends, backendCertificates }: Resolved,
  { kind, route, source }: ReadRoute,
  gateway: ReadGateway,
  listener?: ReadListener,
): ReadRules {
  const place: Place = { port: listener?.port ?? 80, scheme: listener?.form === 'https' ? 'https' : 'http' };
  const isPassedOn = listener?.form === 'passthrough' || listener?.form === 'tcp';
  const clientCertificate = backendCertificates.get(gateway)?.certificate;
  return readRules(route, { kind, source, place, backends, isPassedOn, clientCertificate });
}

/** Whether a listener's port is open for it, and why not. */
export function programmedVerdict(listener: ReadListener, tls: ListenerTls | undefined): Verdict {
  const { accepted, conflict, form } = listener;
  if (conflict !== undefined) return bad(conflict.reason, conflict.message);
  if (!accepted.isGood) return bad('Invalid', accepted.message);
  const needsCertificate = form === 'https' || form === 'terminated';
  if (needsCertificate && (tls?.certificates.length ?? 0) === 0) {
    return tls?.isPending ? bad('Pending', 'its certificates are looked for') : bad('Invalid', tls?.refs.message ?? '');
  }
  return good('Programmed', 'The listener is open');
}

/** Of kinds of routes and of what is named. */
export function refsVerdict(listener: ReadListener, tls: ListenerTls | undefined): Verdict {
  if (!listener.kindsVerdict.isGood) return listener.kindsVerdict;
  return tls?.refs ?? good('ResolvedRefs', 'All references are resolved');
}
