/**
 * What a node adds to a pod's start, and what it costs: from a created pod to a Ready one, through API, scheduler, agent and containerd, beside
 * the same CRI calls alone, in turns; how soon a container's end is seen in the API; `kubectl exec`; and the agent's memory and CPU with
 * a full node that does nothing.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { httpsClient } from '../src/client/https-client.ts';
import { readKubeconfig } from '../src/client/kubeconfig.ts';
import { RealClock } from '../src/lib/clock.ts';
import { containerProcesses } from '../test/cluster/containers.ts';
import { Foreground } from '../test/cluster/foreground.ts';
import { elapsedMs, eventually, freePort, sleep, TestCluster } from '../test/harness.ts';
import type { Benchmark, Figure } from './figure.ts';
import { Alone, image } from './pod-start/alone.ts';
import { BenchPods } from './pod-start/pods.ts';

const clock = new RealClock({ keepsAlive: true });
const bench = 'pod-start';

interface Sizes {
  readonly rounds: number;
  readonly many: number;
  readonly changes: number;
  readonly execs: number;
  readonly full: number;
  readonly idleMs: number;
}
const whole: Sizes = { rounds: 30, many: 100, changes: 100, execs: 20, full: 110, idleMs: 60_000 };
const little: Sizes = { rounds: 5, many: 10, changes: 5, execs: 5, full: 5, idleMs: 5000 };

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function beside(figure: string, value: number, baseline: number): Figure {
  return { bench, figure, value, unit: 'ms', baseline, ratio: value / baseline };
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `bench-${index}`);

async function withPods<T>(cluster: TestCluster, use: (pods: BenchPods) => Promise<T>): Promise<T> {
  await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', image);
  const client = httpsClient({ config: await readKubeconfig(cluster.kubeconfig), clock });
  const pods = await BenchPods.open(client);
  try {
    return await use(pods);
  } finally {
    pods.close();
    client.close();
  }
}

/** The first round warms up both. */
async function oneByOne(alone: Alone, pods: BenchPods, { rounds }: Sizes): Promise<Figure> {
  const aloneMs: number[] = [];
  const readyMs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const raw = await alone.startMs();
    const since = elapsedMs();
    await pods.create('bench-one');
    await pods.ready('bench-one');
    const ready = since();
    await pods.remove(['bench-one']);
    if (round === 0) continue;
    aloneMs.push(raw);
    readyMs.push(ready);
  }
  return beside('pod created to Ready, p50', quantile(readyMs, 0.5), quantile(aloneMs, 0.5));
}

async function together(alone: Alone, pods: BenchPods, { many, changes }: Sizes): Promise<readonly Figure[]> {
  const aloneMs = await alone.startManyMs(many);
  const all = names(many);
  const since = elapsedMs();
  await Promise.all(all.map((name) => pods.create(name)));
  const ready = await Promise.all(all.map((name) => pods.ready(name)));
  const readyMs = since();
  const seenMs: number[] = [];
  for (let change = 0; change < changes; change++) {
    const pod = ready[change % ready.length];
    seenMs.push(
      await endSeenMs(pods, pod?.metadata?.name ?? '', pod?.metadata?.uid ?? '', 1 + Math.floor(change / many)),
    );
  }
  await pods.remove(all);
  return [
    beside(`${many} pods created to all Ready`, readyMs, aloneMs),
    { bench, figure: 'container killed to seen in the API, p99', value: quantile(seenMs, 0.99), unit: 'ms' },
  ];
}

/** Kills the container's first process; the API tells that it ended, or that it runs again already. */
async function endSeenMs(pods: BenchPods, name: string, uid: string, run: number): Promise<number> {
  const [pid] = containerProcesses(uid);
  if (pid === undefined) throw new Error(`pod ${name} has no process`);
  const since = elapsedMs();
  process.kill(pid, 'SIGKILL');
  await pods.until(name, (pod) => {
    const status = pod?.status?.containerStatuses?.[0];
    return status?.state?.terminated !== undefined || (status?.restartCount ?? 0) >= run;
  });
  return since();
}

async function exec(alone: Alone, cluster: TestCluster, pods: BenchPods, { execs }: Sizes): Promise<Figure> {
  await pods.create('bench-exec');
  await pods.ready('bench-exec');
  const times: number[] = [];
  for (let round = 0; round <= execs; round++) {
    const since = elapsedMs();
    await cluster.mustKubectl('exec', 'bench-exec', '--', 'true');
    if (round > 0) times.push(since());
  }
  const raw = await alone.execMs(execs);
  await pods.remove(['bench-exec']);
  return beside('kubectl exec -- true, p50, beside the raw exec', quantile(times, 0.5), quantile(raw, 0.5));
}

/** An agent in a process of its own, with a full node. */
async function fullNode({ full, idleMs }: Sizes): Promise<readonly Figure[]> {
  const cluster = await TestCluster.create();
  try {
    const server = new Foreground(cluster.home, ['server', '--port', String(await freePort())]);
    await eventually(
      `the API answers: ${server.text}`,
      async () => (await cluster.kubectl(['get', '--raw', '/readyz'])).code === 0,
    );
    const agent = new Foreground(cluster.home, ['agent']);
    await eventually(`the node is there: ${agent.text}`, async () =>
      (await cluster.mustKubectl('get', 'nodes')).includes(' Ready'),
    );
    const { pid } = JSON.parse(readFileSync(path.join(cluster.home, 'agent.pid'), 'utf8')) as { pid: number };
    return await withPods(cluster, async (pods) => {
      const all = names(full);
      await Promise.all(all.map((name) => pods.create(name)));
      await Promise.all(all.map((name) => pods.ready(name)));
      await sleep(idleMs / 2);
      const before = cpuMs(pid);
      await sleep(idleMs);
      const percent = ((cpuMs(pid) - before) / idleMs) * 100;
      const figures: Figure[] = [
        { bench, figure: `agent with ${full} pods, resident`, value: residentMiB(pid), unit: 'MiB' },
        { bench, figure: `agent with ${full} pods, CPU while nothing changes`, value: percent, unit: '% of a core' },
      ];
      await pods.remove(all);
      return figures;
    });
  } finally {
    await Foreground.killAll();
    await cluster.close();
  }
}

function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kib) / 1024);
}

/** In user and kernel mode; the kernel counts in hundredths of a second. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const benchmark: Benchmark = {
  name: bench,
  async run({ small }): Promise<readonly Figure[]> {
    const sizes = small ? little : whole;
    const figures: Figure[] = [];
    const alone = await Alone.open();
    try {
      const cluster = await TestCluster.up();
      try {
        await withPods(cluster, async (pods) => {
          figures.push(await oneByOne(alone, pods, sizes));
          figures.push(...(await together(alone, pods, sizes)));
          figures.push(await exec(alone, cluster, pods, sizes));
        });
      } finally {
        await cluster.close();
      }
    } finally {
      await alone.close();
    }
    return [...figures, ...(await fullNode(sizes))];
  },
};

export default benchmark;
