/** What must be known of each Service at the end: the addresses of its pods, all of them, each once, and no others. */
import type { Endpoints, Pod, Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { IPAddress } from '../../api/schema/types/networking-v1.ts';
import type { Store } from '../../store/store.ts';
import { isFinished, isReady, list, problemsOf, selected } from './convergence-list.ts';

const serviceLabel = 'kubernetes.io/service-name';
const managerLabel = 'endpointslice.kubernetes.io/managed-by';
const addressesOfServices = 'ipaddresses.networking.k8s.io';
const ownManager = 'endpointslice-controller.k8s.io';
const mirrorManager = 'endpointslicemirroring-controller.k8s.io';

export function servicesKnown(store: Store): readonly string[] {
  const pods = list<Pod>(store, 'pods');
  const slices = list<EndpointSlice>(store, 'endpointslices.discovery.k8s.io');
  const all = list<Endpoints>(store, 'endpoints');
  return [
    ...problemsOf<Service>(store, 'services', (service) => {
      const { namespace, name } = service.metadata ?? {};
      const isOf = ({ metadata }: EndpointSlice | Endpoints, label: string | undefined): boolean =>
        metadata?.namespace === namespace && label === name;
      const own = slices.filter((slice) => isOf(slice, slice.metadata?.labels?.[serviceLabel]));
      const endpoints = all.find((one) => isOf(one, one.metadata?.name));
      if (name === 'kubernetes') return undefined;
      return service.spec?.selector === undefined
        ? mirrorProblem(own, endpoints)
        : problemOf(service, pods, own, endpoints);
    }),
    ...problemsOf<EndpointSlice>(store, 'endpointslices.discovery.k8s.io', ({ metadata }) => {
      const isKnown = store.get({
        collection: 'services',
        namespace: metadata?.namespace ?? '',
        name: metadata?.labels?.[serviceLabel] ?? '',
      });
      // Nobody removes what was orphaned: as upstream, a later Service of the name takes it over.
      const isOrphan = metadata?.ownerReferences === undefined;
      return isKnown === undefined && !isOrphan ? 'is of a Service that is gone' : undefined;
    }),
  ];
}

/** Each address that a Service holds is an IPAddress of its own, and there is no other. */
export function addressesHeld(store: Store): readonly string[] {
  const holders = new Map<string, string>();
  for (const { metadata, spec } of list<Service>(store, 'services')) {
    for (const ip of spec?.clusterIPs ?? []) {
      if (ip !== 'None') holders.set(ip, `${metadata?.namespace}/${metadata?.name}`);
    }
  }
  const shown = list<IPAddress>(store, addressesOfServices).map(({ metadata }) => metadata?.name ?? '');
  const missing = [...holders].filter(([ip]) => !shown.includes(ip));
  return [
    ...missing.map(([ip, holder]) => `services ${holder} holds ${ip}, which is no IPAddress`),
    ...problemsOf<IPAddress>(store, addressesOfServices, ({ metadata, spec: { parentRef } }) =>
      holders.get(metadata?.name ?? '') === `${parentRef.namespace}/${parentRef.name}`
        ? undefined
        : `is of the Service ${parentRef.namespace}/${parentRef.name}, which does not hold it`,
    ),
  ];
}

function problemOf(
  { metadata, spec }: Service,
  pods: readonly Pod[],
  slices: readonly EndpointSlice[],
  endpoints: Endpoints | undefined,
): string | undefined {
  const ready = selected(pods, metadata?.namespace, { matchLabels: spec?.selector ?? {} })
    .filter((pod) => !isFinished(pod) && pod.status?.podIP && (isReady(pod) || spec?.publishNotReadyAddresses))
    .flatMap(({ status }) => (status?.podIPs ?? []).map(({ ip }) => ip));
  const of = (...families: readonly (string | undefined)[]): string =>
    text(ready.filter((ip) => families.includes(ip.includes(':') ? 'IPv6' : 'IPv4')));
  const wanted = of(...(spec?.ipFamilies ?? []));
  const own = slices.filter((slice) => slice.metadata?.labels?.[managerLabel] === ownManager);
  if (own.length !== slices.length) return 'is mirrored, and has a selector';
  const inSlices = text(
    own
      .flatMap(({ endpoints: ends }) => ends ?? [])
      .filter(({ conditions }) => conditions?.ready)
      .flatMap(({ addresses }) => addresses),
  );
  if (inSlices !== wanted) return `has the ready addresses ${inSlices} in its slices, and its pods have ${wanted}`;
  const inEndpoints = text(addressesOf(endpoints));
  // A named port that no pod has leaves the old kind without an address, and the new one without a port.
  const isPortless = spec?.ports?.some(({ targetPort }) => typeof targetPort === 'string') === true;
  const wantedFirst = of(spec?.ipFamilies?.[0]);
  return isPortless || inEndpoints === wantedFirst
    ? undefined
    : `has the endpoints ${inEndpoints}, and its pods have ${wantedFirst}`;
}

function mirrorProblem(slices: readonly EndpointSlice[], endpoints: Endpoints | undefined): string | undefined {
  const wanted = text(addressesOf(endpoints));
  const mirrored = slices.filter((slice) => slice.metadata?.labels?.[managerLabel] === mirrorManager);
  const there = text(mirrored.flatMap(({ endpoints: ends }) => ends ?? []).flatMap(({ addresses }) => addresses));
  return there === wanted ? undefined : `has the addresses ${wanted} by hand, and ${there} in its slices`;
}

const addressesOf = (endpoints: Endpoints | undefined): readonly string[] =>
  (endpoints?.subsets ?? []).flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip));

/** One that stands there twice is told as such. */
const text = (addresses: readonly string[]): string => `[${addresses.toSorted().join(' ')}]`;
