/**
 * A Service's part of the table, from its ports: pure.
 *
 * Where nothing but the number of its endpoints matters (a cluster address without affinity), a port is elements of the shared maps. Everything else is
 * chains of its own:
 * ```
 *   ext4-…   external traffic: marked or short cut ─▶ all4-… or here4-…
 *   all4-…   the endpoints of the whole cluster     ─┬▶ (affinity) the one that this client had last, by its set
 *   here4-…  those of this node                     ─┴▶ one of them by chance ─▶ (affinity) ep4-… which notes the client
 * ```
 */
import { createHash } from 'node:crypto';
import type { NftChain, NftElement, NftFragment, NftSet } from '../kernel/nft-table.ts';
import type { Endpoint } from '../services/endpoints.ts';
import type { ProxiedPort } from './service-ports.ts';
import { endpointsName, type FamilyWords, familyWords, markToMasquerade, type Pick, pickName } from './table.ts';

/** In which order a port's endpoints stand in the map: kept from change to change, so that one that goes moves at most one other. */
export type Slots = ReadonlyMap<string, readonly string[]>;

export interface ServiceProgram {
  readonly fragment: NftFragment;
  readonly picks: readonly Pick[];
  readonly slots: Slots;
}

/** Up to so many endpoints are rules, one after another; more are one rule with a map: maps of rules cost the kernel the square of their number. */
const rulesMax = 8;
/** Of the readable part of a chain's name. */
const nameMax = 100;

export function serviceProgram(
  key: string,
  ports: readonly ProxiedPort[],
  before: Slots,
  nodeName: string,
): ServiceProgram {
  const writer = new Writer(key, before, nodeName);
  for (const port of ports) writer.port(port);
  return writer.program();
}

class Writer {
  readonly #key: string;
  readonly #before: Slots;
  readonly #nodeName: string;
  readonly #chains: Record<string, NftChain> = {};
  readonly #sets: Record<string, NftSet> = {};
  readonly #elements: NftElement[] = [];
  readonly #picks: Pick[] = [];
  readonly #slots = new Map<string, readonly string[]>();

  constructor(key: string, before: Slots, nodeName: string) {
    this.#key = key;
    this.#before = before;
    this.#nodeName = nodeName;
  }

  program(): ServiceProgram {
    const fragment: NftFragment = {
      ...(Object.keys(this.#chains).length === 0 ? {} : { chains: this.#chains }),
      ...(Object.keys(this.#sets).length === 0 ? {} : { sets: this.#sets }),
      elements: this.#elements,
    };
    return { fragment, picks: this.#picks, slots: this.#slots };
  }

  port(port: ProxiedPort): void {
    const words = familyWords.find(({ family }) => family === port.family) as FamilyWords;
    this.#internal(port, words);
    if (port.externalIps.length > 0 || port.nodePort !== undefined) this.#external(port, words);
    if (port.guardedIps.length > 0) this.#firewall(port, words);
    for (const { ip, nodeName } of [...port.cluster, ...port.local]) {
      if (nodeName === this.#nodeName) this.#element(`hairpin${words.suffix}`, `${ip} . ${ip}`);
    }
  }

  #internal(port: ProxiedPort, words: FamilyWords): void {
    const endpoints = port.internalLocal ? port.local : port.cluster;
    if (endpoints.length === 0) this.#unanswered(port, words, [port.clusterIp]);
    else if (port.affinitySeconds === undefined) this.#plain(port, words, endpoints);
    else
      this.#address(
        port,
        words,
        port.clusterIp,
        `goto ${port.internalLocal ? this.#here(port, words) : this.#all(port, words)}`,
      );
  }

  #plain(port: ProxiedPort, words: FamilyWords, endpoints: readonly Endpoint[]): void {
    const { clusterIp, protocol } = port;
    const place = `${clusterIp} ${protocol} ${port.port}`;
    const ordered = placed(
      this.#before.get(place) ?? [],
      endpoints.map(({ ip, port }) => `${ip} . ${port}`),
    );
    this.#slots.set(place, ordered);
    const pick = { words, protocol, count: ordered.length };
    this.#picks.push(pick);
    this.#address(port, words, clusterIp, `goto ${pickName(pick)}`);
    for (const [slot, endpoint] of ordered.entries()) {
      this.#element(endpointsName(words.suffix, protocol), `${clusterIp} . ${port.port} . ${slot}`, endpoint);
    }
  }

  #external(port: ProxiedPort, words: FamilyWords): void {
    if (port.hasAny) {
      const name = this.#externalChain(port, words);
      for (const ip of port.externalIps) this.#address(port, words, ip, `goto ${name}`);
      if (port.nodePort !== undefined)
        this.#element(`node-ports${words.suffix}`, `${port.protocol} . ${port.nodePort}`, `goto ${name}`);
    }
    if (port.hasAny && (!port.externalLocal || port.local.length > 0)) return;
    this.#unanswered(port, words, port.externalIps);
    if (port.nodePort === undefined) return;
    this.#element(`no-endpoint-ports${words.suffix}`, `${port.protocol} . ${port.nodePort}`, unansweredVerdict(port));
  }

  /** The client's address is kept where all endpoints are here; what begins on this node (its pods and itself) may go anywhere. */
  #externalChain(port: ProxiedPort, words: FamilyWords): string {
    const { ip, suffix } = words;
    const all = port.cluster.length > 0 ? [`goto ${this.#all(port, words)}`] : [];
    if (!port.externalLocal) return this.#chain('ext', port, words, [markToMasquerade, ...all]);
    const here = port.local.length > 0 ? [`goto ${this.#here(port, words)}`] : [];
    return this.#chain('ext', port, words, [
      ...all.map((rule) => `${ip} saddr @pods${suffix} ${rule}`),
      `fib saddr type local ${markToMasquerade}`,
      ...all.map((rule) => `fib saddr type local ${rule}`),
      ...here,
    ]);
  }

  /** The address itself may ask, too: a node that has it as its own asks from it. */
  #firewall(port: ProxiedPort, words: FamilyWords): void {
    const { ip, suffix } = words;
    const allowed = [...port.sourceRanges, ...port.guardedIps];
    const name = this.#chain('fw', port, words, [...allowed.map((range) => `${ip} saddr ${range} return`), 'drop']);
    for (const address of port.guardedIps) {
      this.#element(`firewall${suffix}`, `${address} . ${port.protocol} . ${port.port}`, `goto ${name}`);
    }
  }

  #all(port: ProxiedPort, words: FamilyWords): string {
    return this.#choice('all', port, words, port.cluster);
  }

  #here(port: ProxiedPort, words: FamilyWords): string {
    return this.#choice('here', port, words, port.local);
  }

  #choice(kind: string, port: ProxiedPort, words: FamilyWords, endpoints: readonly Endpoint[]): string {
    if (port.affinitySeconds === undefined) {
      return this.#chain(
        kind,
        port,
        words,
        choose(
          endpoints.map((endpoint) => translation(port, words, endpoint)),
          port,
          words,
          endpoints,
        ),
      );
    }
    const own = endpoints.map((endpoint) => this.#sticky(port, words, endpoint));
    const back = own.map(({ chain, set }) => `${words.ip} saddr @${set} goto ${chain}`);
    return this.#chain(kind, port, words, [...back, ...byChance(own.map(({ chain }) => `goto ${chain}`))]);
  }

  /** One endpoint with the clients that had it last. What is declared is part of the set's name: another timeout is another set. */
  #sticky(port: ProxiedPort, words: FamilyWords, endpoint: Endpoint): { chain: string; set: string } {
    const { affinitySeconds } = port;
    const path = this.#path(port, `${endpoint.ip}/${endpoint.port}/${affinitySeconds}`);
    const [chain, set] = [`ep${words.suffix}-${path}`, `clients${words.suffix}-${path}`];
    this.#sets[set] = {
      kind: 'set',
      declaration: `type ${words.type}; flags dynamic,timeout; timeout ${affinitySeconds}s`,
    };
    this.#chains[chain] = { rules: [`update @${set} { ${words.ip} saddr }`, translation(port, words, endpoint)] };
    return { chain, set };
  }

  #unanswered(port: ProxiedPort, words: FamilyWords, addresses: readonly string[]): void {
    for (const address of addresses) {
      this.#element(
        `no-endpoints${words.suffix}`,
        `${address} . ${port.protocol} . ${port.port}`,
        unansweredVerdict(port),
      );
    }
  }

  #address(port: ProxiedPort, words: FamilyWords, address: string, verdict: string): void {
    this.#element(`services${words.suffix}`, `${address} . ${port.protocol} . ${port.port}`, verdict);
  }

  #element(set: string, key: string, value?: string): void {
    this.#elements.push({ set, key, ...(value === undefined ? {} : { value }) });
  }

  #chain(kind: string, port: ProxiedPort, { suffix }: FamilyWords, rules: readonly string[]): string {
    const name = `${kind}${suffix}-${this.#path(port, '')}`;
    this.#chains[name] = { rules };
    return name;
  }

  /** Who reads the table sees the Service's name; the hash keeps long ones apart. */
  #path({ protocol, port }: ProxiedPort, more: string): string {
    const words = `${this.#key}/${protocol}/${port}`;
    const hash = createHash('sha256').update(`${words}/${more}`).digest('hex').slice(0, 12);
    return `${hash}-${words.slice(0, nameMax)}`;
  }
}

/** Elsewhere in the cluster somebody would answer: then silence, so that who asks tries another node. */
function unansweredVerdict({ hasAny }: ProxiedPort): string {
  return hasAny ? 'drop' : 'goto rejected';
}

function translation({ protocol }: ProxiedPort, { ip, suffix }: FamilyWords, endpoint: Endpoint): string {
  const address = suffix === '4' ? endpoint.ip : `[${endpoint.ip}]`;
  return `meta l4proto ${protocol} dnat ${ip} to ${address}:${endpoint.port}`;
}

function choose(
  rules: readonly string[],
  { protocol }: ProxiedPort,
  { ip }: FamilyWords,
  endpoints: readonly Endpoint[],
): string[] {
  if (rules.length <= rulesMax) return byChance(rules);
  const slots = endpoints.map((endpoint, slot) => `${slot} : ${endpoint.ip} . ${endpoint.port}`);
  return [
    `meta l4proto ${protocol} dnat ${ip} addr . port to numgen random mod ${slots.length} map { ${slots.join(', ')} }`,
  ];
}

/** One of the rules, each as likely as the others: the first of n with a chance of 1/n, the next of what is left, and so on. */
function byChance(rules: readonly string[]): string[] {
  const gotos = rules.every((rule) => rule.startsWith('goto '));
  if (gotos && rules.length > rulesMax) {
    return [`numgen random mod ${rules.length} vmap { ${rules.map((rule, slot) => `${slot} : ${rule}`).join(', ')} }`];
  }
  return rules.map((rule, slot) =>
    slot === rules.length - 1 ? rule : `numgen random mod ${rules.length - slot} 0 ${rule}`,
  );
}

/** Who stays keeps its slot, as far as there are so many; the others take what is free. */
export function placed(before: readonly string[], wanted: readonly string[]): readonly string[] {
  if (before.length === 0) return wanted;
  const left = new Set(wanted);
  const slots = before.slice(0, wanted.length).map((endpoint) => (left.delete(endpoint) ? endpoint : undefined));
  const rest = left.values();
  return Array.from(wanted, (_, slot) => slots[slot] ?? (rest.next().value as string));
}
