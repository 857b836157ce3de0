/**
 * The way from this node to the pods of the others, as a value: pure.
 *
 * ```
 *   a neighbour's address lies in a subnet of one of our interfaces ─▶ range via that address           (host route)
 *   it does not: there is a router between us                       ─▶ range via the tunnel's far end   (VXLAN, one device for all peers)
 *   our own range                                                   ─▶ unreachable, but for pods that run, whose own routes are narrower
 * ```
 * The device learns nothing by itself: each peer has one neighbour entry (the far end's hardware address, made from the node's address) and one entry in the
 * forwarding table (behind which node that hardware address is). The far end's address is the first of the peer's range, which no pod gets; what this
 * machine itself sends through the tunnel has that address of its own range.
 */
import { createHash } from 'node:crypto';
import { canonicalIp } from '../../controllers/shared/ip.ts';
import { contains, type IpRange, rangeOfCidr, rangeText } from '../policy/ip-ranges.ts';
import type { Backend } from './settings.ts';

/** An interface of this machine. */
export interface Link {
  readonly name: string;
  readonly mtu: number;
  readonly isUp: boolean;
  readonly addresses: readonly { readonly address: string; readonly prefix: number }[];
}

export interface NetworkNode {
  readonly name: string;
  /** InternalIPs, the first first. */
  readonly addresses: readonly string[];
  readonly ranges: readonly string[];
}

export interface Route {
  readonly range: string;
  /** Absent: the range is unreachable. */
  readonly via?: { readonly address: string; readonly device: string; readonly isTunnel: boolean };
}

export interface Tunnel {
  readonly device: string;
  readonly id: number;
  readonly port: number;
  readonly local: string;
  readonly hardware: string;
  readonly mtu: number;
  readonly addresses: readonly string[];
}

/** Where frames for a far end go. */
export interface TunnelPeer {
  readonly hardware: string;
  readonly node: string;
  /** The far end's addresses. */
  readonly gateways: readonly string[];
}

export interface RoutePlan {
  readonly routes: readonly Route[];
  /** Only where somebody is behind it. */
  readonly tunnel?: Tunnel;
  readonly peers: readonly TunnelPeer[];
  /** About which node, and what is wrong. */
  readonly problems: readonly { readonly node: string; readonly message: string }[];
}

export interface RouteQuestion {
  readonly own: NetworkNode;
  readonly others: readonly NetworkNode[];
  readonly links: readonly Link[];
  readonly backend: Backend;
  readonly tunnel: { readonly device: string; readonly id: number; readonly port: number; readonly mtu: number };
}

export function planRoutes(question: RouteQuestion): RoutePlan {
  const { own, others, backend, tunnel } = question;
  const local = own.addresses[0];
  if (backend === 'none' || local === undefined) return { routes: [], peers: [], problems: [] };
  const planner = new Planner(question, local);
  for (const range of own.ranges) planner.add({ range: canonicalRange(range) });
  for (const node of others.toSorted((a, b) => (a.name < b.name ? -1 : 1))) planner.addNode(node);
  const { routes, peers, problems } = planner;
  if (peers.size === 0) return { routes: [...routes.values()], peers: [], problems };
  const addresses = own.ranges.map(firstAddress);
  return {
    routes: [...routes.values()],
    tunnel: { ...tunnel, local, hardware: hardwareOf(local), addresses },
    peers: [...peers.values()],
    problems,
  };
}

class Planner {
  readonly routes = new Map<string, Route>();
  /** By the node's address: two nodes with one address are one to the network. */
  readonly peers = new Map<string, TunnelPeer>();
  readonly problems: { node: string; message: string }[] = [];
  readonly #question: RouteQuestion;
  readonly #local: string;
  readonly #subnets: readonly { readonly device: string; readonly range: IpRange }[];
  readonly #nodesByAddress = new Map<string, string>();

  constructor(question: RouteQuestion, local: string) {
    this.#question = question;
    this.#local = local;
    this.#subnets = subnetsOf(question.links, question.tunnel.device);
    for (const address of question.own.addresses) this.#nodesByAddress.set(address, question.own.name);
  }

  add(route: Route): boolean {
    if (this.routes.has(route.range)) return false;
    this.routes.set(route.range, route);
    return true;
  }

  addNode(node: NetworkNode): void {
    const [shared] = node.addresses.filter((address) => this.#nodesByAddress.has(address));
    const first = shared === undefined ? undefined : this.#nodesByAddress.get(shared);
    for (const address of node.addresses)
      if (!this.#nodesByAddress.has(address)) this.#nodesByAddress.set(address, node.name);
    if (first !== undefined)
      this.#tell(node, `it has the address ${shared} of node ${first}: packets for one reach the other`);
    // Two nodes of one machine share its routes, and each other's pods are reached by them.
    if (first === this.#question.own.name) return;
    for (const range of node.ranges) this.#addRange(node, canonicalRange(range));
  }

  #addRange(node: NetworkNode, range: string): void {
    const via = this.#viaSegment(node, range) ?? this.#viaTunnel(node, range);
    if (via === undefined) this.#tell(node, this.#whyNot(node, range));
    else if (!this.add({ range, via }))
      this.#tell(node, `its range ${range} is another node's, too; pods of one of them are not reached`);
  }

  #viaSegment(node: NetworkNode, range: string): Route['via'] {
    if (this.#question.backend === 'vxlan') return undefined;
    const isV6 = range.includes(':');
    for (const address of node.addresses.filter((one) => one.includes(':') === isV6)) {
      const subnet = this.#subnets.find((one) => contains(one.range, address));
      if (subnet !== undefined) return { address, device: subnet.device, isTunnel: false };
    }
    return undefined;
  }

  #viaTunnel(node: NetworkNode, range: string): Route['via'] {
    const { backend, tunnel } = this.#question;
    const far = node.addresses.find((one) => one.includes(':') === this.#local.includes(':'));
    if (backend === 'direct' || far === undefined) return undefined;
    const gateway = firstAddress(range);
    const peer = this.peers.get(far);
    this.peers.set(far, { hardware: hardwareOf(far), node: far, gateways: [...(peer?.gateways ?? []), gateway] });
    return { address: gateway, device: tunnel.device, isTunnel: true };
  }

  #whyNot(node: NetworkNode, range: string): string {
    const addresses = node.addresses.join(', ') || 'none';
    const rest = `its address (${addresses}) is on no segment of this node`;
    if (this.#question.backend === 'direct')
      return `there is no way to its pods (${range}): ${rest}, and the setting podNetwork.backend is direct`;
    return `there is no way to its pods (${range}): it has no address of this node's family (${this.#local}; it has ${addresses})`;
  }

  #tell({ name }: NetworkNode, message: string): void {
    this.problems.push({ node: name, message });
  }
}

/** Where neighbours are. A pod's cable has an address alone, and nobody else's. */
function subnetsOf(links: readonly Link[], tunnel: string): { device: string; range: IpRange }[] {
  return links
    .filter(({ name, isUp }) => isUp && name !== 'lo' && name !== tunnel)
    .flatMap(({ name, addresses }) =>
      addresses
        .filter(({ address, prefix }) => prefix < (address.includes(':') ? 128 : 32) && !address.startsWith('fe80:'))
        .map(({ address, prefix }) => ({ device: name, range: rangeOfCidr(`${address}/${prefix}`) })),
    );
}

/** As `ip` prints it. @throws Error that names what is not a range */
export function canonicalRange(range: string): string {
  return `${firstAddress(range)}/${range.slice(range.indexOf('/') + 1)}`;
}

export function firstAddress(range: string): string {
  const { family, first } = rangeOfCidr(range);
  const text = rangeText({ family, first, last: first });
  return canonicalIp(text)?.text ?? text;
}

/** Locally administered, and the same for the same address, so that peers know it without asking. */
export function hardwareOf(address: string): string {
  const bytes = address.includes(':')
    ? [...createHash('sha256').update(address).digest().subarray(0, 4)]
    : address.split('.').map(Number);
  return [0x02, 0x6e, ...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The tunnel's id where none was set: of 24 bits, the same on all nodes of a cluster, and others for other clusters. */
export function tunnelId(clusterUid: string): number {
  return createHash('sha256').update(clusterUid).digest().readUIntBE(0, 3) || 1;
}

/** What VXLAN adds to a packet. */
const overheadBytes = { v4: 50, v6: 70 } as const;
const mtuMin = 1280;

/**
 * The pods' largest packet: the same whether a peer is near or far, because pods keep theirs while nodes come and go. A `direct` network adds nothing.
 * @param underlayMtu of the interface that the node's address is on
 */
export function podMtu(backend: Backend, underlayMtu: number, nodeAddress: string): number {
  const added = backend === 'auto' || backend === 'vxlan' ? overheadBytes[nodeAddress.includes(':') ? 'v6' : 'v4'] : 0;
  return Math.max(mtuMin, underlayMtu - added);
}
