/**
 * Parts of a plan, of Ingresses and of Gateways, joined to one: what shares a port shares a listener, what shares a host shares a host. Where two objects
 * want the same, the older one has it, and the other is told. Pure.
 */
import type { Certificate, Entry, Plan, Route, Source, VirtualHost } from './plan.ts';
import type { Contribution, Problem } from './translator.ts';

export interface Merged {
  readonly plan: Plan;
  readonly problems: readonly Problem[];
}

export function merge(contributions: readonly Contribution[]): Merged {
  const problems = contributions.flatMap((contribution) => contribution.problems);
  const places = new Map<string, Entry>();
  for (const entry of contributions.flatMap(({ entries }) => entries)) {
    const place = `${entry.address} ${entry.port}`;
    const known = places.get(place);
    places.set(place, known === undefined ? entry : joinEntries(known, entry, problems));
  }
  const backends = new Map(contributions.toReversed().flatMap((contribution) => [...contribution.backends]));
  return { plan: { entries: [...places.values()], backends }, problems };
}

function joinEntries(one: Entry, other: Entry, problems: Problem[]): Entry {
  const protocol = commonProtocol(one, other);
  if (protocol === undefined) return olderOf(one, other, problems);
  const clientAuthorities = one.clientAuthorities ?? other.clientAuthorities;
  const answers = joinOptional(one.answers, other.answers);
  return {
    address: one.address,
    port: one.port,
    protocol,
    acceptProxyFrom: [...new Set([...one.acceptProxyFrom, ...other.acceptProxyFrom])],
    hosts: joinHosts(one.hosts, other.hosts, problems),
    certificates: joinCertificates(one.certificates, other.certificates),
    passThrough: joinNames(one.passThrough, other.passThrough, one.port, problems),
    terminated: joinNames(one.terminated, other.terminated, one.port, problems),
    targets: one.targets.length > 0 ? one.targets : other.targets,
    ...(clientAuthorities && { clientAuthorities }),
    ...(answers && { answers }),
  };
}

/** A listener that only passes TLS through by name can do so beside one that ends it. */
function commonProtocol(one: Entry, other: Entry): Entry['protocol'] | undefined {
  if (one.protocol === other.protocol) return one.protocol;
  const protocols = [one.protocol, other.protocol];
  const tls = one.protocol === 'tls' ? one : other;
  return protocols.includes('https') && protocols.includes('tls') && tls.terminated.length === 0 ? 'https' : undefined;
}

function joinOptional<T>(one: readonly T[] | undefined, other: readonly T[] | undefined): readonly T[] | undefined {
  return one === undefined ? other : [...one, ...(other ?? [])];
}

function sourcesOf({ hosts, passThrough, terminated }: Entry): Source[] {
  return [...hosts.flatMap(({ routes }) => routes), ...passThrough, ...terminated].map(({ source }) => source);
}

const name = ({ kind, namespace, name }: Source): string => `${kind} ${namespace}/${name}`;

function isOlder(one: Source | undefined, other: Source | undefined): boolean {
  const text = (source: Source | undefined): string => (source ? `${source.created ?? ''} ${name(source)}` : '');
  return text(one) <= text(other);
}

function olderOf(one: Entry, other: Entry, problems: Problem[]): Entry {
  const oldest = (entry: Entry): Source | undefined => sourcesOf(entry).toSorted((a, b) => (isOlder(a, b) ? -1 : 1))[0];
  const [kept, left] = isOlder(oldest(one), oldest(other)) ? [one, other] : [other, one];
  const owner = oldest(kept);
  const why = `port ${left.port} speaks ${kept.protocol} here${owner ? ` for ${name(owner)}` : ''}, and cannot speak ${left.protocol}, too`;
  const losers = new Map(sourcesOf(left).map((source) => [name(source), source]));
  for (const source of losers.values()) problems.push({ source, reason: 'PortConflict', message: why });
  return kept;
}

function joinHosts(one: readonly VirtualHost[], other: readonly VirtualHost[], problems: Problem[]): VirtualHost[] {
  const hosts = new Map<string, VirtualHost>();
  for (const host of [...one, ...other]) {
    const key = `${host.host.toLowerCase()} ${host.isOneLabel ?? false}`;
    const known = hosts.get(key);
    hosts.set(
      key,
      known === undefined ? host : { ...known, routes: joinRoutes(host.host, known.routes, host.routes, problems) },
    );
  }
  return [...hosts.values()];
}

/** Each list is in order of precedence already, and stays so; between the two, exact paths come first, then longer ones. */
function joinRoutes(host: string, one: readonly Route[], other: readonly Route[], problems: Problem[]): Route[] {
  const first = new Map(one.map((route) => [JSON.stringify(route.match), route]));
  const lost = new Set<Route>();
  for (const route of other) {
    const rival = first.get(JSON.stringify(route.match));
    if (rival === undefined || name(rival.source) === name(route.source)) continue;
    const [kept, left] = isOlder(rival.source, route.source) ? [rival, route] : [route, rival];
    lost.add(left);
    const message = `${host}${left.match.path.value} is served for ${name(kept.source)}, which is older`;
    problems.push({ source: left.source, reason: 'PathConflict', message });
  }
  const queues = [one, other].map((routes) => routes.filter((route) => !lost.has(route)));
  return interleaved(queues[0] ?? [], queues[1] ?? []);
}

function interleaved(one: readonly Route[], other: readonly Route[]): Route[] {
  const result: Route[] = [];
  let [left, right] = [0, 0];
  while (left < one.length && right < other.length) {
    const [a, b] = [one[left] as Route, other[right] as Route];
    if (rank(a) >= rank(b)) {
      result.push(a);
      left++;
    } else {
      result.push(b);
      right++;
    }
  }
  return [...result, ...one.slice(left), ...other.slice(right)];
}

const rank = ({ match: { path } }: Route): number => path.value.length + (path.kind === 'exact' ? 1_000_000 : 0);

function joinCertificates(one: readonly Certificate[], other: readonly Certificate[]): Certificate[] {
  const names = new Map<string, Certificate>();
  for (const certificate of [...one, ...other]) {
    const key = certificate.serverName.toLowerCase();
    if (!names.has(key)) names.set(key, certificate);
  }
  return [...names.values()];
}

type Named = Entry['passThrough'][number];

function joinNames(one: readonly Named[], other: readonly Named[], port: number, problems: Problem[]): Named[] {
  const names = new Map<string, Named>();
  for (const row of [...one, ...other]) {
    const key = row.serverName.toLowerCase();
    const known = names.get(key);
    if (known === undefined || known === row) names.set(key, row);
    else {
      const [kept, left] = isOlder(known.source, row.source) ? [known, row] : [row, known];
      names.set(key, kept);
      const message = `${row.serverName} on port ${port} is passed on for ${name(kept.source)}, which is older`;
      if (name(kept.source) !== name(left.source))
        problems.push({ source: left.source, reason: 'NameConflict', message });
    }
  }
  return [...names.values()];
}
