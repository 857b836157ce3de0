/** What policies cost those whom they do not concern, counted and not timed; and what they count themselves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceTable } from '../../../api/resource-table.ts';
import { builtinSchema } from '../../../api/schema/load.ts';
import { VirtualClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/log.ts';
import { MetricRegistry } from '../../../lib/metrics.ts';
import { SeededPrng } from '../../../lib/prng.ts';
import { MemoryStore } from '../../../store/memory-store.ts';
import { bootstrap } from '../../bootstrap.ts';
import { Registry } from '../../registry.ts';
import { resourceNamed } from '../../testing.ts';
import { admissionPlugins } from '../plugins.ts';
import { PolicySource } from './policy-source.ts';
import { startPolicies } from './testing.ts';

const policies = 'validatingadmissionpolicies.admissionregistration.k8s.io';
const bindings = 'validatingadmissionpolicybindings.admissionregistration.k8s.io';

test('a hundred policies that do not match are neither compiled nor looked through again', async () => {
  const world = await startPolicies();
  for (let index = 0; index < 100; index++) {
    await world.validating(`p${index}`, { on: 'apps/v1 deployments', validations: [{ expression: 'false' }] });
    await world.bindValidating(`p${index}`);
  }
  let compiled = 0;
  const source = new PolicySource({ policies, bindings, compile: () => ++compiled });
  const hooks = source.hooks(world.cluster.store);
  assert.equal(hooks.length, 100);
  await world.cluster.create('configmaps', { metadata: { name: 'one' } });
  assert.equal(source.hooks(world.cluster.store), hooks, 'writes of other kinds leave them as they are');
  assert.equal(compiled, 0);
  assert.equal(hooks[0]?.compiled, 1);
  const status = { status: { observedGeneration: 1 } };
  await world.cluster.patch(policies, 'p0', status, { subresource: 'status', type: 'merge' });
  const after = source.hooks(world.cluster.store);
  assert.notEqual(after, hooks);
  assert.equal(after[0]?.compiled, 1, 'a status is no other policy');
});

test('a policy without bindings is no hook', async () => {
  const world = await startPolicies();
  await world.validating('p', 'false');
  const source = new PolicySource({ policies, bindings, compile: () => assert.fail('not compiled') });
  assert.deepEqual(source.hooks(world.cluster.store), []);
});

test('checks are counted by policy, binding and what came of them', async () => {
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock, log: silentLogger });
  await store.start();
  const metrics = new MetricRegistry();
  const prng = new SeededPrng(1);
  const common = { store, clock, prng, log: silentLogger };
  const admission = admissionPlugins({ ...common, metrics });
  const registry = new Registry({ ...common, schema: builtinSchema(), resources: resourceTable(), admission });
  await bootstrap(registry);
  const user = { name: 'tester', groups: ['system:masters'] };
  const create = async (resource: string, body: object, namespace = ''): Promise<unknown> => {
    const target = { user, resource: resourceNamed(resource), namespace, name: '', subresource: '' };
    return registry.create(target, body as never, {});
  };
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] };
  const matchConstraints = { resourceRules: [rule] };
  for (const [name, failurePolicy, expression, action] of [
    ['denies', 'Fail', "object.metadata.name != 'no'", 'Deny'],
    ['fails', 'Ignore', 'true', 'Deny'],
    ['passes', 'Ignore', 'object.absent == 1', 'Deny'],
    ['warns', 'Fail', 'false', 'Warn'],
    ['notes', 'Fail', 'false', 'Audit'],
  ] as const) {
    const condition = name === 'fails' ? 'object.absent' : 'object.metadata.name';
    const matchConditions = [{ name: 'c', expression: `${condition} != 'x'` }];
    const conditions = name === 'fails' || name === 'denies' ? { matchConditions } : {};
    const spec = { failurePolicy, matchConstraints, ...conditions, validations: [{ expression }] };
    await create(policies, { metadata: { name }, spec });
    await create(bindings, { metadata: { name }, spec: { policyName: name, validationActions: [action] } });
  }
  const group = 'admissionregistration.k8s.io';
  const applyConfiguration = { expression: 'Object{metadata: Object.metadata{labels: {"a": "b"}}}' };
  const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration }];
  const spec = { matchConstraints, reinvocationPolicy: 'Never', mutations };
  await create(`mutatingadmissionpolicies.${group}`, { metadata: { name: 'changes' }, spec });
  await create(`mutatingadmissionpolicybindings.${group}`, {
    metadata: { name: 'changes' },
    spec: { policyName: 'changes' },
  });
  await create('configmaps', { metadata: { name: 'yes' } }, 'default');
  await assert.rejects(create('configmaps', { metadata: { name: 'no' } }, 'default'));
  const counted = metrics
    .text()
    .split('\n')
    .filter((line) => /^apiserver_.*_admission_policy_check_total/.test(line))
    .sort();
  assert.deepEqual(counted, [
    'apiserver_mutating_admission_policy_check_total{policy="changes",policy_binding="changes",error_type="no_error"} 2',
    'apiserver_validating_admission_policy_check_total{policy="denies",policy_binding="denies",error_type="invalid_error",enforcement_action="deny"} 1',
    'apiserver_validating_admission_policy_check_total{policy="notes",policy_binding="notes",error_type="invalid_error",enforcement_action="audit"} 2',
    'apiserver_validating_admission_policy_check_total{policy="passes",policy_binding="passes",error_type="invalid_error",enforcement_action="allow"} 2',
    'apiserver_validating_admission_policy_check_total{policy="warns",policy_binding="warns",error_type="invalid_error",enforcement_action="warn"} 2',
  ]);
  const conditions = metrics
    .text()
    .split('\n')
    .filter((line) => /^apiserver_admission_match_condition_.*(errors_total|seconds_count)/.test(line))
    .sort();
  const of = (name: string): string => `{name="${name}",kind="policy",type="validate",operation="CREATE"} 2`;
  assert.deepEqual(conditions, [
    `apiserver_admission_match_condition_evaluation_errors_total${of('fails')}`,
    `apiserver_admission_match_condition_evaluation_seconds_count${of('denies')}`,
    `apiserver_admission_match_condition_evaluation_seconds_count${of('fails')}`,
  ]);
  await store.close();
});
