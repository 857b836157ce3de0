import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resourceTable } from '../resource-table.ts';
import { builtinSchema } from '../schema/load.ts';
import type {
  ExpressionWarning,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicySpec,
} from '../schema/types/admissionregistration-v1.ts';
import { checkPolicyTypes } from './policy-type-checking.ts';

const rule = (group: string, versions: string, resources: string): NamedRuleWithOperations => ({
  apiGroups: [group],
  apiVersions: versions.split(','),
  resources: resources.split(','),
  operations: ['CREATE'],
});
const deployments = rule('apps', 'v1', 'deployments');

function warningsOf(spec: ValidatingAdmissionPolicySpec, rules = [deployments]): Promise<ExpressionWarning[]> {
  const policy = { spec: { matchConstraints: { resourceRules: rules }, ...spec } };
  return checkPolicyTypes(policy, { resources: resourceTable(), schema: builtinSchema() });
}

/** The kinds that one wrong expression is wrong for. */
async function kindsOf(rules: NamedRuleWithOperations[]): Promise<string[]> {
  const [found] = await warningsOf({ validations: [{ expression: 'object.absent' }] }, rules);
  return [...(found?.warning ?? '').matchAll(/^(\S*, Kind=\w+): ERROR/gm)].map(([, kind]) => kind ?? '');
}

void describe('type checking of policies', () => {
  const fine = [
    'object.spec.replicas > 1',
    'oldObject == null || oldObject.spec.replicas <= object.spec.replicas',
    "object.metadata.labels['a'] == 'b'",
    'object.spec.template.spec.containers.all(c, has(c.image))',
    'object.spec.template.spec.containers.all(c, !has(c.securityContext) || c.securityContext.privileged == false)',
    "request.operation == 'CREATE' && request.userInfo.groups.exists(g, g == 'x')",
    "namespaceObject.metadata.labels['a'] == 'b'",
    "authorizer.group('').resource('endpoints').check('create').allowed()",
    "authorizer.requestResource.check('create').allowed()",
  ];
  for (const expression of fine) {
    void test(`${expression} is right for a Deployment`, async () =>
      assert.deepEqual(await warningsOf({ validations: [{ expression }] }), []));
  }

  const wrong: readonly [expression: string, why: string][] = [
    [
      "object.spec.replicas > '1'",
      "ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'",
    ],
    [
      "'got ' + object.spec.replicas",
      "ERROR: <input>:1:8: found no matching overload for '_+_' applied to '(string, int)'",
    ],
    ['object.spec.maxRetries < 10', "ERROR: <input>:1:12: undefined field 'maxRetries'"],
    ['params.x == 1', "ERROR: <input>:1:1: undeclared reference to 'params' (in container '')"],
    ['namespaceObject.metadata.uid', "ERROR: <input>:1:25: undefined field 'uid'"],
    [
      'authorizer.allowed()',
      "ERROR: <input>:1:19: found no matching overload for 'allowed' applied to 'kubernetes.authorization.Authorizer.()'",
    ],
  ];
  for (const [expression, why] of wrong) {
    void test(`${expression} is wrong for a Deployment`, async () => {
      const [first, ...rest] = await warningsOf({ validations: [{ expression }] });
      assert.deepEqual(rest, []);
      assert.equal(first?.fieldRef, 'spec.validations[0].expression');
      assert.equal(first.warning.split('\n')[0], `apps/v1, Kind=Deployment: ${why}`);
      assert.ok(first.warning.endsWith('^\n'));
    });
  }

  void test('messages are checked beside their expressions, by index', async () => {
    const found = await warningsOf({
      validations: [
        { expression: 'true', messageExpression: "'fine'" },
        { expression: 'object.a == 1', messageExpression: 'object.b' },
      ],
    });
    assert.deepEqual(
      found.map(({ fieldRef }) => fieldRef),
      ['spec.validations[1].expression', 'spec.validations[1].messageExpression'],
    );
  });

  void test('variables carry their types, and parameters theirs', async () => {
    const variables = [{ name: 'replicas', expression: 'object.spec.replicas' }];
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    const validations = [
      { expression: "variables.replicas > 'x'" },
      { expression: 'variables.replicas > 1' },
      { expression: "params.data['x'] == 'y'" },
      { expression: 'params.spec == 1' },
    ];
    assert.deepEqual(
      (await warningsOf({ variables, paramKind, validations })).map(({ fieldRef }) => fieldRef),
      ['spec.validations[0].expression', 'spec.validations[3].expression'],
    );
  });

  void test('kinds are those that rules name: no wildcards, no subresources, in order and each once', async () => {
    assert.deepEqual(await kindsOf([deployments]), ['apps/v1, Kind=Deployment']);
    assert.deepEqual(await kindsOf([deployments, rule('', 'v1', 'pods')]), [
      '/v1, Kind=Pod',
      'apps/v1, Kind=Deployment',
    ]);
    assert.deepEqual(await kindsOf([deployments, rule('apps', '*', 'deployments')]), ['apps/v1, Kind=Deployment']);
    assert.deepEqual(await kindsOf([rule('apps', 'v1', '*'), rule('', 'v1', 'pods/*'), rule('*', 'v1', 'pods')]), []);
    assert.deepEqual(await kindsOf([rule('example.com', 'v1', 'unknown')]), []);
    assert.deepEqual(await kindsOf([rule('autoscaling', 'v2,v1', 'horizontalpodautoscalers')]), [
      'autoscaling/v1, Kind=HorizontalPodAutoscaler',
      'autoscaling/v2, Kind=HorizontalPodAutoscaler',
    ]);
  });

  void test('of all kinds, ten are checked', async () => {
    const resources =
      'bindings,configmaps,endpoints,events,limitranges,namespaces,nodes,persistentvolumeclaims,persistentvolumes,pods,podtemplates,secrets';
    assert.equal((await kindsOf([rule('', 'v1', resources), deployments])).length, 10);
  });
});
