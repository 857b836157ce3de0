/**
 * The network of a node, put together: the parts in the order of their start. `node.ts` makes it for machines; simulated nodes have none.
 */
import type { Service } from '../lib/service.ts';
import type { NetworkContext } from './context.ts';

/** A part of a node's network: a folder of its own, and a line here. */
export type NetworkPart = (context: NetworkContext) => Service;

/** What others stand on comes first. */
export const networkParts: readonly NetworkPart[] = [];
