/**
 * Places endpoints in slices so that few slices change: a change of a slice goes to every node of the cluster. Pure.
 *
 * ```
 *  1. in each slice: what is not wanted goes, what is different is exchanged ──▶ changed, emptied, or as it was
 *  2. what is still to be placed fills the slices that change anyway, the fullest first
 *  3. the rest goes, whole, into one slice that was as it was (the one that it fills best), else into new ones
 * ```
 * Slices are not packed anew: ten half empty ones stay so, until they empty.
 */
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { AddressType, Endpoint, EndpointPort, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { endpointKey, endpointsPerSliceMax, type SlicePlan, saysTheSame } from '../shared/endpoint-slices.ts';
import { hasOldLabels, labelsOf, newSlice } from './endpoints.ts';

export interface EndpointGroup {
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

/** With how many endpoints found no place among the existing ones, and how many of those are not wanted any more. */
export interface Placement extends SlicePlan {
  readonly added: number;
  readonly removed: number;
}

/** A slice under our hands. */
interface Filling {
  readonly slice: EndpointSlice;
  readonly endpoints: Endpoint[];
}

/** @param existing the Service's own slices with these ports and of this address type */
export function place(service: Service, existing: readonly EndpointSlice[], group: EndpointGroup): Placement {
  const open = new Map(group.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const sorted = sortOut(service, existing, open);
  const rest = [...open.values()];
  const added = rest.length;
  const { changed, unchanged } = sorted;
  if (rest.length > 0) {
    for (const filling of changed.toSorted((a, b) => b.endpoints.length - a.endpoints.length)) fill(filling, rest);
  }
  const create: EndpointSlice[] = [];
  while (rest.length > 0) {
    const best = bestFitting(unchanged, rest.length);
    if (best === undefined) {
      const filling = { slice: newSlice(service, group.addressType, group.ports), endpoints: [] };
      fill(filling, rest);
      create.push(finished(filling));
    } else {
      const filling = { slice: best, endpoints: [...(best.endpoints ?? [])] };
      fill(filling, rest);
      changed.push(filling);
    }
  }
  return { create, update: changed.map(finished), remove: sorted.emptied, added, removed: sorted.removed };
}

/** Step 1. Takes out of `open` what has a place already. */
function sortOut(
  service: Service,
  existing: readonly EndpointSlice[],
  open: Map<string, Endpoint>,
): {
  readonly changed: Filling[];
  readonly unchanged: EndpointSlice[];
  readonly emptied: EndpointSlice[];
  readonly removed: number;
} {
  const changed: Filling[] = [];
  const unchanged: EndpointSlice[] = [];
  const emptied: EndpointSlice[] = [];
  let removed = 0;
  for (const slice of existing) {
    const before = slice.endpoints ?? [];
    const kept: Endpoint[] = [];
    let differs = false;
    for (const endpoint of before) {
      const key = endpointKey(endpoint);
      const wanted = open.get(key);
      if (wanted === undefined) continue;
      kept.push(wanted);
      differs ||= !saysTheSame(wanted, endpoint);
      open.delete(key);
    }
    removed += before.length - kept.length;
    const anew = { ...slice, metadata: { ...slice.metadata, labels: labelsOf(service) } };
    if (kept.length === 0 && before.length > 0) emptied.push(slice);
    else if (differs || kept.length < before.length) changed.push({ slice: anew, endpoints: kept });
    else if (hasOldLabels(service, slice)) changed.push({ slice: anew, endpoints: [...before] });
    else unchanged.push(slice);
  }
  return { changed, unchanged, emptied, removed };
}

function fill({ endpoints }: Filling, rest: Endpoint[]): void {
  endpoints.push(...rest.splice(0, endpointsPerSliceMax - endpoints.length));
}

/** The slice that `count` more make fullest without running over. */
function bestFitting(slices: readonly EndpointSlice[], count: number): EndpointSlice | undefined {
  let best: EndpointSlice | undefined;
  let leastRoom = endpointsPerSliceMax;
  for (const slice of slices) {
    const room = endpointsPerSliceMax - count - (slice.endpoints?.length ?? 0);
    if (room < 0 || room >= leastRoom) continue;
    best = slice;
    leastRoom = room;
  }
  return best;
}

const finished = ({ slice, endpoints }: Filling): EndpointSlice => ({ ...slice, endpoints });
