/**
 * The pod network's table in nftables: pods that leave the cluster (masquerade), and pods that listen on ports of the node (hostPort). Pure.
 *
 * ```
 *  prerouting, output ─▶ hostports: address . protocol . port ─▶ pod's address . port     (hostIP given)
 *                                   local address, protocol . port ─▶ …                   (no hostIP)
 *  postrouting ─▶ a pod that asked itself by the node's port, or the node by 127.0.0.1: the answer must come back here ─▶ masquerade
 *              ─▶ from our pods to nobody of the cluster ─▶ masquerade
 * ```
 * Only what comes from this home's own ranges is touched. Pods on the host's network need none of it.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { canonicalIp } from '../../controllers/shared/ip.ts';
import type { NftBase, NftElement, NftFragment } from '../kernel/nft-table.ts';
import { mergeRanges, rangeOfCidr, rangeText } from '../policy/ip-ranges.ts';

export const podTableName = (id: string): string => `naru-${id}-pods`;

const families = [
  { version: 4, ip: 'ip', type: 'ipv4_addr', family: 'IPv4' },
  { version: 6, ip: 'ip6', type: 'ipv6_addr', family: 'IPv6' },
] as const;
type Family = (typeof families)[number];

export function podBase(id: string): NftBase {
  const sets = families.flatMap(({ version, type }) => [
    [`own${version}`, { kind: 'set', declaration: `type ${type}; flags interval` }],
    [`inside${version}`, { kind: 'set', declaration: `type ${type}; flags interval` }],
    [`ports${version}`, { kind: 'map', declaration: `type inet_proto . inet_service : ${type} . inet_service` }],
    [
      `addressports${version}`,
      { kind: 'map', declaration: `type ${type} . inet_proto . inet_service : ${type} . inet_service` },
    ],
    [`itself${version}`, { kind: 'set', declaration: `type ${type} . ${type}` }],
  ]);
  return {
    family: 'inet',
    name: podTableName(id),
    sets: Object.fromEntries(sets) as NftBase['sets'],
    chains: {
      hostports: { rules: families.flatMap(hostPortRules) },
      // After the services' own, which are decided first.
      prerouting: { hook: 'type nat hook prerouting priority dstnat + 5; policy accept;', rules: ['jump hostports'] },
      output: { hook: 'type nat hook output priority -95; policy accept;', rules: ['jump hostports'] },
      postrouting: {
        hook: 'type nat hook postrouting priority srcnat; policy accept;',
        rules: families.flatMap(masqueradeRules),
      },
      // Where a pod may be asked by 127.0.0.1, the kernel takes packets for it from the pod's cable, too; nobody else may send such.
      loopback: {
        hook: 'type filter hook prerouting priority raw; policy accept;',
        rules: ['iifname "veth*" ip daddr 127.0.0.0/8 drop'],
      },
    },
  };
}

/** In one statement: nft wants the protocol known where it writes a port. */
const protocols = 'meta l4proto { tcp, udp, sctp }';

function hostPortRules({ version, ip }: Family): string[] {
  // IPv6 lets nothing from ::1 leave the machine: whoever asks there is refused, and need not wait.
  const nf = `meta nfproto ipv${version}${version === 6 ? ' ip6 daddr != ::1' : ''}`;
  return [
    `${nf} ${protocols} dnat ${ip} to ${ip} daddr . meta l4proto . th dport map @addressports${version}`,
    `${nf} fib daddr type local ${protocols} dnat ${ip} to meta l4proto . th dport map @ports${version}`,
  ];
}

function masqueradeRules({ version, ip }: Family): string[] {
  return [
    `ct status dnat ${ip} saddr . ${ip} daddr @itself${version} masquerade`,
    ...(version === 4 ? ['ct status dnat ip saddr 127.0.0.0/8 ip daddr @own4 masquerade'] : []),
    `${ip} saddr @own${version} ${ip} daddr != @inside${version} masquerade fully-random`,
  ];
}

/** Groups of receivers: their senders stay who they are. */
const multicast = ['224.0.0.0/4', 'ff00::/8'];

export interface Surroundings {
  /** This node's ranges of pods. */
  readonly own: readonly string[];
  /** Of all nodes. */
  readonly podRanges: readonly string[];
  readonly nodeAddresses: readonly string[];
  readonly masquerade: boolean;
  readonly nonMasqueradeCIDRs: readonly string[];
}

/** Ranges are merged, since a set takes none that overlap. Without masquerading everything is inside. */
export function surroundingsFragment(around: Surroundings): NftFragment {
  const wholes = around.nodeAddresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`);
  const inside = around.masquerade
    ? [...around.podRanges, ...wholes, ...around.nonMasqueradeCIDRs, ...multicast]
    : ['0.0.0.0/0', '::/0'];
  return { elements: [...elementsOf('own', around.own), ...elementsOf('inside', inside)] };
}

function elementsOf(set: string, ranges: readonly string[]): NftElement[] {
  const all = ranges.map(rangeOfCidr);
  return families.flatMap(({ version, family }) =>
    mergeRanges(all, family).map((range) => ({ set: `${set}${version}`, key: rangeText(range) })),
  );
}

/** A port of the node that is a pod's. */
export interface HostPortMapping {
  readonly pod: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
  /** The only address where it listens. */
  readonly hostAddress?: string;
  readonly address: string;
  readonly containerPort: number;
}

const anyAddress = ['', '0.0.0.0', '::'];

/**
 * Of the node's pods that run. Where two want the same port, which happens while one takes the place of another, the one that is not ending has it, then
 * the one that began last.
 */
export function hostPortMappings(pods: Iterable<Pod>): HostPortMapping[] {
  const byKey = new Map<string, HostPortMapping>();
  for (const pod of [...pods].toSorted(inOrder)) {
    for (const mapping of mappingsOf(pod)) byKey.set(portKey(mapping), mapping);
  }
  return [...byKey.values()];
}

/** Who has the better claim comes later. */
function inOrder(a: Pod, b: Pod): number {
  const isEnding = (pod: Pod): number => (pod.metadata?.deletionTimestamp === undefined ? 1 : 0);
  const started = (pod: Pod): string => pod.status?.startTime ?? '';
  return isEnding(a) - isEnding(b) || (started(a) < started(b) ? -1 : 1);
}

function portKey({ hostAddress = '', address, protocol, port }: HostPortMapping): string {
  return [hostAddress || (address.includes(':') ? 6 : 4), protocol, port].join(' ');
}

function mappingsOf({ metadata, spec, status }: Pod): HostPortMapping[] {
  if (spec?.hostNetwork || status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
  const { podIP, podIPs = podIP ? [{ ip: podIP }] : [] } = status ?? {};
  const addresses = podIPs.flatMap(({ ip }) => canonicalIp(ip)?.text ?? []);
  const lasting = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const pod = `${metadata?.namespace}/${metadata?.name}`;
  return [...lasting, ...(spec?.containers ?? [])].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP = '', protocol = 'TCP', containerPort }) => {
      if (!hostPort) return [];
      const hostAddress = anyAddress.includes(hostIP) ? undefined : canonicalIp(hostIP)?.text;
      const isV6 = hostIP === '' ? undefined : hostIP.includes(':');
      return addresses
        .filter((address) => isV6 === undefined || address.includes(':') === isV6)
        .map((address) => ({
          pod,
          protocol: protocol.toLowerCase() as HostPortMapping['protocol'],
          port: hostPort,
          ...(hostAddress !== undefined && { hostAddress }),
          address,
          containerPort,
        }));
    }),
  );
}

export function hostPortFragment(mappings: readonly HostPortMapping[]): NftFragment | undefined {
  if (mappings.length === 0) return undefined;
  const pods = new Set(mappings.map(({ address }) => address));
  return {
    elements: [
      ...mappings.map(({ protocol, port, hostAddress, address, containerPort }) => {
        const version = address.includes(':') ? 6 : 4;
        const value = `${address} . ${containerPort}`;
        if (hostAddress === undefined) return { set: `ports${version}`, key: `${protocol} . ${port}`, value };
        return { set: `addressports${version}`, key: `${hostAddress} . ${protocol} . ${port}`, value };
      }),
      ...[...pods].map((address) => ({
        set: `itself${address.includes(':') ? 6 : 4}`,
        key: `${address} . ${address}`,
      })),
    ],
  };
}

/** UDP ports whose pod is another than before: what the kernel remembers of their senders leads to the wrong place. */
export function changedUdpPorts(
  before: readonly HostPortMapping[],
  after: readonly HostPortMapping[],
): readonly number[] {
  const targets = (mappings: readonly HostPortMapping[]): Map<string, string> =>
    new Map(
      mappings
        .filter(({ protocol }) => protocol === 'udp')
        .map((mapping) => [portKey(mapping), `${mapping.address} ${mapping.containerPort} ${mapping.port}`]),
    );
  const [old, now] = [targets(before), targets(after)];
  const changed = [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.get(key) !== now.get(key));
  return [...new Set(changed.map((key) => Number(key.split(' ').at(-1))))];
}
