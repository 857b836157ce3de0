/** PriorityClasses and RuntimeClasses. */
import { duplicate, forbiddenField } from '../../api/field-error.ts';
import { isDns1123Label } from '../../api/names.ts';
import type { Toleration } from '../../api/schema/types/core-v1.ts';
import type { RuntimeClass } from '../../api/schema/types/node-v1.ts';
import type { PriorityClass } from '../../api/schema/types/scheduling-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { immutableField, invalidEach, requiredOneOf, validateLabels } from './checks.ts';
import { internalForm } from './internal-form.ts';
import { validateToleration } from './pod.ts';
import { type Amounts, validateAmount, validateContainerResourceName } from './quantities.ts';

/** Priorities above this are for the cluster's own. */
const userPriorityMax = 1_000_000_000;
const systemPrefix = 'system-';
const systemClasses: Readonly<Record<string, number | undefined>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};
const preemptionPolicies = ['PreemptLowerPriority', 'Never'];

export function validatePriorityClass(priorityClass: PriorityClass): FieldError[] {
  const { preemptionPolicy: policy } = priorityClass;
  const errors = validatePriority(priorityClass);
  if (policy === undefined) return errors;
  return [...errors, ...requiredOneOf('preemptionPolicy', policy, preemptionPolicies)];
}

function validatePriority({ metadata, value = 0, globalDefault }: PriorityClass): FieldError[] {
  const name = metadata?.name ?? '';
  if (!name.startsWith(systemPrefix)) {
    if (value <= userPriorityMax) return [];
    return [forbiddenField('value', `maximum allowed value of a user defined priority is ${userPriorityMax}`)];
  }
  const problem = systemClassProblem(name, value, globalDefault);
  if (problem === undefined) return [];
  const why = `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${problem}`;
  return [forbiddenField('metadata.name', why)];
}

function systemClassProblem(name: string, value: number, globalDefault: boolean | undefined): string | undefined {
  const known = Object.hasOwn(systemClasses, name) ? systemClasses[name] : undefined;
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function validatePriorityClassUpdate(now: PriorityClass, old: PriorityClass): FieldError[] {
  const changed = (now.value ?? 0) !== (old.value ?? 0);
  return [
    ...(changed ? [forbiddenField('value', 'may not be changed in an update.')] : []),
    ...immutableField('preemptionPolicy', now.preemptionPolicy, old.preemptionPolicy),
  ];
}

export function validateRuntimeClass({ handler: name, overhead, scheduling }: RuntimeClass): FieldError[] {
  const handler = name ?? '';
  return [
    ...invalidEach('handler', handler, isDns1123Label(handler)),
    ...validateOverhead(overhead?.podFixed),
    ...validateLabels('scheduling.nodeSelector', scheduling?.nodeSelector),
    ...validateTolerations('scheduling.tolerations', scheduling?.tolerations ?? []),
  ];
}

/** How long a pod stays does not tell two of them apart. */
function validateTolerations(path: string, tolerations: readonly Toleration[]): FieldError[] {
  const errors = tolerations.flatMap((each, index) => validateToleration(`${path}[${index}]`, each));
  const seen = new Set<string>();
  for (const [index, toleration] of tolerations.entries()) {
    const { key, operator, value, effect } = toleration;
    const identity = JSON.stringify([key, operator, value, effect].map((part) => part ?? ''));
    if (seen.has(identity)) errors.push(duplicate(`${path}[${index}]`, internalForm(toleration, tolerationFields)));
    seen.add(identity);
  }
  return errors;
}

const tolerationFields = [
  ['key', ''],
  ['operator', ''],
  ['value', ''],
  ['effect', ''],
  ['tolerationSeconds', null],
] as const;

/** Upstream looks at it as at a container's limits. */
function validateOverhead(amounts: Amounts | undefined): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, value]) => {
    const path = `overhead.limits[${name}]`;
    return [...validateContainerResourceName(path, name), ...validateAmount(path, name, value)];
  });
}

export function validateRuntimeClassUpdate(now: RuntimeClass, old: RuntimeClass): FieldError[] {
  return immutableField('handler', now.handler, old.handler);
}
