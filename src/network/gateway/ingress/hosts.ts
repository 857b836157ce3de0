/**
 * The rules of all Ingresses, gathered by host: what each path of a host leads to. Pure.
 *
 * ```
 *  Ingresses, oldest first ─▶ host ─▶ path ─▶ Place (the Ingress, its backend) ◀─ canary
 * ```
 * Kept true: who was there first has the path; who comes later is told, and keeps its other paths.
 */
import type { HTTPIngressPath, IngressBackend } from '../../../api/schema/types/networking-v1.ts';
import { byPrecedence, type PathRule, pathRule } from './paths.ts';
import type { ReadIngress, Work } from './reading.ts';

export interface Place {
  readonly read: ReadIngress;
  readonly path: PathRule;
  readonly backend: IngressBackend;
  /** Where it stands in the Ingress. */
  readonly at: string;
  /** What remains where no path matches. */
  readonly isFallback: boolean;
  canary?: Place;
}

/** `*` where a rule names no host. */
export const anyHost = '*';

export type Hosts = Map<string, Map<string, Place>>;

export function gatherHosts(work: Work, ingresses: readonly ReadIngress[]): Hosts {
  const hosts: Hosts = new Map();
  const isCanary = ({ values }: ReadIngress): boolean => values.canary === true;
  const mains = ingresses.filter((read) => !isCanary(read));
  for (const read of mains) for (const [host, place] of placesOf(work, read)) put(work, hosts, host, place);
  for (const read of mains) alias(work, hosts, read);
  for (const read of mains) fallBack(work, hosts, read);
  fallBackEverywhere(hosts);
  for (const read of ingresses.filter(isCanary)) {
    for (const [host, place] of placesOf(work, read)) stand(work, hosts, host, place);
  }
  return hosts;
}

/** The oldest Ingress with a rule for the host: what holds for the host as a whole is for its namespace to say. */
export function ownerOf(places: ReadonlyMap<string, Place> | undefined): ReadIngress | undefined {
  for (const { read } of places?.values() ?? []) return read;
  return undefined;
}

export const isNeighbour = (one: ReadIngress, other: ReadIngress | undefined): boolean =>
  one.source.namespace === other?.source.namespace;

/** Tells that the host is not this Ingress's to say `what` about. */
export function tellOwner(work: Work, { source }: ReadIngress, what: string, host: string, owner: ReadIngress): void {
  const { namespace, name } = owner.source;
  work.tell(source, 'HostConflict', `${what}: the host ${host} belongs to the older Ingress ${namespace}/${name}`);
}

/** In the order in which they are tried. */
export function inOrder(places: ReadonlyMap<string, Place>): readonly Place[] {
  return [...places.values()].sort(
    (left, right) => Number(left.isFallback) - Number(right.isFallback) || byPrecedence(left.path, right.path),
  );
}

function* placesOf(work: Work, read: ReadIngress): Generator<readonly [host: string, place: Place]> {
  for (const [index, rule] of (read.ingress.spec?.rules ?? []).entries()) {
    const host = rule.host ? rule.host.toLowerCase() : anyHost;
    for (const [nth, each] of (rule.http?.paths ?? []).entries()) {
      const at = `spec.rules[${index}].http.paths[${nth}]`;
      const path = readPath(work, read, each, at);
      if (path !== undefined) yield [host, { read, path, backend: each.backend, at, isFallback: false }];
    }
  }
}

function readPath(work: Work, read: ReadIngress, path: HTTPIngressPath, at: string): PathRule | undefined {
  try {
    return pathRule(path, read.values);
  } catch (error) {
    work.tell(read.source, 'BadPath', `${at}.path: ${(error as Error).message}; it is left out`);
    return undefined;
  }
}

function put(work: Work, hosts: Hosts, host: string, place: Place): void {
  const places = hosts.get(host) ?? new Map<string, Place>();
  hosts.set(host, places);
  const first = places.get(place.path.key);
  if (first === undefined) {
    places.set(place.path.key, place);
    return;
  }
  const { namespace, name } = first.read.source;
  const message = `${place.at}: ${host} ${place.path.match.value} belongs to the older Ingress ${namespace}/${name}`;
  if (first.read !== place.read) work.tell(place.read.source, 'PathConflict', message);
}

/** Other names of its hosts, where nobody has these. */
function alias(work: Work, hosts: Hosts, { values, source, ingress }: ReadIngress): void {
  const own = new Set((ingress.spec?.rules ?? []).map(({ host }) => host?.toLowerCase() || anyHost));
  for (const name of values['server-alias'] ?? []) {
    if (hosts.has(name)) {
      if (!own.has(name)) work.tell(source, 'HostConflict', `server-alias: the host ${name} has rules of its own`);
      continue;
    }
    const [first] = own;
    const places = first === undefined ? undefined : hosts.get(first);
    if (places !== undefined) hosts.set(name, new Map(places));
  }
}

const everything: PathRule = { key: 'fallback', match: { kind: 'prefix', value: '/' } };

/** `spec.defaultBackend`: what remains of the Ingress's hosts; of all hosts, where it has no rules. */
function fallBack(work: Work, hosts: Hosts, read: ReadIngress): void {
  const { defaultBackend: backend, rules = [] } = read.ingress.spec ?? {};
  if (backend === undefined) return;
  const place: Place = { read, path: everything, backend, at: 'spec.defaultBackend', isFallback: true };
  const names = rules.length === 0 ? [anyHost] : rules.map(({ host }) => host?.toLowerCase() || anyHost);
  for (const name of new Set(names)) {
    const isFree = rules.length === 0 || hosts.get(name)?.get(everything.key) === undefined;
    if (isFree) put(work, hosts, name, place);
  }
}

/** The one without a host's is the last of every host. */
function fallBackEverywhere(hosts: Hosts): void {
  const last = hosts.get(anyHost)?.get(everything.key);
  if (last === undefined || (last.read.ingress.spec?.rules ?? []).length > 0) return;
  for (const places of hosts.values()) if (!places.has(everything.key)) places.set(everything.key, last);
}

/** A canary stands beside the path of another Ingress. */
function stand(work: Work, hosts: Hosts, host: string, canary: Place): void {
  const main = hosts.get(host)?.get(canary.path.key) ?? hosts.get(host)?.get(samePath(hosts, host, canary));
  const where = `${host} ${canary.path.match.value}`;
  if (main === undefined) {
    work.tell(canary.read.source, 'CanaryAlone', `${canary.at}: no Ingress without canary serves ${where}`);
  } else if (!isNeighbour(canary.read, main.read)) {
    const { namespace } = main.read.source;
    work.tell(
      canary.read.source,
      'CanaryAlone',
      `${canary.at}: ${where} is of namespace ${namespace}, and so must be its canary`,
    );
  } else if (main.canary === undefined) {
    main.canary = canary;
  } else if (main.canary.read !== canary.read) {
    const { namespace, name } = main.canary.read.source;
    work.tell(canary.read.source, 'PathConflict', `${canary.at}: ${where} has the canary ${namespace}/${name} already`);
  }
}

/** A canary's own annotations say nothing about its path: the one that is written the same. */
function samePath(hosts: Hosts, host: string, canary: Place): string {
  const { value } = canary.path.match;
  for (const [key, { path, isFallback }] of hosts.get(host) ?? [])
    if (!isFallback && path.match.value === value) return key;
  return '';
}
