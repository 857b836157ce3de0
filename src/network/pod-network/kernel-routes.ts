/**
 * What the kernel has of the plan of routes, and the commands that bring it there: pure. Our routes are known by protocol and metric, which say whose they
 * are: several homes share a table, and what somebody else put there stays. A changed route is replaced, so that there is no moment without one.
 *
 * Order: the tunnel, then who is behind it, then routes; in reverse what goes.
 */
import type { Link, RoutePlan, Tunnel, TunnelPeer } from './routes.ts';

/** Of `ip route`: a number that nobody else is known to use. */
export const routeProtocol = 110;

/** Others' routes to the same range, which have lower metrics, win: somebody made them by hand. */
export const routeMetric = (id: string): number => 0x1000_0000 + Number.parseInt(id.slice(0, 6), 16);

export const tunnelDevice = (id: string): string => `naru-vx-${id.slice(0, 6)}`;

export interface KernelRoutes {
  readonly links: readonly Link[];
  readonly tunnel?: Omit<Tunnel, 'addresses'> & { readonly addresses: readonly string[] };
  /** By range: where it leads. */
  readonly routes: ReadonlyMap<string, string>;
  /** By address: the hardware's. */
  readonly neighbours: ReadonlyMap<string, string>;
  /** By hardware address: behind which nodes. */
  readonly forwarding: ReadonlyMap<string, readonly string[]>;
}

interface IpAddress {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly address?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: {
      readonly id?: number;
      readonly port?: number;
      readonly local?: string;
      readonly local6?: string;
    };
  };
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
}

interface IpRoute {
  readonly dst: string;
  readonly type?: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly metric?: number;
}

interface IpNeighbour {
  readonly dst: string;
  readonly dev?: string;
  readonly lladdr?: string;
}

interface FdbEntry {
  readonly mac: string;
  readonly dst?: string;
}

/** What `ip -j` and `bridge -j` printed. */
export interface Printed {
  readonly addresses: readonly IpAddress[];
  /** Of both families, of our protocol. */
  readonly routes: readonly IpRoute[];
  /** The permanent ones. */
  readonly neighbours: readonly IpNeighbour[];
  readonly forwarding: readonly FdbEntry[];
}

export function readKernel(printed: Printed, id: string): KernelRoutes {
  const device = tunnelDevice(id);
  const metric = routeMetric(id);
  const links = printed.addresses.map(linkOf);
  const tunnel = printed.addresses.find(({ ifname }) => ifname === device);
  const routes = printed.routes.filter((route) => route.metric === metric);
  const neighbours = printed.neighbours.filter(({ dev }) => dev === device);
  const forwarding = new Map<string, readonly string[]>();
  for (const { mac, dst } of printed.forwarding) {
    if (dst !== undefined) forwarding.set(mac, [...(forwarding.get(mac) ?? []), dst]);
  }
  return {
    links,
    ...(tunnel !== undefined && { tunnel: tunnelOf(tunnel) }),
    routes: new Map(routes.map((route) => [route.dst, leadsTo(route)])),
    neighbours: new Map(neighbours.map(({ dst, lladdr = '' }) => [dst, lladdr])),
    forwarding,
  };
}

function linkOf({ ifname, mtu, flags, addr_info = [] }: IpAddress): Link {
  const addresses = addr_info.map(({ local = '', prefixlen = 0 }) => ({ address: local, prefix: prefixlen }));
  return {
    name: ifname,
    mtu,
    isUp: flags.includes('UP'),
    addresses: addresses.filter(({ address }) => address !== ''),
  };
}

function tunnelOf({ ifname, mtu, address = '', linkinfo, addr_info = [] }: IpAddress): Tunnel {
  const { id = 0, port = 0, local, local6 } = linkinfo?.info_data ?? {};
  const own = addr_info.filter(({ scope }) => scope === 'global').map(({ local: one = '' }) => one);
  return { device: ifname, id, port, local: local ?? local6 ?? '', hardware: address, mtu, addresses: own };
}

const leadsTo = ({ type, gateway, dev }: IpRoute): string =>
  type === 'unreachable' ? 'unreachable' : `via ${gateway ?? '?'} dev ${dev ?? '?'}`;

/** To be run in this order: `ip`, `bridge`, `ip`. */
export interface RouteCommands {
  readonly before: readonly string[];
  readonly bridge: readonly string[];
  readonly after: readonly string[];
}

export function routeCommands(plan: RoutePlan, kernel: KernelRoutes, id: string): RouteCommands {
  const device = tunnelDevice(id);
  const { tunnel: wanted, peers } = plan;
  const isAnew = wanted !== undefined && !isSameDevice(wanted, kernel.tunnel);
  const known: KernelRoutes = isAnew ? withoutTunnel(kernel, device) : kernel;
  const gone = wanted === undefined && kernel.tunnel !== undefined ? [`link delete ${device}`] : [];
  const lost = wanted === undefined ? withoutTunnel(kernel, device) : known;
  return {
    before: [
      ...(isAnew && kernel.tunnel !== undefined ? [`link delete ${device}`] : []),
      ...(wanted === undefined ? [] : tunnelCommands(wanted, known.tunnel)),
      ...neighbourCommands(peers, lost, device),
    ],
    bridge: forwardingCommands(peers, lost, device),
    after: [...routesAdded(plan, known, id), ...routesRemoved(plan, lost, id), ...gone],
  };
}

const isSameDevice = (wanted: Tunnel, found: Tunnel | undefined): boolean =>
  found !== undefined && wanted.id === found.id && wanted.port === found.port && wanted.local === found.local;

/** The kernel takes with a device what goes through it. */
function withoutTunnel({ links, routes }: KernelRoutes, device: string): KernelRoutes {
  const left = [...routes].filter(([, leads]) => !leads.endsWith(` dev ${device}`));
  return { links, routes: new Map(left), neighbours: new Map(), forwarding: new Map() };
}

function tunnelCommands(wanted: Tunnel, found: Tunnel | undefined): string[] {
  const { device, id, port, local, hardware, mtu, addresses } = wanted;
  const missing = addresses.filter((address) => !found?.addresses.includes(address));
  const extra = found?.addresses.filter((address) => !addresses.includes(address)) ?? [];
  const isSet = found !== undefined && found.hardware === hardware && found.mtu === mtu;
  return [
    ...(found === undefined
      ? [`link add ${device} type vxlan id ${id} local ${local} dstport ${port} nolearning`]
      : []),
    ...(isSet ? [] : [`link set ${device} address ${hardware} mtu ${mtu}`]),
    // Whether somebody took it down, too.
    `link set ${device} up`,
    ...missing.map((address) => `address add ${whole(address)} dev ${device}${address.includes(':') ? ' nodad' : ''}`),
    ...extra.map((address) => `address delete ${whole(address)} dev ${device}`),
  ];
}

const whole = (address: string): string => `${address}/${address.includes(':') ? 128 : 32}`;

function neighbourCommands(peers: readonly TunnelPeer[], { neighbours }: KernelRoutes, device: string): string[] {
  const wanted = new Map(peers.flatMap(({ gateways, hardware }) => gateways.map((gateway) => [gateway, hardware])));
  const changed = [...wanted].filter(([gateway, hardware]) => neighbours.get(gateway) !== hardware);
  const gone = [...neighbours.keys()].filter((gateway) => !wanted.has(gateway));
  return [
    ...changed.map(
      ([gateway, hardware]) => `neighbour replace ${gateway} lladdr ${hardware} dev ${device} nud permanent`,
    ),
    ...gone.map((gateway) => `neighbour delete ${gateway} dev ${device}`),
  ];
}

function forwardingCommands(peers: readonly TunnelPeer[], { forwarding }: KernelRoutes, device: string): string[] {
  const wanted = new Map(peers.map(({ hardware, node }) => [hardware, node]));
  const changed = [...wanted].filter(([hardware, node]) => forwarding.get(hardware)?.join() !== node);
  const gone = [...forwarding].flatMap(([hardware, nodes]) =>
    nodes
      .filter((node) => wanted.get(hardware) !== node)
      .map((node) => `fdb delete ${hardware} dev ${device} dst ${node}`),
  );
  return [...gone, ...changed.map(([hardware, node]) => `fdb replace ${hardware} dev ${device} dst ${node}`)];
}

function routesAdded(plan: RoutePlan, { routes }: KernelRoutes, id: string): string[] {
  return plan.routes.flatMap(({ range, via }) => {
    const leads = via === undefined ? 'unreachable' : `via ${via.address} dev ${via.device}`;
    if (routes.get(range) === leads) return [];
    const way = via === undefined ? `unreachable ${range}` : `${range} ${leads}${via.isTunnel ? ' onlink' : ''}`;
    return [`route replace ${way} ${mark(id)}`];
  });
}

function routesRemoved(plan: RoutePlan, { routes }: KernelRoutes, id: string): string[] {
  const wanted = new Set(plan.routes.map(({ range }) => range));
  return [...routes].flatMap(([range, leads]) => {
    const kind = leads === 'unreachable' ? 'unreachable ' : '';
    return wanted.has(range) ? [] : [`route delete ${kind}${range} ${mark(id)}`];
  });
}

const mark = (id: string): string => `proto ${routeProtocol} metric ${routeMetric(id)}`;
