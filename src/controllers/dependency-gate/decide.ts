/** Whether a gated pod may go, and what it waits for otherwise, in words. Pure. */
import type { DependencyCondition, PodDependency } from '../../api/dependency-gate.ts';

/** What is seen of a workload that others wait for. */
export interface WorkloadState {
  /** `Deployment`, for messages. */
  readonly kind: string;
  /** One of its pods has started. */
  readonly hasStarted: boolean;
  /** How many of its pods are ready; of the present generation, as far as its status says. */
  readonly ready: number;
  /** Of a Job. */
  readonly end?: 'complete' | 'failed' | undefined;
}

export type Decision = { readonly kind: 'open' } | { readonly kind: 'wait'; readonly reasons: readonly string[] };

export function decideGate(
  dependencies: readonly PodDependency[],
  stateOf: (service: string) => WorkloadState | undefined,
): Decision {
  const reasons = dependencies.flatMap((dependency) => reasonOf(dependency, stateOf(dependency.service)) ?? []);
  return reasons.length === 0 ? { kind: 'open' } : { kind: 'wait', reasons };
}

/** Undefined: it holds. */
function reasonOf(
  { service, condition, required }: PodDependency,
  state: WorkloadState | undefined,
): string | undefined {
  const isOptional = required === false;
  if (state === undefined) return isOptional ? undefined : `${service}, which is not there`;
  const { kind, end } = state;
  if (end === 'complete' || holds[condition](state)) return undefined;
  if (end === 'failed') return isOptional ? undefined : `${service} ${verbs[condition]}: the Job has failed`;
  if (condition === 'service_completed_successfully' && kind !== 'Job') {
    return `${service} ${verbs[condition]}: it is a ${kind}, which never completes`;
  }
  return `${service} ${verbs[condition]}: ${lacks[condition]}`;
}

const holds: Readonly<Record<DependencyCondition, (state: WorkloadState) => boolean>> = {
  service_started: ({ hasStarted, ready }) => hasStarted || ready > 0,
  service_healthy: ({ ready }) => ready > 0,
  service_completed_successfully: () => false,
};

const verbs: Readonly<Record<DependencyCondition, string>> = {
  service_started: 'to start',
  service_healthy: 'to be healthy',
  service_completed_successfully: 'to complete',
};

const lacks: Readonly<Record<DependencyCondition, string>> = {
  service_started: 'none of its pods has started',
  service_healthy: 'none of its pods is ready',
  service_completed_successfully: 'the Job is not complete yet',
};
