/**
 * Ports of the node that a pod wants for itself. Pure; for the scheduler, which looks for a node where they are free, and for the node,
 * which refuses a pod that came past the scheduler.
 */
import type { Pod } from './schema/types/core-v1.ts';

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const noPorts: readonly HostPort[] = [];

/** Of all containers that run as long as the pod does. Most pods want none, and share the empty list. */
export function hostPortsOf({ spec }: Pick<Pod, 'spec'>): readonly HostPort[] {
  const { containers = [], initContainers = [] } = spec ?? {};
  let found: HostPort[] | undefined;
  for (const container of [
    ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always'),
    ...containers,
  ]) {
    for (const { hostPort, hostIP, protocol } of container.ports ?? []) {
      if (hostPort) (found ??= []).push({ ip: hostIP || '0.0.0.0', protocol: protocol || 'TCP', port: hostPort });
    }
  }
  return found ?? noPorts;
}

/** Two ports cannot be had together: same protocol and number, on the same address or one of them on all. */
export function portsConflict(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
}
