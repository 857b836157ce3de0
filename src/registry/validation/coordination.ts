/** The rules of Leases. */
import { forbiddenField, invalidValue } from '../../api/field-error.ts';
import { isQualifiedName } from '../../api/names.ts';
import type { Lease } from '../../api/schema/types/coordination-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, nonNegative } from './checks.ts';

export function validateLease({ spec }: Lease): FieldError[] {
  const { leaseDurationSeconds: seconds, leaseTransitions, strategy, preferredHolder } = spec ?? {};
  const errors: FieldError[] = [];
  if (seconds !== undefined && seconds <= 0) {
    errors.push(invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0'));
  }
  errors.push(...nonNegative('spec.leaseTransitions', leaseTransitions));
  if (strategy !== undefined) errors.push(...strategyErrors('spec.strategy', strategy));
  if (preferredHolder && !strategy) {
    errors.push(forbiddenField('spec.preferredHolder', 'may only be specified if `strategy` is defined'));
  }
  return errors;
}

/** Kubernetes' own ways of choosing a holder have no domain; everybody else's do. */
function strategyErrors(path: string, strategy: string): FieldError[] {
  const parts = strategy.split('/');
  if (parts.length > 2) {
    return [invalidValue(path, strategy, 'must be a fully qualified label of the form key or domain/key')];
  }
  if (parts.length === 1) {
    return strategy === 'OldestEmulationVersion'
      ? []
      : [
          invalidValue(
            path,
            strategy,
            'standard leases need to have one of the following values: OldestEmulationVersion',
          ),
        ];
  }
  return invalidEach(path, strategy, isQualifiedName(strategy));
}
