/** The cgroup figures that follow from requests, limits and quality of service, by the kubelet's formulas. Pure. */
import { qualityOfService } from '../../api/pod-quality.ts';
import { integerValue, milliValue } from '../../api/quantity.ts';
import type { Container, Pod, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import type { ResourceLimits } from '../runtime.ts';
import type { CgroupLimits } from './cgroup-limits.ts';
import { appContainers, initContainers } from './containers.ts';
import { isCriticalPod } from './critical-pod.ts';

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

/**
 * Who dies first when memory runs out: the less a container asked for, of what the node has, the sooner. What the pod asks for as a whole
 * beyond its containers is shared out among them; a sidecar dies no sooner than the containers that need it.
 */
export function oomScoreAdj(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if (isNodeCritical(pod)) return guaranteedOomScoreAdj;
  const qos = qualityOfService(pod.spec);
  if (qos === 'Guaranteed') return guaranteedOomScoreAdj;
  if (qos === 'BestEffort') return 1000;
  const shareBytes = unaskedShareBytes(pod);
  const adjOf = ({ resources }: Container): number => {
    const bytes = bytesOf(resources?.requests?.['memory']) + shareBytes;
    return 1000 - Math.floor((1000 * bytes) / Math.max(1, memoryCapacityBytes));
  };
  const isSidecar = container.restartPolicy === 'Always' && initContainers(pod).includes(container);
  const adj = isSidecar
    ? Math.min(adjOf(container), ...appContainers(pod).map((each) => adjOf(each)))
    : adjOf(container);
  if (adj < 1000 + guaranteedOomScoreAdj) return 1000 + guaranteedOomScoreAdj;
  return adj === 1000 ? 999 : adj;
}

function isNodeCritical(pod: Pod): boolean {
  return pod.spec?.priorityClassName === 'system-node-critical' && isCriticalPod(pod);
}

/** Of what the pod asks for as a whole, what no container asks for: each one's part. */
function unaskedShareBytes(pod: Pod): number {
  const whole = pod.spec?.resources?.requests?.['memory'];
  if (whole === undefined) return 0;
  const containers = [
    ...initContainers(pod).filter(({ restartPolicy }) => restartPolicy === 'Always'),
    ...appContainers(pod),
  ];
  const asked = containers.reduce((sum, { resources }) => sum + bytesOf(resources?.requests?.['memory']), 0);
  return Math.floor(Math.max(0, bytesOf(whole) - asked) / Math.max(1, containers.length));
}

/** What of the node and of its configuration decides about limits. */
export interface ResourceRules {
  readonly memoryCapacityBytes: number;
  /** Limits of CPU become quotas; absent: they do. */
  readonly cpuCFSQuota?: boolean;
  /** That the node has, as resources name them: `2Mi`. Absent: none. */
  readonly hugepageSizes?: readonly string[];
  /** Processes of one pod; absent or below 1: as many as the node allows. */
  readonly podPidsLimit?: number;
}

export function containerResources(pod: Pod, container: Container, rules: ResourceRules): ResourceLimits {
  const { requests, limits } = container.resources ?? {};
  const milliRequest = amount(requests?.cpu === undefined ? limits : requests, 'cpu');
  const hugepages = hugepageLimits(rules, (resource) => bytesOf(limits?.[resource]));
  return {
    cpuShares: cpuShares(milliRequest),
    cpuQuotaUs: rules.cpuCFSQuota === false ? 0 : cpuQuotaUs(amount(limits, 'cpu')),
    cpuPeriodUs,
    memoryLimitBytes: bytesOf(limits?.memory),
    oomScoreAdj: oomScoreAdj(pod, container, rules.memoryCapacityBytes),
    ...(hugepages.length > 0 && { hugepageLimits: hugepages }),
  };
}

export type PodResources = CgroupLimits &
  Required<Pick<CgroupLimits, 'cpuShares' | 'cpuQuotaUs' | 'cpuPeriodUs' | 'memoryLimitBytes'>>;

/** The pod's own cgroup: the sum of its containers, limited only where each of them is. */
export function podResources(pod: Pod, rules: Omit<ResourceRules, 'memoryCapacityBytes'> = {}): PodResources {
  const { podPidsLimit = 0, cpuCFSQuota } = rules;
  const limited = (name: string): boolean =>
    amount(pod.spec?.resources?.limits, name) > 0 ||
    [...initContainers(pod), ...appContainers(pod)].every((c) => amount(c.resources?.limits, name) > 0);
  const hugepages = hugepageLimits(rules, (resource) => Math.ceil(podAmount(pod, 'limits', resource) / 1000));
  return {
    cpuShares: qualityOfService(pod.spec) === 'BestEffort' ? 2 : cpuShares(podAmount(pod, 'requests', 'cpu')),
    cpuQuotaUs: cpuCFSQuota !== false && limited('cpu') ? cpuQuotaUs(podAmount(pod, 'limits', 'cpu')) : 0,
    cpuPeriodUs,
    memoryLimitBytes: limited('memory') ? Math.ceil(podAmount(pod, 'limits', 'memory') / 1000) : 0,
    ...(podPidsLimit > 0 && { pidsMax: podPidsLimit }),
    ...(hugepages.length > 0 && { hugepageLimits: hugepages }),
  };
}

/** For each size that the node has: what is not asked for may not be used. */
function hugepageLimits(
  { hugepageSizes = [] }: Pick<ResourceRules, 'hugepageSizes'>,
  bytesFor: (resource: string) => number,
): NonNullable<CgroupLimits['hugepageLimits']> {
  return hugepageSizes.map((size) => ({
    pageSize: `${size.replace(/i$/, '')}B`,
    limitBytes: bytesFor(`hugepages-${size}`),
  }));
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
