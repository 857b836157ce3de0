/**
 * Which slices a Service needs made, changed and deleted. Pure.
 *
 * ```
 *  pods ─▶ endpoints by address type and ports ─▶ placement ─▶ a slice without endpoints where none would be ─▶ hints ─▶ recycling
 * ```
 */
import type { Node, Pod, Service } from '../../api/schema/types/core-v1.ts';
import type { AddressType, Endpoint, EndpointPort, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { isDeleting, nameOf } from '../shared/context.ts';
import { endpointKey, portsKey, recycle, type SlicePlan } from '../shared/endpoint-slices.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { servesSomebody, triggerTimeAnnotation } from '../shared/service-pods.ts';
import { type SliceTotals, slicesFor } from '../shared/slice-metrics.ts';
import { addressTypesOf, endpointOf, isOwnedBy, newSlice, portsOf } from './endpoints.ts';
import { hintingOf, noHints, withHints } from './hints.ts';
import { type EndpointGroup, place } from './placement.ts';
import { topologyHints, wantsTopologyHints, type ZoneShares } from './topology.ts';

export interface SliceWorld {
  /** Those that the Service's selector matches. */
  readonly pods: readonly Pod[];
  readonly nodeOf: (name: string) => Node | undefined;
  /** Those of this loop, without those that are being deleted. */
  readonly slices: readonly EndpointSlice[];
  readonly zoneShares: ZoneShares;
  /** When what is written now began to change. */
  readonly triggerTime: string | undefined;
}

/** What is counted about the slices of one address type. */
export interface TypeCounts extends SliceTotals {
  readonly added: number;
  readonly removed: number;
  /** Slices that are made, changed or deleted. */
  readonly written: number;
}

export interface SliceDecision extends SlicePlan {
  readonly counts: readonly TypeCounts[];
  readonly events: readonly {
    readonly type: 'Normal' | 'Warning';
    readonly reason: string;
    readonly message: string;
  }[];
  /** Pods that were left out because their node is unknown, as `POD on NODE`: to be tried again. */
  readonly leftOut: readonly { readonly pod: string; readonly node: string }[];
}

export function decideSlices(service: Service, world: SliceWorld): SliceDecision {
  const types = addressTypesOf(service);
  const leftOut = new Map<string, string>();
  const decisions = types.map((type) => decideType(service, world, type, leftOut));
  const strange = world.slices.filter(({ addressType }) => !types.includes(addressType));
  const stamp = (slice: EndpointSlice): EndpointSlice => withTriggerTime(slice, world.triggerTime);
  return {
    create: decisions.flatMap(({ create }) => create.map(stamp)),
    update: decisions.flatMap(({ update }) => update.map(stamp)),
    remove: [...decisions.flatMap(({ remove }) => remove), ...strange],
    events: decisions.flatMap(({ events }) => events),
    counts: decisions.map(({ counts }) => counts),
    leftOut: [...leftOut].map(([pod, node]) => ({ pod, node })),
  };
}

type TypeDecision = SlicePlan & { readonly events: SliceDecision['events']; readonly counts: TypeCounts };

function decideType(
  service: Service,
  world: SliceWorld,
  addressType: AddressType,
  leftOut: Map<string, string>,
): TypeDecision {
  const all = world.slices.filter((slice) => slice.addressType === addressType);
  const own = all.filter((slice) => isOwnedBy(slice, service));
  const foreign = all.filter((slice) => !own.includes(slice));
  const byPorts = Map.groupBy(own, ({ ports }) => portsKey(ports));
  const groups = groupsOf(service, world, addressType, leftOut);
  const plans = [...groups].map(([key, group]) => place(service, byPorts.get(key) ?? [], group));
  const unwanted = own.filter(({ ports }) => !groups.has(portsKey(ports)));
  const plan = withPlaceholder(service, addressType, all, {
    create: plans.flatMap(({ create }) => create),
    update: plans.flatMap(({ update }) => update),
    remove: [...foreign, ...plans.flatMap(({ remove }) => remove), ...unwanted],
  });
  const { events, ...hintedPlan } = withHintsFor(service, addressType, all, plan, world.zoneShares);
  const written = recycle(hintedPlan, (slice) => isOwnedBy(slice, service));
  const sizes = [...groups.values()].map(({ endpoints }) => endpoints.length);
  const counts: TypeCounts = {
    added: sum(plans.map(({ added }) => added)),
    removed: sum(plans.map(({ removed }) => removed)),
    written: written.create.length + written.update.length + written.remove.length,
    endpoints: sum(sizes),
    slices: all.length + written.create.length - written.remove.length,
    // There is always one, if an empty one.
    slicesWanted: Math.max(1, sum(sizes.map(slicesFor))),
  };
  return { events, counts, ...written };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

/** The wanted endpoints, by the ports that their pods have. */
function groupsOf(
  service: Service,
  { pods, nodeOf }: SliceWorld,
  addressType: AddressType,
  leftOut: Map<string, string>,
): ReadonlyMap<string, EndpointGroup> {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Map<string, Endpoint> }>();
  for (const pod of pods.filter((each) => servesSomebody(each, true))) {
    const ports = portsOf(service, pod);
    const group = groups.get(portsKey(ports)) ?? { ports, endpoints: new Map<string, Endpoint>() };
    groups.set(portsKey(ports), group);
    const { nodeName = '' } = pod.spec ?? {};
    const node = nodeOf(nodeName);
    // The pod may be of a node that is gone for good: it must not hold up the others.
    if (node === undefined && service.spec?.publishNotReadyAddresses !== true) {
      leftOut.set(nameOf(pod), nodeName);
      continue;
    }
    const endpoint = endpointOf(service, pod, node, addressType);
    if (endpoint !== undefined) group.endpoints.set(endpointKey(endpoint), endpoint);
  }
  return new Map(
    [...groups].map(([key, { ports, endpoints }]) => [key, { addressType, ports, endpoints: [...endpoints.values()] }]),
  );
}

/** A Service always has a slice, if an empty one: that says "nobody serves", where none says "nobody has looked yet". */
function withPlaceholder(
  service: Service,
  addressType: AddressType,
  existing: readonly EndpointSlice[],
  plan: SlicePlan,
): SlicePlan {
  if (plan.create.length > 0 || plan.remove.length < existing.length) return plan;
  const placeholder = newSlice(service, addressType, []);
  const [only, ...others] = plan.remove;
  if (only !== undefined && others.length === 0 && isSamePlaceholder(only, placeholder)) return { ...plan, remove: [] };
  return { ...plan, create: [placeholder] };
}

const isSamePlaceholder = (a: EndpointSlice, b: EndpointSlice): boolean =>
  semanticallyEqual(comparedOf(a), comparedOf(b));

function comparedOf({ metadata, endpoints, ports }: EndpointSlice): unknown {
  // The empty value of a label is one, too.
  const labels = Object.entries(metadata?.labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return { labels: labels.toSorted(), owners: metadata?.ownerReferences, endpoints, ports };
}

/** The plan with hints in what it writes, and with the slices that only need other hints. */
function withHintsFor(
  service: Service,
  addressType: AddressType,
  existing: readonly EndpointSlice[],
  plan: SlicePlan,
  shares: ZoneShares,
): Omit<TypeDecision, 'counts'> {
  const written = new Set([...plan.update, ...plan.remove].map(nameOf));
  const settled = existing.filter((slice) => !written.has(nameOf(slice)));
  const hadHints = existing.some(({ endpoints = [] }) => endpoints.some(({ hints }) => hints?.forZones?.length));
  const wanted = wantsTopologyHints(service);
  const say = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    ({ type, reason, message: `${message}, addressType: ${addressType}` }) as const;
  if (wanted) {
    const answer = topologyHints([...plan.create, ...plan.update], settled, shares);
    if ('slices' in answer) {
      const enabled = say('Normal', 'TopologyAwareHintsEnabled', 'Topology Aware Hints has been enabled');
      return { ...replaced(plan, settled, answer.slices), events: hadHints ? [] : [enabled] };
    }
    const refusal = say('Warning', 'TopologyAwareHintsDisabled', answer.refused);
    return { ...rehinted(plan, settled, noHints), events: [refusal] };
  }
  const hinting = hintingOf(service);
  const disabled = say('Warning', 'TopologyAwareHintsDisabled', 'Topology Aware Hints has been disabled');
  const ended = hinting === undefined && hadHints && service.spec?.trafficDistribution === undefined;
  return { ...rehinted(plan, settled, hinting ?? noHints), events: ended ? [disabled] : [] };
}

const rehinted = (plan: SlicePlan, settled: readonly EndpointSlice[], hinting: typeof noHints): SlicePlan =>
  replaced(
    plan,
    settled,
    [...plan.create, ...plan.update, ...settled].map((slice) => withHints(slice, hinting)),
  );

/** `slices` are all that the plan writes and all that it leaves, with other hints: those of the latter that differ are written, too. */
function replaced(plan: SlicePlan, settled: readonly EndpointSlice[], slices: readonly EndpointSlice[]): SlicePlan {
  const updated = new Set(plan.update.map(nameOf));
  const untouched = new Set(settled);
  return {
    create: slices.filter((slice) => nameOf(slice) === ''),
    update: slices.filter((slice) => nameOf(slice) !== '' && (updated.has(nameOf(slice)) || !untouched.has(slice))),
    remove: plan.remove,
  };
}

function withTriggerTime(slice: EndpointSlice, time: string | undefined): EndpointSlice {
  const { [triggerTimeAnnotation]: _, ...annotations } = slice.metadata?.annotations ?? {};
  const all = time === undefined ? annotations : { ...annotations, [triggerTimeAnnotation]: time };
  return { ...slice, metadata: { ...slice.metadata, annotations: all } };
}

export const isLive = (slice: EndpointSlice): boolean => !isDeleting(slice);
