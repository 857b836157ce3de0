/**
 * What the processes of one cgroup use, from the texts of its files: cgroup v1 (a folder in the hierarchy of each controller) and v2 (one
 * folder). Pure. All figures are of the cgroup with all below it. What a kernel does not tell is absent.
 */
import { countLines, parseFigure, parseKeyed, parseLimit } from './keyed-file.ts';

export interface CgroupUsage {
  /** Since it was made. */
  readonly cpuNs?: number;
  readonly memory?: CgroupMemory;
  readonly processes?: number;
}

export interface CgroupMemory {
  readonly usageBytes: number;
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly cacheBytes: number;
  readonly mappedBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  /** Absent: nothing limits it. */
  readonly limitBytes?: number;
  /** Absent where the kernel does not count swap. */
  readonly swapBytes?: number;
  readonly swapLimitBytes?: number;
}

/** What is told beyond the usage, for `/metrics/cadvisor`. */
export interface CgroupDetails {
  readonly userNs?: number;
  readonly systemNs?: number;
  readonly periods?: number;
  readonly throttledPeriods?: number;
  readonly throttledNs?: number;
  readonly cpuShares?: number;
  /** Absent: no quota. */
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  readonly memoryFailures?: number;
  readonly memoryPeakBytes?: number;
  readonly oomKills?: number;
  readonly processes?: number;
  readonly threads?: number;
  readonly threadsMax?: number;
}

/** Texts by file; on v1 the controller's folder stands before the name: `memory/memory.stat`. */
export type Texts = Readonly<Record<string, string | undefined>>;

/** How one version of cgroups names its files, and what they mean. */
export interface CgroupForm {
  readonly usageFiles: readonly string[];
  readonly detailFiles: readonly string[];
  /** The file that lists the processes directly in it. */
  readonly processesFile: string;
  readonly usage: (texts: Texts) => CgroupUsage;
  readonly details: (texts: Texts) => CgroupDetails;
}

const optional = <Key extends string>(key: Key, value: number | undefined): Partial<Record<Key, number>> =>
  value === undefined ? {} : ({ [key]: value } as Record<Key, number>);

export const cgroupV1: CgroupForm = {
  usageFiles: [
    'cpuacct/cpuacct.usage',
    'memory/memory.usage_in_bytes',
    'memory/memory.stat',
    'memory/memory.limit_in_bytes',
    'memory/memory.memsw.limit_in_bytes',
    'pids/pids.current',
  ],
  detailFiles: [
    'cpuacct/cpuacct.usage_user',
    'cpuacct/cpuacct.usage_sys',
    'cpu/cpu.stat',
    'cpu/cpu.shares',
    'cpu/cpu.cfs_quota_us',
    'cpu/cpu.cfs_period_us',
    'memory/memory.failcnt',
    'memory/memory.max_usage_in_bytes',
    'memory/memory.oom_control',
    'pids/cgroup.procs',
    'pids/pids.current',
    'pids/pids.max',
  ],
  processesFile: 'memory/cgroup.procs',
  usage: (texts) => {
    const usageBytes = parseFigure(texts['memory/memory.usage_in_bytes']);
    const stat = parseKeyed(texts['memory/memory.stat'] ?? '');
    const total = (key: string): number => stat.get(`total_${key}`) ?? stat.get(key) ?? 0;
    const limitBytes = parseLimit(texts['memory/memory.limit_in_bytes']);
    const bothLimit = parseLimit(texts['memory/memory.memsw.limit_in_bytes']);
    const swapBytes = stat.get('total_swap') ?? stat.get('swap');
    const swapLimit = bothLimit === undefined || limitBytes === undefined ? undefined : bothLimit - limitBytes;
    return {
      ...optional('cpuNs', parseFigure(texts['cpuacct/cpuacct.usage'])),
      ...optional('processes', parseFigure(texts['pids/pids.current'])),
      ...(usageBytes !== undefined && {
        memory: {
          usageBytes,
          workingSetBytes: Math.max(0, usageBytes - total('inactive_file')),
          rssBytes: total('rss'),
          cacheBytes: total('cache'),
          mappedBytes: total('mapped_file'),
          pageFaults: total('pgfault'),
          majorPageFaults: total('pgmajfault'),
          ...optional('limitBytes', limitBytes),
          ...optional('swapBytes', swapBytes),
          ...optional('swapLimitBytes', swapLimit === undefined ? undefined : Math.max(0, swapLimit)),
        },
      }),
    };
  },
  details: (texts) => {
    const cpu = parseKeyed(texts['cpu/cpu.stat'] ?? '');
    const quota = parseFigure(texts['cpu/cpu.cfs_quota_us']) ?? -1;
    const procs = texts['pids/cgroup.procs'];
    return {
      ...optional('userNs', parseFigure(texts['cpuacct/cpuacct.usage_user'])),
      ...optional('systemNs', parseFigure(texts['cpuacct/cpuacct.usage_sys'])),
      ...optional('periods', cpu.get('nr_periods')),
      ...optional('throttledPeriods', cpu.get('nr_throttled')),
      ...optional('throttledNs', cpu.get('throttled_time')),
      ...optional('cpuShares', parseFigure(texts['cpu/cpu.shares'])),
      ...optional('cpuQuotaUs', quota > 0 ? quota : undefined),
      ...optional('cpuPeriodUs', parseFigure(texts['cpu/cpu.cfs_period_us'])),
      ...optional('memoryFailures', parseFigure(texts['memory/memory.failcnt'])),
      ...optional('memoryPeakBytes', parseFigure(texts['memory/memory.max_usage_in_bytes'])),
      ...optional('oomKills', parseKeyed(texts['memory/memory.oom_control'] ?? '').get('oom_kill')),
      ...optional('processes', procs === undefined ? undefined : countLines(procs)),
      ...optional('threads', parseFigure(texts['pids/pids.current'])),
      ...optional('threadsMax', parseLimit(texts['pids/pids.max'])),
    };
  },
};

const nsPerUs = 1000;
const nsOf = (us: number | undefined): number | undefined => (us === undefined ? undefined : us * nsPerUs);

export const cgroupV2: CgroupForm = {
  usageFiles: [
    'cpu.stat',
    'memory.current',
    'memory.stat',
    'memory.max',
    'memory.swap.current',
    'memory.swap.max',
    'pids.current',
  ],
  detailFiles: [
    'cpu.stat',
    'cpu.weight',
    'cpu.max',
    'memory.peak',
    'memory.events',
    'cgroup.procs',
    'pids.current',
    'pids.max',
  ],
  processesFile: 'cgroup.procs',
  usage: (texts) => {
    const usageBytes = parseFigure(texts['memory.current']);
    const stat = parseKeyed(texts['memory.stat'] ?? '');
    const of = (key: string): number => stat.get(key) ?? 0;
    return {
      ...optional('cpuNs', nsOf(parseKeyed(texts['cpu.stat'] ?? '').get('usage_usec'))),
      ...optional('processes', parseFigure(texts['pids.current'])),
      ...(usageBytes !== undefined && {
        memory: {
          usageBytes,
          workingSetBytes: Math.max(0, usageBytes - of('inactive_file')),
          rssBytes: of('anon'),
          cacheBytes: of('file'),
          mappedBytes: of('file_mapped'),
          pageFaults: of('pgfault'),
          majorPageFaults: of('pgmajfault'),
          ...optional('limitBytes', parseLimit(texts['memory.max'])),
          ...optional('swapBytes', parseFigure(texts['memory.swap.current'])),
          ...optional('swapLimitBytes', parseLimit(texts['memory.swap.max'])),
        },
      }),
    };
  },
  details: (texts) => {
    const cpu = parseKeyed(texts['cpu.stat'] ?? '');
    const events = parseKeyed(texts['memory.events'] ?? '');
    const [quota, period] = (texts['cpu.max'] ?? '').trim().split(' ');
    const weight = parseFigure(texts['cpu.weight']);
    const procs = texts['cgroup.procs'];
    return {
      ...optional('userNs', nsOf(cpu.get('user_usec'))),
      ...optional('systemNs', nsOf(cpu.get('system_usec'))),
      ...optional('periods', cpu.get('nr_periods')),
      ...optional('throttledPeriods', cpu.get('nr_throttled')),
      ...optional('throttledNs', nsOf(cpu.get('throttled_usec'))),
      ...optional('cpuShares', weight === undefined ? undefined : sharesOfWeight(weight)),
      ...optional('cpuQuotaUs', parseFigure(quota)),
      ...optional('cpuPeriodUs', parseFigure(period)),
      ...optional('memoryFailures', events.get('max')),
      ...optional('memoryPeakBytes', parseFigure(texts['memory.peak'])),
      ...optional('oomKills', events.get('oom_kill')),
      ...optional('processes', procs === undefined ? undefined : countLines(procs)),
      ...optional('threads', parseFigure(texts['pids.current'])),
      ...optional('threadsMax', parseLimit(texts['pids.max'])),
    };
  },
};

/** The way back from v1's shares (2 to 262144) to v2's weight (1 to 10000). */
function sharesOfWeight(weight: number): number {
  return Math.floor(2 + ((weight - 1) * 262_142) / 9999);
}
