import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../lib/limits.ts';
import { ruleOf } from './policy-text.ts';
import { binding, question, RbacWorld, serviceAccount, user } from './testing.ts';

const role = (name: string, rules: readonly string[], namespace?: string): object => ({
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  rules: rules.map(ruleOf),
});

async function world(): Promise<RbacWorld> {
  const made = await new RbacWorld().start();
  await made.create('clusterroles', role('reader', ['read core pods', 'get /metrics']));
  await made.create('roles', role('writer', ['write core pods'], 'default'));
  return made;
}

test('a binding holds for its users, groups and service accounts, and for nobody else', async () => {
  const made = await world();
  const subjects = ['User:ann', 'Group:devs', 'default/bot'];
  await made.create('clusterrolebindings', binding('b', 'ClusterRole/reader', subjects));
  for (const who of [user('ann'), user('bob', 'devs'), serviceAccount('default', 'bot')]) {
    assert.equal(made.may(who, 'get pods', 'kube-system'), true, who.name);
    assert.equal(made.may(who, 'list pods'), true, who.name);
    assert.equal(made.may(who, 'get /metrics'), true, who.name);
    assert.equal(made.may(who, 'delete pods'), false, who.name);
  }
  for (const who of [user('bob'), user('Group:devs'), serviceAccount('other', 'bot')]) {
    assert.equal(made.may(who, 'get pods', 'default'), false, who.name);
  }
  await made.close();
});

test('a RoleBinding holds in its namespace only, and never for URLs outside of it', async () => {
  const made = await world();
  await made.create('rolebindings', binding('r', 'ClusterRole/reader', ['User:ann'], 'default'));
  await made.create('rolebindings', binding('w', 'Role/writer', ['User:ann', 'kube-system/bot'], 'default'));
  const ann = user('ann');
  assert.equal(made.may(ann, 'get pods', 'default'), true);
  assert.equal(made.may(ann, 'delete pods', 'default'), true);
  assert.equal(made.may(serviceAccount('kube-system', 'bot'), 'delete pods', 'default'), true);
  assert.equal(made.may(ann, 'get pods', 'kube-system'), false);
  assert.equal(made.may(ann, 'get pods'), false);
  assert.equal(made.may(ann, 'get /metrics'), false);
  await made.close();
});

test('the next request sees what was changed, deleted, and made again', async () => {
  const made = await world();
  const ann = user('ann');
  const mayGet = (): boolean => made.may(ann, 'get pods');
  await made.create('clusterrolebindings', binding('b', 'ClusterRole/reader', ['User:ann']));
  assert.equal(mayGet(), true);
  await made.update('clusterrolebindings', binding('b', 'ClusterRole/reader', ['User:bob']));
  assert.equal(mayGet(), false);
  assert.equal(made.may(user('bob'), 'get pods'), true);
  await made.update('clusterrolebindings', binding('b', 'ClusterRole/reader', ['User:ann', 'User:ann']));
  assert.equal(mayGet(), true);
  await made.update('clusterroles', role('reader', ['list core pods']));
  assert.equal(mayGet(), false);
  await made.update('clusterroles', role('reader', ['get core pods']));
  await made.delete('clusterrolebindings', 'b');
  assert.equal(mayGet(), false);
  await made.create('clusterrolebindings', binding('b', 'ClusterRole/reader', ['Group:system:authenticated']));
  assert.equal(mayGet(), true);
  await made.delete('clusterroles', 'reader');
  assert.equal(mayGet(), false);
  await made.close();
});

test('an index that starts later knows what was there before', async () => {
  const made = await world();
  await made.create('rolebindings', binding('w', 'Role/writer', ['Group:devs'], 'default'));
  await made.index.close();
  const { RbacIndex } = await import('./rbac-index.ts');
  const { RbacAuthorizer } = await import('./rbac-authorizer.ts');
  const index = new RbacIndex(made.store);
  await index.start();
  const decision = new RbacAuthorizer(index).decide(question(user('ann', 'devs'), 'create pods', 'default'));
  assert.deepEqual(decision, {
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "w/default" of Role "writer" to Group "devs"',
  });
  await index.close();
  await made.close();
});

test('a missing role gives nothing and is told with the refusal, once; other roles still hold', async () => {
  const made = await world();
  const ann = user('ann');
  await made.create('clusterrolebindings', binding('a', 'ClusterRole/gone', ['User:ann']));
  const reason = 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found';
  const said = async () => (await made.authorizer.decide(question(ann, 'delete pods', 'default'))).reason;
  assert.equal(await said(), reason);
  await made.create('clusterrolebindings', binding('b', 'ClusterRole/gone', ['User:ann']));
  await made.create('rolebindings', binding('c', 'Role/away', ['User:ann'], 'default'));
  assert.equal(
    await said(),
    `RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "away" not found]`,
  );
  await made.create('rolebindings', binding('d', 'Role/writer', ['User:ann'], 'default'));
  assert.ok(made.may(ann, 'delete pods', 'default'));
  await made.close();
});

test('the rules of a user are those of each binding once, with what could not be found', async () => {
  const made = await world();
  const ann = user('ann', 'devs');
  await made.create('clusterrolebindings', binding('a', 'ClusterRole/reader', ['User:ann', 'Group:devs']));
  await made.create('rolebindings', binding('b', 'Role/writer', ['User:ann'], 'default'));
  await made.create('rolebindings', binding('c', 'Role/away', ['User:ann'], 'default'));
  const all = made.authorizer.rulesFor(ann, 'default');
  assert.deepEqual(all.rules, [ruleOf('read core pods'), ruleOf('get /metrics'), ruleOf('write core pods')]);
  assert.equal(all.problem, 'role.rbac.authorization.k8s.io "away" not found');
  assert.equal(made.authorizer.rulesFor(ann, 'kube-system').rules.length, 2);
  await made.close();
});

test('whoever binds a large role a thousand times is told its rules once', async () => {
  const made = await world();
  const bind = async (name: string, to: string): Promise<unknown> =>
    made.create('rolebindings', binding(name, `Role/${to}`, ['User:ann'], 'default'));
  const rules = Array.from({ length: limits.rulesToldMax / 4 }, (_, index) => `get core pods pod-${index}`);
  await made.create('roles', role('large-0', rules, 'default'));
  for (const name of ['a', 'b', 'c', 'd', 'e']) await bind(name, 'large-0');
  const told = made.rbac.rulesFor(user('ann'), 'default');
  assert.deepEqual([told.rules.length, told.incomplete], [rules.length, undefined]);
  for (const name of ['large-1', 'large-2', 'large-3', 'large-4']) {
    await made.create('roles', role(name, rules, 'default'));
    await bind(name, name);
  }
  const partly = made.rbac.rulesFor(user('ann'), 'default');
  assert.deepEqual([partly.rules.length, partly.incomplete], [limits.rulesToldMax, true]);
  await made.close();
});
