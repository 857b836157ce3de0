/** A pod's quality of service, from what its containers ask for and may use. Pure. */
import { compareQuantities, parseQuantity } from './quantity.ts';
import type { Container, PodSpec, ResourceRequirements } from './schema/types/core-v1.ts';

const countedResources = ['cpu', 'memory'] as const;
const zero = parseQuantity('0');

/**
 * `Guaranteed` where every container has limits for cpu and memory and asks for just that; `BestEffort` where none asks for
 * anything; else `Burstable`. Resources of the pod as a whole, where given, stand for its containers'.
 */
export function qualityOfService(spec: PodSpec | undefined): 'BestEffort' | 'Burstable' | 'Guaranteed' {
  const containers: readonly Container[] = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const all = isPodLevelSet(spec?.resources)
    ? [spec?.resources ?? {}]
    : containers.map(({ resources }) => resources ?? {});
  if (all.every((resources) => !asksForAnything(resources))) return 'BestEffort';
  return all.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

/** Does the pod as a whole ask for, or limit, anything? */
export function isPodLevelSet(resources: ResourceRequirements | undefined): boolean {
  const names = Object.keys({ ...resources?.requests, ...resources?.limits });
  return names.some((name) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-'));
}

function asksForAnything({ requests = {}, limits = {} }: ResourceRequirements): boolean {
  return countedResources.some((name) => isPositive(requests[name]) || isPositive(limits[name]));
}

function isPositive(value: string | undefined): boolean {
  return value !== undefined && compareQuantities(parseQuantity(value), zero) > 0;
}

function isGuaranteed({ requests = {}, limits = {} }: ResourceRequirements): boolean {
  return countedResources.every((name) => {
    const limit = limits[name];
    if (limit === undefined || !isPositive(limit)) return false;
    return compareQuantities(parseQuantity(requests[name] ?? limit), parseQuantity(limit)) === 0;
  });
}
