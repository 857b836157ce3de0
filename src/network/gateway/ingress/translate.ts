/**
 * From Ingresses to their part of the gateway's plan. Pure: the same objects give the same plan.
 *
 * ```
 *  Ingresses of our classes, oldest first ─▶ hosts and paths (hosts.ts) ─▶ routes (routes.ts), twice: plain and TLS
 *                                        └─▶ certificates (tls.ts)
 * ```
 * Kept true: what is wrong with one object costs that object, as little of it as can be, and is told. Every host answers on both ports, as with
 * ingress-nginx; one that has TLS sends plain requests there.
 */
import { isServedIngress } from '../../../api/ingress-classes.ts';
import { objectKey } from '../../../api/object.ts';
import type { Ingress, IngressClass } from '../../../api/schema/types/networking-v1.ts';
import type { Entry, Route, VirtualHost } from '../plan.ts';
import type { Contribution, TranslatorSources } from '../translator.ts';
import { targetOf } from './backends.ts';
import { anyHost, gatherHosts, type Hosts, inOrder, isNeighbour, ownerOf, tellOwner } from './hosts.ts';
import { type ReadIngress, Work } from './reading.ts';
import { type Approach, routesOf } from './routes.ts';
import { type TlsFacts, tlsFacts } from './tls.ts';

export interface IngressObjects {
  readonly ingresses: readonly Ingress[];
  readonly classes: readonly IngressClass[];
}

/** Where the gateway listens for Ingresses, and whose PROXY headers it takes. */
export interface IngressPorts {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly acceptProxyFrom: readonly string[];
}

export const standardPorts: IngressPorts = { httpPort: 80, httpsPort: 443, acceptProxyFrom: [] };

/** Those of our classes, oldest first. */
export function servedIngresses({ ingresses, classes }: IngressObjects): readonly Ingress[] {
  const byName = new Map(classes.map((one) => [one.metadata?.name ?? '', one]));
  const age = ({ metadata }: Ingress): string => metadata?.creationTimestamp ?? '';
  return ingresses
    .filter((ingress) => isServedIngress(ingress, (name) => byName.get(name)))
    .map((ingress) => ({ ingress, key: objectKey(ingress) }))
    .sort((a, b) => compare(age(a.ingress), age(b.ingress)) || compare(a.key, b.key))
    .map(({ ingress }) => ingress);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function translateIngresses(
  objects: IngressObjects,
  sources: TranslatorSources,
  ports: IngressPorts = standardPorts,
): Contribution {
  const work = new Work(sources);
  const ingresses = servedIngresses(objects).map((ingress) => work.read(ingress));
  if (ingresses.length === 0) return { entries: [], backends: work.backends, problems: [] };
  const hosts = gatherHosts(work, ingresses);
  const tls = tlsFacts(work, ingresses, hosts);
  const siblings = wwwSiblings(hosts, ingresses);
  const common = { address: '*', acceptProxyFrom: ports.acceptProxyFrom, terminated: [], targets: [] };
  const entry = (scheme: 'http' | 'https'): readonly VirtualHost[] => [
    ...[...hosts].map(([host, places]) => virtualHost(work, host, places, approach(tls, host, scheme, ports))),
    ...siblings,
  ];
  const http: Entry = {
    ...common,
    port: ports.httpPort,
    protocol: 'http',
    hosts: entry('http'),
    certificates: [],
    passThrough: [],
    // Here those of ACME come and go (acme-translator.ts).
    answers: [],
  };
  const https: Entry = {
    ...common,
    port: ports.httpsPort,
    protocol: 'https',
    hosts: entry('https'),
    certificates: [...tls.certificates, sources.defaultCertificate],
    passThrough: passThrough(work, hosts),
  };
  return { entries: [http, https], backends: work.backends, problems: work.problems };
}

function approach(tls: TlsFacts, host: string, scheme: 'http' | 'https', { httpsPort }: IngressPorts): Approach {
  return {
    host,
    scheme,
    httpsPort,
    isSecure: tls.hosts.has(host),
    isGuarded: tls.guardedHosts.has(host),
    isClosed: (read) => tls.isClosed(host, read),
  };
}

function virtualHost(work: Work, host: string, places: ReturnType<Hosts['get']>, how: Approach): VirtualHost {
  const routes = inOrder(places ?? new Map()).flatMap((place) => routesOf(work, place, how));
  return host.startsWith('*.') ? { host, isOneLabel: true, routes } : { host, routes };
}

/** `from-to-www-redirect`: the other of `example.com` and `www.example.com` leads here, unless it has rules of its own. */
function wwwSiblings(hosts: Hosts, ingresses: readonly ReadIngress[]): readonly VirtualHost[] {
  const made = new Map<string, VirtualHost>();
  for (const { values, source, ingress } of ingresses) {
    if (!values['from-to-www-redirect']) continue;
    for (const { host = '' } of ingress.spec?.rules ?? []) {
      const name = host.toLowerCase();
      const other = name.startsWith('www.') ? name.slice('www.'.length) : `www.${name}`;
      if (name === '' || name.includes('*') || hosts.has(other) || made.has(other)) continue;
      const route: Route = {
        id: `Ingress/${source.namespace}/${source.name}/${other}/www`,
        source,
        match: { path: { kind: 'prefix', value: '/' }, headers: [], query: [] },
        filters: [],
        action: { kind: 'redirect', status: 308, to: { host: name } },
      };
      made.set(other, { host: other, routes: [route] });
    }
  }
  return [...made.values()];
}

/** A host of which the first Ingress says `ssl-passthrough` goes on as bytes, to the backend of its first path; all of it, so its owner's namespace decides. */
function passThrough(work: Work, hosts: Hosts): Entry['passThrough'] {
  return [...hosts].flatMap(([serverName, places]) => {
    const owner = ownerOf(places);
    const [ordered, strangers] = split(inOrder(places), ({ read }) => isNeighbour(read, owner));
    for (const { read } of strangers)
      if (owner && read.values['ssl-passthrough']) tellOwner(work, read, 'ssl-passthrough', serverName, owner);
    const place = ordered.find(({ path, isFallback }) => !isFallback && path.match.value === '/') ?? ordered[0];
    if (serverName === anyHost || place?.read.values['ssl-passthrough'] !== true) return [];
    const target = targetOf(work, place.read, { ...place, isPassedThrough: true });
    return [{ serverName, targets: [target], source: place.read.source }];
  });
}

function split<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
