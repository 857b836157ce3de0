/**
 * How fast pods get nodes: real objects, created through the API, bound through the store; API, scheduler and its informers in one process,
 * the store in memory. No agents: a bound pod stays as it is. Small: a tenth of the nodes and pods.
 *
 * Time counts from when the scheduler is let loose on pods that are there already until the last is bound. Of each pod's wait, the 99th
 * percentile, as upstream's `scheduler_pod_scheduling_sli_duration_seconds` has it. Events are written after the bindings of a burst: when
 * the last of them is, is told, too. Then pods that come one after another, as in a cluster at work.
 *
 * The baseline is bindings alone: the same calls, to nodes in turn, with nobody who decides. CPU time is told beside the time that passed, since
 * machines are shared: it moves less when others work.
 */
import process from 'node:process';
import type { Container, Node, Pod, PodSpec } from '../src/api/schema/types/core-v1.ts';
import { nodes, pods, priorityClasses } from '../src/client/resources.ts';
import { startTestApiOn, type TestApi } from '../src/client/testing.ts';
import { RealClock } from '../src/lib/clock.ts';
import { Scheduler } from '../src/scheduler/scheduler.ts';
import type { Benchmark, Figure } from './figure.ts';

const clock = new RealClock({ keepsAlive: true });

interface Workload {
  readonly name: string;
  readonly nodeCount: number;
  readonly podCount: number;
  readonly pod: (index: number) => { readonly labels?: Record<string, string>; readonly spec?: Partial<PodSpec> };
  /** What stands on the nodes before. */
  readonly before?: (api: TestApi<RealClock>, nodeCount: number) => Promise<void>;
}

const requests = { cpu: '100m', memory: '128Mi' };
const groupsOf = (index: number, size: number): Record<string, string> => ({ app: `app-${Math.floor(index / size)}` });

const plain = (nodeCount: number, podCount: number): Workload => ({
  name: 'plain pods bound',
  nodeCount,
  podCount,
  pod: () => ({ labels: { app: 'plain' } }),
});

const spread = (nodeCount: number, podCount: number): Workload => ({
  name: 'pods with zone spread bound',
  nodeCount,
  podCount,
  pod: (index) => {
    const labels = groupsOf(index, 100);
    const constraint = {
      maxSkew: 1,
      topologyKey: 'topology.kubernetes.io/zone',
      whenUnsatisfiable: 'DoNotSchedule' as const,
      labelSelector: { matchLabels: labels },
    };
    return { labels, spec: { topologySpreadConstraints: [constraint] } };
  },
});

const apart = (nodeCount: number, podCount: number): Workload => ({
  name: 'pods with required anti-affinity bound',
  nodeCount,
  podCount,
  pod: (index) => {
    const labels = groupsOf(index, 100);
    const term = { labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' };
    return {
      labels,
      spec: { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
    };
  },
});

/** Every node is full of less important pods, one of which has to go for each. */
const preempting = (nodeCount: number, podCount: number): Workload => ({
  name: 'pods bound where others had to go',
  nodeCount,
  podCount,
  pod: () => ({ spec: { priorityClassName: 'high', containers: [containerOf('2', '4Gi')] } }),
  before: async ({ client }, count) => {
    await client.create(priorityClasses, { metadata: { name: 'high' }, value: 1000 });
    await many(count * 2, async (index) => {
      const name = `filler-${index}`;
      const spec = {
        nodeName: `node-${index % count}`,
        terminationGracePeriodSeconds: 0,
        containers: [containerOf('2', '4Gi')],
      };
      await client.create(pods, { metadata: { namespace: 'default', name }, spec });
    });
  },
});

const containerOf = (cpu = requests.cpu, memory = requests.memory): Container => ({
  name: 'main',
  image: 'image',
  resources: { requests: { cpu, memory } },
});

async function many(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += 64) {
    const size = Math.min(64, count - first);
    await Promise.all(Array.from({ length: size }, (_, offset) => act(first + offset)));
  }
}

async function addNode({ client }: TestApi<RealClock>, index: number): Promise<void> {
  const name = `node-${index}`;
  const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${index % 5}` };
  const node: Node = await client.create(nodes, { metadata: { name, labels } });
  const untainted = await client.patch(
    nodes,
    { namespace: '', name },
    { type: 'merge', body: { spec: { taints: null } } },
  );
  const status = { ...node.status, allocatable: { cpu: '4', memory: '8Gi', pods: '110' } };
  await client.update(nodes, { ...untainted, status }, { subresource: 'status' });
}

/** By then all are bound, or never. */
const longestMs = 60_000;

async function measure(workload: Workload, baseline: Baseline): Promise<Figure[]> {
  const api = await startTestApiOn(clock);
  await many(workload.nodeCount, (index) => addNode(api, index));
  await workload.before?.(api, workload.nodeCount);
  const informer = api.informers.informer(pods);
  const scheduler = new Scheduler(api);
  await api.informers.start();
  await informer.synced;
  await many(workload.podCount, (index) => createPod(api, index, workload));
  const watch = new Stopwatch();
  const waits: number[] = [];
  const done = new Promise<void>((resolve) => {
    informer.addHandler({
      updated: (pod, previous) => {
        if (!isBoundNow(pod, previous)) return;
        waits.push(watch.seconds * 1000);
        if (waits.length === workload.podCount) resolve();
      },
    });
  });
  await scheduler.start();
  await within(longestMs, done);
  const { seconds } = watch;
  await scheduler.close();
  const { seconds: told, cpuSeconds } = watch;
  await close(api);
  return figures(workload, baseline, { waits, seconds, cpuSeconds, told });
}

/** Since it was made: the time that passed, and this process's CPU time, in seconds. */
class Stopwatch {
  readonly #beganMs = clock.monotonic();
  readonly #cpu = process.cpuUsage();

  get seconds(): number {
    return (clock.monotonic() - this.#beganMs) / 1000;
  }

  get cpuSeconds(): number {
    const { user, system } = process.cpuUsage(this.#cpu);
    return (user + system) / 1e6;
  }
}

const isBoundNow = ({ spec, metadata }: Pod, previous: Pod): boolean =>
  Boolean(spec?.nodeName) && !previous.spec?.nodeName && metadata?.name?.startsWith('pod-') === true;

async function within(ms: number, work: Promise<void>): Promise<void> {
  const ended = new AbortController();
  await Promise.race([work, clock.sleep(ms, ended.signal).catch(() => {})]);
  ended.abort();
}

async function close({ informers, store }: TestApi<RealClock>): Promise<void> {
  await informers.close();
  await store.close();
}

/** Per second, and CPU time for each (µs). */
interface Baseline {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

/** Bindings to nodes in turn, with an informer that follows. */
async function bindAlone(nodeCount: number, podCount: number): Promise<Baseline> {
  const api = await startTestApiOn(clock);
  const { client } = api;
  await many(nodeCount, (index) => addNode(api, index));
  const informer = api.informers.informer(pods);
  await api.informers.start();
  await informer.synced;
  await many(podCount, (index) => createPod(api, index, plain(nodeCount, podCount)));
  const watch = new Stopwatch();
  await many(podCount, (index) => {
    const reference = { namespace: 'default', name: `pod-${index}` };
    const target = { kind: 'Node', name: `node-${index % nodeCount}` };
    return client.createSubresource(pods, reference, 'binding', { metadata: reference, target });
  });
  const { seconds, cpuSeconds } = watch;
  await close(api);
  return { perSecond: Math.round(podCount / seconds), cpuMicros: Math.round((cpuSeconds * 1e6) / podCount) };
}

function createPod({ client }: TestApi<RealClock>, index: number, workload: Workload): Promise<Pod> {
  const { labels, spec } = workload.pod(index);
  const metadata = { namespace: 'default', name: `pod-${index}`, ...(labels && { labels }) };
  return client.create(pods, { metadata, spec: { containers: [containerOf()], ...spec } });
}

interface Measured {
  /** Of each pod until it was bound (ms), the shortest first. */
  readonly waits: readonly number[];
  readonly seconds: number;
  /** Until all events were written, as `told`. */
  readonly cpuSeconds: number;
  /** Until all events were written (s). */
  readonly told: number;
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

function figures({ name, nodeCount, podCount }: Workload, baseline: Baseline, measured: Measured): Figure[] {
  const { waits, seconds, cpuSeconds, told } = measured;
  const what = `${podCount} ${name}, ${nodeCount} nodes`;
  if (waits.length < podCount) throw new Error(`${what}: only ${waits.length} were bound`);
  const cpuMicros = Math.round((cpuSeconds * 1e6) / podCount);
  const perSecond = Math.round(podCount / seconds);
  const figure = (text: string, value: number, unit: string, beside?: number): Figure => ({
    bench: 'scheduler',
    figure: what + text,
    value,
    unit,
    ...(beside !== undefined && { baseline: beside, ratio: value / beside }),
  });
  return [
    figure('', perSecond, 'pods/s', baseline.perSecond),
    figure(': CPU time for each, with its events', cpuMicros, 'µs', baseline.cpuMicros),
    figure(': p99 of the wait', Math.round(quantile(waits, 0.99)), 'ms'),
    figure(': until their last event is written', Math.round(told * 1000), 'ms'),
  ];
}

const arrivalsPerSecond = 2000;
const arrivalStepMs = 5;

/** Plain pods that come at a steady rate: how long each waits from when the scheduler could first see it. */
async function measureStream(nodeCount: number, podCount: number): Promise<Figure[]> {
  const api = await startTestApiOn(clock);
  const workload = plain(nodeCount, podCount);
  await many(nodeCount, (index) => addNode(api, index));
  const informer = api.informers.informer(pods);
  const scheduler = new Scheduler(api);
  await api.informers.start();
  await informer.synced;
  await scheduler.start();
  const watch = new Stopwatch();
  const cameMs = new Map<string, number>();
  const waits: number[] = [];
  const done = new Promise<void>((resolve) => {
    informer.addHandler({
      added: ({ metadata }) => void cameMs.set(metadata?.name ?? '', watch.seconds * 1000),
      updated: (pod, previous) => {
        if (!isBoundNow(pod, previous)) return;
        waits.push(watch.seconds * 1000 - (cameMs.get(pod.metadata?.name ?? '') ?? 0));
        if (waits.length === podCount) resolve();
      },
    });
  });
  const created: Promise<unknown>[] = [];
  while (created.length < podCount) {
    const due = Math.min(podCount, Math.ceil(watch.seconds * arrivalsPerSecond));
    while (created.length < due) created.push(createPod(api, created.length, workload));
    await clock.sleep(arrivalStepMs);
  }
  await Promise.all(created);
  await within(longestMs, done);
  await scheduler.close();
  await close(api);
  if (waits.length < podCount) throw new Error(`of ${podCount} pods that came, only ${waits.length} were bound`);
  waits.sort((a, b) => a - b);
  const what = `wait of pods arriving at ${arrivalsPerSecond}/s, ${nodeCount} nodes`;
  return (
    [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const
  ).map(([name, share]) => ({
    bench: 'scheduler',
    figure: `${what}: ${name}`,
    value: Math.round(quantile(waits, share) * 10) / 10,
    unit: 'ms',
  }));
}

const benchmark: Benchmark = {
  name: 'scheduler',
  async run({ small }): Promise<readonly Figure[]> {
    const [nodeCount, podCount] = small ? [500, 1000] : [5000, 10_000];
    const results: Figure[] = [];
    // The first warms up.
    if (!small) await measure(plain(500, 2000), await bindAlone(500, 2000));
    const baseline = await bindAlone(nodeCount, podCount);
    for (const workload of [
      plain(nodeCount, podCount),
      spread(nodeCount, podCount),
      apart(nodeCount, podCount),
      preempting(nodeCount, podCount / 5),
    ]) {
      results.push(...(await measure(workload, baseline)));
    }
    results.push(...(await measureStream(nodeCount, podCount / 2)));
    return results;
  },
};

export default benchmark;
