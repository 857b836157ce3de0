import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../api/object.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import { resourceNamed } from '../../registry/testing.ts';
import { accessReviews } from '../authorization/access-reviews.ts';
import { admin, binding, RbacWorld, user } from './testing.ts';

test('all four reviews answer from the roles, with the binding that allows and what is missing', async () => {
  const world = await new RbacWorld({ defaults: true }).start();
  await world.create('rolebindings', binding('v', 'ClusterRole/view', ['User:ann'], 'default'));
  await world.create('rolebindings', binding('g', 'Role/gone', ['User:ann'], 'default'));
  const reviews = accessReviews({ authorizer: world.authorizer, schema: builtinSchema() });
  const ask = async (kind: string, spec: object, who = admin, namespace = ''): Promise<JsonObject> => {
    const name = `${kind.toLowerCase()}s.authorization.k8s.io`;
    const target = { user: who, resource: resourceNamed(name), namespace, name: '', subresource: '' };
    const body = { apiVersion: 'authorization.k8s.io/v1', kind, spec } as JsonObject;
    const result = await reviews.get(name)?.create(target, body, {});
    return (result?.object as { status?: JsonObject } | undefined)?.status ?? {};
  };
  const of = (verb: string, more: object = {}) => ({
    resourceAttributes: { verb, resource: 'pods', namespace: 'default' },
    ...more,
  });
  const reason = 'RBAC: allowed by RoleBinding "v/default" of ClusterRole "view" to User "ann"';
  const missing = 'RBAC: role.rbac.authorization.k8s.io "gone" not found';
  assert.deepEqual(await ask('SelfSubjectAccessReview', of('get'), user('ann')), { allowed: true, reason });
  assert.deepEqual(await ask('SubjectAccessReview', of('get', { user: 'ann' })), { allowed: true, reason });
  assert.deepEqual(await ask('SubjectAccessReview', of('delete', { user: 'ann' })), {
    allowed: false,
    reason: missing,
  });
  assert.deepEqual(await ask('SubjectAccessReview', of('delete', { user: 'bob' })), { allowed: false });
  const local = of('get', { user: 'ann' });
  assert.deepEqual(await ask('LocalSubjectAccessReview', local, admin, 'default'), { allowed: true, reason });
  const rules = await ask('SelfSubjectRulesReview', { namespace: 'default' }, user('ann'));
  assert.equal((rules['resourceRules'] as unknown[]).length, 12 + 2);
  assert.equal((rules['nonResourceRules'] as unknown[]).length, 2);
  assert.equal(rules['evaluationError'], 'role.rbac.authorization.k8s.io "gone" not found');
  await world.close();
});
