/** What the statuses of workloads may say: counts that are none below zero, and none above the count that holds it. */
import { invalidValue } from '../../api/field-error.ts';
import type { FieldError } from '../../api/status-error.ts';
import { nonNegativeFields } from './checks.ts';

interface StatusRule {
  /** Must not be negative, in upstream's order. */
  readonly counts: readonly string[];
  /** Of these, the first must not be above the second. */
  readonly within: readonly (readonly [string, string, string])[];
  /** Of these, none may fall. */
  readonly growing?: readonly string[];
}

interface Reporting {
  readonly status?: object;
}

/** `cannot be greater than status.replicas` and its like. */
const under = (small: string, large: string, name = large): readonly [string, string, string] => [
  small,
  large,
  `cannot be greater than ${name}`,
];
const underReplicas = (small: string): readonly [string, string, string] => under(small, 'replicas', 'status.replicas');

export const deploymentStatusRule: StatusRule = {
  counts: [
    'observedGeneration',
    'replicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
    'unavailableReplicas',
    'terminatingReplicas',
    'collisionCount',
  ],
  within: [
    underReplicas('updatedReplicas'),
    underReplicas('readyReplicas'),
    underReplicas('availableReplicas'),
    under('availableReplicas', 'readyReplicas'),
  ],
  growing: ['collisionCount'],
};

export const replicaSetStatusRule: StatusRule = {
  counts: [
    'replicas',
    'fullyLabeledReplicas',
    'readyReplicas',
    'availableReplicas',
    'observedGeneration',
    'terminatingReplicas',
  ],
  within: [
    underReplicas('fullyLabeledReplicas'),
    underReplicas('readyReplicas'),
    underReplicas('availableReplicas'),
    under('availableReplicas', 'readyReplicas'),
  ],
};

export const statefulSetStatusRule: StatusRule = {
  counts: [
    'replicas',
    'readyReplicas',
    'currentReplicas',
    'updatedReplicas',
    'availableReplicas',
    'observedGeneration',
    'collisionCount',
  ],
  within: [
    underReplicas('readyReplicas'),
    underReplicas('currentReplicas'),
    underReplicas('updatedReplicas'),
    underReplicas('availableReplicas'),
    under('availableReplicas', 'readyReplicas', 'status.readyReplicas'),
  ],
  growing: ['collisionCount'],
};

export const daemonSetStatusRule: StatusRule = {
  counts: [
    'currentNumberScheduled',
    'numberMisscheduled',
    'desiredNumberScheduled',
    'numberReady',
    'observedGeneration',
    'updatedNumberScheduled',
    'numberAvailable',
    'numberUnavailable',
    'collisionCount',
  ],
  within: [],
  growing: ['collisionCount'],
};

export function validateStatusCounts(rule: StatusRule): (object: Reporting, old: Reporting) => FieldError[] {
  return ({ status }, { status: old }) => {
    const now = (status ?? {}) as Record<string, number>;
    const before = (old ?? {}) as Record<string, number>;
    const { counts, within, growing = [] } = rule;
    return [
      ...nonNegativeFields('status', now, counts),
      ...within
        .filter(([small, large]) => (now[small] ?? 0) > (now[large] ?? 0))
        .map(([small, , detail]) => invalidValue(`status.${small}`, now[small] ?? 0, detail)),
      ...growing
        .filter((name) => (now[name] ?? 0) < (before[name] ?? 0))
        .map((name) => invalidValue(`status.${name}`, now[name] ?? 0, 'cannot be decremented')),
    ];
  };
}
