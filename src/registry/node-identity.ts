/** Which node asks: the user `system:node:NAME`, if in the group `system:nodes`. One without the other is nobody special. */
import type { UserInfo } from './request.ts';

const prefix = 'system:node:';

/** Undefined: it is no node. Empty: a node that says not which. */
export function nodeNameOf({ name, groups }: UserInfo): string | undefined {
  return name.startsWith(prefix) && groups.includes('system:nodes') ? name.slice(prefix.length) : undefined;
}
