/**
 * The names of a cluster, by Kubernetes' DNS specification 1.1.0: which records a name of the cluster's domain has, made from the Zone when asked for.
 * Pure. What the specification leaves open is as CoreDNS does it: 5 seconds to live, endpoints without a hostname named by their address
 * (`10-42-0-5`), `pod` names for every address in a namespace that exists (`pods insecure`), SRV records also for a Service's own name.
 *
 * ```
 *   web.shop.svc.<domain>                   A, AAAA: the Service's addresses, or of headless ones those of the ready endpoints; SRV of all its ports
 *   _http._tcp.web.shop.svc.<domain>        SRV of the port `http`
 *   db-0.web.shop.svc.<domain>              A, AAAA, SRV of the ready endpoints with that hostname
 *   10-42-0-5.shop.pod.<domain>             A, AAAA
 *   dns-version.<domain>                    TXT        ns.dns.<domain>   A, AAAA: the name server      <domain>   SOA, NS
 * ```
 * A name that exists, or below which one exists, has no records of other types, and says so (NOERROR); every other does not exist (NXDOMAIN).
 */
import { isIP, isIPv4 } from 'node:net';
import type { Service, ServicePort } from '../../api/schema/types/core-v1.ts';
import { addressOfReverseName, canonicalAddress } from './addresses.ts';
import { addressRecord, type DnsRecord, nameRecord, textRecord } from './message.ts';
import { recordTypes } from './wire.ts';
import { clusterAddresses, ownerOf, type Zone } from './zone.ts';

export const clusterTtl = 5;
const versionTtl = 28_800;
const schemaVersion = '1.1.0';

export interface Found {
  readonly exists: boolean;
  readonly records: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
  /** The name is another name for this one. */
  readonly alias?: string;
  /** Whose change makes this untrue. */
  readonly owner: string;
}

export interface ZoneFacts {
  readonly zone: Zone;
  /** `cluster.local` */
  readonly domain: string;
  /** Where the name server is. */
  readonly serverAddresses: readonly string[];
  /** Of the SOA record: seconds. */
  readonly serial: number;
}

interface Asked {
  readonly name: string;
  readonly type: number;
}

const absent = (owner: string): Found => ({ exists: false, records: [], additional: [], owner });
const empty = (owner: string): Found => ({ exists: true, records: [], additional: [], owner });

/** What a name has that is the domain or lies below it. */
export function findInDomain(facts: ZoneFacts, asked: Asked): Found {
  const { name, type } = asked;
  if (name === facts.domain) return atApex(facts, type);
  const labels = name.slice(0, -facts.domain.length - 1).split('.');
  const branch = labels.pop();
  if (branch === 'svc') return amongServices(facts, labels, asked);
  if (branch === 'pod') return amongPods(facts, labels, asked);
  if (branch === 'dns-version' && labels.length === 0) return version(asked);
  if (branch === 'dns' && labels.length === 0) return empty(ownerOf.nobody);
  if (branch === 'dns' && labels.length === 1 && labels[0] === 'ns') return found(serverRecords(facts, asked));
  return absent(ownerOf.nobody);
}

/** The name server's own names, which every negative answer and the domain's NS record lead to. */
export function startOfAuthority({ domain, serial }: ZoneFacts, name = domain): DnsRecord {
  const numbers = [serial, 7200, 1800, 86_400, clusterTtl];
  const data = { kind: 'soa', server: `ns.dns.${domain}`, mailbox: `hostmaster.${domain}`, numbers } as const;
  return { name, type: recordTypes.SOA, ttl: clusterTtl, data };
}

function atApex(facts: ZoneFacts, type: number): Found {
  const { domain } = facts;
  if (type === recordTypes.SOA) return found([startOfAuthority(facts)]);
  if (type !== recordTypes.NS) return empty(ownerOf.nobody);
  const server = `ns.dns.${domain}`;
  const additional = facts.serverAddresses.map((address) => addressRecord(server, clusterTtl, address));
  return { ...found([nameRecord(domain, type, clusterTtl, server)]), additional };
}

function found(records: readonly DnsRecord[], owner = ownerOf.nobody): Found {
  return { exists: true, records, additional: [], owner };
}

function version({ name, type }: Asked): Found {
  return found(type === recordTypes.TXT ? [textRecord(name, type, versionTtl, [schemaVersion])] : []);
}

function serverRecords({ serverAddresses }: ZoneFacts, asked: Asked): readonly DnsRecord[] {
  return addressRecords(serverAddresses, asked);
}

/** Of the family that was asked for; none for other types. */
function addressRecords(addresses: readonly string[], { name, type }: Asked): readonly DnsRecord[] {
  return addresses
    .filter((address) => type === (isIPv4(address) ? recordTypes.A : recordTypes.AAAA))
    .map((address) => addressRecord(name, clusterTtl, address));
}

function amongPods({ zone }: ZoneFacts, labels: readonly string[], asked: Asked): Found {
  const namespace = labels.at(-1);
  if (namespace === undefined) return empty(ownerOf.nobody);
  const owner = ownerOf.namespace(namespace);
  if (labels.length > 2 || !zone.hasNamespace(namespace)) return absent(owner);
  const pod = labels.length === 2 ? labels[0] : undefined;
  if (pod === undefined) return empty(owner);
  const address = addressOfPodName(pod);
  return address === undefined ? absent(owner) : found(addressRecords([address], asked), owner);
}

function addressOfPodName(name: string): string | undefined {
  const dotted = name.replaceAll('-', '.');
  if (isIPv4(dotted)) return dotted;
  return canonicalAddress(name.replaceAll('-', ':'));
}

function amongServices(facts: ZoneFacts, labels: readonly string[], asked: Asked): Found {
  const namespace = labels.at(-1);
  const name = labels.at(-2);
  if (namespace === undefined) return empty(ownerOf.nobody);
  if (name === undefined) {
    const owner = ownerOf.namespace(namespace);
    return facts.zone.hasNamespace(namespace) ? empty(owner) : absent(owner);
  }
  // No name has more: it does not matter whose it would be, and questions of a search path end here.
  if (labels.length > 4) return absent(ownerOf.nobody);
  const owner = ownerOf.service(namespace, name);
  const service = facts.zone.service(owner);
  if (service === undefined) return absent(owner);
  const [first, second] = labels.slice(0, -2);
  const own = `${name}.${namespace}.svc.${facts.domain}`;
  const view: ServiceView = { zone: facts.zone, service, owner, own, asked };
  if (service.spec?.type === 'ExternalName') return externalName(view, first);
  if (first === undefined) return ownName(view);
  if (second !== undefined) return portName(view, first, second);
  return first.startsWith('_') ? protocolName(view, first) : endpointName(view, first);
}

interface ServiceView {
  readonly zone: Zone;
  readonly service: Service;
  readonly owner: string;
  /** `web.shop.svc.cluster.local` */
  readonly own: string;
  readonly asked: Asked;
}

/** Names of digits are no addresses, and lead nowhere: upstream's documentation says so of such Services. */
function externalName({ service, owner }: ServiceView, first: string | undefined): Found {
  const target = service.spec?.externalName?.toLowerCase().replace(/\.$/, '') ?? '';
  if (first !== undefined || target === '' || isIP(target) !== 0) return absent(owner);
  return { exists: true, records: [], additional: [], alias: target, owner };
}

function ownName(view: ServiceView): Found {
  const addresses = clusterAddresses(view.service);
  const { asked, owner } = view;
  if (addresses.length > 0) {
    if (asked.type === recordTypes.SRV) return serviceRecords(view, view.service.spec?.ports ?? []);
    return found(addressRecords(addresses, asked), owner);
  }
  const endpoints = readyEndpoints(view);
  return endpoints.length === 0 ? absent(owner) : ofEndpoints(view, endpoints);
}

/** `_tcp.web…` has no records of its own, and exists where `_http._tcp.web…` does. */
function protocolName(view: ServiceView, label: string): Found {
  const names = portsOf(view).filter(({ name, protocol }) => name !== '' && `_${protocol.toLowerCase()}` === label);
  return names.length === 0 ? absent(view.owner) : empty(view.owner);
}

function portName(view: ServiceView, port: string, protocol: string): Found {
  const matches = (candidate: Port): boolean =>
    candidate.name !== '' && port === `_${candidate.name}` && protocol === `_${candidate.protocol.toLowerCase()}`;
  if (!portsOf(view).some(matches)) return absent(view.owner);
  if (view.asked.type !== recordTypes.SRV) return empty(view.owner);
  if (clusterAddresses(view.service).length > 0)
    return serviceRecords(
      view,
      (view.service.spec?.ports ?? []).filter((candidate) => matches(portOf(candidate))),
    );
  return endpointRecords(view, readyEndpoints(view), matches);
}

function endpointName(view: ServiceView, hostname: string): Found {
  const endpoints = readyEndpoints(view).filter((endpoint) => endpoint.hostname === hostname);
  return endpoints.length === 0 ? absent(view.owner) : ofEndpoints(view, endpoints);
}

interface Port {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

const portOf = ({ name = '', protocol = 'TCP', port = 0 }: Partial<ServicePort>): Port => ({ name, protocol, port });

function portsOf(view: ServiceView): readonly Port[] {
  if (clusterAddresses(view.service).length > 0) return (view.service.spec?.ports ?? []).map(portOf);
  return readyEndpoints(view).flatMap(({ ports }) => ports);
}

interface NamedEndpoint {
  readonly address: string;
  readonly hostname: string;
  readonly ports: readonly Port[];
}

/** Each address once, whatever number of slices has it. */
function readyEndpoints({
  zone,
  owner,
  service,
}: Pick<ServiceView, 'zone' | 'owner' | 'service'>): readonly NamedEndpoint[] {
  const all = service.spec?.publishNotReadyAddresses === true;
  const known = new Map<string, NamedEndpoint>();
  for (const { endpoints, ports } of zone.slices(owner)) {
    for (const { addresses, conditions, hostname } of endpoints ?? []) {
      if (!all && conditions?.ready === false) continue;
      for (const text of addresses) {
        const address = canonicalAddress(text);
        if (address === undefined) continue;
        const name = (hostname ?? '') === '' ? nameOfAddress(address) : (hostname as string).toLowerCase();
        const key = `${name} ${address}`;
        known.set(key, {
          address,
          hostname: name,
          ports: [...(known.get(key)?.ports ?? []), ...(ports ?? []).map(portOf)],
        });
      }
    }
  }
  return [...known.values()];
}

function nameOfAddress(address: string): string {
  return address.replaceAll(/[.:]/g, '-');
}

function ofEndpoints(view: ServiceView, endpoints: readonly NamedEndpoint[]): Found {
  if (view.asked.type === recordTypes.SRV) return endpointRecords(view, endpoints, () => true);
  const addresses = new Set(endpoints.map(({ address }) => address));
  return found(addressRecords([...addresses], view.asked), view.owner);
}

/** SRV records of a Service with an address: one a port. */
function serviceRecords({ asked, own, owner, service }: ServiceView, ports: readonly Partial<ServicePort>[]): Found {
  const targets = ports.map(({ port = 0 }) => ({ port, target: own }));
  const additional = clusterAddresses(service).map((address) => addressRecord(own, clusterTtl, address));
  return { ...found(weighted(asked.name, targets), owner), additional: targets.length === 0 ? [] : additional };
}

/** SRV records of endpoints: one for each of their ports. */
function endpointRecords(
  { asked, own, owner }: ServiceView,
  endpoints: readonly NamedEndpoint[],
  matches: (port: Port) => boolean,
): Found {
  const targets = new Map<string, { readonly port: number; readonly target: string }>();
  const additional: DnsRecord[] = [];
  for (const { address, hostname, ports } of endpoints) {
    const target = `${hostname}.${own}`;
    const chosen = ports.filter(matches);
    for (const { port } of chosen) targets.set(`${port} ${target}`, { port, target });
    if (chosen.length > 0) additional.push(addressRecord(target, clusterTtl, address));
  }
  return { ...found(weighted(asked.name, [...targets.values()]), owner), additional };
}

/** All alike: the same priority, and a hundredth of the weight at least. */
function weighted(name: string, targets: readonly { readonly port: number; readonly target: string }[]): DnsRecord[] {
  const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length)));
  return targets.map(({ port, target }) => ({
    name,
    type: recordTypes.SRV,
    ttl: clusterTtl,
    data: { kind: 'srv', weight, port, target },
  }));
}

/**
 * What a name of the reverse zones has. Undefined where neither it nor its network is the cluster's: others may know it. A Service's own address
 * names the Service alone; an endpoint's names it in every Service that has it.
 */
export function findAddress({ zone, domain }: ZoneFacts, asked: Asked): Found | undefined {
  const address = addressOfReverseName(asked.name);
  if (address === undefined) return undefined;
  const names = namesOfAddress(zone, address).map((name) => `${name}.svc.${domain}`);
  if (names.length === 0) return zone.isOwnAddress(address) ? absent(ownerOf.addresses) : undefined;
  const isWanted = asked.type === recordTypes.PTR;
  const records = names.map((name) => nameRecord(asked.name, recordTypes.PTR, clusterTtl, name));
  return found(isWanted ? records : [], ownerOf.addresses);
}

function namesOfAddress(zone: Zone, address: string): readonly string[] {
  const names = new Set<string>();
  for (const owner of zone.ownersOf(address)) {
    const service = zone.service(owner);
    if (service === undefined) continue;
    const own = owner.split('/').toReversed().join('.');
    if (clusterAddresses(service).includes(address)) return [own];
    for (const endpoint of readyEndpoints({ zone, owner, service }))
      if (endpoint.address === address) names.add(`${endpoint.hostname}.${own}`);
  }
  return [...names];
}
