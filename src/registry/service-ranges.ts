/**
 * The networks that Services' addresses come from: the cluster's own (one, or one of each family, the first of which is the primary), and those
 * of ServiceCIDRs of these families that are ready and not on their way out.
 *
 * ```
 *  .0  .1 ········ static ········ · ················ given to those who ask for none in particular ················ .last
 *  network         (a sixteenth, 16 to 256; those who ask for a fixed one rarely meet a chosen one there)            broadcast (IPv4)
 * ```
 * Who needs them elsewhere asks the API: ServiceCIDRs say the ranges (`kubernetes` is the cluster's own), Service `kube-system/kube-dns` the address
 * of DNS, which is `dnsAddress` of the first range.
 *
 * Kept true: a cluster never changes its own ranges in silence; a second family may come to the first.
 */
import type { IPFamily } from '../api/schema/types/core-v1.ts';
import type { ServiceCIDR } from '../api/schema/types/networking-v1.ts';
import { contains, formatIp, networkAddress, parseCidr, parseIp } from '../lib/ip-addresses.ts';
import type { Store } from '../store/store.ts';

/** Where nobody says otherwise. */
export const defaultServiceCidrs: readonly string[] = ['10.43.0.0/16'];
export const cidrCollection = 'servicecidrs.networking.k8s.io';
/** The ServiceCIDR that shows the cluster's own. */
export const ownCidrName = 'kubernetes';

/** More addresses than this have no turn to be chosen: those who want one of the rest name it. */
const choiceMax = 2 ** 32;

export class AddressRange {
  readonly family: IPFamily;
  readonly #network: NonNullable<ReturnType<typeof parseCidr>>;
  readonly #start: bigint;
  readonly #last: bigint;
  /** The first that is given to who asks for none in particular, counted from the network's own address. */
  readonly firstChosen: number;
  /** The last that is given at all, counted likewise; below 1 where there is none. */
  readonly lastChosen: number;

  /** @throws Error for what is no network */
  constructor(cidr: string) {
    const network = parseCidr(cidr);
    if (network === undefined) throw new Error(`no network: ${cidr}`);
    this.family = network.address.family;
    this.#network = network;
    this.#start = networkAddress(network).bits;
    const width = this.family === 'IPv4' ? 32 : 128;
    const size = 2 ** (width - network.prefix);
    this.#last = (1n << BigInt(width - network.prefix)) - (this.family === 'IPv4' ? 2n : 1n);
    this.lastChosen = Number(this.#last < BigInt(choiceMax) ? this.#last : BigInt(choiceMax));
    this.firstChosen = 1 + (size <= 16 ? 0 : Math.min(256, Math.max(16, Math.floor(size / 16))));
  }

  addressAt(offset: number): string {
    return formatIp({ ...this.#network.address, bits: this.#start + BigInt(offset) });
  }

  /** One to give: the network's own address and IPv4's broadcast address are not. */
  has(text: string): boolean {
    const address = parseIp(text);
    if (address === undefined || !contains(this.#network, address) || formatIp(address) !== text) return false;
    const offset = address.bits - this.#start;
    return offset > 0n && offset <= this.#last;
  }
}

/** What the cluster's DNS answers at, in its first range. */
export const dnsAddress = (cidr: string): string => new AddressRange(cidr).addressAt(10);

export class ServiceRanges {
  readonly #store: Store;
  readonly #told: readonly string[] | undefined;
  #cidrs: readonly string[];
  #own: readonly AddressRange[];

  /** @param cidrs what the cluster was told; absent: what its state says, else the default. @throws Error for what is no network */
  constructor(store: Store, cidrs?: readonly string[]) {
    this.#store = store;
    this.#told = cidrs;
    this.#cidrs = cidrs ?? defaultServiceCidrs;
    this.#own = this.#cidrs.map((cidr) => new AddressRange(cidr));
  }

  /**
   * Once the store can be read: the cluster's ranges are those of its state.
   * @throws Error, one sentence, where it was told to have others
   */
  settle(): void {
    const standing = ownCidrs(this.#store);
    if (standing === undefined) return;
    const told = this.#told ?? standing;
    if (!mayBecome(standing, told)) throw new Error(changeRefused(standing, told));
    this.#cidrs = told;
    this.#own = told.map((cidr) => new AddressRange(cidr));
  }

  /** The cluster's own; the first is the primary one. */
  get cidrs(): readonly string[] {
    return this.#cidrs;
  }

  /** Those that Services can have; the primary first. */
  get families(): readonly IPFamily[] {
    return this.#own.map(({ family }) => family);
  }

  get primaryFamily(): 'IPv4' | 'IPv6' {
    return this.#own[0]?.family === 'IPv6' ? 'IPv6' : 'IPv4';
  }

  /** Of the `kubernetes` Service. */
  get apiAddress(): string {
    return this.#own[0]?.addressAt(1) ?? '';
  }

  /** Of one family, the cluster's own first. */
  of(family: IPFamily): readonly AddressRange[] {
    const own = this.#own.filter((range) => range.family === family);
    return own.length === 0 ? [] : [...own, ...this.#others(family)];
  }

  /** A ServiceCIDR that nobody has judged yet counts as ready, as upstream's. */
  #others(family: IPFamily): AddressRange[] {
    const cidrs = new Set<string>();
    for (const { object } of this.#store.list(cidrCollection).entries) {
      const { spec, status, metadata } = object as ServiceCIDR;
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      if ((ready?.status ?? 'True') !== 'True' || metadata?.deletionTimestamp !== undefined) continue;
      for (const cidr of spec?.cidrs ?? []) if (!this.#cidrs.includes(cidr)) cidrs.add(cidr);
    }
    return [...cidrs].map((cidr) => new AddressRange(cidr)).filter((range) => range.family === family);
  }
}

function ownCidrs(store: Store): readonly string[] | undefined {
  const own: ServiceCIDR | undefined = store.get({
    collection: cidrCollection,
    namespace: '',
    name: ownCidrName,
  })?.object;
  return own?.spec?.cidrs;
}

/** The same, or a second family beside the first. */
export function mayBecome(standing: readonly string[], wanted: readonly string[]): boolean {
  const isSame = standing.every((cidr, index) => cidr === wanted[index]);
  return isSame && (wanted.length === standing.length || standing.length === 1);
}

export function changeRefused(standing: readonly string[], wanted: readonly string[]): string {
  return `this cluster's Services have their addresses from ${standing.join(',')}, which cannot become ${wanted.join(',')} (a range of the other family may be added behind it); for other addresses make a new cluster, with another NARU_HOME or after naru down --all`;
}
