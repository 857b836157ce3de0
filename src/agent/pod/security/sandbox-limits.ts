/**
 * What a sandbox as a whole may use, for runtimes that size something by it: virtual machines, which must be as large as their containers and
 * their own overhead together. Pure.
 */
import { integerValue, milliValue } from '../../../api/quantity.ts';
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { ResourceLimits } from '../../runtime.ts';
import { cpuPeriodUs, cpuQuotaUs, cpuShares, podResources } from '../qos.ts';

/** Of the runtime itself; undefined where the class names none. */
export function overheadLimits({ spec }: Pod): ResourceLimits | undefined {
  const { cpu, memory } = spec?.overhead ?? {};
  if (cpu === undefined && memory === undefined) return undefined;
  const milliCpu = cpu === undefined ? 0 : milliValue(cpu);
  return {
    cpuShares: cpuShares(milliCpu),
    cpuQuotaUs: cpuQuotaUs(milliCpu),
    cpuPeriodUs,
    memoryLimitBytes: memory === undefined ? 0 : integerValue(memory),
    oomScoreAdj: 0,
  };
}

export function sandboxLimits(pod: Pod): ResourceLimits {
  const { cpuShares: shares, cpuQuotaUs: quota, cpuPeriodUs: period, memoryLimitBytes } = podResources(pod);
  return { cpuShares: shares, cpuQuotaUs: quota, cpuPeriodUs: period, memoryLimitBytes, oomScoreAdj: 0 };
}
