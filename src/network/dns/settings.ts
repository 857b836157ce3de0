/**
 * The section `dns` of the network's settings (ConfigMap `kube-system/naru-network`, `network.yaml`):
 *
 * ```yaml
 * dns:
 *   upstreams: [10.0.0.2, '10.0.0.3:5353', '[fd00::2]:53']   # instead of those of the machine's /etc/resolv.conf
 *   hosts: { 10.0.0.7: [db.example.org, db] }                # names that this cluster alone knows
 *   stubDomains: { corp.example: [10.1.1.1] }                # who is asked about these names, and those below them
 *   cacheSeconds: 3600                                       # how long answers of others are kept, at most; 0 keeps none
 *   domain: cluster.local
 *   log: false                                               # a line for each question
 * ```
 */
import { isIP } from 'node:net';
import type { Section } from '../configuration.ts';
import { type FieldParser, fieldsOf, integer, listOf, mapOf, takes, yesOrNo } from '../settings-fields.ts';
import { canonicalAddress } from './addresses.ts';

export interface Upstream {
  readonly address: string;
  readonly port: number;
}

export interface DnsSettings {
  /** Empty: the machine's. */
  readonly upstreams: readonly Upstream[];
  /** By name: its addresses. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
  readonly stubDomains: ReadonlyMap<string, readonly Upstream[]>;
  readonly cacheSeconds: number;
  readonly domain: string;
  readonly log: boolean;
}

/** A day: who changed a name should not have to wait longer. */
const cacheSecondsMax = 86_400;

/** An IP address, with a port where it is not 53. */
export function parseUpstream(text: string): Upstream | undefined {
  if (isIP(text) !== 0) return { address: text, port: 53 };
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:[\]]+)):(?<port>\d{1,5})$/.exec(text)?.groups;
  const address = match?.['six'] ?? match?.['four'] ?? '';
  const port = Number(match?.['port']);
  const family = match?.['six'] === undefined ? 4 : 6;
  return isIP(address) === family && port > 0 && port < 65_536 ? { address, port } : undefined;
}

const upstream: FieldParser<Upstream> = (value, field) => {
  const parsed = typeof value === 'string' ? parseUpstream(value) : undefined;
  if (parsed === undefined) throw takes(field, 'an address such as 10.0.0.2, 10.0.0.2:53 or [fd00::2]:53', value);
  return parsed;
};

const domainName: FieldParser<string> = (value, field) => {
  const name = typeof value === 'string' ? value.toLowerCase().replace(/\.$/, '') : '';
  const isName = name.length < 254 && /^[a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/.test(name);
  if (!isName) throw takes(field, 'a name such as example.org', value);
  return name;
};

const hosts: FieldParser<DnsSettings['hosts']> = (value, field) => {
  const byName = new Map<string, string[]>();
  for (const [text, names] of Object.entries(mapOf(listOf(domainName))(value, field))) {
    const address = canonicalAddress(text);
    if (address === undefined) throw takes(field, 'lists of names by IP address', text);
    for (const name of names) byName.set(name, [...(byName.get(name) ?? []), address]);
  }
  return byName;
};

const stubDomains: FieldParser<DnsSettings['stubDomains']> = (value, field) => {
  const servers = Object.entries(mapOf(listOf(upstream))(value, field));
  const without = servers.find(([, list]) => list.length === 0);
  if (without !== undefined) throw takes(`${field}.${without[0]}`, 'at least one address', without[1]);
  return new Map(servers.map(([domain, list]) => [domainName(domain, field), list]));
};

export const dnsDefaults: DnsSettings = {
  upstreams: [],
  hosts: new Map(),
  stubDomains: new Map(),
  cacheSeconds: 3600,
  domain: 'cluster.local',
  log: false,
};

const parse = fieldsOf<DnsSettings>(dnsDefaults, {
  upstreams: listOf(upstream),
  hosts,
  stubDomains,
  cacheSeconds: integer(0, cacheSecondsMax),
  domain: domainName,
  log: yesOrNo,
});

export const dnsSection: Section<DnsSettings> = { defaults: dnsDefaults, parse: (value) => parse(value, '') };
