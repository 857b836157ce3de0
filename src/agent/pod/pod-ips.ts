/**
 * The addresses of a pod, as its status and its containers are told of them: one of each family, that of the node's own family first, as
 * upstream's kubelet has it, in whichever order the network handed them out. Pure.
 */
import { isIPv6 } from 'node:net';
import type { Pod } from '../../api/schema/types/core-v1.ts';

export function podIpsOf(
  pod: Pod | undefined,
  sandboxIps: readonly string[],
  hostIps: readonly string[],
): readonly string[] {
  if (pod?.spec?.hostNetwork) return hostIps;
  if (sandboxIps.length < 2) return sandboxIps;
  const four = sandboxIps.find((ip) => !isIPv6(ip));
  const six = sandboxIps.find((ip) => isIPv6(ip));
  const ordered = isIPv6(hostIps[0] ?? '') ? [six, four] : [four, six];
  return ordered.filter((ip) => ip !== undefined);
}
