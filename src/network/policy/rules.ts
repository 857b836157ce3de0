/**
 * A NetworkPolicy as chains: for each direction that it isolates, one chain that accepts what its rules allow, and returns otherwise. Pure.
 *
 * Connections are judged, not packets: `ct original saddr` is who began, `ct reply saddr` and `ct reply proto-src` are whom they reached (behind all
 * Services), in packets of both directions. So replies need no rule of their own, and a connection that is no longer allowed is cut at its next
 * packet, whoever sends it. (nft takes `ct reply proto-src` only behind `meta l4proto`, and not beside a protocol in one key: hence maps by protocol.)
 */
import type {
  NetworkPolicy,
  NetworkPolicyEgressRule,
  NetworkPolicyIngressRule,
  NetworkPolicyPort,
} from '../../api/schema/types/networking-v1.ts';
import { type LabelMatcher, labelMatcher } from '../../api/selector.ts';
import type { NftChain, NftElement, NftFragment, NftSet } from '../kernel/nft-table.ts';
import { dispatchesOf, type PortRule } from './dispatch.ts';
import { type Family, mergeRanges, rangeText } from './ip-ranges.ts';
import { join, type Peers, type PodSelector, peersOf, setIdOf, shortHash } from './peers.ts';

export type Direction = 'ingress' | 'egress';

export interface CompiledPolicy {
  readonly namespace: string;
  /** The pods of its namespace that it is about. */
  readonly pods: LabelMatcher;
  /** The chain of each direction in which the pods are isolated. */
  readonly chains: { readonly ingress?: string; readonly egress?: string };
  readonly fragment: NftFragment;
  /** Sets of pods' addresses that the chains ask, by id. */
  readonly podSets: ReadonlyMap<string, readonly PodSelector[]>;
  /** Named ports that the chains ask for, as `namedPortKey`. */
  readonly namedPorts: ReadonlySet<string>;
  /** Its rules are left out: see `withoutRules`. */
  readonly isClosed: boolean;
  /** What was left out, and why; the API's validation leaves nothing. */
  readonly problems: readonly string[];
}

export const families: readonly { readonly family: Family; readonly ip: 'ip' | 'ip6'; readonly suffix: '4' | '6' }[] = [
  { family: 'IPv4', ip: 'ip', suffix: '4' },
  { family: 'IPv6', ip: 'ip6', suffix: '6' },
];

export const podSetName = (id: string, suffix: '4' | '6'): string => `pods${suffix}/${id}`;
export const namedPortKey = (protocol: string, name: string): string => `${protocol.toLowerCase()}/${name}`;
export const namedPortSet = (key: string, suffix: '4' | '6'): string => `port${suffix}/${key}`;

export function compilePolicy(policy: NetworkPolicy): CompiledPolicy {
  const { namespace = '', name = '' } = policy.metadata ?? {};
  const { podSelector, ingress = [], egress = [], policyTypes } = policy.spec ?? {};
  const types = policyTypes ?? (egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress']);
  const writer = new PolicyWriter(namespace);
  const chains: { ingress?: string; egress?: string } = {};
  if (types.includes('Ingress')) {
    chains.ingress = chainName('in', namespace, name);
    writer.direction('ingress', chains.ingress, ingress.map(ingressRule));
  }
  if (types.includes('Egress')) {
    chains.egress = chainName('out', namespace, name);
    writer.direction('egress', chains.egress, egress.map(egressRule));
  }
  return { namespace, pods: labelMatcher(podSelector ?? {}), chains, isClosed: false, ...writer.result };
}

/** The same policy when it allows nothing: what stands in for one that the kernel refuses. */
export function withoutRules(compiled: CompiledPolicy): CompiledPolicy {
  const chains = Object.values(compiled.chains).map((name) => [name, { rules: [] }] as const);
  const fragment = { chains: Object.fromEntries(chains) };
  return { ...compiled, isClosed: true, fragment, podSets: new Map(), namedPorts: new Set() };
}

interface Rule {
  readonly ports: readonly NetworkPolicyPort[];
  readonly peers: NetworkPolicyIngressRule['from'];
}

const ingressRule = ({ ports = [], from }: NetworkPolicyIngressRule): Rule => ({ ports, peers: from });
const egressRule = ({ ports = [], to }: NetworkPolicyEgressRule): Rule => ({ ports, peers: to });

/** Names in nft have at most 127 letters, and those of policies up to 253. */
const nameLengthMax = 90;

function chainName(prefix: string, namespace: string, name: string): string {
  const whole = `${prefix}/${namespace}/${name}`;
  return whole.length <= nameLengthMax ? whole : `${whole.slice(0, nameLengthMax - 17)}.${shortHash(whole)}`;
}

/** Which expression holds the address of the other side. */
const peerExpression: Record<Direction, (ip: string) => string> = {
  ingress: (ip) => `ct original ${ip} saddr`,
  egress: (ip) => `ct reply ${ip} saddr`,
};

const portMax = 65_535;

class PolicyWriter {
  readonly #namespace: string;
  readonly #chains: Record<string, NftChain> = {};
  readonly #sets: Record<string, NftSet> = {};
  readonly #elements: NftElement[] = [];
  readonly #podSets = new Map<string, readonly PodSelector[]>();
  readonly #namedPorts = new Set<string>();
  readonly #problems = new Set<string>();

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  get result(): Omit<CompiledPolicy, 'namespace' | 'pods' | 'chains' | 'isClosed'> {
    return {
      fragment: { chains: this.#chains, sets: this.#sets, elements: this.#elements },
      podSets: this.#podSets,
      namedPorts: this.#namedPorts,
      problems: [...this.#problems],
    };
  }

  direction(direction: Direction, chain: string, rules: readonly Rule[]): void {
    const tell = (problem: string): void => void this.#problems.add(problem);
    const read = rules.map(({ ports, peers }) => ({ ports, peers: peersOf(peers, this.#namespace, tell) }));
    const anyPort = read.filter(({ ports }) => ports.length === 0).map(({ peers }) => peers);
    const open = anyPort.length === 0 ? [] : this.#accept(direction, chain, 'any', join(anyPort));
    if (anyPort.some(({ isEverybody }) => isEverybody)) {
      this.#chains[chain] = { rules: open };
      return;
    }
    const withPorts = read.flatMap(({ ports, peers }) => ports.map((port) => ({ ...port, peers })));
    this.#chains[chain] = {
      rules: [...open, ...this.#named(direction, chain, withPorts), ...this.#numbered(direction, chain, withPorts)],
    };
  }

  /** Named ports: the port that the pod which is asked has under that name. */
  #named(direction: Direction, chain: string, ports: readonly PeerPort[]): string[] {
    const named = ports.filter(({ port }) => typeof port === 'string');
    const byName = Map.groupBy(named, ({ protocol = 'TCP', port }) => namedPortKey(protocol, String(port)));
    return [...byName].flatMap(([key, same]) => {
      this.#namedPorts.add(key);
      const [protocol = ''] = key.split('/');
      const target = `${chain}/${key}`;
      this.#chains[target] = { rules: this.#accept(direction, target, '', join(same.map(({ peers }) => peers))) };
      return families.map(
        ({ ip, suffix }) =>
          `meta l4proto ${protocol} ct reply ${ip} saddr . ct reply proto-src @${namedPortSet(key, suffix)} jump ${target}`,
      );
    });
  }

  #numbered(direction: Direction, chain: string, ports: readonly PeerPort[]): string[] {
    const numbered = ports.filter(({ port }) => typeof port !== 'string');
    const byProtocol = Map.groupBy(numbered, ({ protocol = 'TCP' }) => protocol.toLowerCase());
    return [...byProtocol].flatMap(([protocol, same]) =>
      dispatchesOf(same.map(rangeOfPort)).map((dispatch, index) => {
        const name = `${chain}/${protocol}${index}`;
        this.#sets[name] = { kind: 'map', declaration: 'type inet_service : verdict; flags interval' };
        for (const [place, peers] of dispatch.peers.entries()) {
          const target = `${name}.${place}`;
          this.#chains[target] = { rules: this.#accept(direction, target, '', peers) };
        }
        for (const { first, last, peers } of dispatch.pieces) {
          const key = first === last ? String(first) : `${first}-${last}`;
          this.#elements.push({ set: name, key, value: `jump ${name}.${peers}` });
        }
        return `meta l4proto ${protocol} ct reply proto-src vmap @${name}`;
      }),
    );
  }

  /** Rules that accept these peers: at most two for a family, however many they are. */
  #accept(direction: Direction, chain: string, suffixOfSets: string, peers: Peers): string[] {
    if (peers.isEverybody) return ['accept'];
    const rules: string[] = [];
    const id = peers.selectors.size === 0 ? undefined : setIdOf(peers.selectors);
    if (id !== undefined) this.#podSets.set(id, [...peers.selectors.values()]);
    for (const { family, ip, suffix } of families) {
      const who = peerExpression[direction](ip);
      if (id !== undefined) rules.push(`${who} @${podSetName(id, suffix)} accept`);
      const ranges = mergeRanges(peers.ranges, family);
      if (ranges.length === 0) continue;
      const name = `${chain}/${suffixOfSets}blocks${suffix}`;
      this.#sets[name] = { kind: 'set', declaration: `type ip${suffix === '4' ? 'v4' : 'v6'}_addr; flags interval` };
      for (const range of ranges) this.#elements.push({ set: name, key: rangeText(range) });
      rules.push(`${who} @${name} accept`);
    }
    return rules;
  }
}

type PeerPort = NetworkPolicyPort & { readonly peers: Peers };

/** A protocol alone is all its ports. */
const rangeOfPort = ({ port, endPort, peers }: PeerPort): PortRule =>
  typeof port === 'number' ? { first: port, last: endPort ?? port, peers } : { first: 0, last: portMax, peers };
