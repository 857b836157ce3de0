/** From a pod to the configuration of its sandbox. Pure, but for the host's resolver file, which is given. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { PodIdentity, SandboxConfig } from '../runtime.ts';
import { allContainers } from './containers.ts';

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface ClusterDns {
  /** Absent: the cluster has no DNS service, and pods use the host's resolver. */
  readonly servers: readonly string[];
  /** `cluster.local`. */
  readonly domain: string;
}

export interface SandboxFacts {
  readonly attempt: number;
  /** The node's folder for logs of pods. */
  readonly podLogs: string;
  readonly cgroupParent: string;
  readonly hostDns: DnsConfig;
  readonly clusterDns: ClusterDns | undefined;
}

export function sandboxConfig(pod: Pod, identity: PodIdentity, facts: SandboxFacts): SandboxConfig {
  const { spec } = pod;
  const hostNetwork = spec?.hostNetwork ?? false;
  const sysctls = spec?.securityContext?.sysctls ?? [];
  return {
    pod: identity,
    attempt: facts.attempt,
    // The host's network comes with the host's name.
    hostname: hostNetwork ? '' : hostnameOf(pod),
    hostNetwork,
    hostPid: spec?.hostPID ?? false,
    hostIpc: spec?.hostIPC ?? false,
    shareProcessNamespace: spec?.shareProcessNamespace ?? false,
    logDirectory: podLogFolder(facts.podLogs, identity),
    cgroupParent: facts.cgroupParent,
    dns: podDns(pod, facts),
    annotations: pod.metadata?.annotations ?? {},
    labels: pod.metadata?.labels ?? {},
    privileged: allContainers(pod).some(({ securityContext }) => securityContext?.privileged === true),
    ...(sysctls.length > 0 && { sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])) }),
  };
}

/** Linux takes 63 characters; a name that would end in a separator is cut shorter. */
export function hostnameOf(pod: Pod): string {
  const { hostname, hostnameOverride } = pod.spec ?? {};
  const name = hostnameOverride ?? (hostname || pod.metadata?.name || '');
  return name.slice(0, 63).replace(/[-.]+$/, '');
}

/** As upstream lays them out, so that log collectors find namespace, name and uid in the path. */
export function podLogFolder(podLogs: string, { namespace, name, uid }: PodIdentity): string {
  return `${podLogs}/${namespace}_${name}_${uid}`;
}

function podDns(pod: Pod, { hostDns, clusterDns }: SandboxFacts): DnsConfig {
  const { dnsPolicy = 'ClusterFirst', hostNetwork, dnsConfig } = pod.spec ?? {};
  const wantsCluster = dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork);
  let base = hostDns;
  if (dnsPolicy === 'None') base = { servers: [], searches: [], options: [] };
  else if (wantsCluster && clusterDns !== undefined) base = clusterResolver(pod, clusterDns, hostDns);
  return merged(base, {
    servers: dnsConfig?.nameservers ?? [],
    searches: dnsConfig?.searches ?? [],
    options: (dnsConfig?.options ?? []).map(({ name, value }) =>
      value === undefined ? `${name}` : `${name}:${value}`,
    ),
  });
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
