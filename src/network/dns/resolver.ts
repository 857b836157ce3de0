/**
 * What is said to a question, by whom it concerns:
 *
 * ```
 *   bytes ──▶ answered before, and nothing changed? ──▶ the same, answers turned round by chance
 *         └─▶ read ──▶ name of `hosts` │ longest of: cluster's domain, stub domains │ reverse name of ours │ localhost, invalid │ all others
 *                            │                 │                 │                        │                 │                   │
 *                          fixed            records.ts        forwarder               records.ts          fixed             forwarder
 * ```
 * Kept true: never throws, never rejects, whatever the bytes; a question that can be answered from memory is answered in the same turn; a name of the
 * cluster's domain never leaves the cluster.
 */
import type { Clock } from '../../lib/clock.ts';
import { nextInt, type Prng } from '../../lib/prng.ts';
import { reverseName } from './addresses.ts';
import { AnswerCache } from './answer-cache.ts';
import { forwardedReply, recordsOf } from './forwarded-message.ts';
import type { Forwarder, ServerGroup } from './forwarder.ts';
import {
  type Answer,
  addressRecord,
  type DnsRecord,
  encodeAnswer,
  faultReply,
  nameRecord,
  textRecord,
  turned,
} from './message.ts';
import { type Forwarded, questionBytes } from './questions.ts';
import { clusterTtl, type Found, findAddress, findInDomain, startOfAuthority, type ZoneFacts } from './records.ts';
import type { DnsSettings } from './settings.ts';
import { flags, headerBytes, type Query, readQuery, recordTypes, responseCodes, udpLimit } from './wire.ts';
import { ownerOf, type Zone } from './zone.ts';

const hostsTtl = 30;
/** As the example of RFC 8482. */
const anyTtl = 3789;
const aliasesMax = 8;
const tcpBytesMax = 65_535;

export interface ResolverOptions {
  readonly forwarder: Forwarder;
  /** Those who know the rest of the world. */
  readonly upstreams: () => ServerGroup;
  readonly settings: DnsSettings;
  readonly clock: Clock;
  readonly prng: Prng;
  /** Answers of that code were given, for whoever counts or writes them down. */
  readonly told?: (query: Query, code: number) => void;
  /** A question about a name elsewhere was answered from memory, or others are asked. */
  readonly forwarded?: (from: 'memory' | 'others') => void;
}

export class Resolver {
  /** Where this name server is. */
  serverAddresses: readonly string[] = [];
  readonly #options: ResolverOptions;
  readonly #zone: Zone;
  readonly #cache = new AnswerCache();
  #settings: DnsSettings;
  #hostsByReverseName: ReadonlyMap<string, readonly string[]> = new Map();
  #domains: readonly string[] = [];

  constructor(options: ResolverOptions, makeZone: (changed: (owner: string) => void) => Zone) {
    this.#options = options;
    this.#zone = makeZone((owner) => this.#cache.forget(owner));
    this.#settings = options.settings;
    this.configure(options.settings);
  }

  get zone(): Zone {
    return this.#zone;
  }

  configure(settings: DnsSettings): void {
    this.#settings = settings;
    this.#hostsByReverseName = byReverseName(settings.hosts);
    this.#domains = [settings.domain, ...settings.stubDomains.keys()].toSorted((a, b) => b.length - a.length);
    this.#cache.clear();
    this.#options.forwarder.clear();
  }

  /** Undefined: nothing is said. */
  answer(bytes: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined | Promise<Buffer | undefined> {
    if (transport === 'tcp') return this.#answer(bytes, undefined);
    const key = bytes.toString('latin1', 2);
    const known = this.#settings.log ? undefined : this.#cache.get(key);
    if (known === undefined) return this.#answer(bytes, key);
    const first = known.starts.length < 3 ? 0 : nextInt(this.#options.prng, known.starts.length - 1);
    // Not by `readUInt16BE`: without the optimizing compiler that takes a tenth of all this.
    return turned(known, ((bytes[0] as number) << 8) | (bytes[1] as number), first);
  }

  /** Answers are no longer what they were, for another reason than the zone's. */
  forgetAnswers(): void {
    this.#cache.clear();
  }

  /** @param cacheKey absent: by TCP */
  #answer(bytes: Buffer, cacheKey: string | undefined): Buffer | undefined | Promise<Buffer | undefined> {
    const query = readQuery(bytes);
    if (query === 'silence') return undefined;
    if (query === 'malformed') return faultReply(bytes, responseCodes.FORMERR);
    if (query === 'unknown opcode') return faultReply(bytes, responseCodes.NOTIMP);
    const refusal = refusalOf(query);
    if (refusal !== undefined) return this.#encode(query, refusal, cacheKey).bytes;
    const found = this.#find(query);
    if (found === undefined) return this.#forward(query, this.#options.upstreams(), cacheKey);
    if ('servers' in found) return this.#forward(query, found, cacheKey);
    if (found.alias !== undefined) return this.#followAlias(query, found.alias, cacheKey);
    return this.#encodeFound(query, found, cacheKey);
  }

  /** What is known here; else who is asked, where not those for the rest of the world. */
  #find(query: Pick<Query, 'name' | 'type'>): Found | ServerGroup | undefined {
    const { hosts, stubDomains, domain } = this.#settings;
    const addresses = hosts.get(query.name);
    if (addresses !== undefined)
      return fixed(
        addresses.map((address) => addressRecord(query.name, hostsTtl, address)),
        query,
      );
    const below = this.#domains.find((candidate) => isWithin(query.name, candidate));
    if (below === domain) return findInDomain(this.#facts(), query);
    if (below !== undefined) return { name: below, servers: stubDomains.get(below) ?? [] };
    return query.name.endsWith('.arpa') ? this.#findReverse(query) : specialName(query);
  }

  #findReverse(query: Pick<Query, 'name' | 'type'>): Found | undefined {
    const hosts = this.#hostsByReverseName.get(query.name);
    if (hosts === undefined) return findAddress(this.#facts(), query);
    return fixed(
      hosts.map((host) => nameRecord(query.name, recordTypes.PTR, hostsTtl, host)),
      query,
    );
  }

  #facts(): ZoneFacts {
    const serial = Math.floor(this.#options.clock.now() / 1000);
    return { zone: this.#zone, domain: this.#settings.domain, serverAddresses: this.serverAddresses, serial };
  }

  #encodeFound(query: Query, found: Found, cacheKey: string | undefined): Buffer {
    if (!this.#zone.isKnown && isUncertain(found))
      return this.#encode(query, plain(responseCodes.SERVFAIL), undefined).bytes;
    return this.#encode(query, this.#answerOf(query, found), cacheKey, found.owner).bytes;
  }

  #answerOf(query: Pick<Query, 'name'>, { exists, records, additional }: Found): Answer {
    const facts = this.#facts();
    const zoneName = isWithin(query.name, facts.domain) ? facts.domain : query.name;
    return {
      code: exists ? responseCodes.NOERROR : responseCodes.NXDOMAIN,
      answers: records,
      authority: records.length > 0 ? [] : [startOfAuthority(facts, zoneName)],
      additional,
      isAuthoritative: true,
    };
  }

  /** Shuffled, so that also of those that are cut each comes in front some time. */
  #encode(query: Query, answer: Answer, cacheKey: string | undefined, owner: string = ownerOf.nobody) {
    const isOneName = answer.answers.length > 1 && answer.answers.every(({ name }) => name === query.name);
    const answers = isOneName ? this.#shuffled(answer.answers) : answer.answers;
    const limit = cacheKey === undefined ? tcpBytesMax : udpLimit(query);
    const encoded = encodeAnswer(query, { ...answer, answers }, limit);
    const mayKeep = cacheKey !== undefined && !encoded.isTruncated && answer.code !== responseCodes.SERVFAIL;
    if (mayKeep) this.#cache.set(cacheKey, owner, encoded);
    this.#options.told?.(query, answer.code);
    return encoded;
  }

  #shuffled(records: readonly DnsRecord[]): readonly DnsRecord[] {
    const order = [...records];
    for (let last = order.length - 1; last > 0; last--) {
      const other = nextInt(this.#options.prng, last + 1);
      [order[last], order[other]] = [order[other] as DnsRecord, order[last] as DnsRecord];
    }
    return order;
  }

  #forward(query: Query, group: ServerGroup, cacheKey: string | undefined): Buffer | Promise<Buffer> {
    const limit = cacheKey === undefined ? tcpBytesMax : udpLimit(query);
    const asked = forwardedOf(query);
    const known = this.#options.forwarder.known(group, asked);
    this.#options.forwarded?.(known === undefined ? 'others' : 'memory');
    if (known !== undefined) return this.#tell(query, known.message.code, forwardedReply(query, known, limit).bytes);
    return this.#options.forwarder.ask(group, asked).then((outcome) => {
      if (outcome === 'failed') return this.#encode(query, plain(responseCodes.SERVFAIL), undefined).bytes;
      return this.#tell(query, outcome.message.code, forwardedReply(query, outcome, limit).bytes);
    });
  }

  #tell(query: Query, code: number, reply: Buffer): Buffer {
    this.#options.told?.(query, code);
    return reply;
  }

  /** The alias, and what it leads to: here or elsewhere, as far as anybody knows it. */
  async #followAlias(query: Query, target: string, cacheKey: string | undefined): Promise<Buffer> {
    const answers: DnsRecord[] = [nameRecord(query.name, recordTypes.CNAME, clusterTtl, target)];
    let code: number = responseCodes.NOERROR;
    let name: string | undefined = query.type === recordTypes.CNAME ? undefined : target;
    for (let aliases = 1; name !== undefined; aliases++) {
      if (aliases > aliasesMax) return this.#encode(query, plain(responseCodes.SERVFAIL), undefined).bytes;
      const step = await this.#step(name, query);
      answers.push(...step.records);
      code = step.code;
      name = step.alias;
    }
    const answer: Answer = { ...plain(code), answers, isAuthoritative: true };
    const limit = cacheKey === undefined ? tcpBytesMax : udpLimit(query);
    return this.#tell(query, code, encodeAnswer(query, answer, limit).bytes);
  }

  async #step(name: string, query: Query): Promise<{ records: readonly DnsRecord[]; code: number; alias?: string }> {
    const found = this.#find({ name, type: query.type }) ?? this.#options.upstreams();
    if (!('servers' in found)) {
      const code = found.exists ? responseCodes.NOERROR : responseCodes.NXDOMAIN;
      if (found.alias === undefined) return { records: found.records, code };
      const record = nameRecord(name, recordTypes.CNAME, clusterTtl, found.alias);
      return { records: [record], code, alias: found.alias };
    }
    const asked = { ...forwardedOf(query), question: questionBytes(name, query.type) };
    const outcome = await this.#options.forwarder.ask(found, asked);
    if (outcome === 'failed') return { records: [], code: responseCodes.SERVFAIL };
    return { records: recordsOf(outcome), code: outcome.message.code };
  }
}

function isWithin(name: string, domain: string): boolean {
  return name.endsWith(domain) && (name.length === domain.length || name[name.length - domain.length - 1] === '.');
}

function plain(code: number): Answer {
  return { code, answers: [], authority: [], additional: [], isAuthoritative: false };
}

/** What needs no knowledge to be turned away, or answered as the standard says. */
function refusalOf(query: Query): Answer | undefined {
  if (query.edns !== undefined && query.edns.version !== 0) return plain(responseCodes.BADVERS);
  if (query.class !== 1) return plain(responseCodes.REFUSED);
  if (query.type === recordTypes.AXFR || query.type === recordTypes.IXFR) return plain(responseCodes.REFUSED);
  if (query.type === recordTypes.OPT) return plain(responseCodes.FORMERR);
  if (query.type !== recordTypes.ANY) return undefined;
  // All records of a name at once are nobody's need but an attacker's (RFC 8482).
  return {
    ...plain(responseCodes.NOERROR),
    answers: [textRecord(query.name, recordTypes.HINFO, anyTtl, ['RFC8482', ''])],
  };
}

/** That there is none is not known before the cluster is. */
function isUncertain({ owner, records }: Found): boolean {
  return owner !== ownerOf.nobody && records.length === 0;
}

function fixed(records: readonly DnsRecord[], { type }: Pick<Query, 'type'>): Found {
  const wanted = records.filter((record) => record.type === type);
  return { exists: true, records: wanted, additional: [], owner: ownerOf.nobody };
}

/** Names that must not be asked of anybody (RFC 6761). */
function specialName(query: Pick<Query, 'name' | 'type'>): Found | undefined {
  if (isWithin(query.name, 'localhost'))
    return fixed(
      ['127.0.0.1', '::1'].map((address) => addressRecord(query.name, hostsTtl, address)),
      query,
    );
  if (!isWithin(query.name, 'invalid')) return undefined;
  return { exists: false, records: [], additional: [], owner: ownerOf.nobody };
}

function byReverseName(hosts: DnsSettings['hosts']): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const [host, addresses] of hosts)
    for (const address of addresses) {
      const name = reverseName(address);
      if (name !== undefined) names.set(name, [...(names.get(name) ?? []), host]);
    }
  return names;
}

/** The question with its name in lower case: two that differ in capitals are one. */
function forwardedOf(query: Query): Forwarded {
  const question = Buffer.from(query.bytes.subarray(headerBytes, query.end));
  for (let offset = 0; offset < question.length - 4; offset++) {
    const byte = question[offset] as number;
    if (byte >= 0x41 && byte <= 0x5a) question[offset] = byte + 0x20;
  }
  return {
    question,
    dnssecOk: query.edns?.dnssecOk ?? false,
    checkingDisabled: (query.flags & flags.checkingDisabled) !== 0,
  };
}
