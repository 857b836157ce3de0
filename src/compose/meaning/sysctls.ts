/**
 * `sysctls`: those that every node lets a pod set. A pod with any other would be refused by nodes whose kubelet configuration does not name it
 * (`allowedUnsafeSysctls`), and the application with it: so it is left out, and told.
 */
import type { Sysctl } from '../../api/schema/types/core-v1.ts';
import type { Translation } from './translation.ts';

const safe = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);

export function sysctlsOf(name: string, translation: Translation): Sysctl[] {
  const { sysctls = {}, network_mode: mode } = translation.service(name);
  return Object.entries(sysctls).flatMap(([key, value]) => {
    const isTheHosts = mode === 'host' && key.startsWith('net.');
    if (safe.has(key) && !isTheHosts) return [{ name: key, value }];
    const why = isTheHosts
      ? "it would be the whole machine's"
      : "nodes refuse pods with it, unless allowedUnsafeSysctls of their kubelet configuration names it; it keeps the kernel's usual value";
    translation.note(`services.${name}.sysctls`, `${key} is not carried over: ${why}`);
    return [];
  });
}
