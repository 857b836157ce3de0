import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import { StatusError } from '../../api/status-error.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../../registry/request.ts';
import { type Impersonated, impersonate } from './impersonation.ts';

const anybody: Authorizer = { decide: () => ({ allowed: true, reason: '' }) };
const admin = { name: 'admin', groups: ['system:masters'] };

const listPods = (user: UserInfo): AuthorizationAttributes => ({
  user,
  verb: 'list',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'bar',
  name: '',
  path: '',
});

/** Allows `verb resource/subresource name` where one of the texts says so; `*` for any name. Remembers what it was asked. */
function allowing(...texts: string[]) {
  const asked: AuthorizationAttributes[] = [];
  const authorizer: Authorizer = {
    decide(attributes) {
      asked.push(attributes);
      const { verb, group, resource, subresource, namespace, name } = attributes;
      const what =
        [resource, ...(group === '' ? [] : [group])].join('.') + (subresource === '' ? '' : `/${subresource}`);
      const where = namespace === '' ? name : `${namespace}/${name}`;
      return { allowed: texts.includes(`${verb} ${what} ${where}`), reason: 'deny by default' };
    },
  };
  return { authorizer, asked };
}

const as = (headers: IncomingHttpHeaders, authorizer: Authorizer, user: UserInfo = { name: 'eve', groups: [] }) =>
  impersonate(listPods(user), headers, authorizer);

async function refusal(work: Promise<Impersonated | undefined>): Promise<string> {
  const outcome = await work.catch((error: unknown) => error);
  return outcome instanceof StatusError ? outcome.message : assert.fail(`it gave ${JSON.stringify(outcome)}`);
}

test('the key of an extra field is taken as it came where its escapes are broken', async () => {
  const headers = {
    'impersonate-user': 'ann',
    'impersonate-extra-a%2fb': 'x',
    'impersonate-extra-a%2fb%zz': 'y',
    'impersonate-extra-%c3%28': 'z',
  };
  const outcome = await as(headers, anybody, admin);
  assert.deepEqual(outcome?.user.extra, { 'a/b': ['x'], 'a%2fb%zz': ['y'], '%c3%28': ['z'] });
});

test('without the headers nobody is asked, and a name is needed', async () => {
  const { authorizer, asked } = allowing();
  assert.equal(await as({ accept: '*/*' }, authorizer), undefined);
  assert.equal(await as({ 'impersonate-user': '' }, authorizer), undefined);
  assert.equal(asked.length, 0);
  assert.equal(
    await refusal(as({ 'impersonate-group': 'dev', 'impersonate-extra-a.io%2fb': 'c' }, authorizer)),
    'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"dev"}, Extra:map[string][]string{"a.io/b":[]string{"c"}}} without impersonating a user name',
  );
});

test('the legacy verb allows all that it did, and gives the groups that are implied', async () => {
  const cases: readonly (readonly [IncomingHttpHeaders, readonly string[], readonly string[]])[] = [
    [{ 'impersonate-user': 'bob' }, ['impersonate users bob'], ['system:authenticated']],
    [{ 'impersonate-user': 'system:anonymous' }, ['impersonate users system:anonymous'], ['system:unauthenticated']],
    [
      { 'impersonate-user': 'system:serviceaccount:ns:bot' },
      ['impersonate serviceaccounts ns/bot'],
      ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'],
    ],
    [
      { 'impersonate-user': 'bob', 'impersonate-group': 'system:masters, dev' },
      ['impersonate users bob', 'impersonate groups system:masters', 'impersonate groups dev'],
      ['system:masters', 'dev', 'system:authenticated'],
    ],
    [
      { 'impersonate-user': 'bob', 'impersonate-group': 'system:unauthenticated' },
      ['impersonate users bob', 'impersonate groups system:unauthenticated'],
      ['system:unauthenticated'],
    ],
    [{ 'impersonate-user': 'system:node:n1' }, ['impersonate users system:node:n1'], ['system:authenticated']],
  ];
  for (const [headers, allowed, groups] of cases) {
    const outcome = await as(headers, allowing(...allowed).authorizer);
    assert.deepEqual([outcome?.user.groups, outcome?.constraint], [groups, undefined]);
    for (const missing of allowed) {
      const less = allowing(...allowed.filter((text) => text !== missing));
      assert.match(
        await refusal(as(headers, less.authorizer)),
        /^pods is forbidden: User "eve" cannot impersonate-on:/,
      );
    }
  }
});

test('a uid and extra fields are permissions of their own', async () => {
  const headers = { 'impersonate-user': 'bob', 'impersonate-uid': 'u1', 'impersonate-extra-a.io%2fb': 'c, d' };
  const all = [
    'impersonate users bob',
    'impersonate uids.authentication.k8s.io u1',
    'impersonate userextras.authentication.k8s.io/a.io/b c',
    'impersonate userextras.authentication.k8s.io/a.io/b d',
  ];
  const outcome = await as(headers, allowing(...all).authorizer);
  assert.deepEqual(outcome?.user, {
    name: 'bob',
    groups: ['system:authenticated'],
    uid: 'u1',
    extra: { 'a.io/b': ['c', 'd'] },
  });
  for (const missing of all) await refusal(as(headers, allowing(...all.filter((text) => text !== missing)).authorizer));
});

test('constrained impersonation asks what is done, too, and tells the constraint', async () => {
  const on = 'impersonate-on:user-info:list pods bar/';
  const user = 'impersonate:user-info users.authentication.k8s.io bob';
  const headers = { 'impersonate-user': 'bob' };
  const outcome = await as(headers, allowing(on, user).authorizer);
  assert.deepEqual(outcome, {
    user: { name: 'bob', groups: ['system:authenticated'] },
    constraint: 'impersonate:user-info',
  });
  assert.equal(
    await refusal(as(headers, allowing(user).authorizer)),
    'pods is forbidden: User "eve" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "bar": deny by default',
  );
  assert.equal(
    await refusal(as(headers, allowing(on).authorizer)),
    'users.authentication.k8s.io "bob" is forbidden: User "eve" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope: deny by default',
  );
});

test('constrained impersonation never makes a master, and takes no odd extra keys', async () => {
  const base = ['impersonate-on:user-info:list pods bar/', 'impersonate:user-info users.authentication.k8s.io bob'];
  const masters = allowing(...base, 'impersonate:user-info groups.authentication.k8s.io system:masters');
  assert.equal(
    await refusal(as({ 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' }, masters.authorizer)),
    'groups.authentication.k8s.io "system:masters" is forbidden: User "eve" cannot impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the cluster scope: impersonating the system:masters group is not allowed',
  );
  const odd = as({ 'impersonate-user': 'bob', 'impersonate-extra-team': 'a' }, allowing(...base).authorizer);
  assert.match(await refusal(odd), /extra\.key: Invalid value: "team": must be a domain-prefixed path/);
  const upper = as({ 'impersonate-user': 'bob', 'impersonate-extra-a.io%2fB': 'a' }, allowing(...base).authorizer);
  assert.match(await refusal(upper), /impersonating a non-lowercase key in extra is not allowed: "a\.io\/B"/);
});

test('a pod may act as the node that it runs on, and another node is another permission', async () => {
  const nodeName = 'authentication.kubernetes.io/node-name';
  const agent: UserInfo = {
    name: 'system:serviceaccount:kube-system:agent',
    groups: ['system:serviceaccounts'],
    extra: { [nodeName]: ['n1'], 'authentication.kubernetes.io/pod-name': ['agent-x'] },
  };
  const { authorizer, asked } = allowing(
    'impersonate-on:associated-node:list pods bar/',
    'impersonate:associated-node nodes.authentication.k8s.io *',
  );
  const outcome = await as({ 'impersonate-user': 'system:node:n1' }, authorizer, agent);
  assert.deepEqual(outcome, {
    user: { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
    constraint: 'impersonate:associated-node',
  });
  for (const { user } of asked) {
    const keys = ['authentication.kubernetes.io/node-name', 'authentication.kubernetes.io/pod-name'];
    assert.deepEqual(user.extra, { 'authentication.kubernetes.io/associated-node-keys': keys });
  }
  assert.match(
    await refusal(as({ 'impersonate-user': 'system:node:n2' }, authorizer, agent)),
    /cannot impersonate-on:arbitrary-node:list/,
  );
  const arbitrary = allowing(
    'impersonate-on:arbitrary-node:list pods bar/',
    'impersonate:arbitrary-node nodes.authentication.k8s.io n2',
  );
  const other = await as({ 'impersonate-user': 'system:node:n2' }, arbitrary.authorizer, agent);
  assert.equal(other?.constraint, 'impersonate:arbitrary-node');
});

test('headers that nobody needs so long are refused before they are taken apart', async () => {
  const group = 'a, '.repeat(30_000);
  const long = await refusal(as({ 'impersonate-user': 'ann', 'impersonate-group': group }, anybody));
  assert.equal(long, 'the headers for impersonation are too long');
  const nameless = await refusal(as({ 'impersonate-group': group }, anybody));
  assert.equal(nameless, 'the headers for impersonation are too long');
});
