/** `/metrics`: the agent's own counters, and what is read off its pods at the scrape. */
import process from 'node:process';
import { kubeletVersion } from '../node-status.ts';
import type { StatsPod } from '../stats/stats-facts.ts';
import type { PodStats } from '../stats/summary.ts';
import { MetricText } from './exposition.ts';

export interface OwnFacts {
  readonly nodeName: string;
  readonly pods: readonly StatsPod[];
  /** For volumes of claims. */
  readonly stats: readonly PodStats[];
}

export function ownMetrics({ nodeName, pods, stats }: OwnFacts): string {
  const text = new MetricText();
  text.family('kubelet_node_name', 'gauge', 'The name of the node; always 1.')(1, { node: nodeName });
  tellPods(text, pods);
  tellVolumes(text, stats);
  tellProcess(text);
  text.family('kubernetes_build_info', 'gauge', 'Which version runs; always 1.')(1, { git_version: kubeletVersion });
  return text.toString();
}

function tellPods(text: MetricText, pods: readonly StatsPod[]): void {
  const containers = pods.flatMap((pod) => pod.containers);
  const running = new Set(containers.filter(({ state }) => state === 'running').map(({ pod }) => pod.uid));
  text.family('kubelet_running_pods', 'gauge', 'Pods with a running container.')(running.size);
  const byState = text.family('kubelet_running_containers', 'gauge', 'Containers that the runtime holds, by state.');
  for (const [state, of] of Map.groupBy(containers, (container) => container.state)) {
    byState(of.length, { container_state: state });
  }
  const desired = text.family('kubelet_desired_pods', 'gauge', 'Pods that the node is to run.');
  const active = text.family('kubelet_active_pods', 'gauge', 'Pods that have not ended.');
  for (const isStatic of ['', 'true']) {
    const some = pods.filter(({ lastPod }) => (isStatic === 'true') === isStaticPod(lastPod?.metadata?.annotations));
    desired(some.length, { static: isStatic });
    active(some.filter(({ status }) => status.phase !== 'Succeeded' && status.phase !== 'Failed').length, {
      static: isStatic,
    });
  }
}

function isStaticPod(annotations: Readonly<Record<string, string>> = {}): boolean {
  const source = annotations['kubernetes.io/config.source'];
  return source !== undefined && source !== 'api';
}

const volumeFigures = [
  ['capacity_bytes', 'capacityBytes'],
  ['available_bytes', 'availableBytes'],
  ['used_bytes', 'usedBytes'],
  ['inodes', 'inodes'],
  ['inodes_free', 'inodesFree'],
  ['inodes_used', 'inodesUsed'],
] as const;

/** Several pods may use one claim: it is told once. */
function tellVolumes(text: MetricText, stats: readonly PodStats[]): void {
  const claims = new Map(
    stats
      .flatMap(({ volume = [] }) => volume)
      .map((each) => [`${each.pvcRef?.namespace}/${each.pvcRef?.name}`, each] as const)
      .filter(([, { pvcRef }]) => pvcRef !== undefined),
  );
  for (const [name, key] of volumeFigures) {
    const add = text.family(`kubelet_volume_stats_${name}`, 'gauge', `What the claim's disk has: ${name}.`);
    for (const { pvcRef, ...figures } of claims.values()) {
      add(figures[key], { namespace: pvcRef?.namespace ?? '', persistentvolumeclaim: pvcRef?.name ?? '' });
    }
  }
}

function tellProcess(text: MetricText): void {
  const { user, system } = process.cpuUsage();
  text.family('process_cpu_seconds_total', 'counter', 'Processor time of the process.')((user + system) / 1e6);
  text.family('process_resident_memory_bytes', 'gauge', 'Memory of the process.')(process.memoryUsage.rss());
}
