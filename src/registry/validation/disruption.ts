/** The rules of PodDisruptionBudgets. */
import { invalidValue } from '../../api/field-error.ts';
import type { PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import {
  countOrPercent,
  nonNegativeFields,
  notAbove100Percent,
  oneOfIfGiven,
  validateChangedSelector,
} from './checks.ts';
import { validateConditions } from './conditions.ts';

/** For the message. The selector is shown as it is: it has but one form. */
const specForm = ({ minAvailable, selector, maxUnavailable, unhealthyPodEvictionPolicy }: Spec): object => ({
  MinAvailable: minAvailable ?? null,
  Selector: selector ?? null,
  MaxUnavailable: maxUnavailable ?? null,
  UnhealthyPodEvictionPolicy: unhealthyPodEvictionPolicy ?? null,
});

type Spec = NonNullable<PodDisruptionBudget['spec']>;

export function validateDisruptionBudget({ spec }: PodDisruptionBudget, old?: PodDisruptionBudget): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = spec ?? {};
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.push(invalidValue('spec', specForm(spec ?? {}), 'minAvailable and maxUnavailable cannot be both set'));
  }
  return [
    ...errors,
    ...countOrPercent('spec.minAvailable', minAvailable),
    ...notAbove100Percent('spec.minAvailable', minAvailable),
    ...countOrPercent('spec.maxUnavailable', maxUnavailable),
    ...notAbove100Percent('spec.maxUnavailable', maxUnavailable),
    ...validateChangedSelector('spec.selector', selector, old?.spec?.selector),
    ...oneOfIfGiven('spec.unhealthyPodEvictionPolicy', unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget']),
  ];
}

const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;

export function validateDisruptionBudgetStatus({ status }: PodDisruptionBudget): FieldError[] {
  return [
    ...validateConditions('status.conditions', status?.conditions),
    ...nonNegativeFields('status', status, counts),
  ];
}
