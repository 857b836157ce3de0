/**
 * For tests of policies: two opinions on which connections are allowed. `TableModel` is the kernel, as far as the policies' rules go: it takes fragments,
 * refuses what nft would refuse, and runs the chains. `isAllowed` reads the API's objects and knows nothing of rules.
 */
import assert from 'node:assert/strict';
import { isIPv4 } from 'node:net';
import type { Namespace, Pod } from '../../api/schema/types/core-v1.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/schema/types/networking-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import type { NftBase, NftChain, NftElement, NftFragment, NftRefusal, NftTable } from '../kernel/nft-table.ts';
import { contains, rangeOfCidr } from './ip-ranges.ts';

export interface Connection {
  readonly from: string;
  readonly to: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp';
  readonly port: number;
}

type Verdict = 'accept' | 'drop' | 'return';

/** A set or a map of the model. */
class ModelSet {
  readonly #isInterval: boolean;
  readonly #elements = new Map<string, string>();

  constructor(declaration: string) {
    this.#isInterval = declaration.includes('interval');
  }

  add({ set, key, value = '' }: NftElement): void {
    assert.ok(!this.#elements.has(key), `${set} has ${key} twice`);
    if (this.#isInterval) {
      const [first, last] = ends(key);
      for (const other of this.#elements.keys()) {
        const [otherFirst, otherLast] = ends(other);
        assert.ok(last < otherFirst || otherLast < first, `${set}: ${key} and ${other} overlap`);
      }
    }
    this.#elements.set(key, value);
  }

  find(key: string): string | undefined {
    if (!this.#isInterval) return this.#elements.get(key);
    const value = numberOf(key);
    for (const [range, found] of this.#elements) {
      const [first, last] = ends(range);
      if (first <= value && value <= last) return found;
    }
    return undefined;
  }
}

const numberOf = (text: string): bigint =>
  /^\d+$/.test(text) ? BigInt(text) : rangeOfCidr(`${text}/${isIPv4(text) ? 32 : 128}`).first;

function ends(key: string): [bigint, bigint] {
  const [first = '', last = first] = key.split('-');
  return [numberOf(first), numberOf(last)];
}

export class TableModel implements NftTable {
  base: NftBase | undefined;
  readonly owners = new Map<string, NftFragment>();
  /** Owners that were set since the last `apply`, and of every `apply` before. */
  readonly transactions: string[][] = [];
  readonly #touched = new Set<string>();
  /** Owners that the kernel refuses, for tests of that. */
  readonly refuses = new Set<string>();

  set(owner: string, fragment: NftFragment | undefined): void {
    this.#touched.add(owner);
    if (fragment === undefined) this.owners.delete(owner);
    else this.owners.set(owner, fragment);
  }

  setBase(base: NftBase): void {
    this.base = base;
  }

  apply(): Promise<readonly NftRefusal[]> {
    this.transactions.push([...this.#touched].sort());
    this.#touched.clear();
    const refused = [...this.owners.keys()].filter((owner) => this.refuses.delete(owner));
    for (const owner of refused) this.owners.delete(owner);
    return Promise.resolve(refused.map((owner) => ({ owner, message: 'Error: Could not process rule' })));
  }

  get elementCount(): number {
    return [...this.owners.values()].reduce((sum, { elements = [] }) => sum + elements.length, 0);
  }

  /** The table as the kernel would have it. @throws AssertionError for what nft would refuse */
  load(): LoadedTable {
    const chains = new Map<string, NftChain>(Object.entries(this.base?.chains ?? {}));
    const sets = new Map<string, ModelSet>();
    const declare = (declared: NftFragment['sets'] = {}): void => {
      for (const [name, { declaration }] of Object.entries(declared)) {
        assert.ok(!sets.has(name), `the set ${name} is there twice`);
        sets.set(name, new ModelSet(declaration));
      }
    };
    declare(this.base?.sets);
    for (const fragment of this.owners.values()) {
      declare(fragment.sets);
      for (const [name, chain] of Object.entries(fragment.chains ?? {})) {
        assert.ok(!chains.has(name), `the chain ${name} is there twice`);
        chains.set(name, chain);
      }
    }
    for (const { elements = [] } of this.owners.values()) {
      for (const element of elements) {
        const set = sets.get(element.set);
        assert.ok(set, `${element.key} is for ${element.set}, which is not there`);
        set.add(element);
        const target = /^(?:jump|goto) (.+)$/.exec(element.value ?? '')?.[1];
        assert.ok(target === undefined || chains.has(target), `${element.set} leads to ${target}, which is not there`);
      }
    }
    return new LoadedTable(chains, sets);
  }
}

export class LoadedTable {
  readonly #chains: ReadonlyMap<string, NftChain>;
  readonly #sets: ReadonlyMap<string, ModelSet>;
  /** Rules looked at for the last question. */
  steps = 0;

  constructor(chains: ReadonlyMap<string, NftChain>, sets: ReadonlyMap<string, ModelSet>) {
    this.#chains = chains;
    this.#sets = sets;
  }

  /** Does the node let through what it forwards? A node judges its own pods: ask the nodes of both ends. */
  forwards(connection: Connection): boolean {
    this.steps = 0;
    return ['forward-egress', 'forward-ingress'].every((chain) => this.#passes(chain, connection));
  }

  /** Does the node hear what a pod asks it? */
  hears(connection: Connection): boolean {
    return this.#passes('input-egress', connection);
  }

  #passes(chain: string, connection: Connection): boolean {
    return !this.#chains.has(chain) || this.#run(chain, connection) !== 'drop';
  }

  #run(name: string, connection: Connection): Verdict {
    const chain = this.#chains.get(name);
    assert.ok(chain, `the chain ${name} is not there`);
    for (const rule of chain.rules) {
      this.steps++;
      const verdict = this.#rule(rule, connection);
      if (verdict === undefined) continue;
      const [kind, target = ''] = verdict.split(' ');
      if (kind === 'goto') return this.#run(target, connection);
      const outcome = kind === 'jump' ? this.#run(target, connection) : (kind as Verdict);
      if (outcome !== 'return') return outcome;
    }
    return 'return';
  }

  /** Its verdict; undefined where it does not match. */
  #rule(rule: string, connection: Connection): string | undefined {
    // These are about packets that the model's connections have none of.
    if (/^(icmpv6 type|ct state|iifname lo|ct direction reply|meta l4proto \{ icmp)/.test(rule)) return undefined;
    let rest = rule;
    const protocol = /^meta l4proto (tcp|udp|sctp) /.exec(rest);
    if (protocol) {
      if (protocol[1] !== connection.protocol) return undefined;
      rest = rest.slice(protocol[0].length);
    }
    const lookup = /^(ct .+?) (vmap )?@(\S+) ?/.exec(rest);
    if (lookup) {
      const [whole, expression = '', isMap, name = ''] = lookup;
      const key = keyOf(expression, connection);
      const set = this.#sets.get(name);
      assert.ok(set, `the rule "${rule}" asks the set ${name}, which is not there`);
      const found = key === undefined ? undefined : set.find(key);
      if (found === undefined) return undefined;
      if (isMap) return found;
      rest = rest.slice(whole.length);
    }
    assert.match(rest, /^(accept|drop|jump \S+|goto \S+)$/, `the model cannot read "${rule}"`);
    return rest;
  }
}

/** Undefined where the expression is of the other family. */
function keyOf(expression: string, { from, to, port }: Connection): string | undefined {
  const family = isIPv4(from) ? 'ip' : 'ip6';
  const parts = expression.split(' . ').map((part) => {
    if (part === 'ct reply proto-src') return String(port);
    if (part === `ct original ${family} saddr`) return from;
    if (part === `ct reply ${family} saddr`) return to;
    assert.match(part, /^ct (original|reply) ip6? saddr$/);
    return undefined;
  });
  return parts.includes(undefined) ? undefined : parts.join(' . ');
}

export interface World {
  readonly policies: readonly NetworkPolicy[];
  readonly pods: readonly Pod[];
  readonly namespaces: readonly Namespace[];
}

/** What Kubernetes says of a connection between two addresses: both ends must allow it. */
export function isAllowed(world: World, connection: Connection): boolean {
  if (connection.from === connection.to) return true;
  return (
    mayPass(world, connection, 'Ingress', connection.to, connection.from) &&
    mayPass(world, connection, 'Egress', connection.from, connection.to)
  );
}

function mayPass(
  world: World,
  connection: Connection,
  type: 'Ingress' | 'Egress',
  own: string,
  other: string,
): boolean {
  const pod = podWith(world, own);
  if (pod === undefined) return true;
  const isolating = world.policies.filter(
    ({ metadata, spec }) =>
      metadata?.namespace === pod.metadata?.namespace &&
      (spec?.policyTypes ?? (spec?.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'])).includes(type) &&
      labelMatcher(spec?.podSelector ?? {}).matches(pod.metadata?.labels),
  );
  if (isolating.length === 0) return true;
  return isolating.some(({ metadata, spec }) => {
    const rules =
      type === 'Ingress'
        ? (spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from ?? [], ports: ports ?? [] }))
        : (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to ?? [], ports: ports ?? [] }));
    return rules.some(
      ({ peers, ports }) =>
        (peers.length === 0 || peers.some((peer) => isPeer(world, peer, metadata?.namespace ?? '', other))) &&
        (ports.length === 0 || ports.some((port) => isPort(world, port, connection))),
    );
  });
}

function isPeer(world: World, peer: NetworkPolicyPeer, namespace: string, address: string): boolean {
  const { ipBlock, podSelector, namespaceSelector } = peer;
  if (ipBlock) {
    const isIn = (cidr: string): boolean => contains(rangeOfCidr(cidr), address);
    return isIn(ipBlock.cidr) && !(ipBlock.except ?? []).some(isIn);
  }
  const pod = podWith(world, address);
  if (pod === undefined || !labelMatcher(podSelector ?? {}).matches(pod.metadata?.labels)) return false;
  if (namespaceSelector === undefined) return pod.metadata?.namespace === namespace;
  const of = world.namespaces.find(({ metadata }) => metadata?.name === pod.metadata?.namespace);
  return of !== undefined && labelMatcher(namespaceSelector).matches(of.metadata?.labels);
}

function isPort(world: World, { protocol = 'TCP', port, endPort }: NetworkPolicyPort, connection: Connection): boolean {
  if (protocol.toLowerCase() !== connection.protocol) return false;
  if (port === undefined) return true;
  if (typeof port === 'number') return port <= connection.port && connection.port <= (endPort ?? port);
  const containers = podWith(world, connection.to)?.spec?.containers ?? [];
  const found = containers
    .flatMap(({ ports = [] }) => ports)
    .find((each) => each.name === port && (each.protocol ?? 'TCP') === protocol);
  return found?.containerPort === connection.port;
}

function podWith({ pods }: World, address: string): Pod | undefined {
  return pods.find(
    ({ spec, status }) =>
      spec?.hostNetwork !== true &&
      status?.phase !== 'Succeeded' &&
      status?.phase !== 'Failed' &&
      (status?.podIPs ?? []).some(({ ip }) => ip === address),
  );
}
