import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../../api/object.ts';
import type { AuthorizationAttributes } from '../../registry/request.ts';
import { type AuditPolicy, parsePolicy } from './policy.ts';

const policyOf = (rules: JsonValue, more: Record<string, JsonValue> = {}): AuditPolicy =>
  parsePolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules, ...more });

function request(change: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes {
  return {
    user: { name: 'jane', groups: ['dev', 'system:authenticated'] },
    verb: 'get',
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: '',
    namespace: 'default',
    name: 'web',
    path: '',
    ...change,
  };
}

const level = (rules: JsonValue, change?: Partial<AuthorizationAttributes>): string =>
  policyOf(rules).decide(request(change)).level;

test('the first rule that matches decides; what none matches is not written down', () => {
  const rules = [
    { level: 'None', users: ['system:kube-scheduler'] },
    { level: 'Request', verbs: ['create', 'update'] },
    { level: 'Metadata', userGroups: ['dev'] },
  ];
  assert.equal(level(rules), 'Metadata');
  assert.equal(level(rules, { verb: 'create' }), 'Request');
  assert.equal(level(rules, { user: { name: 'system:kube-scheduler', groups: ['dev'] } }), 'None');
  assert.equal(level(rules, { user: { name: 'joe', groups: [] } }), 'None');
});

test('rules for resources: groups, subresources, names, namespaces, with wildcards', () => {
  const rule = (resources: JsonValue, more: Record<string, JsonValue> = {}): JsonValue => [
    { level: 'Metadata', resources, ...more },
  ];
  const hit = (resources: JsonValue, change?: Partial<AuthorizationAttributes>): boolean =>
    level(rule(resources), change) === 'Metadata';
  assert.ok(hit([{ group: '', resources: ['pods'] }]));
  assert.ok(!hit([{ group: '', resources: ['pods'] }], { subresource: 'log' }));
  assert.ok(hit([{ resources: ['pods/log'] }], { subresource: 'log' }));
  assert.ok(hit([{ resources: ['pods/*'] }], { subresource: 'log' }));
  assert.ok(hit([{ resources: ['*/scale'] }], { subresource: 'scale' }));
  assert.ok(hit([{ resources: ['*'] }], { subresource: 'scale' }));
  assert.ok(!hit([{ resources: ['*/scale'] }]));
  assert.ok(!hit([{ group: 'apps' }]));
  assert.ok(hit([{ group: '*' }], { group: 'apps', resource: 'deployments' }));
  assert.ok(hit([{ resources: ['pods'], resourceNames: ['web'] }]));
  assert.ok(!hit([{ resources: ['pods'], resourceNames: ['db'] }]));
  assert.equal(level(rule([], { namespaces: ['kube-system'] })), 'None');
  assert.equal(level(rule([], { namespaces: [''] }), { namespace: '' }), 'Metadata');
});

test('rules for other URLs match those alone', () => {
  const rules = [{ level: 'Metadata', nonResourceURLs: ['/healthz*', '/version'] }];
  const path = (text: string): Partial<AuthorizationAttributes> => ({ resource: '', path: text });
  assert.equal(level(rules, path('/healthz/ping')), 'Metadata');
  assert.equal(level(rules, path('/version')), 'Metadata');
  assert.equal(level(rules, path('/versions')), 'None');
  assert.equal(level(rules), 'None');
});

test('stages are left out that the policy or its rule leaves out, and a rule may keep managed fields', () => {
  const policy = policyOf([{ level: 'Metadata', omitStages: ['Panic'], omitManagedFields: false }], {
    omitStages: ['RequestReceived'],
    omitManagedFields: true,
  });
  const decision = policy.decide(request());
  assert.deepEqual([...decision.omitStages], ['RequestReceived', 'Panic']);
  assert.equal(decision.omitManagedFields, false);
});

test('all that is wrong is told at once, with its path', () => {
  const problem = (value: JsonValue): string => {
    try {
      parsePolicy(value);
    } catch (error) {
      return (error as Error).message;
    }
    return 'no problem';
  };
  assert.equal(
    problem([]),
    'the policy: must be an object; apiVersion: must be audit.k8s.io/v1; kind: must be Policy; rules: must have at least one rule',
  );
  const head = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy' };
  assert.equal(problem({ ...head, rules: [] }), 'rules: must have at least one rule');
  assert.equal(problem({ ...head, rules: [{}] }), 'rules[0].level: Required value');
  assert.match(
    problem({ ...head, rules: [{ level: 'All', usres: ['a'] }] }),
    /^rules\[0\]: unknown field "usres"; rules\[0\].level: Unsupported value: "All"/,
  );
  assert.match(problem({ ...head, rules: [{ level: 'None', omitStages: ['End'] }] }), /rules\[0\].omitStages\[0\]/);
  assert.match(
    problem({ ...head, rules: [{ level: 'None', nonResourceURLs: ['a', '/a*b'], namespaces: ['x'] }] }),
    /must begin with \/.*only stand at the end.*at once/,
  );
  assert.match(
    problem({ ...head, rules: [{ level: 'None', resources: [{ group: 'apps/v1' }] }] }),
    /without its version/,
  );
  assert.match(
    problem({ ...head, rules: [{ level: 'None', resources: [{ resourceNames: ['a'] }] }] }),
    /needs at least one/,
  );
});
