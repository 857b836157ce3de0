/**
 * Which addresses each LoadBalancer Service has. Pure, and level-triggered: the Services' statuses are the book, so that a restart changes nothing.
 *
 * ```
 *   Services, those with an address first, then by age ──▶ what it asks for (addresses, pool) ──▶ what it has, if that still holds
 *                                                                                            └─▶ else the first free one
 * ```
 * One address may have several Services where all of them allow it by the same key, with different ports and the same way for outside traffic. Without
 * pools every Service has the nodes' own addresses, and ports must differ; those of the gateway and of the machine itself are taken.
 */
import { objectKey } from '../../api/object.ts';
import type { Node, Service, ServicePort } from '../../api/schema/types/core-v1.ts';
import { familyOf, formatIp, parseIp } from '../../lib/ip-addresses.ts';
import { entryNodes, publicAddresses } from '../entry-nodes.ts';
import { type AddressPool, addressIn, spanHolds } from './settings.ts';

export const loadBalancerClass = 'naru.io/load-balancer';
export const annotations = {
  addresses: 'naru.io/load-balancer-ips',
  pool: 'naru.io/load-balancer-pool',
  sharing: 'naru.io/allow-shared-ip',
} as const;

export interface LoadBalancerWorld {
  readonly services: readonly Service[];
  readonly nodes: readonly Node[];
  readonly pools: readonly AddressPool[];
  /** Ports of the nodes' own addresses that others listen on, and who. */
  readonly takenPorts: ReadonlyMap<number, string>;
  /** Names of the nodes with a ready endpoint of the Service. */
  readonly endpointNodes: (service: Service) => ReadonlySet<string>;
}

export type Assignment =
  | { readonly kind: 'given'; readonly addresses: readonly string[]; readonly pool?: string }
  /** Whatever it had is taken from it. */
  | { readonly kind: 'refused'; readonly message: string };

export const wantsAddress = ({ spec, metadata }: Service): boolean =>
  spec?.type === 'LoadBalancer' &&
  metadata?.deletionTimestamp === undefined &&
  (spec.loadBalancerClass === undefined || spec.loadBalancerClass === loadBalancerClass);

export const addressesOf = ({ status }: Service): readonly string[] =>
  (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));

/** By `namespace/name`, of those that want addresses. */
export function allocate(world: LoadBalancerWorld): ReadonlyMap<string, Assignment> {
  const book = new AddressBook();
  const wanting = world.services.filter(wantsAddress).toSorted(byPrecedence);
  const assign = world.pools.length === 0 ? assignNodes(world, book) : assignFromPools(world, book);
  return new Map(wanting.map((service) => [objectKey(service), assign(service)]));
}

/** Who has something keeps it; of the others the oldest is first. */
function byPrecedence(left: Service, right: Service): number {
  const hasNone = (service: Service): number => (addressesOf(service).length === 0 ? 1 : 0);
  const age = ({ metadata }: Service): string =>
    `${metadata?.creationTimestamp ?? ''} ${objectKey({ metadata: metadata ?? {} })}`;
  return hasNone(left) - hasNone(right) || (age(left) < age(right) ? -1 : 1);
}

/** Who has which port of which address. */
class AddressBook {
  readonly #byAddress = new Map<string, Map<string, Service>>();

  /** The first Service that is in the way, with the port; undefined: none. */
  obstacle(address: string, service: Service, isAlwaysShared: boolean): string | undefined {
    const holders = this.#byAddress.get(address);
    if (holders === undefined) return undefined;
    for (const port of portsOf(service)) {
      const holder = holders.get(port);
      if (holder !== undefined) return `${port} of ${address} is in use by Service ${objectKey(holder)}`;
    }
    if (isAlwaysShared) return undefined;
    const stranger = [...holders.values()].find((holder) => !mayShare(holder, service));
    return stranger && `${address} is in use by Service ${objectKey(stranger)}`;
  }

  note(address: string, service: Service): void {
    const holders = this.#byAddress.get(address) ?? new Map<string, Service>();
    this.#byAddress.set(address, holders);
    for (const port of portsOf(service)) holders.set(port, service);
  }
}

const portsOf = ({ spec }: Service): string[] =>
  (spec?.ports ?? []).map(({ port, protocol = 'TCP' }: ServicePort) => `port ${port}/${protocol}`);

function mayShare(left: Service, right: Service): boolean {
  const key = ({ metadata }: Service): string | undefined => metadata?.annotations?.[annotations.sharing];
  const way = ({ spec }: Service): string => {
    const { externalTrafficPolicy = 'Cluster', selector = {} } = spec ?? {};
    // Where the client's address is kept, the address lives where the pods are: they must be the same pods.
    return externalTrafficPolicy === 'Cluster' ? 'Cluster' : JSON.stringify(Object.entries(selector).toSorted());
  };
  return key(left) !== undefined && key(left) === key(right) && way(left) === way(right);
}

function assignNodes({ nodes, takenPorts, endpointNodes }: LoadBalancerWorld, book: AddressBook) {
  const entries = entryNodes(nodes);
  return (service: Service): Assignment => {
    if (asked(service).length > 0 || poolAsked(service) !== undefined)
      return refused('there are no pools of addresses to choose from: the settings of the network name none');
    const isLocal = service.spec?.externalTrafficPolicy === 'Local';
    const near = isLocal ? endpointNodes(service) : undefined;
    const addresses = entries
      .filter(({ metadata }) => near === undefined || near.has(metadata?.name ?? ''))
      .flatMap(publicAddresses)
      .filter((address) => familiesOf(service).includes(familyOf(address) ?? ''));
    const taken = (service.spec?.ports ?? []).find(
      ({ port, protocol = 'TCP' }) => protocol === 'TCP' && takenPorts.has(port),
    );
    if (taken !== undefined)
      return refused(`port ${taken.port} of the nodes is in use by ${takenPorts.get(taken.port)}`);
    // Ports are held on all nodes, also where none is there now.
    const obstacle = book.obstacle('the nodes', service, true);
    if (obstacle !== undefined) return refused(obstacle);
    book.note('the nodes', service);
    return { kind: 'given', addresses: [...new Set(addresses)] };
  };
}

function assignFromPools({ pools }: LoadBalancerWorld, book: AddressBook) {
  return (service: Service): Assignment => {
    const wanted = asked(service);
    const found = wanted.length > 0 ? byWish(service, wanted, pools, book) : freely(service, pools, book);
    if (found.kind === 'given') for (const address of found.addresses) book.note(address, service);
    return found;
  };
}

function byWish(
  service: Service,
  wanted: readonly string[],
  pools: readonly AddressPool[],
  book: AddressBook,
): Assignment {
  for (const address of wanted) {
    if (!familiesOf(service).includes(familyOf(address) ?? ''))
      return refused(`${address} is not of the Service's families`);
    const pool = pools.find((one) => mayUse(service, one) && one.addresses.some((span) => spanHolds(span, address)));
    if (pool === undefined) return refused(`${address} is in no pool that the Service may use`);
    const obstacle = book.obstacle(address, service, false);
    if (obstacle !== undefined) return refused(obstacle);
  }
  return { kind: 'given', addresses: wanted };
}

function freely(service: Service, pools: readonly AddressPool[], book: AddressBook): Assignment {
  const named = poolAsked(service);
  const open = pools.filter(
    (pool) => (named === undefined ? pool.autoAssign : pool.name === named) && mayUse(service, pool),
  );
  if (open.length === 0)
    return refused(
      named === undefined ? 'no pool of addresses is open to it' : `there is no pool ${named} that it may use`,
    );
  const isFree = (address: string): boolean => book.obstacle(address, service, false) === undefined;
  for (const pool of open) {
    const addresses = familiesOf(service).map(
      (family) => kept(service, family, pool, isFree) ?? firstFree(family, pool, isFree),
    );
    const missing = addresses.includes(undefined);
    const isEnough = service.spec?.ipFamilyPolicy === 'PreferDualStack' ? addresses.some(Boolean) : !missing;
    if (!isEnough) continue;
    return { kind: 'given', addresses: addresses.filter((one) => one !== undefined), pool: pool.name };
  }
  return refused(`no address is free in ${open.map(({ name }) => name).join(', ')}`);
}

function kept(
  service: Service,
  family: string,
  pool: AddressPool,
  isFree: (address: string) => boolean,
): string | undefined {
  return addressesOf(service).find(
    (address) =>
      familyOf(address) === family && pool.addresses.some((span) => spanHolds(span, address)) && isFree(address),
  );
}

/** Looked for no further: a pool that is so large has other faults when it is full. */
const lookedMax = 65_536n;

function firstFree(family: string, pool: AddressPool, isFree: (address: string) => boolean): string | undefined {
  for (const span of pool.addresses.filter((one) => one.family === family)) {
    for (let offset = 0n; offset <= span.last - span.first && offset < lookedMax; offset++) {
      const address = addressIn(span, offset);
      if (isFree(address)) return address;
    }
  }
  return undefined;
}

const mayUse = ({ metadata }: Service, { namespaces }: AddressPool): boolean =>
  namespaces.length === 0 || namespaces.includes(metadata?.namespace ?? '');

const poolAsked = ({ metadata }: Service): string | undefined => metadata?.annotations?.[annotations.pool] || undefined;

const familiesOf = ({ spec }: Service): readonly string[] => spec?.ipFamilies ?? ['IPv4'];

/** The annotation wins over the deprecated field. What is no address stays as it is, and is refused for that. */
function asked({ metadata, spec }: Service): readonly string[] {
  const text = metadata?.annotations?.[annotations.addresses] ?? spec?.loadBalancerIP ?? '';
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return parts.map((part) => {
    const address = parseIp(part);
    return address === undefined ? part : formatIp(address);
  });
}

const refused = (message: string): Assignment => ({ kind: 'refused', message });
