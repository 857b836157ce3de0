/** The Node as admission sees it: at least the devices that were given out, whatever its status says by now. */
import { integerValue } from '../../api/quantity.ts';
import type { Node } from '../../api/schema/types/core-v1.ts';
import type { NodeSource } from '../resources/own-node.ts';

export interface GivenCounts {
  readonly givenResources: readonly string[];
  countGiven(resource: string): number;
}

export function raisedToGiven(node: NodeSource, given: GivenCounts): NodeSource {
  return {
    get: () => {
      const known = node.get();
      return known && raised(known, given);
    },
    fetch: async () => raised(await node.fetch(), given),
  };
}

function raised(node: Node, given: GivenCounts): Node {
  const { allocatable = {} } = node.status ?? {};
  const short = given.givenResources.filter(
    (resource) => integerValue(allocatable[resource] ?? '0') < given.countGiven(resource),
  );
  if (short.length === 0) return node;
  const more = Object.fromEntries(short.map((resource) => [resource, String(given.countGiven(resource))]));
  return { ...node, status: { ...node.status, allocatable: { ...allocatable, ...more } } };
}
