/** For tests of the DNS: a zone with the Services of the specification's examples, a resolver over it, and messages as an independent codec reads them. */
import dnsPacket from 'dns-packet';
import type { Service, ServicePort, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { type ForwardedMessage, readForwarded } from './forwarded-message.ts';
import { Forwarder } from './forwarder.ts';
import { type Forwarded, requestBytes } from './questions.ts';
import { Resolver } from './resolver.ts';
import { type DnsSettings, dnsDefaults, type Upstream } from './settings.ts';
import type { Exchange } from './upstream.ts';
import { Zone } from './zone.ts';

export const httpPort: ServicePort = { name: 'http', port: 80, protocol: 'TCP' };

export function makeService(key: string, spec: ServiceSpec): Service {
  const [namespace = '', name = ''] = key.split('/');
  return { metadata: { namespace, name }, spec };
}

export function makeSlice(
  key: string,
  endpoints: readonly (Partial<Endpoint> & { readonly ip: string })[],
  { name = 'slice', ports = [{ name: 'http', port: 8080, protocol: 'TCP' as const }] } = {},
): EndpointSlice {
  const [namespace = '', service = ''] = key.split('/');
  return {
    metadata: { namespace, name: `${service}-${name}`, labels: { 'kubernetes.io/service-name': service } },
    addressType: endpoints[0]?.ip.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: endpoints.map(({ ip, ...endpoint }) => ({ addresses: [ip], ...endpoint })),
    ports,
  };
}

export interface TestDns {
  readonly resolver: Resolver;
  readonly zone: Zone;
  readonly forwarder: Forwarder;
  readonly clock: VirtualClock;
}

export const nobodyAnswers: Exchange = () => Promise.reject(new Error('nobody is there'));

export function testDns({
  exchange = nobodyAnswers,
  settings = {},
  networks = ['10.42.0.0/16', '10.43.0.0/16', 'fd00::/64'],
  servers = [{ address: '192.0.2.53', port: 53 }],
  clock = new VirtualClock(),
  reports = [],
}: {
  exchange?: Exchange;
  settings?: Partial<DnsSettings>;
  networks?: readonly string[];
  servers?: readonly Upstream[];
  clock?: VirtualClock;
  reports?: string[];
} = {}): TestDns {
  const all = { ...dnsDefaults, ...settings };
  const report = (message: string): void => void reports.push(message);
  const forwarder = new Forwarder({ clock, exchange, cacheSeconds: () => all.cacheSeconds, report });
  const upstreams = () => ({ name: '', servers });
  const resolver = new Resolver(
    { forwarder, upstreams, settings: all, clock, prng: new SeededPrng(1) },
    (changed) => new Zone(() => networks, changed),
  );
  resolver.serverAddresses = ['10.43.0.10'];
  resolver.zone.isKnown = true;
  return { resolver, zone: resolver.zone, forwarder, clock };
}

/** The cluster of the tables: a Service of each kind. */
export function fillZone(zone: Zone): void {
  for (const namespace of ['default', 'shop', 'kube-system']) zone.putNamespace(namespace);
  const ports = [httpPort, { name: 'dns', port: 53, protocol: 'UDP' as const }, { port: 9, protocol: 'TCP' as const }];
  zone.putService(makeService('shop/web', { clusterIP: '10.43.7.7', clusterIPs: ['10.43.7.7', 'fd00::7'], ports }));
  zone.putService(makeService('default/kubernetes', { clusterIP: '10.43.0.1', ports: [{ name: 'https', port: 443 }] }));
  zone.putService(makeService('shop/db', { clusterIP: 'None', ports: [httpPort] }));
  zone.putSlice(
    makeSlice('shop/db', [
      { ip: '10.42.0.5', hostname: 'db-0', conditions: { ready: true } },
      { ip: '10.42.0.6', conditions: {} },
      { ip: '10.42.0.7', hostname: 'db-2', conditions: { ready: false } },
    ]),
  );
  zone.putSlice(makeSlice('shop/db', [{ ip: 'fd00:0::5', hostname: 'db-0' }], { name: 'six' }));
  zone.putSlice(makeSlice('shop/web', [{ ip: '10.42.1.1' }]));
  zone.putService(makeService('shop/idle', { clusterIP: 'None', ports: [httpPort] }));
  zone.putSlice(makeSlice('shop/idle', [{ ip: '10.42.0.9', conditions: { ready: false } }]));
  zone.putService(makeService('shop/eager', { clusterIP: 'None', publishNotReadyAddresses: true, ports: [httpPort] }));
  zone.putSlice(makeSlice('shop/eager', [{ ip: '10.42.0.9', conditions: { ready: false } }]));
  zone.putService(makeService('shop/ext', { type: 'ExternalName', externalName: 'www.example.com' }));
  zone.putService(makeService('shop/inner', { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local.' }));
  zone.putService(makeService('shop/digits', { type: 'ExternalName', externalName: '192.0.2.1' }));
  zone.putService(makeService('shop/ring', { type: 'ExternalName', externalName: 'ring.shop.svc.cluster.local' }));
}

export interface Asking {
  readonly type?: string;
  readonly edns?: { readonly size: number; readonly dnssecOk?: boolean };
  readonly transport?: 'udp' | 'tcp';
}

export function query(name: string, { type = 'A', edns }: Asking = {}, id = 4711): Buffer {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: edns?.size, flags: edns?.dnssecOk ? 0x8000 : 0, options: [] };
  return dnsPacket.encode({
    type: 'query',
    id,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: type as 'A', name }],
    additionals: edns === undefined ? [] : [opt as unknown as dnsPacket.Answer],
  });
}

export type Decoded = dnsPacket.DecodedPacket & { readonly rcode: string; readonly bytes: number };

export function decode(bytes: Uint8Array | undefined): Decoded {
  if (bytes === undefined) throw new Error('there was no answer');
  return { ...dnsPacket.decode(Buffer.from(bytes)), bytes: bytes.length } as Decoded;
}

export async function ask(resolver: Resolver, name: string, asking: Asking = {}): Promise<Decoded> {
  return decode(await resolver.answer(query(name, asking), asking.transport ?? 'udp'));
}

/** Records in one line each, sorted: `A 10.43.7.7`, `SRV 0 50 80 web.shop…`. */
export function shown(records: readonly dnsPacket.Answer[] | undefined): string[] {
  return (records ?? [])
    .filter(({ type }) => type !== 'OPT')
    .map(shownRecord)
    .toSorted();
}

function shownRecord(record: dnsPacket.Answer): string {
  const { data } = record as { data: unknown };
  if (record.type === 'SRV') {
    const { priority = 0, weight = 0, port, target } = record.data;
    return `SRV ${priority} ${weight} ${port} ${target}`;
  }
  if (Array.isArray(data)) return `${record.type} ${data.map(String).join(' ')}`;
  if (record.type === 'SOA') return `SOA ${record.data.mname} ${record.data.minimum}`;
  return `${record.type} ${typeof data === 'string' ? data : JSON.stringify(data)}`;
}

/** What a name server says to a question of the forwarder, made by the other codec. */
export function replyTo(
  asked: Forwarded,
  reply: Partial<dnsPacket.Packet> & { readonly code?: number },
): ForwardedMessage {
  const request = requestBytes(asked, 1);
  const { questions } = dnsPacket.decode(request);
  const flagBits = dnsPacket.RECURSION_AVAILABLE | (reply.code ?? 0) | (reply.flags ?? 0);
  const bytes = dnsPacket.encode({ ...reply, type: 'response', id: 1, questions: questions ?? [], flags: flagBits });
  const message = readForwarded(bytes, request);
  if (message === undefined) throw new Error('that is no reply');
  return message;
}

/** The name that is asked for. */
export function nameAsked(asked: Forwarded): string {
  return dnsPacket.decode(requestBytes(asked, 1)).questions?.[0]?.name ?? '';
}
