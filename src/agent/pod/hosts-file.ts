/** The `/etc/hosts` of a pod: its own name and address, and the aliases that it asks for. Pure. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { hostnameOf } from './sandbox-config.ts';

/** @param hostFile the node's own file, which pods on its network begin with */
export function hostsFile(pod: Pod, podIps: readonly string[], hostFile: string, clusterDomain: string): string {
  const base = pod.spec?.hostNetwork ? hostFile.trimEnd() : ownNames(pod, podIps, clusterDomain);
  const aliases = (pod.spec?.hostAliases ?? []).map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`);
  const tail = aliases.length === 0 ? [] : ['', '# From hostAliases.', ...aliases];
  return `${['# Kubernetes-managed hosts file.', base, ...tail].join('\n')}\n`;
}

function ownNames(pod: Pod, podIps: readonly string[], clusterDomain: string): string {
  const hostname = hostnameOf(pod);
  const { subdomain } = pod.spec ?? {};
  const full = subdomain ? `${hostname}.${subdomain}.${pod.metadata?.namespace}.svc.${clusterDomain}` : '';
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
