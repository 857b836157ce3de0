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

export const manager = 'endpointslicemirroring-controller.k8s.io';

/** As upstream's `--mirroring-max-endpoints-per-subset`. */
const addressesPerSubsetMax = 1000;

/** Of the object itself: whether its Service leaves it to hands is another question. */
export const wantsMirror = ({ metadata }: Endpoints): boolean =>
  metadata?.labels?.['endpointslice.kubernetes.io/skip-mirror'] !== 'true' &&
  !(leaderAnnotation in (metadata?.annotations ?? {}));

export interface MirrorDecision extends SlicePlan {
  readonly warnings: readonly { readonly reason: string; readonly message: string }[];
}

interface Mirror {
  readonly addressType: 'IPv4' | 'IPv6';
  readonly ports: readonly SlicePort[];
  readonly endpoints: Map<string, Endpoint>;
}

/** @param slices those of this loop for these Endpoints */
export function decideMirror(endpoints: Endpoints, slices: readonly EndpointSlice[]): MirrorDecision {
  const { mirrors, warnings } = mirrorsOf(endpoints);
  const existing = Map.groupBy(slices, ({ addressType, ports }) => `${addressType} ${portsKey(ports)}`);
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const kept = new Set<EndpointSlice>();
  for (const [key, mirror] of mirrors) {
    if (mirror.endpoints.size === 0) continue;
    const fresh = sliceOf(endpoints, mirror);
    const [first] = existing.get(key) ?? [];
    if (first === undefined) create.push(fresh);
    else {
      kept.add(first);
      if (!isMirror(first, fresh)) update.push(inPlaceOf(first, fresh));
    }
  }
  const remove = slices.filter((slice) => !kept.has(slice));
  return { ...recycle({ create, update, remove }), warnings };
}

function mirrorsOf({ subsets = [] }: Endpoints): {
  readonly mirrors: ReadonlyMap<string, Mirror>;
  readonly warnings: MirrorDecision['warnings'];
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
  return { mirrors, warnings: warningsOf(invalid, skipped) };
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
