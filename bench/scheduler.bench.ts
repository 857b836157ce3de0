/**
 * How fast pods get nodes: real objects, created through the API, bound through the store; API, scheduler and its informers in one process,
 * the store in memory. No agents: a bound pod stays as it is. Small: a tenth of the nodes and pods.
 *
 * Time counts from when the scheduler is let loose on pods that are there already until the last is bound. Of each pod's wait, the 99th
 * percentile, as upstream's `scheduler_pod_scheduling_sli_duration_seconds` has it.
 */
import type { Container, Node, PodSpec } from '../src/api/schema/types/core-v1.ts';
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

async function measure(workload: Workload): Promise<Figure[]> {
  const api = await startTestApiOn(clock);
  const { client } = api;
  await many(workload.nodeCount, (index) => addNode(api, index));
  await workload.before?.(api, workload.nodeCount);
  const informer = api.informers.informer(pods);
  const scheduler = new Scheduler(api);
  await api.informers.start();
  await informer.synced;
  await many(workload.podCount, (index) => {
    const { labels, spec } = workload.pod(index);
    const metadata = { namespace: 'default', name: `pod-${index}`, ...(labels && { labels }) };
    return client.create(pods, { metadata, spec: { containers: [containerOf()], ...spec } });
  });
  const waits: number[] = [];
  const beganMs = clock.monotonic();
  const done = new Promise<void>((resolve) => {
    informer.addHandler({
      updated: (pod, previous) => {
        if (!pod.spec?.nodeName || previous.spec?.nodeName || !pod.metadata?.name?.startsWith('pod-')) return;
        waits.push(clock.monotonic() - beganMs);
        if (waits.length === workload.podCount) resolve();
      },
    });
  });
  await scheduler.start();
  const ended = new AbortController();
  await Promise.race([done, clock.sleep(longestMs, ended.signal).catch(() => {})]);
  ended.abort();
  const seconds = (clock.monotonic() - beganMs) / 1000;
  await scheduler.close();
  await api.informers.close();
  await api.store.close();
  return figures(workload, waits, seconds);
}

function figures({ name, nodeCount, podCount }: Workload, waits: readonly number[], seconds: number): Figure[] {
  const figure = `${podCount} ${name}, ${nodeCount} nodes`;
  const p99 = waits[Math.floor(waits.length * 0.99)] ?? 0;
  if (waits.length < podCount) throw new Error(`${figure}: only ${waits.length} were bound`);
  return [
    { bench: 'scheduler', figure, value: Math.round(podCount / seconds), unit: 'pods/s' },
    { bench: 'scheduler', figure: `${figure}: p99 of the wait`, value: Math.round(p99), unit: 'ms' },
  ];
}

const benchmark: Benchmark = {
  name: 'scheduler',
  async run({ small }): Promise<readonly Figure[]> {
    const [nodeCount, podCount] = small ? [500, 1000] : [5000, 10_000];
    const results: Figure[] = [];
    // The first warms up.
    if (!small) await measure(plain(500, 2000));
    for (const workload of [
      plain(nodeCount, podCount),
      spread(nodeCount, podCount),
      apart(nodeCount, podCount),
      preempting(nodeCount, podCount / 5),
    ]) {
      results.push(...(await measure(workload)));
    }
    return results;
  },
};

export default benchmark;
