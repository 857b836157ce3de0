/** What policies ask about a pod. Pure. */
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import { canonicalIp } from '../../controllers/shared/ip.ts';
import { isFinished } from '../../controllers/shared/pods.ts';
import { namedPortKey } from './rules.ts';

export interface PodFacts {
  readonly key: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly PodAddress[];
  /** By `namedPortKey`. */
  readonly namedPorts: ReadonlyMap<string, number>;
  /** It runs on this node, which judges its connections. */
  readonly isLocal: boolean;
  /** Orders the pods that hold an address one after the other. */
  readonly created: string;
  /** Equal where all of the above is. */
  readonly signature: string;
}

export interface PodAddress {
  readonly ip: string;
  readonly suffix: '4' | '6';
}

/** Undefined for those that policies do not know: without an address, ended, or with the node's own address. */
export function factsOf(key: string, pod: Pod, nodeName: string): PodFacts | undefined {
  const { metadata, spec, status } = pod;
  if (spec?.hostNetwork === true || isFinished(pod)) return undefined;
  const addresses = addressesOf(status);
  if (addresses.length === 0) return undefined;
  const labels = metadata?.labels ?? {};
  const namedPorts = namedPortsOf(pod);
  const isLocal = spec?.nodeName === nodeName;
  const created = `${metadata?.creationTimestamp ?? ''} ${metadata?.uid ?? ''}`;
  const signature = JSON.stringify([created, isLocal, labels, addresses, [...namedPorts]]);
  const namespace = metadata?.namespace ?? '';
  return { key, namespace, labels, addresses, namedPorts, isLocal, created, signature };
}

function addressesOf(status: Pod['status']): PodAddress[] {
  const told = status?.podIPs ?? (status?.podIP ? [{ ip: status.podIP }] : []);
  const addresses = new Map<string, PodAddress>();
  for (const { ip } of told) {
    const canonical = canonicalIp(ip ?? '');
    if (canonical === undefined) continue;
    addresses.set(canonical.text, { ip: canonical.text, suffix: canonical.family === 'IPv4' ? '4' : '6' });
  }
  return [...addresses.values()];
}

/** Of the containers that run beside each other; the first that has the name counts. */
function namedPortsOf({ spec }: Pod): ReadonlyMap<string, number> {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const found = new Map<string, number>();
  for (const { ports = [] } of [...(spec?.containers ?? []), ...sidecars] as readonly Container[]) {
    for (const { name, protocol = 'TCP', containerPort } of ports) {
      if (!name) continue;
      const key = namedPortKey(protocol, name);
      if (!found.has(key)) found.set(key, containerPort);
    }
  }
  return found;
}
