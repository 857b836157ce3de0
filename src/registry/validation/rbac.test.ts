import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PolicyRule, Subject } from '../../api/schema/types/rbac-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { staysBound, validateAggregation, validateBinding, validateRules } from './rbac.ts';

const texts = (errors: readonly FieldError[]): string[] => errors.map(({ field, message }) => `${field}: ${message}`);
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
const subjectErrors = (subject: Subject, namespaced: boolean): string[] =>
  texts(validateBinding(roleRef, [subject], namespaced));
const rule = (fields: Partial<PolicyRule>): PolicyRule => ({ verbs: ['get'], ...fields });

describe('bindings', () => {
  test('a service account without a namespace stands in the namespace of its RoleBinding; a ClusterRoleBinding needs one', () => {
    const subject = { kind: 'ServiceAccount', name: 'bot' };
    assert.deepEqual(subjectErrors(subject, true), []);
    assert.deepEqual(subjectErrors(subject, false), ['subjects[0].namespace: Required value']);
  });

  test('each kind of subject is of its own API group', () => {
    const user = { kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' };
    assert.deepEqual(subjectErrors(user, true), []);
    assert.deepEqual(subjectErrors({ ...user, apiGroup: 'x' }, true), [
      'subjects[0].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
    ]);
    assert.deepEqual(subjectErrors({ ...user, kind: 'ServiceAccount' }, true), [
      'subjects[0].apiGroup: Unsupported value: "rbac.authorization.k8s.io": supported values: ""',
    ]);
    assert.deepEqual(subjectErrors({ kind: 'Robot', name: 'r' }, true), [
      'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    ]);
  });

  test('only a RoleBinding may name a Role, and none may name another later', () => {
    const toRole = { ...roleRef, kind: 'Role' };
    assert.deepEqual(validateBinding(toRole, [], true), []);
    assert.deepEqual(texts(validateBinding(toRole, [], false)), [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    ]);
    assert.deepEqual(staysBound(roleRef, roleRef), []);
    assert.match(texts(staysBound(toRole, roleRef))[0] ?? '', /^roleRef: Invalid value: .*: cannot change roleRef$/);
  });
});

describe('rules', () => {
  test('a rule names verbs, and resources with their groups', () => {
    assert.deepEqual(validateRules([rule({ apiGroups: [''], resources: ['pods'] })], true), []);
    assert.deepEqual(texts(validateRules([{ verbs: [] }], true)), [
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ]);
  });

  test('paths belong into ClusterRoles, and not beside resources', () => {
    const paths = rule({ nonResourceURLs: ['/healthz'] });
    assert.deepEqual(validateRules([paths], false), []);
    assert.match(texts(validateRules([paths], true)).join(), /namespaced rules cannot apply to non-resource URLs/);
    const both = { ...paths, resources: ['pods'] };
    assert.match(
      texts(validateRules([both], false)).join(),
      /rules cannot apply to both regular resources and non-resource URLs/,
    );
  });

  test('an aggregation rule selects something', () => {
    assert.deepEqual(validateAggregation({ clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] }), []);
    assert.equal(validateAggregation({})[0]?.field, 'aggregationRule.clusterRoleSelectors');
  });
});
