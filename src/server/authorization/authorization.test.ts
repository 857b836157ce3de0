import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forbiddenError } from '../../api/refusal.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import type { AuthorizationAttributes, Decision } from '../../registry/request.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { AuthorizerChain, type Decider } from './authorization.ts';
import { storeAuthorization } from './store-authorization.ts';

const store = new MemoryStore({ clock: new VirtualClock(), log: silentLogger });
const { authorizer, services } = storeAuthorization(store);
for (const service of [store, ...services]) await service.start();

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
  const decision = authorizer.decide(attributes);
  assert.ok(!(decision instanceof Promise), 'who answers from the store answers at once');
  const { allowed, reason } = decision;
  return allowed ? undefined : forbiddenError(attributes, reason).message;
}

test('administrators may do everything', async () => {
  assert.equal(ask('root', ['system:masters'], 'delete', 'anything/here', { group: 'x.example' }), undefined);
  assert.equal(ask('root', ['system:masters'], 'post', '', { path: '/x' }), undefined);
});

test('the anonymous see health and version only', async () => {
  const anonymous = (path: string, verb = 'get') =>
    ask('system:anonymous', ['system:unauthenticated'], verb, '', { path });
  for (const path of ['/healthz', '/livez', '/readyz', '/version']) assert.equal(anonymous(path), undefined);
  assert.equal(anonymous('/apis'), 'forbidden: User "system:anonymous" cannot get path "/apis"');
  assert.notEqual(anonymous('/healthz', 'post'), undefined);
});

test('a user in no group of ours may only discover', async () => {
  const jane = (verb: string, what: string, where = {}) => ask('jane', ['system:authenticated'], verb, what, where);
  assert.equal(jane('get', '', { path: '/apis/apps/v1' }), undefined);
  assert.equal(
    jane('list', 'deployments', { group: 'apps' }),
    'deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" at the cluster scope',
  );
  // A name that only looks like a node's gives nothing without the group.
  assert.notEqual(ask('system:node:n1', ['system:authenticated'], 'get', 'secrets'), undefined);
});

test('the scheduler binds, and the manager of the controllers only looks', () => {
  const scheduler = (verb: string, what: string) => ask('system:kube-scheduler', [], verb, what, { namespace: 'd' });
  const manager = (verb: string, what: string) => ask('system:kube-controller-manager', [], verb, what);
  for (const what of ['pods/binding', 'bindings']) assert.equal(scheduler('create', what), undefined);
  for (const what of ['pods', 'secrets']) assert.notEqual(scheduler('create', what), undefined);
  for (const what of ['pods', 'anything']) assert.equal(manager('list', what), undefined);
  for (const verb of ['create', 'delete', 'get', 'update']) assert.notEqual(manager(verb, 'pods'), undefined, verb);
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
  const said = 'User "u" cannot get resource "deployments" in API group "apps" at the cluster scope: why';
  assert.equal(error.message, `deployments.apps "web" is forbidden: ${said}`);
  const path = forbiddenError({ ...attributes, resource: '', name: '', path: '/x' }, '');
  assert.equal(path.message, 'forbidden: User "u" cannot get path "/x"');
});

test('the first that allows or denies ends the chain, also where one answers later', async () => {
  const asked: string[] = [];
  const says = (name: string, decision: Decision, late = false): Decider => ({
    decide: () => {
      asked.push(name);
      return late ? Promise.resolve(decision) : decision;
    },
    rulesFor: () => ({ rules: [] }),
  });
  const no = { allowed: false, reason: '' };
  const attributes = { user: { name: 'u', groups: [] }, verb: 'get', group: '', version: 'v1', resource: 'pods' };
  const question = { ...attributes, subresource: '', namespace: '', name: '', path: '' };
  const denies = { allowed: false, denied: true, reason: 'closed' };
  const allows = { allowed: true, reason: 'open' };
  const chain = (...members: Decider[]) => new AuthorizerChain(members).decide(question);
  assert.deepEqual(await chain(says('a', no, true), says('b', denies), says('c', allows)), denies);
  assert.deepEqual(asked, ['a', 'b']);
  assert.deepEqual(chain(says('d', no), says('e', allows)), allows);
  const reasons = chain(says('f', { ...no, reason: 'x' }, true), says('g', no), says('h', { ...no, reason: 'y' }));
  assert.deepEqual(await reasons, { allowed: false, reason: 'x\ny' });
});
