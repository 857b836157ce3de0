/** What webhooks and policies share: which requests they are for, and the conditions under which. */
import { duplicate, invalidValue, notSupported, required, tooMany } from '../../api/field-error.ts';
import { isPathSegmentName, isQualifiedName } from '../../api/names.ts';
import type {
  MatchCondition,
  NamedRuleWithOperations,
  RuleWithOperations,
} from '../../api/schema/types/admissionregistration-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, requiredName } from './checks.ts';

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];
const conditionsMax = 64;

export const failurePolicies = ['Fail', 'Ignore'];
export const matchPolicies = ['Equivalent', 'Exact'];
export const reinvocationPolicies = ['IfNeeded', 'Never'];

/** A value outside of its enum; absent is fine. */
export function validateChoice(path: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  return value === undefined || allowed.includes(value) ? [] : [notSupported(path, value, allowed)];
}

export function validateOperationRule(path: string, rule: RuleWithOperations): FieldError[] {
  const [given, groups, versions] = [rule.operations ?? [], rule.apiGroups ?? [], rule.apiVersions ?? []];
  return [
    ...listOf(`${path}.operations`, given, 'operations'),
    ...given.flatMap((each, index) => validateChoice(`${path}.operations[${index}]`, each, operations)),
    ...listOf(`${path}.apiGroups`, groups, 'API groups'),
    ...listOf(`${path}.apiVersions`, versions, 'API versions'),
    ...versions.flatMap((version, index) => (version === '' ? [required(`${path}.apiVersions[${index}]`)] : [])),
    ...validateResources(`${path}.resources`, rule.resources ?? []),
    ...validateChoice(`${path}.scope`, rule.scope, scopes),
  ];
}

/** At least one; `*` alone. */
function listOf(path: string, list: readonly string[], what: string): FieldError[] {
  if (list.length === 0) return [required(path)];
  if (list.length === 1 || !list.includes('*')) return [];
  return [invalidValue(path, list, `if '*' is present, must not specify other ${what}`)];
}

function validateResources(path: string, resources: readonly string[]): FieldError[] {
  const errors = resources.length === 0 ? [required(path)] : [];
  const allParts = new Set<string>();
  const partsOfAll = new Set<string>();
  for (const [index, resource] of resources.entries()) {
    const slash = resource.indexOf('/');
    const [parent, part] = [resource.slice(0, slash), resource.slice(slash + 1)];
    if (resource === '') errors.push(required(`${path}[${index}]`));
    if (slash < 0) continue;
    const refuse = (all: string): number =>
      errors.push(invalidValue(`${path}[${index}]`, resource, `if '${all}' is present, must not specify ${resource}`));
    if (allParts.has(parent)) refuse(`${parent}/*`);
    if (partsOfAll.has(part)) refuse(`*/${part}`);
    if (part === '*') allParts.add(parent);
    if (parent === '*') partsOfAll.add(part);
  }
  return [...errors, ...validateWildcards(path, resources)];
}

/** Of resources without a part, the last decides: upstream forgets those before it. */
function validateWildcards(path: string, resources: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (resources.length > 1 && resources.includes('*/*')) {
    errors.push(invalidValue(path, resources, "if '*/*' is present, must not specify other resources"));
  }
  const last = resources.findLast((resource) => resource !== '' && !resource.includes('/'));
  if (resources.includes('*') && last !== '*') {
    const why = "if '*' is present, must not specify other resources without subresources";
    errors.push(invalidValue(path, resources, why));
  }
  return errors;
}

export function validateNamedRule(path: string, rule: NamedRuleWithOperations): FieldError[] {
  const seen = new Set<string>();
  const errors = (rule.resourceNames ?? []).flatMap((name, index) => {
    const at = `${path}.resourceNames[${index}]`;
    const repeated = seen.has(name) ? [duplicate(at, name)] : [];
    seen.add(name);
    return [...invalidEach(at, name, isPathSegmentName(name)), ...repeated];
  });
  return [...errors, ...validateOperationRule(path, rule)];
}

/** What is wrong with an expression, told at `path`. */
export type ExpressionCheck = (path: string, expression: string) => readonly FieldError[];

export function validateMatchConditions(
  path: string,
  given: readonly MatchCondition[] | undefined,
  check: ExpressionCheck,
): FieldError[] {
  const conditions = given ?? [];
  const errors = conditions.length > conditionsMax ? [tooMany(path, conditions.length, conditionsMax)] : [];
  const names = new Set<string>();
  for (const [index, { name, expression }] of conditions.entries()) {
    const at = `${path}[${index}]`;
    const text = expression?.trim() ?? '';
    errors.push(...(text === '' ? [required(`${at}.expression`)] : check(`${at}.expression`, text)));
    errors.push(...requiredName(`${at}.name`, name, isQualifiedName));
    if (name && names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
  }
  return errors;
}
