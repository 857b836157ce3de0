/**
 * Which node answers for which address of a pool. Pure: every node decides alike from the same objects, so that no election is needed, and a node that is
 * declared lost is replaced as soon as the others hear of it. By rendezvous hashing, a node that comes or goes moves no address but its own.
 */
import { createHash } from 'node:crypto';
import type { Node, Service } from '../../api/schema/types/core-v1.ts';
import { entryNodes } from '../entry-nodes.ts';
import { addressesOf, wantsAddress } from './allocate.ts';
import { type AddressPool, spanHolds } from './settings.ts';

export interface HoldersWorld {
  readonly services: readonly Service[];
  readonly nodes: readonly Node[];
  readonly pools: readonly AddressPool[];
  /** Names of the nodes with a ready endpoint of the Service. */
  readonly endpointNodes: (service: Service) => ReadonlySet<string>;
}

/** The addresses that `nodeName` holds, each with the interface that its pool names (empty: none). */
export function heldBy(
  nodeName: string,
  { services, nodes, pools, endpointNodes }: HoldersWorld,
): ReadonlyMap<string, string> {
  const entries = entryNodes(nodes).map(({ metadata }) => metadata?.name ?? '');
  const held = new Map<string, string>();
  for (const service of services.filter(wantsAddress)) {
    const isLocal = service.spec?.externalTrafficPolicy === 'Local';
    const near = isLocal ? endpointNodes(service) : undefined;
    const candidates = near === undefined ? entries : entries.filter((name) => near.has(name));
    for (const address of addressesOf(service)) {
      const pool = pools.find(({ addresses }) => addresses.some((span) => spanHolds(span, address)));
      if (pool?.announce === true && holderOf(address, candidates) === nodeName) held.set(address, pool.interface);
    }
  }
  return held;
}

export function holderOf(address: string, candidates: readonly string[]): string | undefined {
  const score = (name: string): string => createHash('sha256').update(`${address} ${name}`).digest('hex');
  return candidates
    .map((name) => ({ name, score: score(name) }))
    .toSorted((left, right) => (left.score < right.score ? 1 : -1))[0]?.name;
}
