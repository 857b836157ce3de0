/** The `/etc/hosts` of a pod: its own name and address, and the aliases that it asks for. Pure. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { hostDomainOf, hostnameOf } from './hostname.ts';

/** @param hostFile the node's own file, which pods on its network begin with */
export function hostsFile(pod: Pod, podIps: readonly string[], hostFile: string, clusterDomain: string): string {
  // Upstream's own headings: its tests tell by them whose file it is.
  const whose = pod.spec?.hostNetwork ? ' (host network)' : '';
  const base = pod.spec?.hostNetwork ? hostFile.trimEnd() : ownNames(pod, podIps, clusterDomain);
  const aliases = (pod.spec?.hostAliases ?? []).map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`);
  const tail = aliases.length === 0 ? [] : ['', '# Entries added by HostAliases.', ...aliases];
  return `${[`# Kubernetes-managed hosts file${whose}.`, base, ...tail].join('\n')}\n`;
}

function ownNames(pod: Pod, podIps: readonly string[], clusterDomain: string): string {
  const hostname = hostnameOf(pod);
  const domain = hostDomainOf(pod, clusterDomain);
  const full = domain === undefined ? '' : `${hostname}.${domain}`;
  return [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::\tip6-localnet',
    'ff00::\tip6-mcastprefix',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    ...podIps.map((ip) => [ip, ...(full === '' ? [] : [full]), hostname].join('\t')),
  ].join('\n');
}
