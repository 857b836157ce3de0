/** What policies count, under upstream's names. Without a registry of metrics, nothing. */
import type { MetricRegistry } from '../../../lib/metrics.ts';

export type CheckError = 'no_error' | 'compile_error' | 'invalid_error' | 'out_of_budget';

/** What came of a validation; of mutations, that is not told apart. */
export type Enforcement = 'allow' | 'deny' | 'audit' | 'warn';

export interface CheckedPolicy {
  readonly policy: string;
  readonly binding: string;
  readonly error: CheckError;
  readonly seconds: number;
}

export interface PolicyMetrics {
  conditionsTook(policy: string, operation: string, seconds: number): void;
  conditionsFailed(policy: string, operation: string): void;
  validated(check: CheckedPolicy, enforcement: Enforcement): void;
  mutated(check: CheckedPolicy): void;
}

const silent: PolicyMetrics = {
  conditionsTook: () => {},
  conditionsFailed: () => {},
  validated: () => {},
  mutated: () => {},
};

/** Upper bounds, in seconds. */
const buckets = [0.0000005, 0.001, 0.01, 0.1, 1];
const conditionBuckets = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];
const conditionLabels = ['name', 'kind', 'type', 'operation'] as const;
const labels = ['policy', 'policy_binding', 'error_type'] as const;

export function policyMetrics(metrics: MetricRegistry | undefined): PolicyMetrics {
  if (metrics === undefined) return silent;
  const validating = pair(metrics, 'validating', [...labels, 'enforcement_action']);
  const mutating = pair(metrics, 'mutating', labels);
  // Webhooks count theirs in the same metrics.
  const conditions = metrics.histogram({
    name: 'apiserver_admission_match_condition_evaluation_seconds',
    help: 'How long match conditions took.',
    labels: conditionLabels,
    buckets: conditionBuckets,
  });
  const failures = metrics.counter({
    name: 'apiserver_admission_match_condition_evaluation_errors_total',
    help: 'Match conditions that could not tell.',
    labels: conditionLabels,
  });
  return {
    conditionsTook: (policy, operation, seconds) =>
      conditions.with(policy, 'policy', 'validate', operation).observe(seconds),
    conditionsFailed: (policy, operation) => failures.with(policy, 'policy', 'validate', operation).add(),
    validated: ({ policy, binding, error, seconds }, enforcement) =>
      validating(seconds, policy, binding, error, enforcement),
    mutated: ({ policy, binding, error, seconds }) => mutating(seconds, policy, binding, error),
  };
}

function pair(
  metrics: MetricRegistry,
  kind: 'validating' | 'mutating',
  names: readonly string[],
): (seconds: number, ...values: readonly string[]) => void {
  const checks = metrics.counter({
    name: `apiserver_${kind}_admission_policy_check_total`,
    help: `Checks by ${kind} admission policies, by policy and binding`,
    labels: names,
  });
  const durations = metrics.histogram({
    name: `apiserver_${kind}_admission_policy_check_duration_seconds`,
    help: `How long one expression of a ${kind} admission policy took, by policy and binding`,
    labels: names,
    buckets,
  });
  return (seconds, ...values) => {
    checks.with(...values).add();
    durations.with(...values).observe(seconds);
  };
}

/** Told by the text, as upstream tells it. */
export function checkError(message: string): CheckError {
  if (message.startsWith('compilation')) return 'compile_error';
  return message.startsWith('validation failed due to running out of cost budget') ? 'out_of_budget' : 'invalid_error';
}
