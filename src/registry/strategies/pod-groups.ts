/** Pods that the scheduler sees as one: Workloads and the PodGroups made of their templates. */
import type { PodGroup, Workload } from '../../api/schema/types/scheduling-v1alpha2.ts';
import type { Strategy } from '../strategy.ts';
import {
  validatePodGroup,
  validatePodGroupStatus,
  validatePodGroupUpdate,
  validateWorkload,
  validateWorkloadUpdate,
} from '../validation/pod-groups.ts';

/** Claims that a whole group shares are a feature which 1.36 has switched off: dropped, as upstream does. */
export const workloadStrategy: Strategy<Workload> = {
  prepareForCreate: ({ spec }) => {
    for (const template of spec?.podGroupTemplates ?? []) delete template.resourceClaims;
  },
  validate: validateWorkload,
  updateRules: 'change only',
  validateUpdate: validateWorkloadUpdate,
};

export const podGroupStrategy: Strategy<PodGroup> = {
  statusKeepsMetadata: true,
  prepareForCreate: ({ spec }) => {
    if (spec !== undefined) delete spec.resourceClaims;
  },
  prepareForUpdate: ({ spec }) => {
    if (spec !== undefined) delete spec.resourceClaims;
  },
  validate: validatePodGroup,
  updateRules: 'change only',
  validateUpdate: validatePodGroupUpdate,
  prepareForStatusUpdate: ({ status }) => {
    if (status !== undefined) delete status.resourceClaimStatuses;
  },
  validateStatusUpdate: validatePodGroupStatus,
};
