/** Pods: their quality of service, their way out, and what a node may report. */

import { compareQuantities, parseQuantity } from '../../api/quantity.ts';
import type { Container, Pod, PodSpec, PodStatus, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import { mirrorServiceAccount, setPodDefaults } from '../defaults/pod.ts';
import type { Draft } from '../draft.ts';
import type { DeleteOptions } from '../request.ts';
import type { Strategy } from '../strategy.ts';
import { validatePod } from '../validation/pod.ts';
import { validatePodStatusUpdate } from '../validation/pod-status.ts';
import { validatePodUpdate } from '../validation/pod-update.ts';
import { podWarnings } from '../validation/pod-warnings.ts';
import { dropDisabledPodFields, dropDisabledPodStatus } from './pod-disabled-fields.ts';
import { mergeLabelKeys, mirrorAppArmor } from './pod-prepare.ts';

export const podStrategy: Strategy<Pod> = {
  generation: true,
  returnDeletedObject: true,

  setDefaults: setPodDefaults,
  prepareForCreate(pod) {
    pod.status = { phase: 'Pending', qosClass: qualityOfService(pod.spec) };
    dropDisabledPodFields(pod.spec, undefined);
    if (pod.spec?.schedulingGates?.length) pod.status.conditions = [gatedCondition];
    mergeLabelKeys(pod);
    mirrorAppArmor(pod);
  },
  prepareForUpdate(pod, old) {
    if (pod.spec) mirrorServiceAccount(pod.spec);
    dropDisabledPodFields(pod.spec, old.spec);
  },
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  // Few people write to pods that are there, and machines do so often.
  warnings: (pod, old) => (old === undefined ? podWarnings(pod) : []),

  prepareForStatusUpdate(pod, old) {
    if (old.metadata?.ownerReferences)
      pod.metadata = { ...pod.metadata, ownerReferences: [...old.metadata.ownerReferences] };
    else delete pod.metadata?.ownerReferences;
    const status = (pod.status ??= {});
    if (!status.qosClass && old.status?.qosClass) status.qosClass = old.status.qosClass;
    mirrorAddresses(status);
    dropDisabledPodStatus(status, old.status);
  },
  validateStatusUpdate: validatePodStatusUpdate,

  gracePeriodSeconds,

  fields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec?.restartPolicy ?? '',
    'spec.schedulerName': ({ spec }) => spec?.schedulerName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec?.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec?.hostNetwork ?? false),
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIP ?? '',
    // Upstream takes the name and never has a value for it.
    'status.podIPs': () => '',
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
  },
};

const gatedCondition = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
};

/**
 * How long the pod may take to end. Nobody runs a pod that has no node or is over: it goes at once, and so does one whose grace
 * is 0. A negative grace period counts as 1.
 */
function gracePeriodSeconds(pod: Pod, options: DeleteOptions): number {
  const phase = pod.status?.phase;
  if (!pod.spec?.nodeName || phase === 'Failed' || phase === 'Succeeded') return 0;
  const seconds = options.gracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}

/** The first of the plural lists is the singular field, whichever of the two was written. */
function mirrorAddresses(status: Draft<PodStatus>): void {
  if (status.podIP && !status.podIPs?.length) status.podIPs = [{ ip: status.podIP }];
  if (!status.podIP && status.podIPs?.[0]?.ip) status.podIP = status.podIPs[0].ip;
  if (status.hostIP && !status.hostIPs?.length) status.hostIPs = [{ ip: status.hostIP }];
  if (!status.hostIP && status.hostIPs?.[0]?.ip) status.hostIP = status.hostIPs[0].ip;
}

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

function isPodLevelSet(resources: ResourceRequirements | undefined): boolean {
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
