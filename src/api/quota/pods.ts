/**
 * Pods, as quotas count them: `count/pods` counts all that are stored; everything else only those that have not run to their end, and that
 * do not hang in their deletion beyond the time that was given. What a pod asks for is what `pod-amounts.ts` says.
 */
import { isPodLevelSet, qualityOfService } from '../pod-quality.ts';
import type { Quantity } from '../quantity.ts';
import { isClassResource, isExtendedResource, isNativeResource } from '../resource-names.ts';
import type { Container, Pod, PodAffinityTerm, ResourceRequirements } from '../schema/types/core-v1.ts';
import { type Amounts, amountsOf, one, sameAmounts } from './amounts.ts';
import type { Evaluator, Scope } from './evaluator.ts';
import { podLimits, podRequests } from './pod-amounts.ts';
import { selects } from './scope-values.ts';

const requested = 'requests.';
const compute = ['cpu', 'memory', 'ephemeral-storage'] as const;

/** Where a quota names one of these, every container must say how much. Upstream calls it a mistake that has to stay; no others follow. */
const mustBeSaid: ReadonlySet<string> = new Set(
  ['cpu', 'memory'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
);

const names: ReadonlySet<string> = new Set([
  'pods',
  'count/pods',
  ...compute.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);

const countedAlways: Amounts = new Map([['count/pods', one]]);

export const pods: Evaluator<Pod> = {
  measures: (name) =>
    names.has(name) ||
    name.startsWith('hugepages-') ||
    name.startsWith('requests.hugepages-') ||
    (name.startsWith(requested) && (!isNativeResource(name) || isClassResource(name.slice(requested.length)))),

  handles({ operation, subresource, object, old }) {
    if (subresource === 'resize') return operation === 'UPDATE';
    if (subresource !== '') return false;
    return operation === 'CREATE' || isTerminating(object) !== isTerminating(old as Pod);
  },

  usage(pod, nowMs) {
    if (isOver(pod, nowMs)) return countedAlways;
    return used(podRequests(pod), podLimits(pod)).set('count/pods', one);
  },

  inScope,

  frees: (pod, old, nowMs) =>
    isTerminating(pod) !== isTerminating(old) || !sameAmounts(pods.usage(pod, nowMs), pods.usage(old, nowMs)),

  missing(pod, required) {
    const wanted = required.filter((name) => mustBeSaid.has(name));
    // What the pod as a whole says stands for its containers.
    if (wanted.length === 0 || isPodLevelSet(pod.spec?.resources)) return undefined;
    const silent = silentContainers(pod, wanted);
    const texts = [...silent.keys()]
      .sort()
      .map((name) => `${name} for: ${[...(silent.get(name) ?? [])].sort().join(',')}`);
    return texts.length === 0 ? undefined : `must specify ${texts.join('; ')}`;
  },
};

/** Which containers say nothing of which resource. */
function silentContainers({ spec }: Pod, wanted: readonly string[]): Map<string, Set<string>> {
  const silent = new Map<string, Set<string>>();
  const containers: readonly Container[] = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  for (const { name: container, resources } of containers) {
    const said = usedBy(resources);
    for (const name of wanted) {
      if (!said.has(name)) silent.set(name, (silent.get(name) ?? new Set()).add(container));
    }
  }
  return silent;
}

const usedBy = (resources: ResourceRequirements | undefined): Amounts =>
  used(amountsOf(resources?.requests), amountsOf(resources?.limits));

/** Under the names that quotas have for it: a request for cpu is `cpu` and `requests.cpu`. */
function used(requests: Amounts, limits: Amounts): Map<string, Quantity> {
  const result = new Map([['pods', one]]);
  for (const name of compute) {
    const request = requests.get(name);
    const limit = limits.get(name);
    if (request !== undefined) result.set(name, request).set(`requests.${name}`, request);
    if (limit !== undefined) result.set(`limits.${name}`, limit);
  }
  for (const [name, request] of requests) {
    if (name.startsWith('hugepages-')) result.set(name, request).set(`requests.${name}`, request);
    else if (isExtendedResource(name) || isClassResource(name)) result.set(requested + name, request);
  }
  return result;
}

/** It ran to its end, or should be gone: a node that was lost must not keep others from starting. */
function isOver({ metadata, status }: Pod, nowMs: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {};
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return nowMs > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** It was given a time after which it ends. */
const isTerminating = (pod: Pod): boolean => (pod.spec?.activeDeadlineSeconds ?? -1) >= 0;

function inScope(pod: Pod, scope: Scope): boolean {
  switch (scope.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass':
      return selects(scope, pod.spec?.priorityClassName || undefined);
    case 'CrossNamespacePodAffinity':
      return looksAcrossNamespaces(pod);
    case 'VolumeAttributesClass':
    default:
      return false;
  }
}

const isBestEffort = (pod: Pod): boolean => (pod.status?.qosClass ?? qualityOfService(pod.spec)) === 'BestEffort';

function looksAcrossNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  return [podAffinity, podAntiAffinity].some((affinity) =>
    [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((each) => each.podAffinityTerm),
    ].some(namesNamespaces),
  );
}

const namesNamespaces = (term: PodAffinityTerm | undefined): boolean =>
  (term?.namespaces?.length ?? 0) > 0 || term?.namespaceSelector !== undefined;
