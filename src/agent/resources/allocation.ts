/**
 * What the node has given to a pod: the resources of its containers, and of the pod as a whole, as they were when it was taken or last
 * resized (KEP-1287). The spec says what is wanted, the allocation what was promised, the runtime what holds. Pure.
 */
import { compareQuantities, parseQuantity } from '../../api/quantity.ts';
import type { Container, ContainerStatus, Pod, PodSpec, ResourceRequirements } from '../../api/schema/types/core-v1.ts';

export interface Allocation {
  /** Of the pod as a whole, where it says so. */
  readonly pod?: ResourceRequirements;
  /** By name; init containers, too. */
  readonly containers: Readonly<Record<string, ResourceRequirements>>;
}

export function allocationOf({ spec }: Pod): Allocation {
  const containers: readonly Container[] = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return {
    ...(spec?.resources !== undefined && { pod: spec.resources }),
    containers: Object.fromEntries(containers.map(({ name, resources }) => [name, resources ?? {}])),
  };
}

/** The pod as the node runs it: with what was given to it in place of what is wanted. The same object where both are the same. */
export function withAllocation(pod: Pod, allocation: Allocation): Pod {
  const { spec } = pod;
  if (spec === undefined || isAllocated(pod, allocation)) return pod;
  const given = (container: Container): Container => {
    const resources = allocation.containers[container.name];
    return resources === undefined ? container : { ...container, resources };
  };
  const { resources: _, ...rest } = spec;
  const changed: PodSpec = {
    ...rest,
    ...(allocation.pod !== undefined && { resources: allocation.pod }),
    ...(spec.initContainers !== undefined && { initContainers: spec.initContainers.map(given) }),
    containers: spec.containers.map(given),
  };
  return { ...pod, spec: changed };
}

/** Is what is wanted what was given? */
export function isAllocated({ spec }: Pod, allocation: Allocation): boolean {
  if (!sameResources(spec?.resources, allocation.pod)) return false;
  const containers: readonly Container[] = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return containers.every(({ name, resources }) => {
    const given = allocation.containers[name];
    return given === undefined || sameResources(resources, given);
  });
}

function sameResources(a: ResourceRequirements | undefined, b: ResourceRequirements | undefined): boolean {
  return a === b || (sameAmounts(a?.requests, b?.requests) && sameAmounts(a?.limits, b?.limits));
}

type AmountList = ResourceRequirements['limits'];

function sameAmounts(a: AmountList = {}, b: AmountList = {}): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => {
    const [own, theirs] = [a[name], b[name]];
    if (own === theirs) return true;
    if (own === undefined || theirs === undefined) return false;
    return compareQuantities(parseQuantity(own), parseQuantity(theirs)) === 0;
  });
}

/**
 * What was given to a pod whose allocation is nowhere else to be found: as its last status says it. Undefined where that tells nothing, or
 * nothing else than the spec.
 */
export function allocationFromStatus(pod: Pod): Allocation | undefined {
  const { containerStatuses = [], initContainerStatuses = [], conditions = [] } = pod.status ?? {};
  if (!conditions.some(({ type }) => type === 'PodResizePending')) return undefined;
  const byName = new Map([...initContainerStatuses, ...containerStatuses].map((status) => [status.name, status]));
  const wanted = allocationOf(pod);
  const containers = Object.entries(wanted.containers).map(([name, resources]) => [
    name,
    givenByStatus(resources, byName.get(name)),
  ]);
  const { resources } = pod.status ?? {};
  const allocation = {
    ...(wanted.pod !== undefined && { pod: resources ?? wanted.pod }),
    containers: Object.fromEntries(containers) as Allocation['containers'],
  };
  return isAllocated(pod, allocation) ? undefined : allocation;
}

function givenByStatus(wanted: ResourceRequirements, status: ContainerStatus | undefined): ResourceRequirements {
  const { resources, allocatedResources } = status ?? {};
  const requests = allocatedResources ?? resources?.requests;
  if (requests === undefined && resources === undefined) return wanted;
  return {
    ...wanted,
    ...(requests !== undefined && { requests }),
    ...(resources?.limits !== undefined && { limits: resources.limits }),
  };
}
