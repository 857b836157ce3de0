/**
 * The networks that Services' addresses come from: the cluster's own, and those of ServiceCIDRs that are ready and not on their way out.
 * Pure but for reading the store. IPv4 alone, as the cluster (`strategies/service-families.ts`).
 *
 * ```
 *  .0  .1 ········ static ········ · ················ given to those who ask for none in particular ················ .last
 *  network         (a sixteenth, 16 to 256; those who ask for a fixed one rarely meet a chosen one there)            broadcast
 * ```
 */
import type { ServiceCIDR } from '../api/schema/types/networking-v1.ts';
import type { Store } from '../store/store.ts';
import { contains, formatIp, networkAddress, parseCidr, parseIp } from './validation/ip-addresses.ts';

/** The cluster's own, which its ServiceCIDR `kubernetes` shows. */
export const clusterCidr = '10.43.0.0/16';
export const cidrCollection = 'servicecidrs.networking.k8s.io';

export class AddressRange {
  readonly #network: NonNullable<ReturnType<typeof parseCidr>>;
  readonly #start: bigint;
  /** Addresses from the network's own to its broadcast address, both included. */
  readonly size: number;
  /** The first that is given to who asks for none in particular. */
  readonly firstChosen: number;

  constructor(cidr: string) {
    const network = parseCidr(cidr);
    if (network === undefined) throw new Error(`no network: ${cidr}`);
    this.#network = network;
    this.#start = networkAddress(network).bits;
    this.size = 2 ** (32 - network.prefix);
    const usable = Math.max(0, this.size - 2);
    this.firstChosen = 1 + (usable <= 16 ? 0 : Math.min(256, Math.max(16, Math.floor(usable / 16))) - 1);
  }

  addressAt(offset: number): string {
    return formatIp({ ...this.#network.address, bits: this.#start + BigInt(offset) });
  }

  /** One to give: the network's own address and its broadcast address are not. */
  has(text: string): boolean {
    const address = parseIp(text);
    if (address === undefined || !contains(this.#network, address) || formatIp(address) !== text) return false;
    const offset = Number(address.bits - this.#start);
    return offset > 0 && offset < this.size - 1;
  }
}

const own = new AddressRange(clusterCidr);

/** The address of the `kubernetes` Service. */
export const apiServiceAddress = own.addressAt(1);

/** The cluster's own first. */
export function serviceRanges(store: Store): readonly AddressRange[] {
  const cidrs = new Set<string>();
  for (const { object } of store.list(cidrCollection).entries) {
    const { spec, status, metadata } = object as ServiceCIDR;
    const isReady = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
    if (!isReady || metadata?.deletionTimestamp !== undefined) continue;
    for (const cidr of spec?.cidrs ?? []) if (cidr !== clusterCidr && !cidr.includes(':')) cidrs.add(cidr);
  }
  return [own, ...[...cidrs].map((cidr) => new AddressRange(cidr))];
}
