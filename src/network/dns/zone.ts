/**
 * What of the cluster has names: its Services, their EndpointSlices, its Namespaces and its networks, as they are now. It holds the informers' frozen
 * objects and copies nothing. `records.ts` reads it.
 *
 * Addresses are looked up backwards rarely: the index for that is made with the first such question, and kept from then on.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { canonicalAddress } from './addresses.ts';

/** What an answer was made of: when that changes, the answer is no longer true. */
export const ownerOf = {
  service: (namespace: string, name: string): string => `${namespace}/${name}`,
  namespace: (name: string): string => `${name}/`,
  /** Of all answers about addresses. */
  addresses: ' addresses',
  /** Of what never changes. */
  nobody: '',
};

const serviceNameLabel = 'kubernetes.io/service-name';

export class Zone {
  /** Until it is told of the cluster, nothing is known to be absent. */
  isKnown = false;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, readonly EndpointSlice[]>();
  readonly #namespaces = new Set<string>();
  #networks: BlockList | undefined;
  /** By address: the owners (Services) that have it. */
  #byAddress: Map<string, Set<string>> | undefined;
  readonly #cidrs: () => Iterable<string>;
  readonly #changed: (owner: string) => void;

  /**
   * @param cidrs the ranges of pods and Services, asked for when they are needed
   * @param changed is told whose answers are no longer true
   */
  constructor(cidrs: () => Iterable<string>, changed: (owner: string) => void) {
    this.#cidrs = cidrs;
    this.#changed = changed;
  }

  service(owner: string): Service | undefined {
    return this.#services.get(owner);
  }

  /** Of a Service; without those that are no addresses. */
  slices(owner: string): readonly EndpointSlice[] {
    return this.#slices.get(owner) ?? [];
  }

  hasNamespace(name: string): boolean {
    return this.#namespaces.has(name);
  }

  /** Pods and Services have their addresses from there, and nobody else knows names for them. */
  isOwnAddress(address: string): boolean {
    this.#networks ??= networksOf(this.#cidrs());
    return this.#networks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  /** The Services that have it as their own, or as that of an endpoint. */
  ownersOf(address: string): readonly string[] {
    this.#byAddress ??= this.#indexed();
    return [...(this.#byAddress.get(address) ?? [])];
  }

  putService(service: Service): void {
    const owner = ownerOf.service(service.metadata?.namespace ?? '', service.metadata?.name ?? '');
    this.#unfile(owner);
    this.#services.set(owner, service);
    this.#file(owner);
    this.#tell(owner);
  }

  removeService(owner: string): void {
    this.#unfile(owner);
    this.#services.delete(owner);
    this.#file(owner);
    this.#tell(owner);
  }

  putSlice(slice: EndpointSlice): void {
    if (slice.addressType === 'FQDN') return;
    this.#replaceSlice(slice, slice);
  }

  removeSlice(slice: EndpointSlice): void {
    this.#replaceSlice(slice, undefined);
  }

  putNamespace(name: string): void {
    this.#namespaces.add(name);
    this.#changed(ownerOf.namespace(name));
  }

  removeNamespace(name: string): void {
    this.#namespaces.delete(name);
    this.#changed(ownerOf.namespace(name));
  }

  /** The ranges of pods and Services are others. */
  networksChanged(): void {
    this.#networks = undefined;
    this.#changed(ownerOf.addresses);
  }

  get services(): Iterable<Service> {
    return this.#services.values();
  }

  *everySlice(): Iterable<EndpointSlice> {
    for (const slices of this.#slices.values()) yield* slices;
  }

  get namespaces(): Iterable<string> {
    return this.#namespaces;
  }

  #replaceSlice(slice: EndpointSlice, next: EndpointSlice | undefined): void {
    const { namespace = '', name, labels } = slice.metadata ?? {};
    const service = labels?.[serviceNameLabel];
    if (service === undefined) return;
    const owner = ownerOf.service(namespace, service);
    this.#unfile(owner);
    const others = this.slices(owner).filter(({ metadata }) => metadata?.name !== name);
    const slices = next === undefined ? others : [...others, next];
    if (slices.length === 0) this.#slices.delete(owner);
    else this.#slices.set(owner, slices);
    this.#file(owner);
    this.#tell(owner);
  }

  #tell(owner: string): void {
    this.#changed(owner);
    if (this.#byAddress !== undefined) this.#changed(ownerOf.addresses);
  }

  #indexed(): Map<string, Set<string>> {
    this.#byAddress = new Map();
    for (const owner of new Set([...this.#services.keys(), ...this.#slices.keys()])) this.#file(owner);
    return this.#byAddress;
  }

  #file(owner: string): void {
    if (this.#byAddress === undefined) return;
    for (const address of this.#addressesOf(owner)) {
      const owners = this.#byAddress.get(address);
      if (owners === undefined) this.#byAddress.set(address, new Set([owner]));
      else owners.add(owner);
    }
  }

  #unfile(owner: string): void {
    if (this.#byAddress === undefined) return;
    for (const address of this.#addressesOf(owner)) {
      const owners = this.#byAddress.get(address);
      owners?.delete(owner);
      if (owners?.size === 0) this.#byAddress.delete(address);
    }
  }

  *#addressesOf(owner: string): Iterable<string> {
    for (const address of clusterAddresses(this.#services.get(owner))) yield address;
    for (const { endpoints } of this.slices(owner))
      for (const { addresses } of endpoints ?? [])
        for (const address of addresses) {
          const canonical = canonicalAddress(address);
          if (canonical !== undefined) yield canonical;
        }
  }
}

/** Both families; none of headless Services and those that are names of others. */
export function clusterAddresses(service: Service | undefined): readonly string[] {
  const { type, clusterIP, clusterIPs = clusterIP === undefined ? [] : [clusterIP] } = service?.spec ?? {};
  if (type === 'ExternalName') return [];
  return clusterIPs.flatMap((address) => canonicalAddress(address) ?? []);
}

function networksOf(cidrs: Iterable<string>): BlockList {
  const networks = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix] = cidr.split('/');
    if (isIP(address) !== 0) networks.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return networks;
}
