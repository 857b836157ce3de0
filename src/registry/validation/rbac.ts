/** The rules of Roles and of what binds them. A ClusterRole's rules reach further; a RoleBinding's subjects may leave out their namespace. */
import { invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Subdomain, isPathSegmentName } from '../../api/names.ts';
import type { AggregationRule, PolicyRule, RoleRef, Subject } from '../../api/schema/types/rbac-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { invalidEach, requiredName, requiredText, validateLabelSelector } from './checks.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

export function validateRules(rules: readonly PolicyRule[], namespaced: boolean): FieldError[] {
  return rules.flatMap((rule, index) => validateRule(`rules[${index}]`, rule, namespaced));
}

function validateRule(path: string, rule: PolicyRule, namespaced: boolean): FieldError[] {
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  // Null where the author left it out: Go writes a required list so.
  const verbs = rule.verbs as readonly string[] | null;
  const errors = verbs?.length ? [] : [required(`${path}.verbs`, 'verbs must contain at least one value')];
  if (nonResourceURLs.length > 0) {
    const refuse = (why: string) => errors.push(invalidValue(`${path}.nonResourceURLs`, nonResourceURLs, why));
    if (namespaced) refuse('namespaced rules cannot apply to non-resource URLs');
    if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0) {
      refuse('rules cannot apply to both regular resources and non-resource URLs');
    }
    return errors;
  }
  if (apiGroups.length === 0) {
    errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if (resources.length === 0) {
    errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  }
  return errors;
}

export function validateAggregation(rule: AggregationRule | undefined): FieldError[] {
  if (rule === undefined) return [];
  const path = 'aggregationRule.clusterRoleSelectors';
  const selectors = rule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    return [required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  }
  return selectors.flatMap((selector, index) => validateLabelSelector(`${path}[${index}]`, selector));
}

export function validateBinding(
  roleRef: RoleRef | undefined,
  subjects: readonly Subject[],
  namespaced: boolean,
): FieldError[] {
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  const { apiGroup = '', kind = '', name } = roleRef ?? {};
  return [
    ...(apiGroup === rbacGroup ? [] : [notSupported('roleRef.apiGroup', apiGroup, [rbacGroup])]),
    ...(kinds.includes(kind) ? [] : [notSupported('roleRef.kind', kind, kinds)]),
    ...requiredName('roleRef.name', name, isPathSegmentName),
    ...subjects.flatMap((subject, index) => validateSubject(`subjects[${index}]`, subject, namespaced)),
  ];
}

function validateSubject(path: string, subject: Subject, namespaced: boolean): FieldError[] {
  const { kind, name, apiGroup = '', namespace } = subject;
  const errors = requiredText(`${path}.name`, name);
  const groupIs = (group: string): FieldError[] =>
    apiGroup === group ? [] : [notSupported(`${path}.apiGroup`, apiGroup, [group])];
  switch (kind) {
    case 'ServiceAccount':
      if (name) errors.push(...invalidEach(`${path}.name`, name, isDns1123Subdomain(name)));
      errors.push(...groupIs(''));
      // In a RoleBinding it is the binding's own.
      if (!namespaced) errors.push(...requiredText(`${path}.namespace`, namespace));
      return errors;
    case 'User':
    case 'Group':
      if (!name) errors.push(invalidValue(`${path}.name`, '', `${kind.toLowerCase()} name cannot be empty`));
      return [...errors, ...groupIs(rbacGroup)];
    default:
      return [...errors, notSupported(`${path}.kind`, kind ?? '', ['ServiceAccount', 'User', 'Group'])];
  }
}

export function staysBound(roleRef: RoleRef, old: RoleRef): FieldError[] {
  return sameJson(roleRef, old) ? [] : [invalidValue('roleRef', roleRef, 'cannot change roleRef')];
}
