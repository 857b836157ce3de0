/**
 * The slices that mirror hand-made Endpoints: one for each subset and address type. Pure.
 *
 * Of a subset with more than a thousand addresses the rest is left out, and an event says so.
 */
import type { EndpointAddress, EndpointPort, Endpoints } from '../../api/schema/types/core-v1.ts';
import type { Endpoint, EndpointSlice, EndpointPort as SlicePort } from '../../api/schema/types/discovery-v1.ts';
import { endpoints as endpointsResource } from '../../client/resources.ts';
import { nameOf, namespaceOf } from '../shared/context.ts';
import {
  endpointKey,
  inPlaceOf,
  managedByLabel,
  portsKey,
  recycle,
  type SlicePlan,
  saysTheSame,
  serviceNameLabel,
  slicePrefix,
} from '../shared/endpoint-slices.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { canonicalIp } from '../shared/ip.ts';
import { controllerReference } from '../shared/ownership.ts';
import { leaderAnnotation, triggerTimeAnnotation } from '../shared/service-pods.ts';
import type { SliceTotals } from '../shared/slice-metrics.ts';

export const manager = 'endpointslicemirroring-controller.k8s.io';

/** As upstream's `--mirroring-max-endpoints-per-subset`. */
const addressesPerSubsetMax = 1000;

/** Of the object itself: whether its Service leaves it to hands is another question. */
export const wantsMirror = ({ metadata }: Endpoints): boolean =>
  metadata?.labels?.['endpointslice.kubernetes.io/skip-mirror'] !== 'true' &&
  !(leaderAnnotation in (metadata?.annotations ?? {}));

/** What is counted about the mirrors of some Endpoints. */
export interface MirrorCounts extends SliceTotals {
  readonly added: number;
  readonly updated: number;
  readonly removed: number;
  /** Addresses that have no mirror, since they are none or too many. */
  readonly skipped: number;
}

export interface MirrorDecision extends SlicePlan {
  readonly counts: MirrorCounts;
  readonly warnings: readonly { readonly reason: string; readonly message: string }[];
}

interface Mirror {
  readonly addressType: 'IPv4' | 'IPv6';
  readonly ports: readonly SlicePort[];
  readonly endpoints: Map<string, Endpoint>;
}

/** @param slices those of this loop for these Endpoints */
export function decideMirror(endpoints: Endpoints, slices: readonly EndpointSlice[]): MirrorDecision {
  const { mirrors, warnings, skipped } = mirrorsOf(endpoints);
  const existing = Map.groupBy(slices, ({ addressType, ports }) => `${addressType} ${portsKey(ports)}`);
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const kept = new Set<EndpointSlice>();
  let changes = noChanges;
  for (const [key, mirror] of mirrors) {
    if (mirror.endpoints.size === 0) continue;
    const fresh = sliceOf(endpoints, mirror);
    const [first] = existing.get(key) ?? [];
    changes = plus(changes, changesOf(first?.endpoints ?? [], fresh.endpoints ?? []));
    if (first === undefined) create.push(fresh);
    else {
      kept.add(first);
      if (!isMirror(first, fresh)) update.push(inPlaceOf(first, fresh));
    }
  }
  const remove = slices.filter((slice) => !kept.has(slice));
  const plan = recycle({ create, update, remove });
  const sizes = [...mirrors.values()].map((mirror) => mirror.endpoints.size);
  const counts: MirrorCounts = {
    ...changes,
    skipped,
    endpoints: sizes.reduce((all, size) => all + size, 0),
    slices: slices.length + plan.create.length - plan.remove.length,
    slicesWanted: sizes.filter((size) => size > 0).length,
  };
  return { ...plan, warnings, counts };
}

type Changes = Pick<MirrorCounts, 'added' | 'updated' | 'removed'>;

const noChanges: Changes = { added: 0, updated: 0, removed: 0 };

const plus = (a: Changes, b: Changes): Changes => ({
  added: a.added + b.added,
  updated: a.updated + b.updated,
  removed: a.removed + b.removed,
});

function changesOf(standing: readonly Endpoint[], wanted: readonly Endpoint[]): Changes {
  const byKey = new Map(standing.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const known = wanted.flatMap((endpoint) => {
    const before = byKey.get(endpointKey(endpoint));
    return before === undefined ? [] : [saysTheSame(before, endpoint)];
  });
  return {
    added: wanted.length - known.length,
    updated: known.filter((same) => !same).length,
    removed: standing.length - known.length,
  };
}

function mirrorsOf({ subsets = [] }: Endpoints): {
  readonly mirrors: ReadonlyMap<string, Mirror>;
  readonly warnings: MirrorDecision['warnings'];
  readonly skipped: number;
} {
  const mirrors = new Map<string, Mirror>();
  let invalid = 0;
  let skipped = 0;
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const slicePorts = ports.map(slicePortOf);
    let added = 0;
    for (const [list, ready] of [[addresses, true] as const, [notReadyAddresses, false] as const]) {
      for (const address of list) {
        const ip = added < addressesPerSubsetMax ? canonicalIp(address.ip) : undefined;
        if (ip === undefined) {
          if (added < addressesPerSubsetMax) invalid++;
          skipped++;
          continue;
        }
        const key = `${ip.family} ${portsKey(slicePorts)}`;
        const mirror = mirrors.get(key) ?? { addressType: ip.family, ports: slicePorts, endpoints: new Map() };
        mirrors.set(key, mirror);
        const endpoint = endpointOf(address, ip.text, ready);
        mirror.endpoints.set(endpointKey(endpoint), endpoint);
        added++;
      }
    }
  }
  return { mirrors, warnings: warningsOf(invalid, skipped), skipped };
}

function warningsOf(invalid: number, skipped: number): MirrorDecision['warnings'] {
  const invalidText = `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`;
  const most = `A max of ${addressesPerSubsetMax} addresses can be mirrored to EndpointSlices per Endpoints subset`;
  const tooMany = { reason: 'TooManyAddressesToMirror', message: `${most}. ${skipped} addresses were skipped` };
  return [
    ...(invalid > 0 ? [{ reason: 'InvalidIPAddress', message: invalidText }] : []),
    ...(skipped > invalid ? [tooMany] : []),
  ];
}

const slicePortOf = ({ name = '', port, protocol = 'TCP', appProtocol }: EndpointPort): SlicePort => ({
  name,
  port,
  protocol,
  ...(appProtocol !== undefined && { appProtocol }),
});

function endpointOf({ nodeName, hostname, targetRef }: EndpointAddress, ip: string, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(targetRef && { targetRef }),
    ...(nodeName && { nodeName }),
    ...(hostname && { hostname }),
  };
}

function sliceOf(endpoints: Endpoints, { addressType, ports, endpoints: all }: Mirror): EndpointSlice {
  const { labels, annotations = {} } = endpoints.metadata ?? {};
  const copied = Object.entries(annotations).filter(([name]) => !unmirroredAnnotations.has(name));
  return {
    metadata: {
      namespace: namespaceOf(endpoints),
      generateName: slicePrefix(nameOf(endpoints)),
      labels: { ...labels, [serviceNameLabel]: nameOf(endpoints), [managedByLabel]: manager },
      annotations: Object.fromEntries(copied),
      ownerReferences: [controllerReference(endpointsResource, endpoints)],
    },
    addressType,
    ports,
    endpoints: [...all.values()].slice(0, addressesPerSubsetMax),
  };
}

const unmirroredAnnotations: ReadonlySet<string> = new Set([
  triggerTimeAnnotation,
  'kubectl.kubernetes.io/last-applied-configuration',
]);

/** Does the slice say all that it should, and nothing else? In whatever order. */
function isMirror(slice: EndpointSlice, fresh: EndpointSlice): boolean {
  const [now, wanted] = [slice.endpoints ?? [], fresh.endpoints ?? []];
  const byKey = new Map(now.map((endpoint) => [endpointKey(endpoint), endpoint]));
  return (
    now.length === wanted.length &&
    wanted.every((endpoint) => saysTheSame(endpoint, byKey.get(endpointKey(endpoint)) ?? { addresses: [] })) &&
    wanted.every((endpoint) => byKey.has(endpointKey(endpoint))) &&
    semanticallyEqual(textsOf(slice), textsOf(fresh))
  );
}

/** Values may be empty, and count. */
const textsOf = ({ metadata }: EndpointSlice): unknown =>
  [metadata?.labels ?? {}, metadata?.annotations ?? {}].map((texts) =>
    Object.entries(texts)
      .map(([name, value]) => `${name}=${value}`)
      .toSorted(),
  );
