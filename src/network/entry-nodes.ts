/**
 * The nodes that users come in by: Ready, not on their way out, and not excluded by the label that nodes cannot give themselves. Gateways run there, and
 * their addresses are what Ingresses, Gateways and LoadBalancer Services without an address of their own show. Pure.
 */
import { excludedFromLoadBalancers } from '../api/node-labels.ts';
import type { Node } from '../api/schema/types/core-v1.ts';
import { formatIp, parseIp } from '../lib/ip-addresses.ts';

const lostTaint = 'ToBeDeletedByClusterAutoscaler';

/** Runs gateways, ready or not. */
export const isEntryNode = ({ metadata, spec }: Node): boolean =>
  metadata?.labels?.[excludedFromLoadBalancers] === undefined && !spec?.taints?.some(({ key }) => key === lostTaint);

export const isReadyNode = ({ metadata, status }: Node): boolean =>
  metadata?.deletionTimestamp === undefined &&
  (status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false);

/** In the order of their names. */
export function entryNodes(nodes: readonly Node[]): readonly Node[] {
  return nodes
    .filter((node) => isEntryNode(node) && isReadyNode(node))
    .toSorted((left, right) => ((left.metadata?.name ?? '') < (right.metadata?.name ?? '') ? -1 : 1));
}

/** Where users reach the node: its ExternalIPs, else its InternalIPs; one of each family. */
export function publicAddresses({ status }: Node): readonly string[] {
  const ofType = (type: string): string[] =>
    (status?.addresses ?? []).filter((one) => one.type === type).map(({ address }) => address);
  const external = ofType('ExternalIP');
  const families = new Map<string, string>();
  for (const text of external.length > 0 ? external : ofType('InternalIP')) {
    const address = parseIp(text);
    if (address !== undefined && !families.has(address.family)) families.set(address.family, formatIp(address));
  }
  return [...families.values()];
}

/** Of all entry nodes, without repetition. */
export function entryAddresses(nodes: readonly Node[]): readonly string[] {
  return [...new Set(entryNodes(nodes).flatMap(publicAddresses))];
}
