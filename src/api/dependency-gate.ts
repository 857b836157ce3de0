/**
 * Pods that wait for workloads before they are scheduled. A pod carries the gate, and its annotation says what it waits for; the control loop
 * `controllers/dependency-gate` lifts the gate. Compose's `depends_on` becomes this, and any manifest may say it:
 *
 * ```yaml
 * template:
 *   metadata:
 *     annotations:
 *       naru.io/depends-on: '[{"service": "db", "condition": "service_healthy"}]'
 *   spec:
 *     schedulingGates: [{name: naru.io/depends-on}]
 * ```
 * `service` is the name of a Deployment, StatefulSet, DaemonSet or Job of the pod's namespace.
 *
 * | condition | holds when |
 * |---|---|
 * | service_started (also where absent) | one of its pods has started, or it is a Job that is complete |
 * | service_healthy | one of its pods is ready, or it is a Job that is complete |
 * | service_completed_successfully | it is a Job that is complete |
 *
 * With `"required": false` a workload that is not there, or a Job that failed, is not waited for.
 */

/** The gate, and the annotation. */
export const dependencyGate = 'naru.io/depends-on';

export const dependencyConditions = ['service_started', 'service_healthy', 'service_completed_successfully'] as const;

export type DependencyCondition = (typeof dependencyConditions)[number];

export interface PodDependency {
  readonly service: string;
  readonly condition: DependencyCondition;
  readonly required?: boolean;
}

/** More than a pod sensibly waits for. */
const dependenciesMax = 100;

/** What an annotation says; nothing where there is none. @throws Error in words where it cannot be read */
export function parseDependencies(annotation: string | undefined): PodDependency[] {
  if (annotation === undefined) return [];
  const value = parsed(annotation);
  if (!Array.isArray(value)) throw new Error('it must be a list');
  if (value.length > dependenciesMax) throw new Error(`it names more than ${dependenciesMax} workloads`);
  return value.map(dependency);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
}

function dependency(value: unknown): PodDependency {
  const {
    service,
    condition = 'service_started',
    required = true,
  } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof service !== 'string' || service === '') throw new Error('each entry must name a service');
  const known = dependencyConditions.find((each) => each === condition);
  if (known === undefined) throw new Error(`condition must be one of ${dependencyConditions.join(', ')}`);
  if (typeof required !== 'boolean') throw new Error('required must be true or false');
  return { service, condition: known, required };
}
