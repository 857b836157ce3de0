/**
 * Hints of the annotation `service.kubernetes.io/topology-mode: Auto`: each zone gets a share of the endpoints as large as its share
 * of the cluster's CPUs, so that a zone may keep its traffic without drowning an endpoint (upstream's topology aware routing).
 *
 * ```
 *  CPUs of ready nodes ─▶ share of each zone ─▶ how many endpoints it wants ─▶ its own first ─▶ surplus to where most is missing
 * ```
 * No hints at all where endpoints are too few for that without more than a fifth of overload. What was hinted well stays. Pure.
 */
import { milliValue } from '../../api/quantity.ts';
import type { Node, Service } from '../../api/schema/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { zoneLabel } from './endpoints.ts';
import { hinted, isReadyEndpoint } from './hints.ts';

/** Each zone's share of all CPUs, from 0 to 1; undefined where nodes do not tell enough, or all stand in one zone. */
export type ZoneShares = ReadonlyMap<string, number> | undefined;

const overloadMax = 0.2;

/** The old annotation goes first. */
export function wantsTopologyHints({ metadata }: Service): boolean {
  const annotations = metadata?.annotations ?? {};
  const mode =
    annotations['service.kubernetes.io/topology-aware-hints'] ?? annotations['service.kubernetes.io/topology-mode'];
  return mode === 'Auto' || mode === 'auto';
}

/** One ready node without a zone or CPUs spoils it for all, as upstream's. */
export function zoneSharesOf(nodes: Iterable<Node>): ZoneShares {
  const milliByZone = new Map<string, number>();
  let total = 0;
  for (const { metadata, status } of nodes) {
    const { labels = {} } = metadata ?? {};
    if ('node-role.kubernetes.io/control-plane' in labels || 'node-role.kubernetes.io/master' in labels) continue;
    if (status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True') continue;
    const zone = labels[zoneLabel];
    const milli = milliValue(status.allocatable?.['cpu'] ?? '0');
    if (!zone || milli === 0) return undefined;
    total += milli;
    milliByZone.set(zone, (milliByZone.get(zone) ?? 0) + milli);
  }
  if (total === 0 || milliByZone.size < 2) return undefined;
  const zones = [...milliByZone].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return new Map(zones.map(([zone, milli]) => [zone, milli / total]));
}

interface Allocation {
  readonly minimum: number;
  readonly maximum: number;
  readonly desired: number;
}

/** A text: why not. */
function allocate(shares: ZoneShares, count: number): ReadonlyMap<string, Allocation> | string {
  if (shares === undefined) {
    return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
  }
  const numbers = `(${count} endpoints, ${shares.size} zones)`;
  if (shares.size > count) return `Insufficient number of endpoints ${numbers}`;
  const wanted = [...shares].map(([zone, share]) => {
    const minimum = Math.ceil(share * count * (1 / (1 + overloadMax)));
    return { zone, minimum, desired: Math.max(share * count, minimum) };
  });
  const minimumTotal = wanted.reduce((sum, { minimum }) => sum + minimum, 0);
  if (minimumTotal > count) {
    const why = 'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold';
    return `${why} ${numbers}`;
  }
  const spare = count - minimumTotal;
  return new Map(
    wanted.map(({ zone, minimum, desired }) => [zone, { minimum, desired, maximum: minimum + spare }] as const),
  );
}

export type TopologyHints =
  | { readonly slices: readonly EndpointSlice[] }
  /** In upstream's words. */
  | { readonly refused: string };

/**
 * @param free slices that change anyway; @param settled slices that would stay as they are
 * @returns `free` and `settled`, with hints; those of `settled` that are well hinted are the same objects
 */
export function topologyHints(
  free: readonly EndpointSlice[],
  settled: readonly EndpointSlice[],
  shares: ZoneShares,
): TopologyHints {
  const ready = [...free, ...settled].flatMap(({ endpoints = [] }) => endpoints.filter(isReadyEndpoint));
  const allocations = allocate(shares, ready.length);
  if (typeof allocations === 'string') return { refused: allocations };
  const counts = new Map<string, number>();
  const stay = settled.filter((slice) => keepsItsHints(slice, counts, allocations));
  const open = [...free, ...settled.filter((slice) => !stay.includes(slice))];
  for (const { zone } of open.flatMap(({ endpoints = [] }) => endpoints.filter(isReadyEndpoint))) {
    if (!zone) return { refused: 'One or more endpoints do not have a zone specified' };
    add(counts, zone, 1);
  }
  const { giving, receiving } = transfers(allocations, counts);
  return { slices: [...open.map((slice) => hintAll(slice, giving, receiving)), ...stay] };
}

function add(counts: Map<string, number>, zone: string, count: number): void {
  counts.set(zone, (counts.get(zone) ?? 0) + count);
}

/** Every ready endpoint is hinted, and no zone gets so many that another one's least is out of reach. Then they are counted. */
function keepsItsHints(
  { endpoints = [] }: EndpointSlice,
  counts: Map<string, number>,
  allocations: ReadonlyMap<string, Allocation>,
): boolean {
  const own = new Map<string, number>();
  for (const { hints } of endpoints.filter(isReadyEndpoint)) {
    const zones = hints?.forZones ?? [];
    if (zones.length === 0) return false;
    for (const { name } of zones) add(own, name, 1);
  }
  for (const [zone, count] of own) {
    const allocation = allocations.get(zone);
    if (allocation === undefined || count + (counts.get(zone) ?? 0) > allocation.maximum) return false;
  }
  for (const [zone, count] of own) add(counts, zone, count);
  return true;
}

/** How many endpoints each zone gives away and gets, most needed first, until the halves do not matter any more. */
function transfers(allocations: ReadonlyMap<string, Allocation>, counts: ReadonlyMap<string, number>) {
  const surplus = new Map<string, number>();
  for (const [zone, { desired }] of allocations) surplus.set(zone, (counts.get(zone) ?? 0) - desired);
  const giving = new Map<string, number>();
  const receiving = new Map<string, number>();
  for (;;) {
    const sorted = [...surplus].toSorted(([, a], [, b]) => b - a);
    const [from, spare] = sorted[0] ?? ['', 0];
    const [to, negative] = sorted.at(-1) ?? ['', 0];
    const missing = -negative;
    if (spare < 0.5 || missing < 0.5 || (spare < 1 && missing < 1)) return { giving, receiving };
    add(giving, from, 1);
    add(receiving, to, 1);
    add(surplus, from, -1);
    add(surplus, to, 1);
  }
}

function hintAll(slice: EndpointSlice, giving: Map<string, number>, receiving: Map<string, number>): EndpointSlice {
  const endpoints = (slice.endpoints ?? []).map((endpoint): Endpoint => {
    const { zone } = endpoint;
    if (!isReadyEndpoint(endpoint) || !zone) return hinted(endpoint, undefined);
    const [to = zone] = (giving.get(zone) ?? 0) > 0 ? [...receiving.keys()] : [];
    if (to !== zone) {
      spend(giving, zone);
      spend(receiving, to);
    }
    return hinted(endpoint, { forZones: [{ name: to }] });
  });
  return { ...slice, endpoints };
}

function spend(counts: Map<string, number>, zone: string): void {
  const left = (counts.get(zone) ?? 0) - 1;
  if (left > 0) counts.set(zone, left);
  else counts.delete(zone);
}
