import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationAttributes } from '../../registry/request.ts';
import { forbiddenError, RuleAuthorizer } from './authorization.ts';

const authorizer = new RuleAuthorizer();

function ask(
  user: string,
  groups: readonly string[],
  verb: string,
  what: string,
  where: Partial<AuthorizationAttributes> = {},
) {
  const [resource = '', subresource = ''] = what.split('/');
  const attributes: AuthorizationAttributes = {
    user: { name: user, groups },
    verb,
    group: '',
    version: 'v1',
    resource,
    subresource,
    namespace: '',
    name: '',
    path: '',
    ...where,
  };
  return authorizer.authorize(attributes);
}

const node = (verb: string, what: string, where?: Partial<AuthorizationAttributes>) =>
  ask('system:node:n1', ['system:nodes', 'system:authenticated'], verb, what, where);

test('administrators may do everything', async () => {
  assert.equal(await ask('root', ['system:masters'], 'delete', 'anything/here', { group: 'x.example' }), undefined);
  assert.equal(await ask('root', ['system:masters'], 'post', '', { path: '/x' }), undefined);
});

test('the anonymous see health and version only', async () => {
  const anonymous = (path: string, verb = 'get') =>
    ask('system:anonymous', ['system:unauthenticated'], verb, '', { path });
  for (const path of ['/healthz', '/livez', '/readyz', '/version']) assert.equal(await anonymous(path), undefined);
  assert.equal(await anonymous('/apis'), 'User "system:anonymous" cannot get path "/apis"');
  assert.notEqual(await anonymous('/healthz', 'post'), undefined);
});

test('a node writes its own node and lease, and no other', async () => {
  assert.equal(await node('patch', 'nodes/status', { name: 'n1' }), undefined);
  assert.notEqual(await node('patch', 'nodes/status', { name: 'n2' }), undefined);
  const lease = { group: 'coordination.k8s.io', namespace: 'kube-node-lease' };
  assert.equal(await node('update', 'leases', { ...lease, name: 'n1' }), undefined);
  assert.notEqual(await node('update', 'leases', { ...lease, name: 'n2' }), undefined);
  assert.notEqual(await node('update', 'leases', { ...lease, namespace: 'default', name: 'n1' }), undefined);
  assert.equal(await node('update', 'pods/status', { namespace: 'd', name: 'p' }), undefined);
  assert.equal(
    await node('update', 'secrets', { namespace: 'd', name: 's' }),
    'User "system:node:n1" cannot update resource "secrets" in API group "" in the namespace "d"',
  );
});

test('a user in no group of ours may only discover', async () => {
  const jane = (verb: string, what: string, where = {}) => ask('jane', ['system:authenticated'], verb, what, where);
  assert.equal(await jane('get', '', { path: '/apis/apps/v1' }), undefined);
  assert.equal(
    await jane('list', 'deployments', { group: 'apps' }),
    'User "jane" cannot list resource "deployments" in API group "apps" at the cluster scope',
  );
  // A name that only looks like a node's gives nothing without the group.
  assert.notEqual(await ask('system:node:n1', ['system:authenticated'], 'get', 'secrets'), undefined);
});

test('the scheduler binds and the controllers create pods', async () => {
  assert.equal(
    await ask('system:kube-scheduler', [], 'create', 'pods/binding', { namespace: 'd', name: 'p' }),
    undefined,
  );
  assert.notEqual(await ask('system:kube-scheduler', [], 'create', 'pods', { namespace: 'd' }), undefined);
  assert.equal(await ask('system:kube-controller-manager', [], 'create', 'pods', { namespace: 'd' }), undefined);
  assert.equal(await ask('system:kube-controller-manager', [], 'delete', 'gadgets', { group: 'x.example' }), undefined);
});

test("the error has upstream's form", () => {
  const attributes = {
    user: { name: 'u', groups: [] },
    verb: 'get',
    group: 'apps',
    version: 'v1',
    subresource: '',
    namespace: '',
    path: '',
  };
  const error = forbiddenError({ ...attributes, resource: 'deployments', name: 'web' }, 'why');
  assert.equal(error.message, 'deployments.apps "web" is forbidden: why');
  assert.equal(forbiddenError({ ...attributes, resource: '', name: '' }, 'why').message, 'forbidden: why');
});
