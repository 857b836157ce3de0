import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import type { UserInfo } from '../../registry/request.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { accessReviews } from './access-reviews.ts';
import { storeAuthorization } from './store-authorization.ts';

const store = new MemoryStore({ clock: new VirtualClock(), log: silentLogger });
const { authorizer, services } = storeAuthorization(store);
for (const service of [store, ...services]) await service.start();
const reviews = accessReviews({ authorizer, schema: builtinSchema() });
const administrator: UserInfo = { name: 'admin', groups: ['system:masters'] };
const nobody: UserInfo = { name: 'jane', groups: ['system:authenticated'] };

async function ask(kind: string, spec: object, user = administrator, namespace = ''): Promise<JsonObject> {
  const group = kind === 'SelfSubjectReview' ? 'authentication.k8s.io' : 'authorization.k8s.io';
  const resource = resourceTable().byKind({ group, version: 'v1', kind });
  assert.ok(resource);
  const target = { user, resource, namespace, name: '', subresource: '' };
  const review = reviews.get(`${resource.resource}.${group}`);
  assert.ok(review);
  const { object } = await review.create(target, { apiVersion: `${group}/v1`, kind, spec } as JsonObject, {});
  return (object as { status?: JsonObject }).status ?? {};
}

const pods = { resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' } };

test('who asks about themselves gets the answer that a request would get', async () => {
  assert.deepEqual(await ask('SelfSubjectAccessReview', pods), { allowed: true });
  assert.deepEqual(await ask('SelfSubjectAccessReview', pods, nobody), { allowed: false });
  const path = { nonResourceAttributes: { verb: 'get', path: '/version' } };
  const viewer = 'ClusterRoleBinding "system:public-info-viewer" of ClusterRole "system:public-info-viewer"';
  const discovery = 'ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery"';
  const { allowed, reason } = await ask('SelfSubjectAccessReview', path, nobody);
  assert.equal(allowed, true);
  const reasons = [viewer, discovery].map((by) => `RBAC: allowed by ${by} to Group "system:authenticated"`);
  assert.ok(typeof reason === 'string' && reasons.includes(reason));
});

test('of others a subject access review tells', async () => {
  assert.deepEqual(await ask('SubjectAccessReview', { ...pods, user: 'jane' }), { allowed: false });
  assert.deepEqual(await ask('SubjectAccessReview', { ...pods, groups: ['system:masters'] }), { allowed: true });
  await assert.rejects(
    ask('SubjectAccessReview', pods),
    /spec\.user: Invalid value: "": at least one of user or group/,
  );
  const local = { ...pods, user: 'jane' };
  assert.deepEqual(await ask('LocalSubjectAccessReview', local, administrator, 'default'), { allowed: false });
  await assert.rejects(
    ask('LocalSubjectAccessReview', local, administrator, 'other'),
    /spec\.resourceAttributes\.namespace: Invalid value: "default": must match metadata\.namespace/,
  );
});

test('a review asks about one thing', async () => {
  await assert.rejects(
    ask('SelfSubjectAccessReview', {}),
    /exactly one of nonResourceAttributes or resourceAttributes/,
  );
  const both = { ...pods, nonResourceAttributes: { path: '/' } };
  await assert.rejects(
    ask('SelfSubjectAccessReview', both),
    /cannot be specified in combination with resourceAttributes/,
  );
});

test('the list of rules holds what the namespace allows', async () => {
  const { resourceRules } = await ask('SelfSubjectRulesReview', { namespace: 'default' }, nobody);
  const rules = resourceRules as { resources: string[] }[];
  assert.ok(rules.some(({ resources }) => resources.includes('selfsubjectaccessreviews')));
  assert.ok(!rules.some(({ resources }) => resources.includes('pods')));
  await assert.rejects(ask('SelfSubjectRulesReview', {}), /no namespace on request/);
});

test('a self review says who one is', async () => {
  assert.deepEqual(await ask('SelfSubjectReview', {}, nobody), {
    userInfo: { username: 'jane', groups: ['system:authenticated'] },
  });
});
