/** Pods: their quality of service, their way out, and what a node may report. */

import { qualityOfService } from '../../api/pod-quality.ts';
import type { Pod, PodStatus } from '../../api/schema/types/core-v1.ts';
import { mirrorServiceAccount, setPodDefaults } from '../defaults/pod.ts';
import type { Draft } from '../draft.ts';
import type { DeleteOptions } from '../request.ts';
import type { Strategy } from '../strategy.ts';
import { validatePod } from '../validation/pod.ts';
import { validatePodStatusUpdate } from '../validation/pod-status.ts';
import { validatePodUpdate } from '../validation/pod-update.ts';
import { graceWarnings, podWarnings } from '../validation/pod-warnings.ts';
import { dropDisabledPodFields, dropDisabledPodStatus } from './pod-disabled-fields.ts';
import { mergeLabelKeys, takeAppArmor } from './pod-prepare.ts';

export const podStrategy: Strategy<Pod> = {
  generation: true,
  returnDeletedObject: true,

  setDefaults: setPodDefaults,
  prepareForCreate(pod, { warn }) {
    pod.status = { phase: 'Pending', qosClass: qualityOfService(pod.spec) };
    dropDisabledPodFields(pod.spec, undefined);
    for (const warning of graceWarnings('spec', pod.spec ?? { containers: [] })) warn(warning);
    mendGracePeriod(pod);
    if (pod.spec?.schedulingGates?.length) pod.status.conditions = [gatedCondition];
    mergeLabelKeys(pod);
    takeAppArmor(pod, warn);
  },
  prepareForUpdate(pod, old) {
    if (pod.spec) mirrorServiceAccount(pod.spec);
    dropDisabledPodFields(pod.spec, old.spec);
    mendGracePeriod(pod);
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
    keepObservedGenerations(status, old.status ?? {});
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

/** A negative grace period counts as one second, as its warning says. */
function mendGracePeriod({ spec }: Draft<Pod>): void {
  if (spec && (spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
}

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

/** Who leaves out which generation was seen does not take it back. Conditions of one type are told apart by their order. */
function keepObservedGenerations(status: Draft<PodStatus>, old: PodStatus): void {
  if (!status.observedGeneration && old.observedGeneration) status.observedGeneration = old.observedGeneration;
  const before = new Map<string, number[]>();
  for (const { type, observedGeneration = 0 } of old.conditions ?? []) {
    const sameType = before.get(type) ?? [];
    before.set(type, sameType);
    sameType.push(observedGeneration);
  }
  const places = new Map<string, number>();
  for (const condition of status.conditions ?? []) {
    const place = places.get(condition.type) ?? 0;
    places.set(condition.type, place + 1);
    const seen = before.get(condition.type)?.[place];
    if (!condition.observedGeneration && seen) condition.observedGeneration = seen;
  }
}
