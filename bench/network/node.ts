/**
 * The network of a node, whole, in a process of its own with the flags of an agent: what an agent has beside its containers. Each word on standard input is
 * answered with a line: `start` (when its parts were started) and `memory` with `NodeMemory`.
 *
 *   node.ts KUBECONFIG NAME ADDRESS POD-RANGE FOLDER
 */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { httpsClient } from '../../src/client/https-client.ts';
import { readKubeconfig } from '../../src/client/kubeconfig.ts';
import { nodes } from '../../src/client/resources.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { MetricRegistry } from '../../src/lib/metrics.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import { nodeNetwork } from '../../src/network/node-network.ts';
import { collectGarbage } from '../memory.ts';

export interface NodeMemory {
  /** Of this process, after a full collection. */
  readonly rssBytes: number;
}

const [kubeconfig = '', nodeName = '', address = '', podRange = '', folder = ''] = process.argv.slice(2);
const clock = new RealClock({ keepsAlive: true });
const client = httpsClient({ config: await readKubeconfig(kubeconfig), clock });
const network = nodeNetwork({
  client,
  nodeName,
  id: 'be9c4001',
  folder,
  machine: { usePodMtu: () => Promise.resolve(), addPodGate: () => () => {}, addPodFarewell: () => () => {} },
  clock,
  prng: new SeededPrng(1),
  log: silentLogger,
  metrics: new MetricRegistry(),
});

/** The Node as its agent would report it. */
async function join(): Promise<void> {
  const metadata = { name: nodeName };
  await client.create(nodes, { metadata, spec: { podCIDR: podRange, podCIDRs: [podRange] } });
  const body = { status: { addresses: [{ type: 'InternalIP', address }] } };
  await client.patch(nodes, { namespace: '', name: nodeName }, { type: 'merge', body }, { subresource: 'status' });
}

const words: Readonly<Record<string, () => Promise<object>>> = {
  async start() {
    await join();
    await network.start();
    return {};
  },
  memory() {
    // The second one gives back the pages that the first one emptied.
    collectGarbage();
    collectGarbage();
    return Promise.resolve({ rssBytes: process.memoryUsage.rss() } satisfies NodeMemory);
  },
};

for await (const word of createInterface(process.stdin)) {
  process.stdout.write(`${JSON.stringify(await words[word]?.())}\n`);
}
