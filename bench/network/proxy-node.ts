/**
 * The service proxy of a node for the benchmark, in a network namespace and a process of its own with the flags of an agent. What it reads comes from memory
 * at once, so that the figures are the proxy's and the kernel's. Says one line of JSON: `ProxyTimes`.
 *
 *   proxy-node.ts FOLDER SERVICES ENDPOINTS CHANGES
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { KubeObject } from '../../src/api/object.ts';
import type { EndpointSlice } from '../../src/api/schema/types/discovery-v1.ts';
import type { Client, ClientWatchEvent, Resource } from '../../src/client/client.ts';
import { InformerSet } from '../../src/client/informer.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { MetricRegistry } from '../../src/lib/metrics.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import type { NetworkContext } from '../../src/network/context.ts';
import { NftProcess, type NftRunner } from '../../src/network/kernel/nft.ts';
import { ServiceProxy } from '../../src/network/proxy/service-proxy.ts';

export interface ProxyTimes {
  readonly firstMs: number;
  /** The same commands by nft alone. */
  readonly plainFirstMs: number;
  /** Each change: from the event to the kernel's answer. */
  readonly changesMs: readonly number[];
  readonly plainChangesMs: readonly number[];
  readonly rssBytes: number;
}

const [folder = '', serviceCount = '0', endpointCount = '0', changeCount = '0'] = process.argv.slice(2);
const [services, endpoints, changes] = [serviceCount, endpointCount, changeCount].map(Number) as [
  number,
  number,
  number,
];
const clock = new RealClock({ keepsAlive: true });

const address = (first: number, index: number): string =>
  `10.${first + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;

function slice(index: number, version: number): EndpointSlice {
  const name = `web-${index}`;
  return {
    metadata: {
      namespace: 'shop',
      name,
      uid: name,
      resourceVersion: String(version),
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: endpoints }, (_, one) => ({
      addresses: [one === 0 && version > 1 ? address(200, index) : address(100, index * endpoints + one)],
      nodeName: `node-${one}`,
      conditions: { ready: true, serving: true, terminating: false },
    })),
  };
}

/** Made before time is taken. */
const objects: Readonly<Record<string, readonly KubeObject[]>> = {
  services: Array.from({ length: services }, (_, index) => {
    const clusterIP = address(60, index);
    const spec = {
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    };
    return { metadata: { namespace: 'shop', name: `web-${index}`, uid: `s${index}`, resourceVersion: '1' }, spec };
  }),
  endpointslices: Array.from({ length: services }, (_, index) => slice(index, 1)),
  nodes: [{ metadata: { name: 'node-0', resourceVersion: '1' }, spec: { podCIDRs: ['10.42.0.0/24'] } } as KubeObject],
  servicecidrs: [
    { metadata: { name: 'kubernetes', resourceVersion: '1' }, spec: { cidrs: ['10.60.0.0/16'] } } as KubeObject,
  ],
};

const watches = new Map<string, (event: ClientWatchEvent<KubeObject>) => void>();
const client = {
  list: ({ resource }: Resource<KubeObject>) =>
    Promise.resolve({ items: objects[resource] ?? [], metadata: { resourceVersion: '1' } }),
  watch: (
    { resource }: Resource<KubeObject>,
    _: unknown,
    sink: { event(event: ClientWatchEvent<KubeObject>): void },
  ) => {
    watches.set(resource, (event) => sink.event(event));
    return { cancel: () => {} };
  },
} as unknown as Client;

mkdirSync(folder, { recursive: true });
const lasting = new NftProcess({ folder, clock });
const transactions: (readonly string[])[] = [];
let applied = (): void => {};
const nft: NftRunner = {
  async run(commands) {
    const errors = await lasting.run(commands);
    if (errors.length > 0) throw new Error(JSON.stringify(errors.slice(0, 3)));
    transactions.push(commands);
    applied();
    return errors;
  },
};

async function timed(act: () => void): Promise<number> {
  const done = new Promise<void>((resolve) => (applied = resolve));
  const startedMs = clock.monotonic();
  act();
  await done;
  return clock.monotonic() - startedMs;
}

function plain(commands: readonly string[]): number {
  const file = path.join(folder, 'plain.nft');
  const startedMs = clock.monotonic();
  writeFileSync(file, `${commands.join('\n')}\n`);
  execFileSync('nft', ['-f', file], { env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` } });
  return clock.monotonic() - startedMs;
}

const log = silentLogger;
const prng = new SeededPrng(1);
const informers = new InformerSet({ client, clock, prng, log });
const context = {
  client,
  informers,
  nft,
  clock,
  prng,
  log,
  metrics: new MetricRegistry(),
  nodeName: 'node-0',
  id: '0123abcd',
  folder,
} as unknown as NetworkContext;
const proxy = new ServiceProxy(context);
await proxy.start();
const firstMs = await timed(() => void informers.start());
const changesMs: number[] = [];
for (let change = 0; change < changes; change++) {
  const index = (change * 7919) % services;
  changesMs.push(
    await timed(() => watches.get('endpointslices')?.({ type: 'MODIFIED', object: slice(index, 2 + change) })),
  );
}
const rssBytes = process.memoryUsage.rss();
await proxy.close();
await lasting.close();
const [first = [], ...rest] = transactions;
const plainFirstMs = plain(first);
const plainChangesMs = rest.map(plain);
process.stdout.write(
  `${JSON.stringify({ firstMs, plainFirstMs, changesMs, plainChangesMs, rssBytes } satisfies ProxyTimes)}\n`,
);
process.exit(0);
