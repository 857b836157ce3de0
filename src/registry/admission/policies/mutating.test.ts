import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Loose, rejection } from '../../testing.ts';
import { at, makeDeployment, deployments as on, type Policies, startPolicies } from './testing.ts';

async function created(policies: Policies, object: object = makeDeployment()): Promise<Loose> {
  return policies.cluster.create('deployments.apps', object, { dryRun: true });
}

void describe('a MutatingAdmissionPolicy', () => {
  void test('that cannot be evaluated leaves the object as it is where failures are ignored', async () => {
    const policies = await startPolicies();
    const apply = ['Object{spec: Object.spec{replicas: object.absent}}', 'Object{spec: Object.spec{replicas: 3}}'];
    await policies.mutating('p', { on, failurePolicy: 'Ignore', apply });
    await policies.bindMutating('p');
    assert.deepEqual(at(await created(policies), 'spec.replicas'), 3);
  });

  void test('takes parameters, one round for each object that its binding names', async () => {
    const policies = await startPolicies();
    await policies.mutating('p', {
      on,
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      apply: ["Object{spec: Object.spec{replicas: object.spec.replicas + int(params.data['more'])}}"],
    });
    for (const [name, more] of [
      ['a', '10'],
      ['b', '200'],
    ]) {
      await policies.cluster.create('configmaps', { metadata: { name, labels: { is: 'param' } }, data: { more } });
    }
    const selector = { matchLabels: { is: 'param' } };
    await policies.bindMutating('p', { paramRef: { selector, parameterNotFoundAction: 'Deny' } });
    assert.deepEqual(at(await created(policies), 'spec.replicas'), 211);
  });

  void test('sees what policies before it made, in the order of their names', async () => {
    const policies = await startPolicies();
    await policies.mutating('b', {
      on,
      matchConditions: [
        { name: 'production', expression: `object.?metadata.labels["env"].orValue("") == "production"` },
      ],
      apply: ['Object{metadata: Object.metadata{labels: {"seen": "yes"}}}'],
    });
    await policies.mutating('a', { on, apply: ['Object{metadata: Object.metadata{labels: {"env": "production"}}}'] });
    await policies.bindMutating('b');
    await policies.bindMutating('a');
    assert.deepEqual(at(await created(policies), 'metadata.labels'), { env: 'production', seen: 'yes' });
  });

  const appended = (name: string): string =>
    `Object{metadata: Object.metadata{labels: {"order": object.?metadata.labels["order"].orValue("") + "${name}"}}}`;

  void test('is asked again after others changed the object, where it wants to be, and not for its own change', async () => {
    const policies = await startPolicies();
    await policies.mutating('a', { on, reinvocationPolicy: 'IfNeeded', apply: [appended('a')] });
    await policies.bindMutating('a');
    assert.deepEqual(at(await created(policies), 'metadata.labels'), { order: 'a' });
    await policies.mutating('b', { on, reinvocationPolicy: 'Never', apply: [appended('b')] });
    await policies.bindMutating('b');
    assert.deepEqual(at(await created(policies), 'metadata.labels'), { order: 'aba' });
  });

  void test('does not change what is deleted', async () => {
    const policies = await startPolicies();
    await policies.mutating('p', { on, operations: ['*'], apply: ['Object{spec: Object.spec{replicas: 3}}'] });
    await policies.bindMutating('p');
    await policies.cluster.create('deployments.apps', makeDeployment());
    await policies.cluster.delete('deployments.apps', 'web', { propagationPolicy: 'Background' });
  });

  void test('changes what an update writes, and what it changes is nobody’s', async () => {
    const policies = await startPolicies();
    await policies.cluster.create('deployments.apps', makeDeployment());
    await policies.mutating('p', { on, operations: ['UPDATE'], apply: ['Object{spec: Object.spec{replicas: 3}}'] });
    await policies.bindMutating('p');
    const patch = { metadata: { labels: { a: 'b' } } };
    const options = { fieldManager: 'tester', type: 'merge' } as const;
    const patched = await policies.cluster.patch('deployments.apps', 'web', patch, options);
    assert.deepEqual(at(patched, 'spec.replicas'), 3);
    const entries = at(patched, 'metadata.managedFields') as { readonly manager: string }[];
    const owned = JSON.stringify(entries.find(({ manager }) => manager === 'tester'));
    assert.match(owned, /f:labels/);
    assert.doesNotMatch(owned, /f:replicas/);
  });

  void test('goes by a scale as its own kind', async () => {
    const policies = await startPolicies();
    await policies.cluster.create('deployments.apps', makeDeployment());
    await policies.mutating('p', {
      on: 'apps/v1 deployments/scale',
      operations: ['UPDATE'],
      apply: ['Object{spec: Object.spec{replicas: object.spec.replicas + 1}}'],
    });
    await policies.bindMutating('p');
    const scale = { metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 5 } };
    await policies.cluster.update('deployments.apps', scale, { subresource: 'scale' });
    assert.deepEqual(at(await policies.cluster.get('deployments.apps', 'web'), 'spec.replicas'), 6);
  });

  void test('refuses with the message of the first that failed, and all of them as causes', async () => {
    const policies = await startPolicies();
    for (const name of ['a', 'b']) {
      await policies.mutating(name, { on, apply: ['Object{spec: Object.spec{replicas: object.absent}}'] });
      await policies.bindMutating(name);
    }
    const error = await rejection(created(policies), 'Invalid');
    const why =
      "expression 'Object{spec: Object.spec{replicas: object.absent}}' resulted in error: no such key: absent";
    const texts = ['a', 'b'].map((name) => `policy '${name}' with binding '${name}-binding' denied request: ${why}`);
    assert.equal(error.message, texts[0]);
    assert.equal(error.code, 403);
    assert.deepEqual(
      error.details?.causes,
      texts.map((message) => ({ message })),
    );
  });
});
