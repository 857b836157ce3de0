import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../api/object.ts';
import { make, rejection } from '../../testing.ts';
import { type Policies, startPolicies } from './testing.ts';

const configMap = (name: string, data: JsonObject = {}, labels: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
  data,
});

/** What comes of a ConfigMap that all policies are asked about. */
async function verdict(policies: Policies, object: JsonObject = configMap('one')): Promise<string> {
  try {
    await policies.cluster.create('configmaps', object, { dryRun: true });
    return 'admitted';
  } catch (error) {
    return (error as Error).message;
  }
}

void describe('a ValidatingAdmissionPolicy', () => {
  void test('does nothing until it is bound, and from the next request on when it is', async () => {
    const policies = await startPolicies();
    await policies.validating('none', 'false');
    assert.equal(await verdict(policies), 'admitted');
    await policies.bindValidating('none');
    assert.equal(
      await verdict(policies),
      `configmaps "one" is forbidden: ValidatingAdmissionPolicy 'none' with binding 'none-binding' denied request: failed expression: false`,
    );
    await policies.cluster.delete('validatingadmissionpolicybindings.admissionregistration.k8s.io', 'none-binding');
    assert.equal(await verdict(policies), 'admitted');
  });

  void test('refuses with the code of its reason, 422 where it names none, and tells the cause', async () => {
    const reasons = [
      [undefined, 'Invalid', 422],
      ['Forbidden', 'Forbidden', 403],
      ['RequestEntityTooLarge', 'RequestEntityTooLarge', 413],
    ] as const;
    for (const [reason, expected, code] of reasons) {
      const policies = await startPolicies();
      const validation = { expression: 'false', message: 'no more', ...(reason && { reason }) };
      await policies.validating('p', { validations: [validation] });
      await policies.bindValidating('p');
      const error = await rejection(policies.cluster.create('configmaps', configMap('one')), expected);
      assert.equal(error.code, code);
      const message = "ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: no more";
      assert.deepEqual(error.details, { name: 'one', kind: 'configmaps', causes: [{ message }] });
    }
  });

  void test('tells the message that its expression makes, else its own, else the expression', async () => {
    const rows: readonly [validation: object, told: string][] = [
      [{ messageExpression: "'no ' + object.metadata.name" }, 'no one'],
      [{ messageExpression: "'no ' + object.metadata.name", message: 'never told' }, 'no one'],
      [{ messageExpression: "object.absent + 'x'", message: ' its own ' }, 'its own'],
      [{ messageExpression: "'two\\nlines'", message: 'its own' }, 'its own'],
      [{ messageExpression: "'  '" }, "failed expression: 'x' == 'y'"],
      [{ messageExpression: `'${'x'.repeat(5 * 1024 + 1)}'`, message: 'its own' }, 'its own'],
    ];
    for (const [fields, told] of rows) {
      const policies = await startPolicies();
      await policies.validating('p', { validations: [{ expression: " 'x' == 'y' ", ...fields }] });
      await policies.bindValidating('p');
      assert.equal((await verdict(policies)).split('denied request: ')[1], told);
    }
  });

  const variables = [
    { name: 'key', expression: "object.data['key']" },
    { name: 'length', expression: 'size(variables.key)' },
    { name: 'broken', expression: 'object.absent' },
  ];

  void test('reads its variables, each of which knows those before it, and only if an expression reads them', async () => {
    const policies = await startPolicies();
    await policies.validating('p', { variables, validations: [{ expression: 'variables.length == 3' }] });
    await policies.bindValidating('p');
    assert.equal(await verdict(policies, configMap('one', { key: 'abc' })), 'admitted');
    assert.match(
      await verdict(policies, configMap('one', { key: 'abcd' })),
      /failed expression: variables\.length == 3$/,
    );
  });

  void test('tells which variable failed, and how', async () => {
    const policies = await startPolicies();
    await policies.validating('p', { variables, validations: [{ expression: 'variables.broken == 1' }] });
    await policies.bindValidating('p');
    assert.equal(
      (await verdict(policies)).split('denied request: ')[1],
      `expression 'variables.broken == 1' resulted in error: composited variable "broken" fails to evaluate: no such key: absent`,
    );
  });

  void test('that cannot be evaluated refuses, or is ignored, as its failurePolicy says', async () => {
    for (const failurePolicy of ['Fail', 'Ignore']) {
      const policies = await startPolicies();
      await policies.validating('p', { failurePolicy, validations: [{ expression: 'object.absent == 1' }] });
      await policies.bindValidating('p');
      const expected =
        failurePolicy === 'Ignore'
          ? 'admitted'
          : `configmaps "one" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: expression 'object.absent == 1' resulted in error: no such key: absent`;
      assert.equal(await verdict(policies), expected);
    }
  });

  void test('warns and notes where its binding says so, and admits', async () => {
    const policies = await startPolicies();
    await policies.validating('p', {
      validations: [{ expression: 'true' }, { expression: 'false', message: 'so so' }],
    });
    await policies.bindValidating('p', { validationActions: ['Warn', 'Audit'] });
    const notes: Record<string, string> = {};
    const { warnings } = await policies.cluster.createResult('configmaps', configMap('one'), {
      annotate: (key, value) => void (notes[key] = value),
    });
    assert.deepEqual(warnings, ["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-binding': so so"]);
    assert.deepEqual(JSON.parse(notes['validation.policy.admission.k8s.io/validation_failure'] ?? ''), [
      {
        message: 'so so',
        policy: 'p',
        binding: 'p-binding',
        expressionIndex: 1,
        validationActions: ['Warn', 'Audit'],
      },
    ]);
  });

  void test('makes audit annotations of what its expressions give, each value once, and none of null and nothing', async () => {
    const policies = await startPolicies();
    await policies.validating('p', {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      on: 'v1 secrets',
      auditAnnotations: [
        { key: 'who', valueExpression: 'string(params.metadata.name)' },
        { key: 'same', valueExpression: "'the same'" },
        { key: 'empty', valueExpression: "' '" },
        { key: 'nothing', valueExpression: 'null' },
      ],
    });
    await policies.cluster.create('configmaps', configMap('a', {}, { is: 'param' }));
    await policies.cluster.create('configmaps', configMap('b', {}, { is: 'param' }));
    const selector = { matchLabels: { is: 'param' } };
    await policies.bindValidating('p', { paramRef: { selector, parameterNotFoundAction: 'Deny' } });
    const notes: Record<string, string> = {};
    await policies.cluster.create('secrets', make.secret(), { annotate: (key, value) => void (notes[key] = value) });
    assert.deepEqual(notes, { 'p/who': 'a, b', 'p/same': 'the same' });
  });

  void test('asks its match conditions first: one that is false leaves it out, whatever fails beside it', async () => {
    const rows: readonly [conditions: readonly string[], failurePolicy: string, expected: RegExp][] = [
      [["object.metadata.name == 'two'"], 'Fail', /^admitted$/],
      [["object.metadata.name == 'one'"], 'Fail', /failed expression: false$/],
      [['object.absent == 1', 'false'], 'Fail', /^admitted$/],
      [
        ['object.absent == 1', 'true'],
        'Fail',
        /denied request: expression 'object\.absent == 1' resulted in error: no such key: absent$/,
      ],
      [['object.absent == 1'], 'Ignore', /^admitted$/],
    ];
    for (const [conditions, failurePolicy, expected] of rows) {
      const policies = await startPolicies();
      const matchConditions = conditions.map((expression, index) => ({ name: `c${index}`, expression }));
      await policies.validating('p', { failurePolicy, matchConditions, validations: [{ expression: 'false' }] });
      await policies.bindValidating('p');
      assert.match(await verdict(policies), expected);
    }
  });

  void test('knows the request, who makes it, the namespace and the object before', async () => {
    const holds = [
      "request.operation == 'CREATE'",
      "request.kind.kind == 'ConfigMap' && request.kind.version == 'v1'",
      "request.resource.resource == 'configmaps' && request.requestResource.resource == 'configmaps'",
      "request.name == 'one' && request.namespace == 'default'",
      "request.userInfo.username == 'tester' && 'system:masters' in request.userInfo.groups",
      'request.dryRun',
      '!has(request.subResource)',
      'oldObject == null',
      "namespaceObject.metadata.name == 'default'",
      "namespaceObject.status.phase == 'Active'",
      "object.metadata.name == 'one' && object.kind == 'ConfigMap'",
      "authorizer.group('').resource('configmaps').namespace('default').check('create').allowed()",
      "authorizer.requestResource.check('delete').allowed()",
    ];
    const policies = await startPolicies();
    await policies.validating('p', { validations: holds.map((expression) => ({ expression })) });
    await policies.bindValidating('p');
    assert.equal(await verdict(policies), 'admitted');
  });

  void test('sees deletions, with the object that goes', async () => {
    const policies = await startPolicies();
    await policies.validating('p', {
      operations: ['DELETE'],
      validations: [{ expression: "object == null && oldObject.metadata.name != 'kept'" }],
    });
    await policies.bindValidating('p');
    await policies.cluster.create('configmaps', configMap('kept'));
    await policies.cluster.create('configmaps', configMap('other'));
    await policies.cluster.delete('configmaps', 'other');
    const message = await policies.refused(policies.cluster.delete('configmaps', 'kept'));
    assert.match(message, /^configmaps "kept" is forbidden: ValidatingAdmissionPolicy 'p'/);
  });

  void test('is asked by the binding’s selectors and rules too', async () => {
    const policies = await startPolicies();
    await policies.validating('p', 'false');
    await policies.bindValidating('p', { matchResources: { objectSelector: { matchLabels: { strict: 'yes' } } } });
    assert.equal(await verdict(policies), 'admitted');
    assert.match(await verdict(policies, configMap('one', {}, { strict: 'yes' })), /failed expression/);
  });

  void test('sees an object in the version that it names, whatever version the client wrote', async () => {
    const policies = await startPolicies();
    await policies.validating('p', {
      on: 'autoscaling/v1 horizontalpodautoscalers',
      validations: [
        {
          expression: "has(object.spec.targetCPUUtilizationPercentage) && object.apiVersion == 'autoscaling/v1'",
          messageExpression: "request.resource.version + ' for ' + request.requestResource.version",
        },
      ],
    });
    await policies.bindValidating('p');
    const autoscaler = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'a' },
      spec: { maxReplicas: 2, scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' } },
    };
    const metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
    ];
    const resource = 'horizontalpodautoscalers.v2.autoscaling';
    await policies.cluster.create(resource, { ...autoscaler, spec: { ...autoscaler.spec, metrics } });
    const memory = [
      { type: 'Resource', resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 50 } } },
    ];
    const other = { ...autoscaler, metadata: { name: 'b' }, spec: { ...autoscaler.spec, metrics: memory } };
    assert.match(await policies.refused(policies.cluster.create(resource, other)), /denied request: v1 for v2$/);
  });

  void test('is never asked about policies and their bindings, so that one can always be taken back', async () => {
    const policies = await startPolicies();
    await policies.validating('p', {
      on: 'admissionregistration.k8s.io/v1 *',
      operations: ['*'],
      validations: [{ expression: 'false' }],
    });
    await policies.bindValidating('p');
    const group = 'admissionregistration.k8s.io';
    await policies.validating('another', 'true');
    await policies.bindValidating('another');
    await policies.cluster.delete(`validatingadmissionpolicybindings.${group}`, 'p-binding');
    await policies.cluster.delete(`validatingadmissionpolicies.${group}`, 'p');
  });

  void test('ends with an error where all its expressions together cost too much', async () => {
    const policies = await startPolicies();
    const many =
      'variables.list.all(a, variables.list.all(b, variables.list.all(c, variables.list.all(d, a + b + c + d >= 0))))';
    await policies.validating('p', {
      variables: [{ name: 'list', expression: '[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]' }],
      validations: Array.from({ length: 40 }, () => ({ expression: many })),
    });
    await policies.bindValidating('p');
    assert.equal(
      (await verdict(policies)).split('denied request: ')[1],
      'validation failed due to running out of cost budget, no further validation rules will be run',
    );
  });
});
