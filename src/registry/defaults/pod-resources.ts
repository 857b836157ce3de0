/** Defaults of what pods ask for: amounts in thousandths at the finest, requests from limits, and the pod's own from its containers'. */

import { containersTogether } from '../../api/pod-requests.ts';
import { formatQuantity, milliValue, parseQuantity, quantityFromMilli } from '../../api/quantity.ts';
import type { Container, Pod, PodSpec, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import type { Draft } from '../draft.ts';

type List = Record<string, string> | undefined;

/** Finer amounts are rounded up. Only these two suffixes are finer, since what was decoded is in canonical form. */
export function roundAmounts(list: List): void {
  for (const name in list) {
    const value = list[name] ?? '0';
    if (!/[nu]$/.test(value)) continue;
    list[name] = formatQuantity(quantityFromMilli(milliValue(value), parseQuantity(value).format));
  }
}

export function roundRequirements(resources: Draft<ResourceRequirements> | undefined): void {
  roundAmounts(resources?.limits);
  roundAmounts(resources?.requests);
}

/** Of pods alone, so that a controller's template does not change under its author. */
export function setPodResourceDefaults({ spec }: Draft<Pod>): void {
  if (spec === undefined) return;
  for (const container of spec.initContainers ?? []) requestsFromLimits(container.resources);
  for (const container of spec.containers ?? []) {
    requestsFromLimits(container.resources);
    setResizePolicies(container);
  }
  if (isPodLevelSet(spec.resources)) setPodLevel(spec, spec.resources ?? {});
}

function requestsFromLimits(resources: Draft<ResourceRequirements> | undefined): void {
  if (resources?.limits === undefined) return;
  resources.requests = { ...resources.limits, ...resources.requests };
}

function setResizePolicies(container: Draft<Container>): void {
  const { requests } = container.resources ?? {};
  if (requests === undefined) return;
  const policies = container.resizePolicy ?? [];
  const said = new Set(policies.map(({ resourceName }) => resourceName));
  const missing = ['cpu', 'memory'].filter((name) => requests[name] !== undefined && !said.has(name));
  if (missing.length === 0) return;
  const made = missing.map((resourceName) => ({ resourceName, restartPolicy: 'NotRequired' }) as const);
  container.resizePolicy = [...policies, ...made];
}

const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isPodLevel = (name: string): boolean => name === 'cpu' || name === 'memory' || isHugePages(name);

function isPodLevelSet(resources: ResourceRequirements | undefined): boolean {
  return Object.keys({ ...resources?.requests, ...resources?.limits }).some(isPodLevel);
}

/** What the pod leaves open follows from its containers, and else from its limits. */
function setPodLevel(spec: Draft<PodSpec>, resources: Draft<ResourceRequirements>): void {
  const { limits } = resources;
  if (limits === undefined || Object.keys(limits).length === 0) return;
  for (const [name, sum] of containersTogether(spec, 'limits')) {
    if (isHugePages(name)) limits[name] ??= formatQuantity(sum);
  }
  const requests = { ...resources.requests };
  for (const [name, sum] of containersTogether(spec, 'requests')) {
    if (name === 'cpu' || name === 'memory') requests[name] ??= formatQuantity(sum);
  }
  for (const name of Object.keys(limits).filter(isPodLevel)) requests[name] ??= limits[name] ?? '0';
  resources.requests = requests;
}
