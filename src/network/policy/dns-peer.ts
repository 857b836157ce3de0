/**
 * The cluster's DNS as policies see it. Every node answers itself, without pods; but policies of all the world allow DNS by the labels that its pods have
 * elsewhere (namespace kube-system, `k8s-app: kube-dns`, ports `dns` and `dns-tcp`). So the addresses of its Service stand for a pod with these. Pure.
 */
import type { Pod, Service } from '../../api/schema/types/core-v1.ts';

export const dnsService = { namespace: 'kube-system', name: 'kube-dns' } as const;
/** Of no pod: names have no spaces. */
export const dnsPeerKey = 'kube-system/service kube-dns';

export function dnsPeer({ spec }: Service): Pod {
  const addresses = (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None');
  const { namespace } = dnsService;
  const ports = [
    { name: 'dns', protocol: 'UDP', containerPort: 53 },
    { name: 'dns-tcp', protocol: 'TCP', containerPort: 53 },
  ] as const;
  return {
    metadata: { namespace, name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' } },
    spec: { containers: [{ name: 'dns', ports }] },
    status: { podIPs: addresses.map((ip) => ({ ip })) },
  };
}
