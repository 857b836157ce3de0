/** The cgroup figures that follow from requests, limits and quality of service, by the kubelet's formulas. Pure. */
import { qualityOfService } from '../../api/pod-quality.ts';
import { integerValue, milliValue } from '../../api/quantity.ts';
import type { Container, Pod, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import { appContainers, initContainers } from './containers.ts';

function amount(list: ResourceRequirements['limits'], resource: string): number {
  const quantity = list?.[resource];
  return quantity === undefined ? 0 : milliValue(quantity);
}

export const cpuPeriodUs = 100_000;

/** 1024 shares are one CPU; the kernel's bounds are 2 and 262144. */
export function cpuShares(milliCpu: number): number {
  return Math.min(262_144, Math.max(2, Math.floor((milliCpu * 1024) / 1000)));
}

/** 0: no limit. At least 1 ms a period, which is the kernel's smallest. */
export function cpuQuotaUs(milliCpu: number): number {
  return milliCpu === 0 ? 0 : Math.max(1000, Math.floor((milliCpu * cpuPeriodUs) / 1000));
}

const guaranteedOomScoreAdj = -997;
const systemCritical = 2_000_000_000;

/** Who dies first when memory runs out: the less a container asked for, of what the node has, the sooner. */
export function oomScoreAdj(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if ((pod.spec?.priority ?? 0) >= systemCritical) return guaranteedOomScoreAdj;
  const qos = qualityOfService(pod.spec);
  if (qos === 'Guaranteed') return guaranteedOomScoreAdj;
  if (qos === 'BestEffort') return 1000;
  const requestBytes = bytesOf(container.resources?.requests?.memory);
  const adj = 1000 - Math.floor((1000 * requestBytes) / Math.max(1, memoryCapacityBytes));
  if (adj < 1000 + guaranteedOomScoreAdj) return 1000 + guaranteedOomScoreAdj;
  return adj === 1000 ? 999 : adj;
}

export interface ContainerResources {
  readonly cpuShares: number;
  readonly cpuQuotaUs: number;
  readonly cpuPeriodUs: number;
  readonly memoryLimitBytes: number;
  readonly oomScoreAdj: number;
}

export function containerResources(pod: Pod, container: Container, memoryCapacityBytes: number): ContainerResources {
  const { requests, limits } = container.resources ?? {};
  const milliRequest = amount(requests?.cpu === undefined ? limits : requests, 'cpu');
  return {
    cpuShares: cpuShares(milliRequest),
    cpuQuotaUs: cpuQuotaUs(amount(limits, 'cpu')),
    cpuPeriodUs,
    memoryLimitBytes: bytesOf(limits?.memory),
    oomScoreAdj: oomScoreAdj(pod, container, memoryCapacityBytes),
  };
}

export interface PodResources {
  readonly cpuShares: number;
  /** 0: no limit. */
  readonly cpuQuotaUs: number;
  readonly cpuPeriodUs: number;
  /** 0: no limit. */
  readonly memoryLimitBytes: number;
}

/** The pod's own cgroup: the sum of its containers, limited only where each of them is. */
export function podResources(pod: Pod): PodResources {
  const limited = (name: string): boolean =>
    pod.spec?.resources?.limits?.[name] !== undefined ||
    [...initContainers(pod), ...appContainers(pod)].every((c) => amount(c.resources?.limits, name) > 0);
  return {
    cpuShares: cpuShares(podAmount(pod, 'requests', 'cpu')),
    cpuQuotaUs: limited('cpu') ? cpuQuotaUs(podAmount(pod, 'limits', 'cpu')) : 0,
    cpuPeriodUs,
    memoryLimitBytes: limited('memory') ? Math.ceil(podAmount(pod, 'limits', 'memory') / 1000) : 0,
  };
}

/**
 * What a pod as a whole asks for, in thousandths: its app containers and sidecars together, or where more is needed earlier, the
 * largest init container with the sidecars started before it. Overhead comes on top.
 */
export function podAmount(pod: Pod, list: 'requests' | 'limits', resource: string): number {
  const whole = pod.spec?.resources?.[list]?.[resource];
  const overhead = amount(pod.spec?.overhead, resource);
  if (whole !== undefined) return milliValue(whole) + overhead;
  const of = (container: Container): number => {
    const { requests, limits } = container.resources ?? {};
    return amount(list === 'requests' && requests?.[resource] !== undefined ? requests : limits, resource);
  };
  let sidecars = 0;
  let peak = 0;
  for (const container of initContainers(pod)) {
    peak = Math.max(peak, sidecars + of(container));
    if (container.restartPolicy === 'Always') sidecars += of(container);
  }
  const together = appContainers(pod).reduce((sum, container) => sum + of(container), sidecars);
  return Math.max(together, peak) + overhead;
}

function bytesOf(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : integerValue(quantity);
}

/** Relative to the cgroup root of the node, as the kubelet lays it out. */
export function podCgroup(root: string, pod: Pod): string {
  const qos = qualityOfService(pod.spec);
  const level = qos === 'Guaranteed' ? '' : `/${qos.toLowerCase()}`;
  return `${root}/kubepods${level}/pod${pod.metadata?.uid}`;
}
