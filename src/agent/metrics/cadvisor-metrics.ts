/**
 * `/metrics/cadvisor`: the figures of each cgroup under the names that dashboards know from cAdvisor. Pure: a row a figure. A pod's own
 * cgroup has an empty `container`, its sandbox `POD`, as there.
 */
import { limits } from '../../lib/limits.ts';
import type { CgroupReading } from '../stats/summary.ts';
import { type AddSample, type Labels, MetricText, type MetricType } from './exposition.ts';

export interface Machine {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  readonly osImage: string;
}

interface Row {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly value: (reading: CgroupReading) => number | undefined;
  readonly labels?: Labels;
}

const nsPerSecond = 1e9;
const perSecond = (ns: number | undefined): number | undefined => (ns === undefined ? undefined : ns / nsPerSecond);

const row = (name: string, type: MetricType, help: string, value: Row['value'], labels?: Labels): Row => ({
  name: `container_${name}`,
  type,
  help,
  value,
  ...(labels && { labels }),
});

const rows: readonly Row[] = [
  row('cpu_usage_seconds_total', 'counter', 'Processor time used.', ({ usage }) => perSecond(usage.cpuNs), {
    cpu: 'total',
  }),
  row('cpu_user_seconds_total', 'counter', 'Processor time used by programs.', ({ details }) =>
    perSecond(details.userNs),
  ),
  row('cpu_system_seconds_total', 'counter', 'Processor time used by the kernel.', ({ details }) =>
    perSecond(details.systemNs),
  ),
  row('cpu_cfs_periods_total', 'counter', 'Periods in which it wanted to run.', ({ details }) => details.periods),
  row(
    'cpu_cfs_throttled_periods_total',
    'counter',
    'Periods in which its quota was used up.',
    ({ details }) => details.throttledPeriods,
  ),
  row('cpu_cfs_throttled_seconds_total', 'counter', 'Time that it waited for quota.', ({ details }) =>
    perSecond(details.throttledNs),
  ),
  row('memory_usage_bytes', 'gauge', 'Memory used, files included.', ({ usage }) => usage.memory?.usageBytes),
  row('memory_working_set_bytes', 'gauge', 'Memory that it works with.', ({ usage }) => usage.memory?.workingSetBytes),
  row('memory_rss', 'gauge', 'Memory of its own, in bytes.', ({ usage }) => usage.memory?.rssBytes),
  row('memory_cache', 'gauge', 'Memory that holds files, in bytes.', ({ usage }) => usage.memory?.cacheBytes),
  row('memory_mapped_file', 'gauge', 'Memory that maps files, in bytes.', ({ usage }) => usage.memory?.mappedBytes),
  row('memory_swap', 'gauge', 'Swap used, in bytes.', ({ usage }) => usage.memory?.swapBytes),
  row('memory_failcnt', 'counter', 'How often the limit of memory was met.', ({ details }) => details.memoryFailures),
  row('memory_max_usage_bytes', 'gauge', 'The most memory used at a time.', ({ details }) => details.memoryPeakBytes),
  row('memory_failures_total', 'counter', 'Page faults.', ({ usage }) => usage.memory?.pageFaults, {
    failure_type: 'pgfault',
    scope: 'hierarchy',
  }),
  row('memory_failures_total', 'counter', 'Page faults.', ({ usage }) => usage.memory?.majorPageFaults, {
    failure_type: 'pgmajfault',
    scope: 'hierarchy',
  }),
  row('oom_events_total', 'counter', 'Processes killed for want of memory.', ({ details }) => details.oomKills),
  row('processes', 'gauge', 'Processes.', ({ details }) => details.processes),
  row('threads', 'gauge', 'Threads.', ({ details }) => details.threads),
  row(
    'threads_max',
    'gauge',
    'Threads that there may be; 0: no limit.',
    ({ details }) => details.threadsMax ?? (details.threads === undefined ? undefined : 0),
  ),
  row('fs_usage_bytes', 'gauge', 'What it wrote to its layer.', ({ layer }) => layer?.usedBytes),
  row('fs_inodes_used', 'gauge', 'Files of its layer.', ({ layer }) => layer?.inodesUsed),
  row('spec_cpu_shares', 'gauge', 'Its share where processors are short.', ({ details }) => details.cpuShares),
  row('spec_cpu_period', 'gauge', 'The period of its quota, in microseconds.', ({ details }) => details.cpuPeriodUs),
  row('spec_cpu_quota', 'gauge', 'Its quota in each period, in microseconds.', ({ details }) => details.cpuQuotaUs),
  row('spec_memory_limit_bytes', 'gauge', 'Its limit of memory; 0: none.', ({ usage }) =>
    usage.memory === undefined ? undefined : (usage.memory.limitBytes ?? 0),
  ),
  row('spec_memory_swap_limit_bytes', 'gauge', 'Its limit of swap; 0: none.', ({ usage }) =>
    usage.memory === undefined ? undefined : (usage.memory.swapLimitBytes ?? 0),
  ),
  row('start_time_seconds', 'gauge', 'When it was started, since 1970.', ({ run }) =>
    run === undefined ? undefined : run.startedAtMs / 1000,
  ),
  row('last_seen', 'gauge', 'When it was last seen, since 1970.', ({ timeMs }) => Math.floor(timeMs / 1000)),
];

type NetworkFigure =
  | 'rxBytes'
  | 'rxPackets'
  | 'rxErrors'
  | 'rxDropped'
  | 'txBytes'
  | 'txPackets'
  | 'txErrors'
  | 'txDropped';

const networkRows: readonly (readonly [name: string, key: NetworkFigure])[] = [
  ['receive_bytes', 'rxBytes'],
  ['receive_packets', 'rxPackets'],
  ['receive_errors', 'rxErrors'],
  ['receive_packets_dropped', 'rxDropped'],
  ['transmit_bytes', 'txBytes'],
  ['transmit_packets', 'txPackets'],
  ['transmit_errors', 'txErrors'],
  ['transmit_packets_dropped', 'txDropped'],
];

export function cadvisorMetrics(readings: readonly CgroupReading[], machine: Machine): string {
  const text = new MetricText();
  tellMachine(text, machine);
  const shown = readings.slice(0, limits.metricSeriesMax);
  for (const [name, ofName] of Map.groupBy(rows, ({ name }) => name)) {
    const [{ type, help }] = ofName as [Row];
    const add = text.family(name, type, help);
    for (const reading of shown) for (const each of ofName) tell(add, reading, each);
  }
  for (const [name, key] of networkRows) {
    const add = text.family(`container_network_${name}_total`, 'counter', `What the pod's network counted: ${name}.`);
    for (const reading of shown) {
      for (const one of reading.interfaces ?? []) {
        add(one[key], { ...labelsOf(reading), interface: one.name }, reading.timeMs);
      }
    }
  }
  return text.toString();
}

function tell(add: AddSample, reading: CgroupReading, { value, labels }: Row): void {
  add(value(reading), { ...labelsOf(reading), ...labels }, reading.timeMs);
}

function labelsOf({ pod, id, name, run }: CgroupReading): Labels {
  return {
    container: name ?? '',
    id,
    image: run?.image ?? '',
    name: run?.id ?? (name === 'POD' ? (id.split('/').at(-1) ?? '') : ''),
    namespace: pod.namespace,
    pod: pod.name,
  };
}

function tellMachine(text: MetricText, machine: Machine): void {
  const { machineId: machine_id, systemUuid: system_uuid, bootId: boot_id, kernelVersion, osImage } = machine;
  const ids = { boot_id, machine_id, system_uuid };
  const version = { cadvisorRevision: '', cadvisorVersion: '', dockerVersion: '', kernelVersion, osVersion: osImage };
  text.family('cadvisor_version_info', 'gauge', 'What the machine runs; always 1.')(1, version);
  text.family('machine_cpu_cores', 'gauge', 'Processors of the machine.')(Math.ceil(machine.milliCpu / 1000), ids);
  text.family('machine_memory_bytes', 'gauge', 'Memory of the machine.')(machine.memoryBytes, ids);
}
