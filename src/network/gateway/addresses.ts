/** The addresses by which users reach the gateway: of the nodes that run it. Pure. */
import type { Node } from '../../api/schema/types/core-v1.ts';
import { isEntryNode, isReadyNode } from '../entry-nodes.ts';

/** Of Ready nodes that are not kept out of load balancing: those for the world outside, where a node has such. In order, each once. */
export function gatewayAddresses(nodes: readonly Node[]): readonly string[] {
  const addresses = nodes.filter(runsGateway).flatMap((node) => {
    const outside = addressesOf(node, 'ExternalIP');
    return outside.length > 0 ? outside : addressesOf(node, 'InternalIP');
  });
  return [...new Set(addresses)].sort();
}

/** It is there, and says that it is well. */
export const runsGateway = (node: Node): boolean => isEntryNode(node) && isReadyNode(node);

export function addressesOf({ status }: Node, type: 'ExternalIP' | 'InternalIP'): readonly string[] {
  return (status?.addresses ?? [])
    .filter((one) => one.type === type && one.address !== '')
    .map(({ address }) => address);
}
