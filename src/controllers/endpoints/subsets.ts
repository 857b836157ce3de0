/**
 * The subsets of Endpoints: addresses that share all their ports stand together once, in a fixed order, so that the same pods always
 * give the same subsets (upstream's `RepackSubsets`). Pure.
 */
import type { EndpointAddress, EndpointPort, EndpointSubset } from '../../api/schema/types/core-v1.ts';

/** One address at one port, or at none. */
export interface Reached {
  readonly address: EndpointAddress;
  readonly port: EndpointPort | undefined;
  readonly ready: boolean;
}

interface AddressPorts {
  readonly address: EndpointAddress;
  /** By the port's text. Not ready at a port once is not ready there. */
  readonly ports: Map<string, { readonly port: EndpointPort | undefined; ready: boolean }>;
}

export function subsetsOf(reached: readonly Reached[]): readonly EndpointSubset[] {
  const addresses = new Map<string, AddressPorts>();
  for (const { address, port, ready } of reached) {
    const key = `${address.ip}\0${address.targetRef?.uid ?? ''}`;
    const { ports } = addresses.get(key) ?? {
      ports: new Map<string, { port: EndpointPort | undefined; ready: boolean }>(),
    };
    if (!addresses.has(key)) addresses.set(key, { address, ports });
    const known = ports.get(portText(port));
    if (known === undefined) ports.set(portText(port), { port, ready });
    else known.ready &&= ready;
  }
  return byPort(addresses);
}

/** Ports that the same addresses offer, each as ready there, are one subset. */
function byPort(addresses: ReadonlyMap<string, AddressPorts>): readonly EndpointSubset[] {
  interface Offer {
    readonly port: EndpointPort | undefined;
    readonly ready: EndpointAddress[];
    readonly notReady: EndpointAddress[];
  }
  const offers = new Map<string, Offer>();
  for (const { address, ports } of addresses.values()) {
    for (const [text, { port, ready }] of ports) {
      const offer = offers.get(text) ?? { port, ready: [], notReady: [] };
      offers.set(text, offer);
      (ready ? offer.ready : offer.notReady).push(address);
    }
  }
  const alike = Map.groupBy(offers.values(), ({ ready, notReady }) =>
    [ready, notReady].map((list) => list.map(addressText).toSorted().join()).join(';'),
  );
  const subsets = [...alike.values()].map((same): EndpointSubset => {
    const ports = same.flatMap(({ port }) => port ?? []).toSorted((a, b) => order(portText(a), portText(b)));
    const [{ ready, notReady } = { ready: [], notReady: [] }] = same;
    return {
      ...(ready.length > 0 && { addresses: ready.toSorted(orderAddresses) }),
      ...(notReady.length > 0 && { notReadyAddresses: notReady.toSorted(orderAddresses) }),
      ...(ports.length > 0 && { ports }),
    };
  });
  return subsets.toSorted((a, b) => order(subsetText(a), subsetText(b)));
}

const portText = (port: EndpointPort | undefined): string =>
  port === undefined
    ? ''
    : JSON.stringify([port.name ?? '', port.port, port.protocol ?? 'TCP', port.appProtocol ?? null]);

const addressText = ({ ip, targetRef }: EndpointAddress): string => `${ip} ${targetRef?.uid ?? ''}`;

const subsetText = ({ addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset): string =>
  JSON.stringify([ports.map(portText), addresses.map(addressText), notReadyAddresses.map(addressText)]);

const orderAddresses = (a: EndpointAddress, b: EndpointAddress): number => order(addressText(a), addressText(b));

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** What an Endpoints object holds at most; more is for EndpointSlices. */
export const addressesMax = 1000;

export const addressCountOf = (subsets: readonly EndpointSubset[]): number =>
  subsets.reduce(
    (sum, { addresses = [], notReadyAddresses = [] }) => sum + addresses.length + notReadyAddresses.length,
    0,
  );

/** The same where they are few enough; else each subset gives in proportion, and what is not ready goes first. */
export function truncated(subsets: readonly EndpointSubset[]): readonly EndpointSubset[] {
  if (addressCountOf(subsets) <= addressesMax) return subsets;
  const readyTotal = subsets.reduce((sum, { addresses = [] }) => sum + addresses.length, 0);
  const cutsReady = readyTotal > addressesMax;
  const total = cutsReady ? readyTotal : addressCountOf(subsets) - readyTotal;
  const places = cutsReady ? addressesMax : addressesMax - readyTotal;
  let left = places;
  const take = (list: readonly EndpointAddress[]): readonly EndpointAddress[] => {
    const taken = list.slice(0, Math.min(Math.ceil((list.length / total) * places), left));
    left -= taken.length;
    return taken;
  };
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ...subset }) => {
    const ready = cutsReady ? take(addresses) : addresses;
    const notReady = cutsReady ? [] : take(notReadyAddresses);
    // One of neither would not be valid.
    if (ready.length + notReady.length === 0) return [];
    return {
      ...subset,
      ...(ready.length > 0 && { addresses: ready }),
      ...(notReady.length > 0 && { notReadyAddresses: notReady }),
    };
  });
}
