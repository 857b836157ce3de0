/** Limits of a cgroup as files: what they are called in v1 and v2, how values are written, and read back. Pure. */

/** What is absent is left as it is; 0: no limit (but hugepages: none at all). */
export interface CgroupLimits {
  readonly cpuShares?: number;
  /** Per `cpuPeriodUs`. */
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  readonly memoryLimitBytes?: number;
  /** Processes and threads. */
  readonly pidsMax?: number;
  /** By page size as the kernel names it: `2MB`. */
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limitBytes: number }[];
  /** Nothing may be swapped out. Only v2 can say so. */
  readonly isSwapOff?: boolean;
}

export type Version = 'v1' | 'v2';

export interface CgroupFile {
  /** On v1, whose hierarchy it is in. */
  readonly controller: 'cpu' | 'memory' | 'pids' | 'hugetlb';
  readonly file: string;
  readonly value: string;
  /** Not every kernel has it. */
  readonly isOptional?: boolean;
}

const defaultPeriodUs = 100_000;

/** In the order in which they are to be written. */
export function filesOf(version: Version, limits: CgroupLimits): readonly CgroupFile[] {
  const { cpuShares, cpuQuotaUs, memoryLimitBytes, pidsMax, hugepageLimits = [], isSwapOff } = limits;
  const names = version === 'v1' ? v1 : v2;
  return [
    ...(cpuShares === undefined ? [] : names.shares(cpuShares)),
    ...(cpuQuotaUs === undefined ? [] : names.quota(cpuQuotaUs, limits.cpuPeriodUs ?? defaultPeriodUs)),
    ...(memoryLimitBytes === undefined ? [] : names.memory(memoryLimitBytes)),
    ...(pidsMax === undefined ? [] : [pidsFile(pidsMax)]),
    ...hugepageLimits.map(({ pageSize, limitBytes }) => names.hugepages(pageSize, limitBytes)),
    ...(isSwapOff === true && version === 'v2' ? [swapFile] : []),
  ];
}

const pidsFile = (pidsMax: number): CgroupFile => ({
  controller: 'pids',
  file: 'pids.max',
  value: pidsMax === 0 ? 'max' : String(pidsMax),
  isOptional: true,
});

const swapFile: CgroupFile = { controller: 'memory', file: 'memory.swap.max', value: '0', isOptional: true };

interface Names {
  shares(shares: number): readonly CgroupFile[];
  quota(quotaUs: number, periodUs: number): readonly CgroupFile[];
  memory(bytes: number): readonly CgroupFile[];
  hugepages(pageSize: string, bytes: number): CgroupFile;
}

const v1: Names = {
  shares: (shares) => [{ controller: 'cpu', file: 'cpu.shares', value: String(shares) }],
  quota: (quotaUs, periodUs) => [
    { controller: 'cpu', file: 'cpu.cfs_period_us', value: String(periodUs) },
    { controller: 'cpu', file: 'cpu.cfs_quota_us', value: String(quotaUs === 0 ? -1 : quotaUs) },
  ],
  memory: (bytes) => [{ controller: 'memory', file: 'memory.limit_in_bytes', value: String(bytes === 0 ? -1 : bytes) }],
  hugepages: (pageSize, bytes) => ({
    controller: 'hugetlb',
    file: `hugetlb.${pageSize}.limit_in_bytes`,
    value: String(bytes),
    isOptional: true,
  }),
};

const v2: Names = {
  shares: (shares) => [{ controller: 'cpu', file: 'cpu.weight', value: String(cpuWeight(shares)) }],
  quota: (quotaUs, periodUs) => [
    { controller: 'cpu', file: 'cpu.max', value: `${quotaUs === 0 ? 'max' : quotaUs} ${periodUs}` },
  ],
  memory: (bytes) => [{ controller: 'memory', file: 'memory.max', value: bytes === 0 ? 'max' : String(bytes) }],
  hugepages: (pageSize, bytes) => ({
    controller: 'hugetlb',
    file: `hugetlb.${pageSize}.max`,
    value: String(bytes),
    isOptional: true,
  }),
};

/** From v1's shares (2 to 262144) to v2's weight (1 to 10000), linearly, as runtimes do. */
export function cpuWeight(shares: number): number {
  return Math.floor(1 + ((shares - 2) * 9999) / 262_142);
}

/** The way back; finer differences of shares are lost. */
export function sharesOfWeight(weight: number): number {
  return Math.floor(2 + ((weight - 1) * 262_142) / 9999);
}

type ReadFile = (controller: string, file: string) => Promise<string | undefined>;

/** Only what can be resized: cpu and memory. Undefined where neither can be read. */
export async function readLimits(version: Version, read: ReadFile): Promise<CgroupLimits | undefined> {
  const limits = version === 'v1' ? await readV1(read) : await readV2(read);
  return Object.keys(limits).length === 0 ? undefined : limits;
}

/** v1 writes no limit as the largest number of pages. */
const unlimitedBytes = 2 ** 62;

async function readV1(read: ReadFile): Promise<CgroupLimits> {
  const shares = await read('cpu', 'cpu.shares');
  const quota = await read('cpu', 'cpu.cfs_quota_us');
  const memory = await read('memory', 'memory.limit_in_bytes');
  return {
    ...(shares !== undefined && { cpuShares: Number(shares) }),
    ...(quota !== undefined && { cpuQuotaUs: Math.max(0, Number(quota)) }),
    ...(memory !== undefined && { memoryLimitBytes: Number(memory) >= unlimitedBytes ? 0 : Number(memory) }),
  };
}

async function readV2(read: ReadFile): Promise<CgroupLimits> {
  const weight = await read('cpu', 'cpu.weight');
  const quota = await read('cpu', 'cpu.max');
  const memory = await read('memory', 'memory.max');
  return {
    ...(weight !== undefined && { cpuShares: sharesOfWeight(Number(weight)) }),
    ...(quota !== undefined && { cpuQuotaUs: quota.startsWith('max') ? 0 : Number(quota.split(' ')[0]) }),
    ...(memory !== undefined && { memoryLimitBytes: memory === 'max' ? 0 : Number(memory) }),
  };
}
