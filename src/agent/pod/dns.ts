/** The resolver of a pod: what its policy promises, its own entries after it, within the limits that resolvers have. Pure. */
import type { Pod } from '../../api/schema/types/core-v1.ts';

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface ClusterDns {
  /** As they are now; none: the cluster has no DNS service, and pods use the host's resolver. */
  readonly servers: readonly string[];
  /** `cluster.local`. */
  readonly domain: string;
  /** Resolves when `servers` can be trusted: a pod keeps for good what it gets. @throws Error while they cannot */
  ready?(pod: Pod): Promise<void>;
}

export interface DnsFacts {
  readonly hostDns: DnsConfig;
  readonly clusterDns: ClusterDns | undefined;
}

/** As upstream limits them; what is beyond is left out. */
const serversMax = 3;
const searchesMax = 32;
const searchCharsMax = 2048;

export function podDns(pod: Pod, facts: DnsFacts): DnsConfig {
  const wanted = wantedDns(pod, facts);
  return { ...wanted, servers: wanted.servers.slice(0, serversMax), searches: fitting(wanted.searches) };
}

/** What was left out, as the events DNSConfigForming say it. */
export function dnsProblems(pod: Pod, facts: DnsFacts): readonly string[] {
  const wanted = wantedDns(pod, facts);
  const { servers, searches } = podDns(pod, facts);
  const problems: string[] = [];
  if (servers.length < wanted.servers.length) {
    const what = 'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is:';
    problems.push(`${what} ${servers.join(' ')}`);
  }
  if (searches.length < wanted.searches.length) {
    const what = 'Search Line limits were exceeded, some search paths have been omitted, the applied search line is:';
    problems.push(`${what} ${searches.join(' ')}`);
  }
  return problems;
}

function wantedDns(pod: Pod, { hostDns, clusterDns }: DnsFacts): DnsConfig {
  const { dnsPolicy = 'ClusterFirst', hostNetwork, dnsConfig } = pod.spec ?? {};
  let base = hostDns;
  if (dnsPolicy === 'None') base = { servers: [], searches: [], options: [] };
  else if (wantsClusterDns(dnsPolicy, hostNetwork) && clusterDns && clusterDns.servers.length > 0)
    base = clusterResolver(pod, clusterDns, hostDns);
  return merged(base, {
    servers: dnsConfig?.nameservers ?? [],
    searches: dnsConfig?.searches ?? [],
    options: (dnsConfig?.options ?? []).map(({ name, value }) =>
      value === undefined ? `${name}` : `${name}:${value}`,
    ),
  });
}

function wantsClusterDns(policy: string, hostNetwork = false): boolean {
  return policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !hostNetwork);
}

function clusterResolver(pod: Pod, { servers, domain }: ClusterDns, hostDns: DnsConfig): DnsConfig {
  const own = [`${pod.metadata?.namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return { servers, searches: [...own, ...hostDns.searches], options: ['ndots:5'] };
}

/** The pod's own entries come after; its options replace those of the same name. */
function merged(base: DnsConfig, own: DnsConfig): DnsConfig {
  const nameOf = (option: string): string => option.split(':', 1)[0] ?? '';
  const replaced = new Set(own.options.map(nameOf));
  return {
    servers: [...new Set([...base.servers, ...own.servers])],
    searches: [...new Set([...base.searches, ...own.searches])],
    options: [...base.options.filter((option) => !replaced.has(nameOf(option))), ...own.options],
  };
}

function fitting(searches: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let chars = -1;
  for (const search of searches.slice(0, searchesMax)) {
    chars += search.length + 1;
    if (chars > searchCharsMax) break;
    kept.push(search);
  }
  return kept;
}

/** The lines of a resolv.conf that pods get. */
export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && words[0] !== undefined) servers.push(words[0]);
    else if (keyword === 'search' || keyword === 'domain') searches = words.filter((word) => word !== '.');
    else if (keyword === 'options') options = words;
  }
  return { servers, searches, options };
}
