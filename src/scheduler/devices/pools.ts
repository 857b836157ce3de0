/**
 * Resource pools, kept up to date slice by slice: which devices a node can be given, and whether what is known of their pool can be relied on.
 *
 * ```
 *  slices ─▶ pools (driver, name): only the newest generation counts ─▶ for a node: its own slices, and those of several nodes that mean it
 *                                   │ fewer slices than announced: incomplete      │ two devices of one name: invalid
 *                                   ▼                                              ▼
 *                        nothing is taken from it, and nobody can ask for all     likewise, and it is told where nothing else is left
 * ```
 * Naively each decision would go through all slices for each node: at 5,000 nodes with a slice each, 25 million steps. So slices that
 * name a node are found by it, and what was found for a node holds until one of its pools changes.
 */
import { matchesNodeSelector } from '../../api/node-matching.ts';
import type { Node, NodeSelector } from '../../api/schema/types/core-v1.ts';
import type { Device, DeviceTaint, ResourceSlice } from '../../api/schema/types/resource-v1.ts';
import type { DeviceTaintRule, DeviceTaintSelector } from '../../api/schema/types/resource-v1beta2.ts';
import { nano } from './capacity.ts';

export interface PoolDevice {
  /** `driver/pool/device`. */
  readonly id: string;
  readonly driver: string;
  readonly pool: string;
  readonly device: Device;
  readonly slice: ResourceSlice;
  /** Its own and those of rules. */
  readonly taints: readonly DeviceTaint[];
}

export const deviceId = (driver: string, pool: string, device: string): string => `${driver}/${pool}/${device}`;

/** A pool as one node sees it. */
export interface Pool {
  /** `driver/pool`. */
  readonly id: string;
  readonly state: 'usable' | 'incomplete' | 'invalid';
  /** Those that the node may be given. */
  readonly devices: readonly PoolDevice[];
  readonly counters: PoolCounters;
}

/** What the devices of a pool draw on together, by `counter set/counter`. */
interface PoolCounters {
  readonly available: ReadonlyMap<string, bigint>;
  /** Every device of the pool that draws on them, on whichever node. */
  readonly consumers: readonly Pick<PoolDevice, 'id' | 'device'>[];
}

const counterKey = (set: string, counter: string): string => `${set}/${counter}`;

interface WholePool {
  readonly id: string;
  readonly slices: Map<string, ResourceSlice>;
  /** Of the newest generation, by name; made when asked for. */
  current?: CurrentSlices | undefined;
}

interface CurrentSlices {
  readonly isComplete: boolean;
  readonly isValid: boolean;
  readonly slices: ReadonlySet<ResourceSlice>;
  readonly counters: PoolCounters;
}

interface NodePools {
  readonly node: Node;
  readonly version: number;
  readonly pools: readonly Pool[];
}

export class Pools {
  readonly #pools = new Map<string, WholePool>();
  readonly #slices = new Map<string, ResourceSlice>();
  readonly #byNode = new Map<string, Set<ResourceSlice>>();
  /** Slices that several nodes may use. */
  readonly #shared = new Set<ResourceSlice>();
  readonly #found = new Map<string, NodePools>();
  readonly #rules: () => readonly DeviceTaintRule[];
  /** Of what all nodes see. */
  #version = 0;

  constructor(rules: () => readonly DeviceTaintRule[] = () => []) {
    this.#rules = rules;
  }

  set(slice: ResourceSlice): void {
    this.remove(nameOf(slice));
    this.#slices.set(nameOf(slice), slice);
    const id = poolIdOf(slice);
    const pool = this.#pools.get(id) ?? { id, slices: new Map() };
    this.#pools.set(id, pool);
    pool.slices.set(nameOf(slice), slice);
    const { nodeName } = slice.spec;
    if (nodeName) this.#byNode.getOrInsertComputed(nodeName, () => new Set()).add(slice);
    else this.#shared.add(slice);
    this.#forget(pool);
  }

  remove(name: string): void {
    const slice = this.#slices.get(name);
    const pool = slice && this.#pools.get(poolIdOf(slice));
    if (slice === undefined || pool === undefined) return;
    this.#forget(pool);
    this.#slices.delete(name);
    this.#shared.delete(slice);
    pool.slices.delete(name);
    if (pool.slices.size === 0) this.#pools.delete(pool.id);
    const nodeName = slice.spec.nodeName ?? '';
    const ofNode = this.#byNode.get(nodeName);
    ofNode?.delete(slice);
    if (ofNode?.size === 0) this.#byNode.delete(nodeName);
  }

  /** What rules taint is found out again. */
  rulesChanged(): void {
    this.#version++;
  }

  nodeGone(name: string): void {
    this.#found.delete(name);
  }

  /** In the order in which devices are taken: by name; pools whose devices have to be made ready first come last. */
  of(node: Node): readonly Pool[] {
    const name = node.metadata?.name ?? '';
    const known = this.#found.get(name);
    if (known?.version === this.#version && sameNode(known.node, node)) return known.pools;
    const pools = this.#find(node, name);
    this.#found.set(name, { node, version: this.#version, pools });
    return pools;
  }

  #forget(pool: WholePool): void {
    pool.current = undefined;
    for (const { spec } of pool.slices.values()) {
      if (spec.nodeName) this.#found.delete(spec.nodeName);
      else this.#version++;
    }
  }

  #find(node: Node, name: string): Pool[] {
    const byPool = new Map<string, ResourceSlice[]>();
    const take = (slice: ResourceSlice): void => {
      byPool.getOrInsertComputed(poolIdOf(slice), () => []).push(slice);
    };
    for (const slice of this.#byNode.get(name) ?? []) take(slice);
    for (const slice of this.#shared) if (meansNode(slice, node)) take(slice);
    const pools = [...byPool].toSorted(byKey).flatMap(([id, slices]) => this.#view(id, slices, node) ?? []);
    return [...pools.filter((pool) => !needsPreparing(pool)), ...pools.filter(needsPreparing)];
  }

  /** Undefined where the node only has slices that were replaced. */
  #view(id: string, slices: readonly ResourceSlice[], node: Node): Pool | undefined {
    const pool = this.#pools.get(id);
    if (pool === undefined) return undefined;
    const current = (pool.current ??= currentOf(pool));
    const usable = slices.filter((slice) => current.slices.has(slice));
    if (usable.length === 0) return undefined;
    const { counters } = current;
    if (!current.isComplete) return { id, state: 'incomplete', devices: [], counters };
    const devices = usable.toSorted(bySliceName).flatMap((slice) => this.#devicesOf(slice, node));
    // Names count before nodes do: two slices with one name for the same node contradict each other.
    if (!current.isValid || hasTwins(usable)) return { id, state: 'invalid', devices: [], counters };
    return { id, state: 'usable', devices, counters };
  }

  #devicesOf(slice: ResourceSlice, node: Node): PoolDevice[] {
    const { driver, pool, devices = [], perDeviceNodeSelection = false } = slice.spec;
    return devices.flatMap((device) => {
      if (perDeviceNodeSelection && !selects(device, node)) return [];
      const id = deviceId(driver, pool.name, device.name);
      const taints = this.#taintsOf(device, { driver, pool: pool.name, device: device.name });
      return [{ id, driver, pool: pool.name, device, slice, taints }];
    });
  }

  #taintsOf(device: Device, name: { driver: string; pool: string; device: string }): readonly DeviceTaint[] {
    const rules = this.#rules().filter(({ spec }) => selectsDevice(spec.deviceSelector, name));
    const own = device.taints ?? [];
    return rules.length === 0 ? own : [...own, ...rules.map(({ spec }) => spec.taint)];
  }
}

/** A rule without a selector means no device at all; with an empty one, all. */
function selectsDevice(
  selector: DeviceTaintSelector | undefined,
  name: Readonly<Record<'driver' | 'pool' | 'device', string>>,
): boolean {
  if (selector === undefined) return false;
  const { driver, pool, device } = selector;
  return (!driver || driver === name.driver) && (!pool || pool === name.pool) && (!device || device === name.device);
}

const nameOf = ({ metadata }: ResourceSlice): string => metadata?.name ?? '';
const poolIdOf = ({ spec }: ResourceSlice): string => `${spec.driver}/${spec.pool.name}`;
const bySliceName = (a: ResourceSlice, b: ResourceSlice): number => (nameOf(a) < nameOf(b) ? -1 : 1);
const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/** Only these are read of it. */
const sameNode = (a: Node, b: Node): boolean =>
  a === b || a.metadata?.labels === b.metadata?.labels || sameLabels(a.metadata?.labels, b.metadata?.labels);

const sameLabels = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

interface NodeSelection {
  readonly nodeName?: string;
  readonly nodeSelector?: NodeSelector;
  readonly allNodes?: boolean;
}

function selects({ nodeName, nodeSelector, allNodes }: NodeSelection, node: Node): boolean {
  if (nodeName) return nodeName === node.metadata?.name;
  return allNodes === true || (nodeSelector !== undefined && matchesNodeSelector(nodeSelector, node));
}

/** Slices of counters are there for all; they hold no devices. */
function meansNode({ spec }: ResourceSlice, node: Node): boolean {
  if ((spec.sharedCounters?.length ?? 0) > 0) return true;
  if (!spec.perDeviceNodeSelection) return selects(spec, node);
  return (spec.devices ?? []).some((device) => selects(device, node));
}

const needsPreparing = ({ devices }: Pool): boolean =>
  devices.some(({ device }) => (device.bindingConditions?.length ?? 0) > 0);

function hasTwins(slices: readonly ResourceSlice[]): boolean {
  const names = slices.flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => name));
  return new Set(names).size < names.length;
}

function currentOf({ slices }: WholePool): CurrentSlices {
  const all = [...slices.values()];
  const generation = Math.max(...all.map(({ spec }) => spec.pool.generation));
  const current = all.filter(({ spec }) => spec.pool.generation === generation).toSorted(bySliceName);
  const counters = countersOf(current);
  const available = counters ?? new Map<string, bigint>();
  return {
    isComplete: current.length === current[0]?.spec.pool.resourceSliceCount,
    isValid: counters !== undefined && drawsOnKnown(current, counters),
    slices: new Set(current),
    counters: { available, consumers: consumersOf(current) },
  };
}

/** Undefined where two sets have one name. */
function countersOf(slices: readonly ResourceSlice[]): Map<string, bigint> | undefined {
  const sets = slices.flatMap(({ spec }) => spec.sharedCounters ?? []);
  if (new Set(sets.map(({ name }) => name)).size < sets.length) return undefined;
  return new Map(
    sets.flatMap(({ name, counters }) =>
      Object.entries(counters).map(([counter, { value }]) => [counterKey(name, counter), nano(value)] as const),
    ),
  );
}

const drawsOnKnown = (slices: readonly ResourceSlice[], counters: ReadonlyMap<string, bigint>): boolean =>
  slices.every(({ spec }) =>
    (spec.devices ?? []).every((device) => [...drawnBy(device).keys()].every((key) => counters.has(key))),
  );

function consumersOf(slices: readonly ResourceSlice[]): Pick<PoolDevice, 'id' | 'device'>[] {
  return slices.flatMap(({ spec }) =>
    (spec.devices ?? [])
      .filter(({ consumesCounters = [] }) => consumesCounters.length > 0)
      .map((device) => ({ id: deviceId(spec.driver, spec.pool.name, device.name), device })),
  );
}

/** What a device draws on while anybody has it. */
export function drawnBy({ consumesCounters = [] }: Device): ReadonlyMap<string, bigint> {
  const drawn = new Map<string, bigint>();
  for (const { counterSet, counters } of consumesCounters) {
    for (const [counter, { value }] of Object.entries(counters)) {
      const key = counterKey(counterSet, counter);
      drawn.set(key, (drawn.get(key) ?? 0n) + nano(value));
    }
  }
  return drawn;
}
