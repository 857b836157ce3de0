/**
 * Section `externalDns` of the settings: zones of name servers outside, into which the names of this cluster's Services, Ingresses and routes are written.
 *
 * ```yaml
 * externalDns:
 *   zones:
 *     - zone: example.com
 *       server: ns1.example.net:53         # takes updates (RFC 2136); port 53 where absent
 *       tsig:                              # RFC 8945; absent: the server trusts this address
 *         name: naru-key
 *         algorithm: hmac-sha256           # or hmac-sha384, hmac-sha512
 *         secretName: example-com-key      # in kube-system; its key `secret` is the key's text in base64, as in the server's own file
 *       ttlSeconds: 300
 *       sources: [service, ingress, gateway]
 *       owner: this-cluster                # names with another owner are left alone; each cluster that writes into a zone needs its own
 *       policy: sync                       # upsert-only: what is no longer wanted stays
 *       txtPrefix: ''                      # before the names of the TXT records that say whose a name is; %{record_type} stands for a, aaaa, cname
 * ```
 * A zone that is taken out of the settings keeps its records.
 */
import { isIPv6 } from 'node:net';
import type { Section } from '../configuration.ts';
import { type FieldParser, fieldsOf, integer, listOf, oneOf, takes, textThat } from '../settings-fields.ts';
import { isWithin, isWritableName, plainName } from './records.ts';

export const tsigAlgorithms = ['hmac-sha256', 'hmac-sha384', 'hmac-sha512'] as const;
export type TsigAlgorithm = (typeof tsigAlgorithms)[number];

export type SourceKind = 'service' | 'ingress' | 'gateway';

export interface TsigSettings {
  /** Empty: nothing is signed. */
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly secretName: string;
}

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ZoneSettings {
  readonly zone: string;
  readonly server: ServerAddress;
  readonly tsig: TsigSettings;
  readonly ttlSeconds: number;
  readonly sources: readonly SourceKind[];
  readonly owner: string;
  readonly policy: 'sync' | 'upsert-only';
  readonly txtPrefix: string;
}

export interface ExternalDnsSettings {
  readonly zones: readonly ZoneSettings[];
}

const emptyZone: ZoneSettings = {
  zone: '',
  server: { host: '', port: 53 },
  tsig: { name: '', algorithm: 'hmac-sha256', secretName: '' },
  ttlSeconds: 300,
  sources: ['service', 'ingress', 'gateway'],
  owner: 'default',
  policy: 'sync',
  txtPrefix: '',
};

const ttlSecondsMax = 2_147_483_647;

const name: FieldParser<string> = (value, field) => {
  const plain = typeof value === 'string' ? plainName(value) : '';
  if (!isWritableName(plain) || plain.startsWith('*.')) throw takes(field, 'a name such as example.com', value);
  return plain;
};

export function parseServer(text: string): ServerAddress | undefined {
  if (isIPv6(text)) return { host: text, port: 53 };
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<host>[^:[\]\s/]+))(?::(?<port>\d{1,5}))?$/.exec(text)?.groups;
  const six = match?.['six'];
  const host = six ?? match?.['host'] ?? '';
  const port = Number(match?.['port'] ?? 53);
  const isHost = six === undefined ? isWritableName(plainName(host)) : isIPv6(host);
  return isHost && port > 0 && port < 65_536 ? { host, port } : undefined;
}

const server: FieldParser<ServerAddress> = (value, field) => {
  const parsed = typeof value === 'string' ? parseServer(value) : undefined;
  if (parsed === undefined) throw takes(field, 'a name server such as ns1.example.net:53 or [2001:db8::1]:53', value);
  return parsed;
};

const zoneFields = fieldsOf<ZoneSettings>(emptyZone, {
  zone: name,
  server,
  tsig: fieldsOf<TsigSettings>(emptyZone.tsig, {
    name,
    algorithm: oneOf(...tsigAlgorithms),
    secretName: textThat('the name of a Secret in kube-system', (text) => /^[a-z0-9][a-z0-9.-]{0,252}$/.test(text)),
  }),
  ttlSeconds: integer(1, ttlSecondsMax),
  sources: listOf(oneOf('service', 'ingress', 'gateway')),
  // It stands in TXT records between commas.
  owner: textThat('a short word such as this-cluster', (text) => /^[A-Za-z0-9._-]{1,63}$/.test(text)),
  policy: oneOf('sync', 'upsert-only'),
  // Behind the type something must tell it from what follows, or a for A would be taken for a of AAAA.
  txtPrefix: textThat(
    'the beginning of a name such as %{record_type}-owner.',
    (text) =>
      /^[a-z0-9_][a-z0-9_.-]{0,62}$/.test(text.replace(/^([a-z0-9_-]*)%\{record_type\}(?=[-.])/, '$1a')) || text === '',
  ),
});

const zone: FieldParser<ZoneSettings> = (value, field) => {
  const parsed = zoneFields(value, field);
  if (parsed.zone === '') throw new Error(`${field}.zone is missing`);
  if (parsed.server.host === '') throw new Error(`${field}.server is missing`);
  const { name: key, secretName } = parsed.tsig;
  if ((key === '') !== (secretName === '')) throw new Error(`${field}.tsig takes both name and secretName`);
  return parsed;
};

/** What tells one entry from another, for people, too. */
export const zoneKey = ({ zone: its, server: { host, port } }: ZoneSettings): string =>
  `${its} at ${host} port ${port}`;

const zones: FieldParser<readonly ZoneSettings[]> = (value, field) => {
  const parsed = listOf(zone)(value, field);
  const keys = parsed.map(zoneKey);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw new Error(`${field}: there are two entries for ${twice}`);
  return parsed;
};

const defaults: ExternalDnsSettings = { zones: [] };
const fields = fieldsOf<ExternalDnsSettings>(defaults, { zones });

export const externalDnsSection: Section<ExternalDnsSettings> = { defaults, parse: (value) => fields(value, '') };

/** Whether a name is of this zone, and not of a smaller one in the settings. */
export function isForZone(wanted: string, { zone: own }: ZoneSettings, all: readonly ZoneSettings[]): boolean {
  return isWithin(wanted, own) && !all.some((other) => other.zone.length > own.length && isWithin(wanted, other.zone));
}
