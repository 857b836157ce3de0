/** `/metrics/resource`: processor and memory of the node, its pods and containers, which metrics-server and autoscalers read. Pure. */
import type { CpuStats, MemoryStats, PodStats, Summary, SwapStats } from '../stats/summary.ts';
import { type AddSample, type Labels, MetricText } from './exposition.ts';

interface Used {
  readonly cpu?: CpuStats;
  readonly memory?: MemoryStats;
  readonly swap?: SwapStats;
}

/** @param summary undefined: it could not be had */
export function resourceMetrics(summary: Summary | undefined): string {
  const text = new MetricText();
  const node = familiesOf(text, 'node');
  const container = familiesOf(text, 'container');
  const limit = text.family('container_swap_limit_bytes', 'gauge', 'Swap that the container may use.');
  const start = text.family('container_start_time_seconds', 'gauge', 'When the container was started, since 1970.');
  const pod = familiesOf(text, 'pod');
  if (summary !== undefined) {
    node(summary.node, {});
    for (const stats of summary.pods) tellPod(stats, { container, limit, start, pod });
  }
  const help = '1 where the figures could not be read, else 0.';
  const failed = summary === undefined ? 1 : 0;
  text.family('scrape_error', 'gauge', help)(failed);
  text.family('resource_scrape_error', 'gauge', help)(failed);
  return text.toString();
}

type TellUsed = (used: Used, labels: Labels) => void;

function familiesOf(text: MetricText, what: string): TellUsed {
  const cpu = text.family(
    `${what}_cpu_usage_seconds_total`,
    'counter',
    `Processor time that the ${what} used, in core-seconds.`,
  );
  const memory = text.family(`${what}_memory_working_set_bytes`, 'gauge', `Memory that the ${what} works with.`);
  const swap = text.family(`${what}_swap_usage_bytes`, 'gauge', `Swap that the ${what} uses.`);
  return (used, labels) => {
    cpu(seconds(used.cpu?.usageCoreNanoSeconds), labels, timeOf(used.cpu));
    memory(used.memory?.workingSetBytes, labels, timeOf(used.memory));
    swap(used.swap?.swapUsageBytes, labels, timeOf(used.swap));
  };
}

function tellPod(
  { podRef, containers, ...used }: PodStats,
  tell: { readonly container: TellUsed; readonly pod: TellUsed; readonly limit: AddSample; readonly start: AddSample },
): void {
  const { name: pod, namespace } = podRef;
  for (const each of containers) {
    const labels = { container: each.name, pod, namespace };
    const { swapAvailableBytes, swapUsageBytes = 0 } = each.swap ?? {};
    tell.container(each, labels);
    if (swapAvailableBytes !== undefined) tell.limit(swapAvailableBytes + swapUsageBytes, labels, timeOf(each.swap));
    tell.start(Date.parse(each.startTime) / 1000, labels);
  }
  tell.pod(used, { pod, namespace });
}

const seconds = (ns: number | undefined): number | undefined => (ns === undefined ? undefined : ns / 1e9);

const timeOf = (stats: { readonly time: string } | undefined): number | undefined =>
  stats === undefined ? undefined : Date.parse(stats.time);
