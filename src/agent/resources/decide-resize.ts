/**
 * Resizing pods in place (KEP-1287): whether and when the node can give a pod what is wanted, which containers must be told or started
 * anew, and in which order limits change. Upstream's conditions and words. Pure.
 *
 * ```
 *   wanted (spec) ──▶ does it fit? ──▶ allocation ──▶ containers and cgroup ──▶ holds (runtime)
 *                      │ not now: Deferred             │ refused: Error
 *                      └ never: Infeasible             └ tried again
 * ```
 */
import { podRequests } from '../../api/node-requests.ts';
import { qualityOfService } from '../../api/pod-quality.ts';
import type { Container, Node, Pod, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import type { CgroupLimits } from '../pod/cgroup-limits.ts';
import { appContainers, initContainers } from '../pod/containers.ts';
import { isStaticPod } from '../pod/critical-pod.ts';
import type { PodResources } from '../pod/qos.ts';
import type { ResourceLimits } from '../runtime.ts';
import { describeShortage, shortages } from './decide-admission.ts';

/** Why a resize waits. */
export interface PendingResize {
  readonly reason: 'Deferred' | 'Infeasible';
  readonly message: string;
  /** Of the pod that was looked at. */
  readonly generation: number;
}

/** Undefined: the node can. @param desired as the spec wants it, @param others the other pods, with what was given to them */
export function refusalOfResize(
  desired: Pod,
  others: readonly Pod[],
  node: Node | undefined,
): PendingResize | undefined {
  const generation = desired.metadata?.generation ?? 0;
  const infeasible = (message: string): PendingResize => ({ reason: 'Infeasible', message, generation });
  if (isStaticPod(desired)) return infeasible('In-place resize of static-pods is not supported');
  if (node === undefined) return undefined;
  const { status: _, ...wanted } = desired;
  for (const resource of ['memory', 'cpu']) {
    const [alone] = shortages(wanted, [], node).filter((shortage) => shortage.resource === resource);
    if (alone === undefined) continue;
    const { requested, capacity } = alone;
    return infeasible(`Node didn't have enough capacity: ${resource}, requested: ${requested}, capacity: ${capacity}`);
  }
  const [short] = shortages(wanted, others, node).filter(({ resource }) => resource === 'cpu' || resource === 'memory');
  return short === undefined ? undefined : { reason: 'Deferred', message: describeShortage(short), generation };
}

export interface Waiting {
  readonly desired: Pod;
  readonly allocated: Pod;
  /** Since when; Infinity: nobody has looked at it yet. */
  readonly sinceMs: number;
}

/** Who has its turn first: what asks for no more, then by priority, class and time of waiting. */
export function compareWaiting(a: Waiting, b: Waiting): number {
  return (
    Number(asksForMore(a)) - Number(asksForMore(b)) ||
    (b.desired.spec?.priority ?? 0) - (a.desired.spec?.priority ?? 0) ||
    rankOf(a.desired) - rankOf(b.desired) ||
    (a.sinceMs === b.sinceMs ? 0 : a.sinceMs - b.sinceMs)
  );
}

const rankOf = ({ spec }: Pod): number => (qualityOfService(spec) === 'Guaranteed' ? 0 : 1);

function asksForMore({ desired, allocated }: Waiting): boolean {
  const amounts = (pod: Pod) => podRequests({ ...pod, status: {} }).amounts;
  const [wanted, given] = [amounts(desired), amounts(allocated)];
  return ['memory', 'cpu'].some((name) => (wanted.get(name) ?? 0) > (given.get(name) ?? 0));
}

/** The figures of a container that can be changed. */
export type Figures = Pick<ResourceLimits, 'cpuShares' | 'cpuQuotaUs' | 'cpuPeriodUs' | 'memoryLimitBytes'>;

export interface Change {
  readonly cpu: boolean;
  readonly memory: boolean;
}

/** What of a running container is not as it should be. @param now absent: the runtime does not tell */
export function changeOf(now: Figures | undefined, wanted: Figures): Change {
  if (now === undefined) return { cpu: true, memory: true };
  const quota = ({ cpuQuotaUs }: Figures): number => Math.max(0, cpuQuotaUs);
  return {
    cpu: now.cpuShares !== wanted.cpuShares || quota(now) !== quota(wanted),
    memory: Math.max(0, now.memoryLimitBytes) !== wanted.memoryLimitBytes,
  };
}

export function needsRestart({ resizePolicy = [] }: Container, change: Change): boolean {
  return resizePolicy.some(
    ({ resourceName, restartPolicy }) =>
      restartPolicy === 'RestartContainer' &&
      (resourceName === 'cpu' || resourceName === 'memory') &&
      change[resourceName],
  );
}

export interface ContainerChange {
  readonly id: string;
  readonly name: string;
  readonly now: Figures | undefined;
  readonly wanted: ResourceLimits;
}

export interface PodChange {
  /** Absent: the pod has no cgroup that could be written. */
  readonly now: CgroupLimits | undefined;
  readonly wanted: PodResources;
  /** No container waits for its restart: what is too much goes, too. */
  readonly isLast: boolean;
}

export type ResizeAction =
  | { readonly kind: 'pod'; readonly limits: CgroupLimits }
  | { readonly kind: 'container'; readonly id: string; readonly limits: ResourceLimits };

/** Memory, then cpu; for each the pod up, containers from the largest decrease on, the pod down. */
export function resizeActions(pod: PodChange, containers: readonly ContainerChange[]): readonly ResizeAction[] {
  return [...memoryActions(pod, containers), ...cpuActions(pod, containers)];
}

/** 0 is no limit. */
const height = (limit: number | undefined): number =>
  limit === undefined || limit <= 0 ? Number.POSITIVE_INFINITY : limit;

function memoryActions({ now, wanted, isLast }: PodChange, containers: readonly ContainerChange[]): ResizeAction[] {
  const target = height(wanted.memoryLimitBytes);
  const current = height(now?.memoryLimitBytes);
  const limits = { memoryLimitBytes: wanted.memoryLimitBytes };
  return [
    ...podAction(now !== undefined && target > current, limits),
    ...containerActions(containers, 'memory', ({ memoryLimitBytes }) => height(memoryLimitBytes)),
    ...podAction(now !== undefined && isLast && target < current, limits),
  ];
}

/** Requests stay within limits at every moment. */
function cpuActions({ now, wanted, isLast }: PodChange, containers: readonly ContainerChange[]): ResizeAction[] {
  const quotaRise = height(wanted.cpuQuotaUs) - height(now?.cpuQuotaUs);
  const sharesRise = wanted.cpuShares - (now?.cpuShares ?? wanted.cpuShares);
  const quota = { cpuQuotaUs: wanted.cpuQuotaUs, cpuPeriodUs: wanted.cpuPeriodUs };
  const shares = { cpuShares: wanted.cpuShares };
  const isThere = now !== undefined;
  return [
    ...podAction(isThere && quotaRise > 0, quota),
    ...podAction(isThere && sharesRise > 0, shares),
    ...containerActions(containers, 'cpu', ({ cpuShares, cpuQuotaUs }) => cpuShares + height(cpuQuotaUs)),
    ...podAction(isThere && isLast && sharesRise < 0, shares),
    ...podAction(isThere && isLast && quotaRise < 0, quota),
  ];
}

function podAction(isDue: boolean, limits: CgroupLimits): ResizeAction[] {
  return isDue ? [{ kind: 'pod', limits }] : [];
}

/** Those that give something back first. With memory, cpu stays what it is, since the two are told one after the other. */
function containerActions(
  containers: readonly ContainerChange[],
  which: keyof Change,
  size: (figures: Figures) => number,
): ResizeAction[] {
  const due = containers.filter(({ now, wanted }) => changeOf(now, wanted)[which]);
  const shrinks = ({ now, wanted }: ContainerChange): boolean => now !== undefined && size(wanted) < size(now);
  return [...due.filter(shrinks), ...due.filter((change) => !shrinks(change))].map(({ id, now, wanted }) => {
    const { cpuShares, cpuQuotaUs, cpuPeriodUs } = now ?? wanted;
    const limits = which === 'cpu' ? wanted : { ...wanted, cpuShares, cpuQuotaUs, cpuPeriodUs };
    return { kind: 'container', id, limits };
  });
}

/** Whose memory would be cut, and how much of it is in use. */
export interface MemoryCut {
  /** Absent: the pod as a whole. */
  readonly container?: string;
  readonly limitBytes: number;
  /** Undefined: nobody can tell. */
  readonly usedBytes: number | undefined;
}

/** Containers and pod whose memory limit falls. */
export function shrinkingMemory(
  pod: PodChange,
  containers: readonly ContainerChange[],
): readonly { readonly container?: ContainerChange; readonly limitBytes: number }[] {
  const { now, wanted, isLast } = pod;
  const podFalls = now !== undefined && isLast && height(wanted.memoryLimitBytes) < height(now.memoryLimitBytes);
  const falling = containers.filter(
    (each) => each.now !== undefined && height(each.wanted.memoryLimitBytes) < height(each.now.memoryLimitBytes),
  );
  return [
    ...(podFalls ? [{ limitBytes: wanted.memoryLimitBytes }] : []),
    ...falling.map((container) => ({ container, limitBytes: container.wanted.memoryLimitBytes })),
  ];
}

/** Why these limits cannot be set: more is in use. Undefined where they can. */
export function memoryInTheWay(cuts: readonly MemoryCut[]): string | undefined {
  const problems = cuts.flatMap(({ container, limitBytes, usedBytes }) => {
    if (usedBytes === undefined || usedBytes < limitBytes) return [];
    const whose = container === undefined ? 'pod' : `container "${container}"`;
    return [`attempting to set ${whose} memory limit (${limitBytes}) below current usage (${usedBytes})`];
  });
  if (problems.length === 0) return undefined;
  return `cannot decrease memory limits: ${problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`}`;
}

/** The message of an event about a resize: what it is about, as JSON. */
export function resizeMessage(what: string, pod: Pod, generation: number, error = ''): string {
  const summary = (containers: readonly Container[]) =>
    containers.map(({ name, resources }) => ({ name, resources: sortedResources(resources) }));
  const inits = summary(initContainers(pod));
  const apps = summary(appContainers(pod));
  return `Pod resize ${what}: ${JSON.stringify({
    ...(inits.length > 0 && { initContainers: inits }),
    ...(apps.length > 0 && { containers: apps }),
    generation,
    ...(error !== '' && { error }),
  })}`;
}

function sortedResources({ limits, requests }: ResourceRequirements = {}): ResourceRequirements {
  const sorted = (list: NonNullable<ResourceRequirements['limits']>) =>
    Object.fromEntries(Object.entries(list).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return { ...(limits && { limits: sorted(limits) }), ...(requests && { requests: sorted(requests) }) };
}
