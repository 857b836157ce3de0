/** Which node asks: the user `system:node:NAME`, if in the group `system:nodes`. One without the other is nobody special. */
import type { UserInfo } from './request.ts';

const prefix = 'system:node:';

/** Undefined: it is no node. Empty: a node that says not which. */
export function nodeNameOf({ name, groups }: UserInfo): string | undefined {
  return name.startsWith(prefix) && groups.includes('system:nodes') ? name.slice(prefix.length) : undefined;
}

/** The ConfigMap that says of which nodes the certificates are refused that were made before a time (RFC 3339), by the node's name. */
export const removedNodesPlace = { namespace: 'kube-system', name: 'naru-removed-nodes' } as const;
