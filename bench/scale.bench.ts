/**
 * The largest cluster that Kubernetes supports in one server: 5,000 simulated nodes, 150,000 pods. What it holds in memory, what it costs to
 * stay idle (every node's lease each ten seconds), and how it serves meanwhile. Pods are made on their nodes, since the scheduler has a
 * benchmark of its own; the client is another process than the server.
 *
 * What it costs is told in the server's CPU time, too, and reads under churn stand beside reads of the same objects in quiet: waiting times
 * alone say as much about who else uses the machine, for which there is the load average.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
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
const leasePeriodSeconds = 10;
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
  await inLanes(Math.ceil(scale.pods / podsPerNamespace), async (index) => {
    const name = namespaceOf(index * podsPerNamespace);
    await client.create(namespaces, { metadata: { name } });
    await eventually(`the account of ${name}`, () => client.get(serviceAccounts, { namespace: name, name: 'default' }));
  });
  await inLanes(scale.pods, (index) =>
    client.create(pods, {
      metadata: { namespace: namespaceOf(index), name: `web-${index}`, labels: { app: 'web' } },
      spec: boundSpec(index, scale.nodes),
    }),
  );
}

/** One namespace after the other: by then, those asked later have had their time, and each is asked once. */
async function untilAllRun(client: HttpsClient, scale: Scale): Promise<void> {
  for (let first = 0; first < scale.pods; first += podsPerNamespace) {
    await untilRunning(client, namespaceOf(first), Math.min(podsPerNamespace, scale.pods - first), 600_000);
  }
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

/** How long single reads take, one at each tick, while `meanwhile` goes on. */
async function readP99Ms(
  client: HttpsClient,
  { seconds, podsPerSecond, pods: held }: Scale,
  meanwhile: (tick: number) => Promise<void>,
): Promise<number> {
  const reads: number[] = [];
  const others: Promise<void>[] = [];
  const startMs = clock.monotonic();
  for (let tick = 0; tick < seconds * podsPerSecond; tick++) {
    others.push(meanwhile(tick));
    const sinceMs = clock.monotonic();
    await client.get(pods, { namespace: namespaceOf(0), name: `web-${tick % Math.min(held, podsPerNamespace)}` });
    reads.push(clock.monotonic() - sinceMs);
    // By the clock: a slow read makes the next ones follow sooner, and pods come no more slowly for it.
    await sleep(Math.max(0, startMs + ((tick + 1) * 1000) / podsPerSecond - clock.monotonic()));
  }
  await Promise.all(others);
  return reads.toSorted((a, b) => a - b)[Math.ceil(reads.length * 0.99) - 1] ?? 0;
}

function comeAndGo(client: HttpsClient, { nodes }: Scale): (tick: number) => Promise<void> {
  return async (tick) => {
    const reference = { namespace: 'default', name: `churn-${tick}` };
    await client.create(pods, { metadata: reference, spec: boundSpec(tick, nodes) });
    await sleep(2000);
    await client.delete(pods, reference);
  };
}

async function cpuSecondsOf(pid: number, work: () => Promise<void>): Promise<number> {
  const before = cpuSeconds(pid);
  await work();
  return cpuSeconds(pid) - before;
}

interface Measured {
  readonly emptyMiB: number;
  readonly heldMiB: number;
  readonly fillMs: number;
  readonly fillCpuSeconds: number;
  readonly tenMs: number;
  readonly quietReadMs: number;
  readonly readMs: number;
  readonly idleCpuSeconds: number;
}

async function measureServer(client: HttpsClient, pid: number, scale: Scale): Promise<Measured> {
  const emptyMiB = residentMiB(pid);
  const filling = elapsedMs();
  const fillCpuSeconds = await cpuSecondsOf(pid, async () => {
    await fill(client, scale);
    await untilAllRun(client, scale);
  });
  const fillMs = filling();
  const tenMs = await deploymentMs(client);
  await sleep(scale.seconds * 500);
  const quietReadMs = await readP99Ms(client, scale, () => Promise.resolve());
  const churnReadMs = await readP99Ms(client, scale, comeAndGo(client, scale));
  await sleep(scale.seconds * 500);
  const idleCpuSeconds = await cpuSecondsOf(pid, () => sleep(scale.seconds * 1000));
  const heldMiB = residentMiB(pid);
  return { emptyMiB, heldMiB, fillMs, fillCpuSeconds, tenMs, quietReadMs, readMs: churnReadMs, idleCpuSeconds };
}

function figuresOf(scale: Scale, measured: Measured): readonly Figure[] {
  const { emptyMiB, heldMiB, fillMs, fillCpuSeconds, idleCpuSeconds, quietReadMs } = measured;
  const figure = (name: string, value: number, unit: string): Figure => ({
    bench: 'scale',
    figure: name,
    value: rounded(value),
    unit,
  });
  const held = `${scale.nodes} nodes, ${scale.pods} pods`;
  const reads = figure(`GET p99 with ${scale.podsPerSecond} pods/s coming and going`, measured.readMs, 'ms');
  const renewals = (scale.nodes / leasePeriodSeconds) * scale.seconds;
  return [
    figure(`resident memory with ${scale.nodes} nodes and no pods`, emptyMiB, 'MiB'),
    figure('pods created and Running, per second', (scale.pods / fillMs) * 1000, 'pods/s'),
    figure('CPU of the server for each', (fillCpuSeconds / scale.pods) * 1000, 'ms'),
    figure(`resident memory, ${held}`, heldMiB, 'MiB'),
    figure('of it for each pod', ((heldMiB - emptyMiB) * 1024) / scale.pods, 'KiB'),
    figure('a Deployment of 10 pods Running', measured.tenMs, 'ms'),
    { ...reads, baseline: rounded(quietReadMs), ratio: measured.readMs / quietReadMs },
    figure('CPU with nothing but leases, of one core', (idleCpuSeconds / scale.seconds) * 100, '%'),
    figure('the same, for each renewal', (idleCpuSeconds / renewals) * 1000, 'ms'),
    figure('load average of the machine meanwhile', os.loadavg()[0] ?? 0, 'processes'),
  ];
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

export async function measureScale(scale: Scale): Promise<readonly Figure[]> {
  const cluster = await TestCluster.create();
  const file = path.join(cluster.home, 'nodes.yaml');
  const nodes = `nodes: [{count: ${scale.nodes}, pods: 1000, cpu: 64, memory: 256Gi}]`;
  writeFileSync(file, `apiVersion: simulation.naru.dev/v1\nkind: SimulatedNodes\n${nodes}\nevents: warnings\n`);
  try {
    await cluster.mustNaru('up', '--port', '0', '--wait', '--simulated-node-template', file);
    const client = httpsClient({ config: await readKubeconfig(cluster.kubeconfig), clock });
    try {
      return figuresOf(scale, await measureServer(client, cluster.pid, scale));
    } finally {
      client.close();
    }
  } finally {
    await cluster.close();
  }
}

const benchmark: Benchmark = { name: 'scale', run: ({ small }) => measureScale(small ? inSmall : full) };

export default benchmark;
