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

export type ZoneState = 'normal' | 'partial' | 'full';

const unhealthyShare = 0.55;
const unhealthyMin = 2;
const largeZoneNodes = 50;
export const evictionIntervalMs = 10_000;
export const slowEvictionIntervalMs = 100_000;

const excluded = 'node.kubernetes.io/exclude-disruption';

export function zoneOf({ metadata }: Node): string {
  const labels = metadata?.labels ?? {};
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  return zone === '' && region === '' ? '' : `${region}:\0:${zone}`;
}

export const readyStatus = (node: Node): string | undefined =>
  node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;

export interface Disruption {
  /** The least time (ms) between two nodes that are given up, by zone; undefined: none is. */
  readonly intervalMs: ReadonlyMap<string, number | undefined>;
  /** Every zone is lost. */
  readonly isTotal: boolean;
}

export function decideDisruption(nodes: readonly Node[]): Disruption {
  const zones = Map.groupBy(nodes, zoneOf);
  const states = new Map<string, ZoneState>();
  for (const [zone, members] of zones) {
    const counted = members.filter((node) => !(excluded in (node.metadata?.labels ?? {})));
    if (counted.length > 0) states.set(zone, stateOf(counted));
  }
  const isTotal = states.size > 0 && [...states.values()].every((state) => state === 'full');
  const intervals = [...zones].map(
    ([zone, { length }]) => [zone, isTotal ? undefined : intervalOf(states.get(zone) ?? 'normal', length)] as const,
  );
  return { intervalMs: new Map(intervals), isTotal };
}

export function stateOf(nodes: readonly Node[]): ZoneState {
  const ready = nodes.filter((node) => readyStatus(node) === 'True').length;
  const notReady = nodes.length - ready;
  if (ready === 0 && notReady > 0) return 'full';
  return notReady > unhealthyMin && notReady / nodes.length >= unhealthyShare ? 'partial' : 'normal';
}

function intervalOf(state: ZoneState, nodes: number): number | undefined {
  if (state !== 'partial') return evictionIntervalMs;
  return nodes > largeZoneNodes ? slowEvictionIntervalMs : undefined;
}
