/**
 * A name server for the benchmark, in a process of its own with the flags of an agent: naru's over many Services, or (`bare`) one that sends back what it
 * gets, which is what the runtime alone costs.
 *
 *   dns-server.ts naru|bare SERVICES     says its port, then with each line of standard input its processor time (µs) and resident bytes
 */
import dgram from 'node:dgram';
import process from 'node:process';
import { RealClock } from '../../src/lib/clock.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import { Forwarder } from '../../src/network/dns/forwarder.ts';
import { Resolver } from '../../src/network/dns/resolver.ts';
import { DnsServer } from '../../src/network/dns/server.ts';
import { dnsDefaults } from '../../src/network/dns/settings.ts';
import { addressAsItIs, exchange } from '../../src/network/dns/upstream.ts';
import { Zone } from '../../src/network/dns/zone.ts';

const [kind = 'naru', count = '0'] = process.argv.slice(2);

function say(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function serveNaru(services: number): Promise<number> {
  const clock = new RealClock();
  const forwarder = new Forwarder({ clock, exchange, cacheSeconds: () => 3600, report: () => {} });
  const resolver = new Resolver(
    { forwarder, upstreams: () => ({ name: '', servers: [] }), settings: dnsDefaults, clock, prng: new SeededPrng(1) },
    (changed) => new Zone(() => ['10.42.0.0/16', '10.43.0.0/16'], changed),
  );
  resolver.zone.isKnown = true;
  resolver.zone.putNamespace('shop');
  for (let index = 0; index < services; index++) {
    const spec = { clusterIP: `10.43.${index >> 8}.${index & 255}`, ports: [{ name: 'http', port: 80 }] };
    resolver.zone.putService({ metadata: { namespace: 'shop', name: `web-${index}` }, spec });
  }
  const answer = (bytes: Buffer, transport: 'udp' | 'tcp') => resolver.answer(bytes, transport);
  const server = new DnsServer({
    address: '127.0.0.1',
    port: 0,
    answer,
    report: (message) => process.stderr.write(message),
  });
  await server.start();
  return server.port;
}

function serveBare(): Promise<number> {
  const socket = dgram.createSocket({ type: 'udp4', lookup: addressAsItIs });
  socket.on('message', (bytes, client) => socket.send(bytes, 0, bytes.length, client.port, client.address));
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket.address().port)));
}

say({ port: kind === 'bare' ? await serveBare() : await serveNaru(Number(count)) });
process.stdin.on('data', () => {
  const { user, system } = process.cpuUsage();
  say({ cpuMicros: user + system, rss: process.memoryUsage.rss() });
});
