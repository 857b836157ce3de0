/**
 * What a pod as a whole asks for and may use, as upstream's quotas see it: the most that its containers take together, what the pod itself
 * says in their place, and its overhead on top. While a resize is under way, what is larger counts: what is wanted or what still holds
 * (KEP-1287). Pure.
 */
import { amountsOf, togetherBy } from '../pod-requests.ts';
import type { Container, ContainerStatus, Pod, ResourceRequirements } from '../schema/types/core-v1.ts';
import { type Amounts, isPositive, largest, only, plus } from './amounts.ts';

type Side = 'limits' | 'requests';

export function podRequests(pod: Pod): Amounts {
  return plus(withoutOverhead(pod, 'requests'), amountsOf(pod.spec?.overhead));
}

/** Overhead comes on top of limits that there are. */
export function podLimits(pod: Pod): Amounts {
  const limits = withoutOverhead(pod, 'limits');
  const isLimited = (name: string): boolean => {
    const limit = limits.get(name);
    return limit !== undefined && isPositive(limit);
  };
  return plus(limits, only(amountsOf(pod.spec?.overhead), isLimited));
}

/** Of the spec alone, without overhead: what a LimitRange bounds. */
export function podSpecAmounts(pod: Pod, side: Side): Amounts {
  const own = only(amountsOf(pod.spec?.resources?.[side]), isPodLevel);
  const together = togetherBy(pod.spec ?? { containers: [] }, ({ resources }) => amountsOf(resources?.[side]));
  return new Map([...together, ...own]);
}

const isPodLevel = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

function withoutOverhead(pod: Pod, side: Side): Amounts {
  const { spec, status = {} } = pod;
  const statuses = new Map<string, ContainerStatus>(
    [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])].map((each) => [each.name, each]),
  );
  const ofContainer = (container: Container): Amounts => {
    const known = statuses.get(container.name);
    const wanted = container.resources?.[side];
    if (known?.resources === undefined || !canResize(pod, container)) return amountsOf(wanted);
    return effective(pod, side, wanted, known);
  };
  const together = togetherBy(spec ?? { containers: [] }, ofContainer);
  const own = only(amountsOf(spec?.resources?.[side]), isPodLevel);
  if (own.size === 0) return together;
  const now = status.resources === undefined ? own : effective(pod, side, spec?.resources?.[side], status);
  return new Map([...together, ...only(now, (name) => own.has(name))]);
}

/** Containers that run to their end before others start are never resized. */
function canResize({ spec }: Pod, { name, restartPolicy }: Container): boolean {
  return restartPolicy === 'Always' || !spec?.initContainers?.some((container) => container.name === name);
}

interface Reported {
  readonly resources?: ResourceRequirements;
  readonly allocatedResources?: ResourceRequirements['requests'];
}

function effective(pod: Pod, side: Side, wanted: ResourceRequirements[Side], reported: Reported): Amounts {
  const actual = amountsOf(reported.resources?.[side]);
  const promised = side === 'requests' ? amountsOf(reported.allocatedResources) : new Map();
  return isInfeasible(pod) ? largest(actual, promised) : largest(amountsOf(wanted), actual, promised);
}

/** The node said that it can never do what is wanted. */
function isInfeasible({ status }: Pod): boolean {
  return status?.conditions?.find(({ type }) => type === 'PodResizePending')?.reason === 'Infeasible';
}
