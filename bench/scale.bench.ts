/**
 * The largest cluster that Kubernetes supports in one server: 5,000 simulated nodes, 150,000 pods. What it holds in memory, what it costs to
 * stay idle (every node's lease each ten seconds), and how it serves meanwhile. Pods are made on their nodes, since the scheduler has a
 * benchmark of its own; the client is another process than the server.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { PodSpec, PodTemplateSpec } from '../src/api/schema/types/core-v1.ts';
import { type HttpsClient, httpsClient } from '../src/client/https-client.ts';
import { readKubeconfig } from '../src/client/kubeconfig.ts';
import { deployments, namespaces, pods, serviceAccounts } from '../src/client/resources.ts';
import { RealClock } from '../src/lib/clock.ts';
import { elapsedMs, eventually, sleep, TestCluster } from '../test/harness.ts';
import type { Benchmark, Figure } from './figure.ts';

export interface Scale {
  readonly nodes: number;
  readonly pods: number;
  /** How long idleness and traffic are watched. */
  readonly seconds: number;
  readonly podsPerSecond: number;
}

const clock = new RealClock({ keepsAlive: true });
const full: Scale = { nodes: 5000, pods: 150_000, seconds: 60, podsPerSecond: 100 };
const inSmall: Scale = { nodes: 50, pods: 500, seconds: 3, podsPerSecond: 20 };
const podsPerNamespace = 1000;
const lanes = 128;
/** Of Linux on every architecture that Node runs on. */
const ticksPerSecond = 100;

const statOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
const cpuSeconds = (pid: number): number => (Number(statOf(pid)[11]) + Number(statOf(pid)[12])) / ticksPerSecond;
const residentMiB = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);

const spec: PodSpec = { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'web:1' }] };
const template: PodTemplateSpec = { metadata: { labels: { app: 'web' } }, spec };

/** Made on its node; without a token, which each would be checked for. */
const boundSpec = (index: number, nodes: number): PodSpec => ({
  ...spec,
  nodeName: `simulated-${(index % nodes) + 1}`,
  automountServiceAccountToken: false,
});

async function inLanes(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const namespaceOf = (index: number): string => `scale-${Math.floor(index / podsPerNamespace)}`;

/** In namespaces of a thousand each. */
async function fill(client: HttpsClient, scale: Scale): Promise<void> {
  const count = Math.ceil(scale.pods / podsPerNamespace);
  for (let index = 0; index < count; index++) {
    const name = namespaceOf(index * podsPerNamespace);
    await client.create(namespaces, { metadata: { name } });
    await eventually(`the account of ${name}`, () => client.get(serviceAccounts, { namespace: name, name: 'default' }));
  }
  await inLanes(scale.pods, (index) =>
    client.create(pods, {
      metadata: { namespace: namespaceOf(index), name: `web-${index}`, labels: { app: 'web' } },
      spec: boundSpec(index, scale.nodes),
    }),
  );
}

async function untilRunning(client: HttpsClient, namespace: string, count: number, limitMs: number): Promise<void> {
  const isRunning = async (): Promise<boolean> => {
    const { items } = await client.list(pods, { namespace });
    return items.filter(({ status }) => status?.phase === 'Running').length >= count;
  };
  await eventually(`${count} pods run in ${namespace}`, isRunning, limitMs);
}

async function deploymentMs(client: HttpsClient): Promise<number> {
  const since = elapsedMs();
  const selector = { matchLabels: { app: 'web' } };
  await client.create(deployments, {
    metadata: { namespace: 'default', name: 'ten' },
    spec: { replicas: 10, selector, template },
  });
  await untilRunning(client, 'default', 10, 60_000);
  return since();
}

/** How long single reads take while pods come and go. */
async function readMsUnderChurn(client: HttpsClient, { seconds, podsPerSecond, nodes }: Scale): Promise<number> {
  const reads: number[] = [];
  const changes: Promise<unknown>[] = [];
  const count = seconds * podsPerSecond;
  for (let index = 0; index < count; index++) {
    const reference = { namespace: 'default', name: `churn-${index}` };
    const comeAndGo = async (): Promise<void> => {
      await client.create(pods, { metadata: reference, spec: boundSpec(index, nodes) });
      await sleep(2000);
      await client.delete(pods, reference);
    };
    changes.push(comeAndGo());
    const since = elapsedMs();
    await client.get(pods, { namespace: namespaceOf(0), name: `web-${index % podsPerNamespace}` }).catch(() => {});
    reads.push(since());
    await sleep(1000 / podsPerSecond);
  }
  await Promise.all(changes);
  return reads.toSorted((a, b) => a - b)[Math.ceil(reads.length * 0.99) - 1] ?? 0;
}

export async function measureScale(scale: Scale): Promise<readonly Figure[]> {
  const cluster = await TestCluster.create();
  const file = path.join(cluster.home, 'nodes.yaml');
  const nodes = `nodes: [{count: ${scale.nodes}, pods: 1000, cpu: 64, memory: 256Gi}]`;
  writeFileSync(file, `apiVersion: simulation.naru.dev/v1\nkind: SimulatedNodes\n${nodes}\nevents: warnings\n`);
  try {
    await cluster.mustNaru('up', '--port', '0', '--wait', '--simulated-node-template', file);
    const client = httpsClient({ config: await readKubeconfig(cluster.kubeconfig), clock });
    const { pid } = cluster;
    const emptyMiB = residentMiB(pid);
    const filling = elapsedMs();
    await fill(client, scale);
    const last = Math.ceil(scale.pods / podsPerNamespace) - 1;
    const rest = scale.pods - last * podsPerNamespace;
    await untilRunning(client, namespaceOf(last * podsPerNamespace), rest, 600_000);
    const fillMs = filling();
    const tenMs = await deploymentMs(client);
    const readMs = await readMsUnderChurn(client, scale);
    await sleep(scale.seconds * 500);
    const before = cpuSeconds(pid);
    await sleep(scale.seconds * 1000);
    const idle = ((cpuSeconds(pid) - before) / scale.seconds) * 100;
    const heldMiB = residentMiB(pid);
    client.close();
    const figure = (name: string, value: number, unit: string): Figure => ({
      bench: 'scale',
      figure: name,
      value: Math.round(value * 10) / 10,
      unit,
    });
    const held = `${scale.nodes} nodes, ${scale.pods} pods`;
    return [
      figure(`resident memory with ${scale.nodes} nodes and no pods`, emptyMiB, 'MiB'),
      figure('pods created and Running, per second', (scale.pods / fillMs) * 1000, 'pods/s'),
      figure(`resident memory, ${held}`, heldMiB, 'MiB'),
      figure('a Deployment of 10 pods Running', tenMs, 'ms'),
      figure(`GET p99 with ${scale.podsPerSecond} pods/s coming and going`, readMs, 'ms'),
      figure('CPU with nothing but leases, of one core', idle, '%'),
    ];
  } finally {
    await cluster.close();
  }
}

const benchmark: Benchmark = { name: 'scale', run: ({ small }) => measureScale(small ? inSmall : full) };

export default benchmark;
