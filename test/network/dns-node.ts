/**
 * A node's DNS as a program of its own, for tests and the benchmark: the real part over an API in its memory, whose objects a file gives.
 *
 *   dns-node.ts OBJECTS FOLDER RESOLV-CONF      OBJECTS: JSON with services, slices, namespaces
 *
 * Says `listening` when it answers on the address of `kube-system/kube-dns`, and with each line of standard input its processor time and memory.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { Namespace, Service } from '../../src/api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/schema/types/discovery-v1.ts';
import { endpointSlices, namespaces, services } from '../../src/client/resources.ts';
import { startTestApiOn } from '../../src/client/testing.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { JsonLogger } from '../../src/lib/log.ts';
import { MetricRegistry } from '../../src/lib/metrics.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import { clusterDns } from '../../src/network/dns/dns-part.ts';
import { TestConfiguration } from '../../src/network/testing.ts';
import { eventually } from '../harness.ts';

export interface DnsObjects {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly namespaces: readonly Namespace[];
  readonly settings?: unknown;
}

const [objectsFile = '', folder = '', resolvConf = ''] = process.argv.slice(2);
const objects = JSON.parse(readFileSync(objectsFile, 'utf8')) as DnsObjects;
const clock = new RealClock();
const log = new JsonLogger({ clock, write: (line) => process.stderr.write(line) });
const api = await startTestApiOn(clock, { log });
for (const namespace of objects.namespaces) await api.client.create(namespaces, namespace);
for (const service of objects.services) await api.client.create(services, service);
for (const slice of objects.slices) await api.client.create(endpointSlices, slice);
const configuration = new TestConfiguration();
if (objects.settings !== undefined) configuration.set('dns', objects.settings);
const { client, informers } = api;
const unused = (): never => {
  throw new Error('the DNS needs neither');
};
await informers.start();
const part = clusterDns(
  {
    client,
    informers,
    configuration,
    events: { record: unused },
    machine: { usePodMtu: unused, addPodGate: unused, addPodFarewell: unused },
    metrics: new MetricRegistry(),
    nft: unused as never,
    nodeName: 'node-1',
    id: '0123abcd',
    folder,
    clock,
    prng: new SeededPrng(1),
    log,
  },
  { resolvFiles: { main: resolvConf, behindStub: `${resolvConf}.stub` } },
);
await part.start();
await eventually('it listens', () => part.listeners.servers.size > 0 && part.resolver.zone.isKnown);
process.stdout.write('listening\n');
process.stdin.on('data', () => {
  const { user, system } = process.cpuUsage();
  const figures = { cpuMicros: user + system, rss: process.memoryUsage.rss() };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
});
