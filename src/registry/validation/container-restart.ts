/** When a container starts again: its own policy, rules for exit codes, and whether a resize needs it. */
import { duplicate, invalidValue, notSupported, required, tooMany } from '../../api/field-error.ts';
import type {
  Container,
  ContainerResizePolicy,
  ContainerRestartRule,
  ContainerRestartRuleOnExitCodes,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';

const policies = ['Always', 'Never', 'OnFailure'];
const actions = ['Restart', 'RestartAllContainers'];
const operators = ['In', 'NotIn'];
const rulesMax = 20;
const exitCodesMax = 255;

export function validateRestart(path: string, { restartPolicy, restartPolicyRules = [] }: Container): FieldError[] {
  const at = `${path}.restartPolicy`;
  const errors: FieldError[] = [];
  if (restartPolicy !== undefined && !policies.includes(restartPolicy)) {
    errors.push(notSupported(at, restartPolicy, policies));
  }
  if (restartPolicy === undefined && restartPolicyRules.length > 0) {
    errors.push(required(at, 'must specify restartPolicy when restart rules are used'));
  }
  return [...errors, ...validateRules(`${path}.restartPolicyRules`, restartPolicyRules)];
}

/** The rules of an init container are looked at only where there is a policy that they add to. */
export function validateInitRestart(path: string, container: Container): FieldError[] {
  const { restartPolicy, restartPolicyRules = [] } = container;
  if (restartPolicy !== undefined) return validateRestart(path, container);
  if (restartPolicyRules.length === 0) return [];
  return [required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used')];
}

function validateRules(path: string, rules: readonly ContainerRestartRule[]): FieldError[] {
  const errors = rules.length > rulesMax ? [tooMany(path, rules.length, rulesMax)] : [];
  for (const [index, { action = '', exitCodes }] of rules.entries()) {
    const at = `${path}[${index}]`;
    if (!actions.includes(action)) errors.push(notSupported(`${at}.action`, action, actions));
    if (exitCodes === undefined) {
      errors.push(required(`${at}.exitCodes`, 'must be specified'));
      continue;
    }
    errors.push(...validateExitCodes(`${at}.exitCodes`, exitCodes));
  }
  return errors;
}

function validateExitCodes(
  path: string,
  { operator = '', values = [] }: Partial<ContainerRestartRuleOnExitCodes>,
): FieldError[] {
  const errors = operators.includes(operator) ? [] : [notSupported(`${path}.operator`, operator, operators)];
  if (values.length > exitCodesMax) errors.push(tooMany(`${path}.values`, values.length, exitCodesMax));
  return errors;
}

const resizableResources = ['cpu', 'memory'];
const resizePolicies = ['NotRequired', 'RestartContainer'];

export function validateResizePolicies(
  path: string,
  list: readonly ContainerResizePolicy[],
  podRestartPolicy: string | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { resourceName = '', restartPolicy = '' }] of list.entries()) {
    if (seen.has(resourceName)) errors.push(duplicate(`${path}[${index}]`, resourceName));
    seen.add(resourceName);
    errors.push(...known(path, resourceName, resizableResources), ...known(path, restartPolicy, resizePolicies));
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      const detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
      errors.push(invalidValue(path, restartPolicy, detail));
    }
  }
  return errors;
}

function known(path: string, value: string, values: readonly string[]): FieldError[] {
  if (value === '') return [required(path)];
  return values.includes(value) ? [] : [notSupported(path, value, values)];
}

/** An init container that ends has nothing to restart for. */
export function refuseRestartForResize(path: string, container: Container): FieldError[] {
  if (container.restartPolicy === 'Always') return [];
  return (container.resizePolicy ?? []).flatMap(({ restartPolicy }, index) => {
    if (restartPolicy !== 'RestartContainer') return [];
    const detail = "must not be set to 'RestartContainer' for non-sidecar initContainers";
    return [invalidValue(`${path}.resizePolicy[${index}].restartPolicy`, restartPolicy, detail)];
  });
}
