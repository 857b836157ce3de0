import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../api/object.ts';
import { StatusError } from '../../api/status-error.ts';
import type { UserInfo } from '../../registry/request.ts';
import { ruleOf } from './policy-text.ts';
import { binding, RbacWorld, user } from './testing.ts';

const ann = user('ann', 'devs');

const role = (name: string, rules: readonly string[], namespace?: string): object => ({
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  rules: rules.map(ruleOf),
});

/** Ann holds reading pods everywhere and all of configmaps in `default`. */
async function world(...more: readonly string[]): Promise<RbacWorld> {
  const made = await new RbacWorld().start();
  await made.create('clusterroles', role('held', ['read core pods', ...more]));
  await made.create('roles', role('held', ['* core configmaps'], 'default'));
  await made.create('clusterroles', role('power', ['* core secrets']));
  await made.create('clusterrolebindings', binding('held', 'ClusterRole/held', ['User:ann']));
  await made.create('rolebindings', binding('held', 'Role/held', ['User:ann'], 'default'));
  return made;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return `${error.code} ${error.message}`;
  }
  return '';
}

const grant = (what: string): string =>
  `user "ann" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n${what}`;

test('who writes a role needs each of its rules, in its namespace', async () => {
  const made = await world();
  const create = (resource: string, body: object, who: UserInfo = ann) => refusal(made.create(resource, body, who));
  assert.equal(await create('clusterroles', role('a', ['get,list core pods'])), '');
  assert.equal(await create('roles', role('a', ['get core pods', 'delete core configmaps'], 'default')), '');
  assert.equal(
    await create('roles', role('b', ['delete core configmaps'], 'kube-system')),
    `403 roles.rbac.authorization.k8s.io "b" is forbidden: ${grant('{APIGroups:[""], Resources:["configmaps"], Verbs:["delete"]}')}`,
  );
  assert.equal(
    await create('clusterroles', role('b', ['get,delete core pods', 'get apps *', 'get /metrics'])),
    `403 clusterroles.rbac.authorization.k8s.io "b" is forbidden: ${grant(
      '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n{APIGroups:["apps"], Resources:["*"], Verbs:["get"]}\n{NonResourceURLs:["/metrics"], Verbs:["get"]}',
    )}`,
  );
  assert.equal(await create('clusterroles', role('b', ['* * *']), user('root', 'system:masters')), '');
  await made.close();
});

test('a change is asked as a creation is, also as a patch and as an apply', async () => {
  const made = await world();
  await made.create('clusterroles', role('a', ['get core pods']), ann);
  const more = role('a', ['get core pods', 'get core nodes']);
  assert.match(
    await refusal(made.update('clusterroles', more, ann)),
    /^403 clusterroles\S+ "a" is forbidden: user "ann"/,
  );
  const target = made.target('clusterroles', '', 'a', ann);
  const patch = { rules: [ruleOf('get core nodes')] } as unknown as JsonObject;
  const merge = made.registry.patch(target, 'application/merge-patch+json', patch, {});
  assert.match(await refusal(merge), /Resources:\["nodes"\]/);
  const applied = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    ...role('new', ['get core nodes']),
  };
  const apply = made.registry.patch(
    made.target('clusterroles', '', 'new', ann),
    'application/apply-patch+yaml',
    applied,
    { fieldManager: 'ann' },
  );
  assert.match(await refusal(apply), /Resources:\["nodes"\]/);
  assert.equal(await refusal(made.update('clusterroles', role('a', ['watch core pods']), ann)), '');
  await made.close();
});

test('owners and finalizers of a powerful role may be changed by who could not grant it', async () => {
  const made = await world();
  const target = made.target('clusterroles', '', 'power', ann);
  const patch = (body: object) =>
    refusal(made.registry.patch(target, 'application/merge-patch+json', body as JsonObject, {}));
  assert.equal(await patch({ metadata: { finalizers: ['x.example/held'] } }), '');
  assert.match(await patch({ metadata: { labels: { a: 'b' } } }), /^403 /);
  await made.close();
});

test('a binding gives only what its writer holds, or may bind', async () => {
  const made = await world('bind rbac.authorization.k8s.io clusterroles special');
  await made.create('clusterroles', role('special', ['* * *']));
  const create = (resource: string, body: object) => refusal(made.create(resource, body, ann));
  assert.match(
    await create('clusterrolebindings', binding('p', 'ClusterRole/power', ['User:ann'])),
    /^403 clusterrolebindings\.rbac\.authorization\.k8s\.io "p" is forbidden: user "ann" .*\n\{APIGroups:\[""\], Resources:\["secrets"\], Verbs:\["\*"\]\}$/,
  );
  assert.match(
    await create('rolebindings', binding('p', 'ClusterRole/power', ['User:x'], 'default')),
    /^403 rolebindings/,
  );
  assert.equal(await create('rolebindings', binding('h', 'Role/held', ['User:x'], 'default')), '');
  assert.equal(await create('clusterrolebindings', binding('s', 'ClusterRole/special', ['User:x'])), '');
  assert.equal(
    await create('clusterrolebindings', binding('n', 'ClusterRole/none', ['User:x'])),
    '404 clusterroles.rbac.authorization.k8s.io "none" not found',
  );
  const wrongKind = binding('w', 'Pod/none', ['User:x'], 'default');
  assert.match(await create('rolebindings', wrongKind), /^422 .*roleRef\.kind/);
  await made.close();
});

test('the verb escalate lets anything into roles, and nothing into bindings', async () => {
  const made = await world('escalate rbac.authorization.k8s.io clusterroles');
  assert.equal(await refusal(made.create('clusterroles', role('all', ['* * *']), ann)), '');
  assert.match(await refusal(made.create('roles', role('all', ['* * *'], 'default'), ann)), /^403 /);
  assert.match(
    await refusal(made.create('clusterrolebindings', binding('x', 'ClusterRole/all', ['User:ann']), ann)),
    /^403/,
  );
  await made.close();
});

test('only who holds everything lets a role gather others', async () => {
  const made = await world();
  const gathering = {
    metadata: { name: 'g' },
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
  };
  assert.equal(
    await refusal(made.create('clusterroles', gathering, ann)),
    '403 clusterroles.rbac.authorization.k8s.io "g" is forbidden: must have cluster-admin privileges to use the aggregationRule',
  );
  await made.create('clusterroles', role('all', ['* * *', '* url:*']));
  await made.create('clusterrolebindings', binding('all', 'ClusterRole/all', ['User:ann']));
  assert.equal(await refusal(made.create('clusterroles', gathering, ann)), '');
  await made.close();
});

test('a role that is missing among those held is told with the refusal', async () => {
  const made = await world();
  await made.create('clusterrolebindings', binding('gone', 'ClusterRole/gone', ['User:ann']));
  assert.match(
    await refusal(made.create('clusterroles', role('b', ['get core nodes']), ann)),
    /Verbs:\["get"\]\}; resolution errors: \[clusterroles\.rbac\.authorization\.k8s\.io "gone" not found\]$/,
  );
  await made.close();
});

test('a rule whose combinations nobody could count through is refused before anybody tries', async () => {
  const made = await world();
  const many = (letter: string): string[] => Array.from({ length: 2_000 }, (_, index) => `${letter}${index}`);
  const rules = [{ verbs: many('v'), apiGroups: many('g'), resources: many('r') }];
  const huge = { metadata: { name: 'huge', namespace: 'default' }, rules };
  const why =
    'its rules have 8000000000 combinations of verbs and resources, more than can be held against the 2 rules that you hold';
  const subject = '403 roles.rbac.authorization.k8s.io "huge" is forbidden:';
  assert.equal(await refusal(made.create('roles', huge, ann)), `${subject} ${why}`);
  assert.equal(await refusal(made.create('roles', huge)), '', 'who may grant anything is not held against anything');
  const bound = binding('b', 'Role/huge', ['User:ann'], 'default');
  assert.match(
    await refusal(made.create('rolebindings', bound, ann)),
    /^403 .* its rules have 8000000000 combinations/,
  );
  await made.close();
});
