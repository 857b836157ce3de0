/**
 * The frame of the service proxy's table: which packets are looked at, and where the Services' own parts are found. Pure.
 *
 * ```
 *   prerouting ─┬─ before nat: firewall ── an address with source ranges, and not from them ─▶ dropped
 *   output ─────┘
 *               └─ nat: services ─┬─ services4: address . protocol . port ─▶ pick4-tcp-N: endpoints4-tcp by address, port and a random number below N
 *                                 │                                      └▶ a chain of the Service: affinity, external traffic
 *                                 └─ node-ports4: protocol . port, on addresses of this node (not loopback)
 *   input, forward, output ─ new ones that nobody took: no-endpoints4, no-endpoint-ports4, the rest of the Services' range ─▶ rejected
 *   postrouting ─ from an endpoint to itself, or marked ─▶ masqueraded
 * ```
 * A plain Service is nothing but elements of maps, without a chain or a rule of its own: ten thousand of them load in two seconds, and one changed endpoint
 * is two or three elements. With a chain for each endpoint nft reads all chains before it changes one.
 *
 * The mark is a bit that neither kube-proxy (0x4000, 0x8000) nor the standard CNI plugins (0x2000) use. Two homes in one namespace may share it: it means
 * the same to both.
 */
import type { NftBase, NftChain, NftSet } from '../kernel/nft-table.ts';
import type { Protocol } from '../services/endpoints.ts';
import type { Family } from '../services/read-slices.ts';

export interface FamilyWords {
  readonly family: Family;
  readonly suffix: '4' | '6';
  /** Of addresses in packets. */
  readonly ip: 'ip' | 'ip6';
  readonly type: 'ipv4_addr' | 'ipv6_addr';
  readonly loopback: string;
}

export const familyWords: readonly FamilyWords[] = [
  { family: 'IPv4', suffix: '4', ip: 'ip', type: 'ipv4_addr', loopback: '127.0.0.0/8' },
  { family: 'IPv6', suffix: '6', ip: 'ip6', type: 'ipv6_addr', loopback: '::1' },
];

export const proxyTableName = (id: string): string => `naru-proxy-${id}`;

const masqueradeMark = '0x1000';
/** For rules of Services. */
export const markToMasquerade = `meta mark set meta mark or ${masqueradeMark}`;

/** @param knowsPods whether `pods4` and `pods6` say what this node's pods have: else all traffic would seem to come from elsewhere */
export function proxyBase(id: string, knowsPods: boolean): NftBase {
  return { family: 'inet', name: proxyTableName(id), sets, chains: chains(knowsPods) };
}

type ProtocolWord = Lowercase<Protocol>;
const protocols: readonly ProtocolWord[] = ['tcp', 'udp', 'sctp'];

/** A map for each protocol: what nft reads back of a map for all of them it takes for TCP's. */
export const endpointsName = (suffix: '4' | '6', protocol: ProtocolWord): string => `endpoints${suffix}-${protocol}`;

const sets: Record<string, NftSet> = Object.fromEntries(
  familyWords.flatMap(({ suffix, ip, type }) => {
    const address = `type ${type} . inet_proto . inet_service : verdict`;
    const port = 'type inet_proto . inet_service : verdict';
    const endpoint = (protocol: string): string =>
      `typeof ${ip} daddr . ${protocol} dport . numgen random mod 65536 : ${ip} daddr . ${protocol} dport`;
    const declared: Record<string, NftSet> = {
      [`services${suffix}`]: { kind: 'map', declaration: address },
      ...Object.fromEntries(
        protocols.map((protocol) => [
          endpointsName(suffix, protocol),
          { kind: 'map', declaration: endpoint(protocol) },
        ]),
      ),
      [`node-ports${suffix}`]: { kind: 'map', declaration: port },
      [`no-endpoints${suffix}`]: { kind: 'map', declaration: address },
      [`no-endpoint-ports${suffix}`]: { kind: 'map', declaration: port },
      [`firewall${suffix}`]: { kind: 'map', declaration: address },
      [`hairpin${suffix}`]: { kind: 'set', declaration: `type ${type} . ${type}` },
      [`pods${suffix}`]: { kind: 'set', declaration: `type ${type}; flags interval` },
      [`service-ranges${suffix}`]: { kind: 'set', declaration: `type ${type}; flags interval` },
    };
    return Object.entries(declared);
  }),
);

function chains(knowsPods: boolean): Record<string, NftChain> {
  return {
    // Jumped to by elements and rules below, so they come first.
    // The kernel sends few ICMP errors a second to one address, and who got none would wait: TCP is told by its own means.
    rejected: { rules: ['meta l4proto tcp reject with tcp reset', 'reject'] },
    services: {
      rules: [
        // Somebody outside who routes the Services' range to this node: the answer must come back this way.
        ...(knowsPods
          ? perFamily(
              ({ ip, suffix }) =>
                `${ip} daddr @service-ranges${suffix} ${ip} saddr != @pods${suffix} fib saddr type != local ${markToMasquerade}`,
            )
          : []),
        ...perFamily(({ ip, suffix }) => `${ip} daddr . meta l4proto . th dport vmap @services${suffix}`),
        ...perFamily(
          ({ ip, suffix, loopback }) =>
            `fib daddr type local ${ip} daddr != ${loopback} meta l4proto . th dport vmap @node-ports${suffix}`,
        ),
      ],
    },
    firewall: { rules: perFamily(({ ip, suffix }) => `${ip} daddr . meta l4proto . th dport vmap @firewall${suffix}`) },
    unanswered: {
      rules: perFamily(({ ip, suffix }) => `${ip} daddr . meta l4proto . th dport vmap @no-endpoints${suffix}`),
    },
    'unknown-service': {
      rules: perFamily(
        ({ ip, suffix }) => `${ip} daddr @service-ranges${suffix} fib daddr type != local goto rejected`,
      ),
    },
    'nat-prerouting': { hook: 'type nat hook prerouting priority dstnat; policy accept;', rules: ['jump services'] },
    'nat-output': { hook: 'type nat hook output priority -100; policy accept;', rules: ['jump services'] },
    'nat-postrouting': {
      hook: 'type nat hook postrouting priority srcnat; policy accept;',
      rules: [
        ...perFamily(
          ({ ip, suffix }) => `ct status dnat ${ip} saddr . ${ip} daddr @hairpin${suffix} masquerade fully-random`,
        ),
        `meta mark and ${masqueradeMark} == ${masqueradeMark} meta mark set meta mark and 0xffffefff masquerade fully-random`,
      ],
    },
    'filter-prerouting': {
      hook: 'type filter hook prerouting priority -110; policy accept;',
      rules: ['ct state new jump firewall'],
    },
    'filter-before-output': {
      hook: 'type filter hook output priority -110; policy accept;',
      rules: ['ct state new jump firewall'],
    },
    'filter-input': {
      hook: 'type filter hook input priority filter; policy accept;',
      rules: [
        'ct state new jump unanswered',
        ...perFamily(
          ({ ip, suffix, loopback }) =>
            `ct state new fib daddr type local ${ip} daddr != ${loopback} meta l4proto . th dport vmap @no-endpoint-ports${suffix}`,
        ),
      ],
    },
    'filter-forward': {
      hook: 'type filter hook forward priority filter; policy accept;',
      rules: [
        // Late or odd packets of an endpoint are not translated back: a client that got one from an address it never asked would end the connection.
        ...perFamily(({ ip, suffix }) => `${ip} saddr @pods${suffix} ct state invalid drop`),
        'ct state new jump unanswered',
        'ct state new jump unknown-service',
      ],
    },
    'filter-output': {
      hook: 'type filter hook output priority filter; policy accept;',
      rules: ['ct state new jump unanswered', 'ct state new jump unknown-service'],
    },
  };
}

function perFamily(rule: (words: FamilyWords) => string): string[] {
  return familyWords.map(rule);
}

/** The chain that all plain ports of a protocol with so many endpoints share. */
export interface Pick {
  readonly words: FamilyWords;
  readonly protocol: ProtocolWord;
  readonly count: number;
}

export const pickName = ({ words, protocol, count }: Pick): string => `pick${words.suffix}-${protocol}-${count}`;

export function pickChain({ words: { ip, suffix }, protocol, count }: Pick): NftChain {
  const key = `${ip} daddr . ${protocol} dport . numgen random mod ${count}`;
  return { rules: [`meta l4proto ${protocol} dnat ${ip} to ${key} map @${endpointsName(suffix, protocol)}`] };
}
