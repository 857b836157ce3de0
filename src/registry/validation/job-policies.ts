/** What a Job makes of pods that fail, and when it counts as done: `podFailurePolicy`, `successPolicy`, `podReplacementPolicy`. */
import { duplicate, invalidValue, notSupported, required, tooLong, tooMany } from '../../api/field-error.ts';
import { isQualifiedName } from '../../api/names.ts';
import type {
  JobSpec,
  PodFailurePolicy,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicy,
  SuccessPolicyRule,
} from '../../api/schema/types/batch-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidAsAWhole, invalidEach, nonNegative } from './checks.ts';
import { internalForm } from './internal-form.ts';
import { readIndexes } from './job-indexes.ts';

const rulesMax = 20;
const exitCodesMax = 255;
const conditionPatternsMax = 20;
const indexesBytesMax = 64 * 1024;

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const operators = ['In', 'NotIn'];
const conditionStatuses = ['False', 'True', 'Unknown'];

const quoted = (values: readonly string[]): string => `[${values.map((value) => `"${value}"`).join(' ')}]`;

/** Go prints such a list with its own brackets. */
function requiredOf(path: string, value: string | undefined, values: readonly string[]): FieldError[] {
  if (!value) return [required(path, `valid values: ${quoted(values)}`)];
  return values.includes(value) ? [] : [notSupported(path, value, values)];
}

/** As messages show them. */
export function successPolicyForm(policy: SuccessPolicy | undefined): object | null {
  if (policy === undefined) return null;
  const fields = [['succeededIndexes', null] as const, ['succeededCount', null] as const];
  return { Rules: policy.rules?.map((rule) => internalForm(rule, fields)) ?? null };
}

export function podFailurePolicyForm(policy: PodFailurePolicy | undefined): object | null {
  if (policy === undefined) return null;
  const exitCodes = [['containerName', null] as const, ['operator', ''] as const, ['values', null] as const];
  return {
    Rules:
      policy.rules?.map(({ action, onExitCodes, onPodConditions }) => ({
        Action: action,
        OnExitCodes: onExitCodes ? internalForm(onExitCodes, exitCodes) : null,
        OnPodConditions: onPodConditions?.map(({ type, status }) => ({ Type: type, Status: status })) ?? null,
      })) ?? null,
  };
}

export function validatePodFailurePolicy(path: string, spec: JobSpec): FieldError[] {
  if (spec.podFailurePolicy === undefined) return [];
  const rules = spec.podFailurePolicy.rules ?? [];
  const errors = rules.length > rulesMax ? [tooMany(`${path}.rules`, rules.length, rulesMax)] : [];
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {};
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  return [...errors, ...rules.flatMap((rule, index) => validateRule(`${path}.rules[${index}]`, rule, spec, names))];
}

function validateRule(path: string, rule: PodFailurePolicyRule, spec: JobSpec, names: Set<string>): FieldError[] {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  const errors = requiredOf(`${path}.action`, action, actions);
  if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    errors.push(invalidValue(`${path}.action`, action, 'requires the backoffLimitPerIndex to be set'));
  }
  if (onExitCodes) errors.push(...validateExitCodes(`${path}.onExitCodes`, onExitCodes, names));
  if (onPodConditions.length > 0) errors.push(...validatePatterns(`${path}.onPodConditions`, onPodConditions));
  if (onExitCodes && onPodConditions.length > 0) {
    errors.push(invalidAsAWhole(path, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  }
  if (!onExitCodes && onPodConditions.length === 0) {
    errors.push(invalidAsAWhole(path, 'specifying one of OnExitCodes and OnPodConditions is required'));
  }
  return errors;
}

function validateExitCodes(
  path: string,
  { operator, containerName, values }: PodFailurePolicyOnExitCodesRequirement,
  names: ReadonlySet<string>,
): FieldError[] {
  const errors = requiredOf(`${path}.operator`, operator, operators);
  if (containerName !== undefined && !names.has(containerName)) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    errors.push(invalidValue(`${path}.containerName`, containerName, detail));
  }
  return [...errors, ...validateCodes(`${path}.values`, values, operator === 'In')];
}

function validateCodes(path: string, values: readonly number[], isIn: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (values.length === 0) errors.push(invalidValue(path, values, 'at least one value is required'));
  else if (values.length > exitCodesMax) errors.push(tooMany(path, values.length, exitCodesMax));
  const seen = new Set<number>();
  for (const [index, value] of values.entries()) {
    const at = `${path}[${index}]`;
    if (isIn && value === 0) errors.push(invalidValue(at, value, 'must not be 0 for the In operator'));
    if (seen.has(value)) errors.push(duplicate(at, value));
    seen.add(value);
  }
  const ordered = values.every((value, index) => index === 0 || (values[index - 1] ?? 0) <= value);
  return ordered ? errors : [...errors, invalidValue(path, values, 'must be ordered')];
}

function validatePatterns(path: string, patterns: readonly PodFailurePolicyOnPodConditionsPattern[]): FieldError[] {
  const errors = patterns.length > conditionPatternsMax ? [tooMany(path, patterns.length, conditionPatternsMax)] : [];
  for (const [index, { type = '', status }] of patterns.entries()) {
    errors.push(...invalidEach(`${path}[${index}].type`, type, isQualifiedName(type)));
    errors.push(...requiredOf(`${path}[${index}].status`, status, conditionStatuses));
  }
  return errors;
}

export function validateReplacementPolicy(path: string, spec: JobSpec): FieldError[] {
  const policy = spec.podReplacementPolicy;
  if (policy === undefined) return [];
  const allowed = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  return allowed.includes(policy) ? [] : [notSupported(path, policy, allowed)];
}

export function validateSuccessPolicy(path: string, spec: JobSpec): FieldError[] {
  const { successPolicy, completionMode, completions } = spec;
  if (successPolicy === undefined) return [];
  if (completionMode !== 'Indexed')
    return [invalidValue(path, successPolicyForm(successPolicy), 'requires indexed completion mode')];
  const rules = successPolicy.rules ?? [];
  const at = `${path}.rules`;
  const errors: FieldError[] = [];
  if (rules.length === 0) {
    errors.push(required(at, 'at least one rules must be specified when the successPolicy is specified'));
  }
  if (rules.length > rulesMax) errors.push(tooMany(at, rules.length, rulesMax));
  return [...errors, ...rules.flatMap((rule, index) => validateSuccess(`${at}[${index}]`, rule, completions ?? 0))];
}

function validateSuccess(path: string, rule: SuccessPolicyRule, completions: number): FieldError[] {
  const { succeededCount, succeededIndexes } = rule;
  const errors: FieldError[] = [];
  if (succeededCount === undefined && succeededIndexes === undefined) {
    errors.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  }
  const read = readIndexes(succeededIndexes ?? '', completions);
  const total = 'error' in read ? 0 : read.total;
  if (succeededIndexes !== undefined) {
    const at = `${path}.succeededIndexes`;
    if (Buffer.byteLength(succeededIndexes) > indexesBytesMax) errors.push(tooLong(at, indexesBytesMax));
    if ('error' in read) {
      errors.push(invalidValue(at, succeededIndexes, `error parsing succeededIndexes: ${read.error}`));
    }
  }
  if (succeededCount === undefined) return errors;
  const at = `${path}.succeededCount`;
  errors.push(...nonNegative(at, succeededCount));
  const atMost = (max: number, what: string): FieldError[] =>
    succeededCount > max
      ? [invalidValue(at, succeededCount, `must be less than or equal to ${max} (the number of ${what})`)]
      : [];
  errors.push(...atMost(completions, 'specified completions'));
  if (succeededIndexes !== undefined) {
    errors.push(...atMost(total, 'indexes in the specified succeededIndexes field'));
  }
  return errors;
}
