/**
 * The frame of the policies' table: which packets are judged, in which order. Pure.
 *
 * ```
 *   forward ─▶ egress  ─▶ who began is a pod of this node?   ─▶ its policies accept, or drop
 *           ─▶ ingress ─▶ who was reached is a pod of ours?  ─▶ its policies accept, or drop
 *   input   ─▶ egress     (pods that ask the node: its addresses, DNS)
 * ```
 * Addresses are those behind all Services. `accept` ends one of the three only, so both ends of a connection have their say. What the node itself
 * begins (probes) passes `output`, and its answers `input`: neither is judged, also where the node asks from an address of the pods' range. A pod may
 * always ask itself.
 *
 * Who began is known because the kernel tracks connections from their first packet on, also before there is a policy: the rules of the service
 * proxy, which ask for states, see to that on every node.
 *
 * An address of this node's range that is no known pod's is dropped: a new pod is closed until its policies are known, not open. All this is there
 * only while there are policies.
 */
import type { NftBase, NftChain, NftSet } from '../kernel/nft-table.ts';
import { families } from './rules.ts';

export const tableName = (id: string): string => `naru-policy-${id}`;

export function emptyBase(id: string): NftBase {
  return { family: 'inet', name: tableName(id), sets: {}, chains: {} };
}

export function policyBase(id: string): NftBase {
  return { ...emptyBase(id), sets, chains };
}

const sets: Record<string, NftSet> = Object.fromEntries(
  families.flatMap(({ suffix }) => {
    const type = `ipv${suffix}_addr`;
    return [
      [`ingress${suffix}`, { kind: 'map', declaration: `type ${type} : verdict` }],
      [`egress${suffix}`, { kind: 'map', declaration: `type ${type} : verdict` }],
      [`self${suffix}`, { kind: 'set', declaration: `type ${type} . ${type}` }],
      [`local${suffix}`, { kind: 'set', declaration: `type ${type}; flags interval` }],
    ] as const;
  }),
);

/** Errors about connections that passed go through (path MTU); neighbours must find each other; without a connection, addresses alone speak. */
const first = (stateless: string): string[] => [
  'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept',
  'meta l4proto { icmp, ipv6-icmp } ct state related accept',
  `ct state { invalid, untracked } goto ${stateless}`,
  ...families.map(({ ip, suffix }) => `ct original ${ip} saddr . ct reply ${ip} saddr @self${suffix} accept`),
];

const chains: Record<string, NftChain> = {
  egress: {
    rules: [
      ...first('egress-stateless'),
      ...families.map(({ ip, suffix }) => `ct original ${ip} saddr vmap @egress${suffix}`),
      ...families.map(({ ip, suffix }) => `ct original ${ip} saddr @local${suffix} drop`),
    ],
  },
  ingress: {
    rules: [
      ...first('ingress-stateless'),
      ...families.map(({ ip, suffix }) => `ct reply ${ip} saddr vmap @ingress${suffix}`),
      ...families.map(({ ip, suffix }) => `ct reply ${ip} saddr @local${suffix} drop`),
    ],
  },
  'egress-stateless': { rules: families.map(({ ip, suffix }) => `${ip} saddr vmap @egress${suffix}`) },
  'ingress-stateless': { rules: families.map(({ ip, suffix }) => `${ip} daddr vmap @ingress${suffix}`) },
  'forward-egress': {
    hook: 'type filter hook forward priority filter - 10; policy accept;',
    rules: ['jump egress'],
  },
  'forward-ingress': {
    hook: 'type filter hook forward priority filter - 9; policy accept;',
    rules: ['jump ingress'],
  },
  'input-egress': {
    hook: 'type filter hook input priority filter - 10; policy accept;',
    rules: ['iifname lo accept', 'ct direction reply accept', 'jump egress'],
  },
};
