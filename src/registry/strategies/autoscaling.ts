/** What changes how many pods there are, or how few there may be: autoscalers and disruption budgets. Leases stand beside them. */
import type { HorizontalPodAutoscaler } from '../../api/schema/types/autoscaling-v2.ts';
import type { Lease } from '../../api/schema/types/coordination-v1.ts';
import type { PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import { setAutoscalerDefaults } from '../defaults/cluster.ts';
import type { Strategy } from '../strategy.ts';
import { validateAutoscaler, validateAutoscalerStatus } from '../validation/autoscaling.ts';
import { validateLease } from '../validation/coordination.ts';
import { validateDisruptionBudget, validateDisruptionBudgetStatus } from '../validation/disruption.ts';

export const autoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  setDefaults: setAutoscalerDefaults,
  validate: validateAutoscaler,
  validateStatusUpdate: validateAutoscalerStatus,
};

export const podDisruptionBudgetStrategy: Strategy<PodDisruptionBudget> = {
  generation: true,
  allowUnconditionalUpdate: false,
  validate: validateDisruptionBudget,
  validateStatusUpdate: validateDisruptionBudgetStatus,
};

/** Candidates for a lease, and the choice among them, are not on by default: what would say so is dropped. */
const electionFields = ['strategy', 'preferredHolder'] as const;

export const leaseStrategy: Strategy<Lease> = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  prepareForCreate({ spec }) {
    for (const field of electionFields) delete spec?.[field];
  },
  prepareForUpdate({ spec }, { spec: old }) {
    for (const field of electionFields) if (old?.[field] === undefined) delete spec?.[field];
  },
  validate: validateLease,
};
