/**
 * How fast pods may be driven from nodes that are lost, by how much of a zone is lost. Pure; states, shares and rates are upstream's.
 *
 * ```
 *  normal    one node each 10 s
 *  partial   more than two, and at least 55% of the zone: one each 100 s in zones of more than 50 nodes, none in smaller ones
 *  full      the whole zone: as normal, since whoever watches is not the one cut off
 *  all zones full: none at all, and the taints of before are taken back: more likely it is we who are cut off
 * ```
 */
import type { Node } from '../../api/schema/types/core-v1.ts';

type ZoneState = 'normal' | 'partial' | 'full';

const unhealthyShare = 0.55;
const unhealthyMin = 2;
const largeZoneNodes = 50;
const evictionIntervalMs = 10_000;
const slowEvictionIntervalMs = 100_000;

/** Whether its zone is told to be well or not by it, too. */
export const isCounted = ({ metadata }: Node): boolean =>
  !('node.kubernetes.io/exclude-disruption' in (metadata?.labels ?? {}));

export function zoneOf({ metadata }: Node): string {
  const labels = metadata?.labels ?? {};
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  return zone === '' && region === '' ? '' : `${region}:\0:${zone}`;
}

export const readyStatus = (node: Node): string | undefined =>
  node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;

/** Of the nodes of a zone that count. */
export interface ZoneCount {
  readonly size: number;
  /** Those that are not ready. */
  readonly unhealthy: number;
}

export interface Disruption {
  /** Without zones of which no node counts. */
  readonly zones: ReadonlyMap<string, ZoneCount>;
  /** The least time (ms) between two nodes that are given up, by zone; undefined: none is. */
  readonly intervalMs: ReadonlyMap<string, number | undefined>;
  /** Every zone is lost. */
  readonly isTotal: boolean;
}

export function decideDisruption(nodes: readonly Node[]): Disruption {
  const zones = Map.groupBy(nodes, zoneOf);
  const counts = new Map<string, ZoneCount>();
  for (const [zone, members] of zones) {
    const counted = members.filter(isCounted);
    const unhealthy = counted.filter((node) => readyStatus(node) !== 'True').length;
    if (counted.length > 0) counts.set(zone, { size: counted.length, unhealthy });
  }
  const isTotal = counts.size > 0 && [...counts.values()].every((count) => stateOf(count) === 'full');
  const intervalMs = new Map(
    [...zones.keys()].map((zone) => [zone, isTotal ? undefined : intervalOf(counts.get(zone))]),
  );
  return { zones: counts, intervalMs, isTotal };
}

function stateOf({ size, unhealthy }: ZoneCount): ZoneState {
  if (unhealthy === size) return 'full';
  return unhealthy > unhealthyMin && unhealthy / size >= unhealthyShare ? 'partial' : 'normal';
}

function intervalOf(count: ZoneCount | undefined): number | undefined {
  if (count === undefined || stateOf(count) !== 'partial') return evictionIntervalMs;
  return count.size > largeZoneNodes ? slowEvictionIntervalMs : undefined;
}
