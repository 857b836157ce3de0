import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationAttributes } from '../../request.ts';
import { rejection } from '../../testing.ts';
import { allow, rule, WebhookRegistry } from './testing.ts';

const onMaps = { rules: [rule(['configmaps'], { operations: ['CREATE', 'UPDATE', 'DELETE'] })] };
const configurations = 'validatingwebhookconfigurations.admissionregistration.k8s.io';
const map = (name: string, fields: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...fields,
});

const conditions = (...expressions: readonly string[]) => ({
  matchConditions: expressions.map((expression, index) => ({ name: `c${index}`, expression })),
});

async function isAsked(...expressions: readonly string[]): Promise<boolean> {
  const registry = await WebhookRegistry.start();
  await registry.validating('a', () => allow, { ...onMaps, ...conditions(...expressions) });
  await registry.create('configmaps', map('m', { data: { a: '1' }, metadata: { name: 'm', labels: { team: 'a' } } }));
  return registry.outside.calls.length === 1;
}

const rows: readonly (readonly [expression: string, expected: boolean])[] = [
  ['true', true],
  ['false', false],
  ["object.metadata.name == 'm'", true],
  ["object.metadata.labels['team'] == 'b'", false],
  ["has(object.data) && 'a' in object.data", true],
  ["request.operation == 'CREATE' && request.resource.resource == 'configmaps'", true],
  ["request.namespace == 'default' && request.name == 'm'", true],
  ["request.userInfo.username == 'tester' && 'system:masters' in request.userInfo.groups", true],
  ["request.kind.kind == 'Pod'", false],
  ['oldObject == null', true],
  ['request.dryRun', false],
  ['namespaceObject == null', true],
  ["authorizer.group('').resource('configmaps').namespace('default').check('create').allowed()", true],
  ["!request.userInfo.username.startsWith('system:')", true],
];

for (const [expression, expected] of rows) {
  test(`${expected ? 'asked' : 'not asked'}: ${expression}`, async () =>
    assert.equal(await isAsked(expression), expected));
}

test('all conditions have to hold; one that is false settles it, whatever errors the others meet', async () => {
  assert.equal(await isAsked('true', 'true'), true);
  assert.equal(await isAsked('true', 'false'), false);
  assert.equal(await isAsked("object.spec.none == 'a'", 'false'), false);
});

test('a condition that fails refuses the request, or leaves the webhook out, as the webhook says', async () => {
  const registry = await WebhookRegistry.start();
  const failing = conditions("object.spec.none == 'a'", 'true');
  await registry.validating('a', () => allow, { ...onMaps, ...failing });
  const error = await rejection(registry.create('configmaps', map('m')), 'Forbidden');
  assert.equal(
    error.message,
    "configmaps \"m\" is forbidden: expression 'object.spec.none == 'a'' resulted in error: no such key: spec",
  );
  await registry.patch(configurations, 'a', [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }], {
    type: 'json',
  });
  await registry.create('configmaps', map('m'));
  assert.deepEqual(registry.outside.calls, []);
  const metrics = registry.metrics.text();
  const labels = 'name="a.example.com",kind="webhook",type="validating",operation="CREATE"';
  assert.ok(metrics.includes(`apiserver_admission_match_condition_evaluation_errors_total{${labels}} 2`), metrics);
  assert.ok(metrics.includes(`apiserver_admission_match_condition_evaluation_seconds_count{${labels}} 2`), metrics);
});

test('requests that conditions keep away are counted', async () => {
  const registry = await WebhookRegistry.start();
  await registry.mutating('a', () => allow, { ...onMaps, ...conditions('false') });
  await registry.create('configmaps', map('m'));
  const labels = 'name="a.example.com",kind="webhook",type="admit",operation="CREATE"';
  const metrics = registry.metrics.text();
  assert.ok(metrics.includes(`apiserver_admission_match_condition_exclusions_total{${labels}} 1`), metrics);
});

test('of a delete the old object is there, and the object is not', async () => {
  const registry = await WebhookRegistry.start();
  await registry.create('configmaps', map('m', { data: { keep: 'true' } }));
  await registry.validating('a', () => ({ allowed: false }), {
    ...onMaps,
    ...conditions("object == null && oldObject.data['keep'] == 'true'"),
  });
  await rejection(registry.delete('configmaps', 'm'), '' as 'Invalid');
});

test('conditions see the object in the version that the webhook asked for', async () => {
  const registry = await WebhookRegistry.start();
  await registry.validating('a', () => allow, {
    rules: [rule(['horizontalpodautoscalers'], { apiGroups: ['autoscaling'], apiVersions: ['v1'] })],
    ...conditions(
      "object.apiVersion == 'autoscaling/v1' && request.resource.version == 'v1' && request.requestResource.version == 'v2'",
    ),
  });
  await registry.create('horizontalpodautoscalers.v2.autoscaling', {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas: 1,
      maxReplicas: 3,
    },
  });
  assert.equal(registry.outside.calls.length, 1);
});

test('the authorizer is asked about the request’s user, also where it takes its time', async () => {
  const asked: AuthorizationAttributes[] = [];
  const authorizer = {
    decide: async (attributes: AuthorizationAttributes) => {
      await new Promise(setImmediate);
      asked.push(attributes);
      return { allowed: attributes.verb === 'breakglass', reason: '' };
    },
  };
  const registry = await WebhookRegistry.start({ authorizer });
  const expression = "!authorizer.requestResource.check('breakglass').allowed()";
  await registry.validating('a', () => ({ allowed: false }), { ...onMaps, ...conditions(expression) });
  await registry.create('configmaps', map('m'));
  const [{ user, verb, resource, name, namespace } = assert.fail()] = asked.filter(
    (each) => each.verb === 'breakglass',
  );
  assert.deepEqual(
    [user.name, verb, resource, name, namespace],
    ['tester', 'breakglass', 'configmaps', 'm', 'default'],
  );
});

test('an expression that costs too much refuses the request', async () => {
  const registry = await WebhookRegistry.start();
  const loop = 'object.data.all(a, object.data.all(b, object.data.all(c, a != b || b != c || a == c)))';
  await registry.validating('a', () => allow, { ...onMaps, ...conditions(loop) });
  const data = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`key-${index}`, 'x']));
  const error = await rejection(registry.create('configmaps', map('m', { data })), 'Forbidden');
  assert.match(error.message, /actual cost limit exceeded|cost budget/);
});

test('conditions that do not compile, or give no bool, are refused with their place', async () => {
  const registry = await WebhookRegistry.start();
  const refused = async (expression: string): Promise<string> => {
    const work = registry.validating('a', () => allow, { ...onMaps, ...conditions(expression) });
    return (await rejection(work, 'Invalid')).message;
  };
  const at = 'webhooks\\[0\\]\\.matchConditions\\[0\\]\\.expression: Invalid value: ';
  assert.match(
    await refused('object.'),
    new RegExp(`${at}"object\\.": compilation failed: ERROR: <input>:1:8: Syntax error`),
  );
  assert.match(
    await refused('nobody'),
    new RegExp(`${at}"nobody": compilation failed: ERROR: <input>:1:1: undeclared reference to 'nobody'`),
  );
  assert.match(await refused("'text'"), new RegExp(`${at}"'text'": must evaluate to bool`));
});
