/**
 * Writes Services and changes their endpoints in the API, and looks when each change is in the nodes' kernels: `nft monitor` in each node's namespace says
 * what came in. Beside the nodes a bare watcher of the API sees the same change. Runs where the API can be reached; the first line of its output is `ready`
 * (all Services are in all kernels), and with the first line of its input it begins to change, then says `ChangeTimes`.
 *
 *   changes-writer.ts KUBECONFIG SERVICES ENDPOINTS CHANGES PID…      a process in each node's network namespace
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import type { Service } from '../../src/api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/schema/types/discovery-v1.ts';
import { httpsClient } from '../../src/client/https-client.ts';
import { readKubeconfig } from '../../src/client/kubeconfig.ts';
import { endpointSlices, namespaces, services } from '../../src/client/resources.ts';
import { RealClock } from '../../src/lib/clock.ts';

export interface ChangeTimes {
  /** From the write to the last node's kernel. */
  readonly nodesMs: readonly number[];
  /** From the write to the watcher. */
  readonly watcherMs: readonly number[];
}

const [kubeconfig = '', ...numbers] = process.argv.slice(2);
const [serviceCount = 0, endpointCount = 0, changeCount = 0, ...pids] = numbers.map(Number);
const namespace = 'shop';
/** Writes at a time. */
const writers = 16;
const waitMsMax = 30_000;
const clock = new RealClock({ keepsAlive: true });
const client = httpsClient({ config: await readKubeconfig(kubeconfig), clock });

const nameOf = (index: number): string => `web-${index}`;
const addressOf = (first: number, index: number): string =>
  `${first}.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

function service(index: number): Service {
  return { metadata: { namespace, name: nameOf(index) }, spec: { ports: [{ name: 'http', port: 80 }] } };
}

/** @param first the address of its first endpoint */
function slice(index: number, first: string): EndpointSlice {
  const endpoints = Array.from({ length: endpointCount }, (_, one) => ({
    addresses: [one === 0 ? first : addressOf(100, index * endpointCount + one)],
    conditions: { ready: true },
  }));
  return {
    metadata: { namespace, name: nameOf(index), labels: { 'kubernetes.io/service-name': nameOf(index) } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints,
  };
}

/** Tells when an address that it was asked for has come by. */
class Sightings {
  readonly #waiting = new Map<string, () => void>();

  seen(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = clock.after(waitMsMax, () => reject(new Error(`${address} was not seen within ${waitMsMax} ms`)));
      this.#waiting.set(address, () => {
        timer.cancel();
        resolve(clock.monotonic());
      });
    });
  }

  look(text: string): void {
    for (const [address, found] of this.#waiting) {
      if (!text.includes(address)) continue;
      this.#waiting.delete(address);
      found();
    }
  }
}

function kernel(pid: number): Sightings {
  const sightings = new Sightings();
  const argv = ['--target', String(pid), '--net', 'nft', 'monitor', 'new', 'elements'];
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };
  const child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'inherit'], env });
  let line = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    line += text;
    sightings.look(line);
    line = line.slice(line.lastIndexOf('\n') + 1);
  });
  process.once('exit', () => child.kill());
  return sightings;
}

async function watcher(): Promise<Sightings> {
  const sightings = new Sightings();
  const { metadata } = await client.list(endpointSlices, { namespace });
  client.watch(
    endpointSlices,
    { namespace, resourceVersion: metadata.resourceVersion ?? '' },
    {
      event: ({ object }) => sightings.look(object.endpoints?.[0]?.addresses[0] ?? ''),
      end: (error) => {
        throw new Error('the watch ended', { cause: error });
      },
    },
  );
  return sightings;
}

async function writeAll(): Promise<void> {
  await client.create(namespaces, { metadata: { name: namespace } });
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < serviceCount; index = next++) {
      await client.create(services, service(index));
      await client.create(endpointSlices, slice(index, addressOf(100, index * endpointCount)));
    }
  };
  await Promise.all(Array.from({ length: writers }, work));
}

async function change(number: number, nodes: readonly Sightings[], bare: Sightings): Promise<[number, number]> {
  const address = addressOf(101, number + 1);
  const seen = Promise.all(nodes.map((node) => node.seen(address)));
  const watched = bare.seen(address);
  const startedMs = clock.monotonic();
  await client.update(endpointSlices, slice((number * 7919) % serviceCount, address));
  return [Math.max(...(await seen)) - startedMs, (await watched) - startedMs];
}

const nodes = pids.map(kernel);
await writeAll();
const bare = await watcher();
// Changes are seen in order: with this one in the kernels, all Services are.
await change(changeCount, nodes, bare);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const times = { nodesMs: [] as number[], watcherMs: [] as number[] } satisfies ChangeTimes;
for (let number = 0; number < changeCount; number++) {
  const [nodeMs, watcherMs] = await change(number, nodes, bare);
  times.nodesMs.push(nodeMs);
  times.watcherMs.push(watcherMs);
}
process.stdout.write(`${JSON.stringify(times satisfies ChangeTimes)}\n`, () => process.exit(0));
