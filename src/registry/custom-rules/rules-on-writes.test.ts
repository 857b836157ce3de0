import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeDefinition, makeWidget, startCustomRegistry } from '../custom/testing.ts';
import { rejection } from '../testing.ts';

const widgets = 'widgets.example.com';
const integer = { type: 'integer' };

function definition(...rules: object[]): object {
  const spec = {
    type: 'object',
    properties: {
      minReplicas: integer,
      replicas: { ...integer, 'x-kubernetes-validations': [{ rule: 'self % 2 == 0', message: 'must be even' }] },
      maxReplicas: integer,
      name: { type: 'string', maxLength: 10 },
    },
    'x-kubernetes-validations': rules,
  };
  const status = {
    type: 'object',
    properties: { ready: integer },
    'x-kubernetes-validations': [{ rule: 'self.ready >= 0' }],
  };
  const openAPIV3Schema = { type: 'object', properties: { spec, status } };
  return makeDefinition({ versions: [{ schema: { openAPIV3Schema }, subresources: { status: {} } } as never] });
}

const ordered = { rule: 'self.minReplicas <= self.replicas && self.replicas <= self.maxReplicas' };
const fixed = {
  rule: '!has(oldSelf.name) || self.name == oldSelf.name',
  message: 'name is immutable',
  fieldPath: '.name',
};

test('rules of a definition hold for what is created, changed, patched and reported', async () => {
  const registry = await startCustomRegistry();
  await registry.define(definition(ordered, fixed));
  const spec = { minReplicas: 0, replicas: 2, maxReplicas: 10, name: 'a' };
  const refused = async (write: Promise<unknown>, wanted: string): Promise<void> => {
    const error = await rejection(write, 'Invalid');
    assert.equal(error.message, `Widget.example.com "one" is invalid: ${wanted}`);
  };
  const low = makeWidget('one', { spec: { ...spec, maxReplicas: 1 } });
  await refused(registry.create(widgets, low), `spec: Invalid value: failed rule: ${ordered.rule}`);
  const long = makeWidget('one', { spec: { ...spec, maxReplicas: 1, name: 'far too long' } });
  const blocked =
    '[spec.name: Too long: may not be more than 10 bytes, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]';
  await refused(registry.create(widgets, long), blocked);
  await registry.create(widgets, makeWidget('one', { spec }));
  const patch = (change: object, options: object = {}) =>
    registry.patch(widgets, 'one', change, { type: 'merge', ...options });
  await refused(patch({ spec: { name: 'b' } }), 'spec.name: Invalid value: name is immutable');
  await refused(patch({ spec: { replicas: 3 } }), 'spec.replicas: Invalid value: 3: must be even');
  await patch({ spec: { replicas: 4 } });
  const through = { subresource: 'status' };
  await refused(patch({ status: { ready: -1 } }, through), 'status: Invalid value: failed rule: self.ready >= 0');
  await patch({ status: { ready: 1 } }, through);
  await registry.close();
});

test('a rule that comes later is not held against what stands, which is told', async () => {
  const registry = await startCustomRegistry();
  const first = definition() as {
    spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: object } } } }[] };
  };
  const schema = first.spec.versions[0]?.schema.openAPIV3Schema.properties;
  assert.ok(schema);
  const strict = schema.spec;
  schema.spec = { ...strict, properties: { replicas: integer, minReplicas: integer } };
  delete (schema.spec as { 'x-kubernetes-validations'?: unknown })['x-kubernetes-validations'];
  await registry.define(first);
  await registry.create(widgets, makeWidget('one', { spec: { replicas: 3, minReplicas: 1 } }));
  const current = (await registry.get(
    'customresourcedefinitions.apiextensions.k8s.io',
    widgets,
  )) as never as typeof first;
  const changed = structuredClone(current);
  const there = changed.spec.versions[0]?.schema.openAPIV3Schema.properties;
  assert.ok(there);
  there.spec = { type: 'object', properties: (strict as { properties: object }).properties };
  await registry.update('customresourcedefinitions.apiextensions.k8s.io', changed);
  await registry.settle();
  const target = registry.target(widgets, { name: 'one' });
  const merge = 'application/merge-patch+json';
  const { warnings } = await registry.registry.patch(target, merge, { spec: { minReplicas: 2 } }, {});
  assert.deepEqual(warnings, ['spec.replicas: Invalid value: 3: must be even']);
  const patch = registry.patch(widgets, 'one', { spec: { replicas: 5 } }, { type: 'merge' });
  assert.match((await rejection(patch, 'Invalid')).message, /must be even/);
  await registry.close();
});

test('a definition whose rules do not compile or cost too much is refused', async () => {
  const registry = await startCustomRegistry();
  const create = (rule: string) =>
    registry.create('customresourcedefinitions.apiextensions.k8s.io', definition({ rule }));
  const { message } = await rejection(create('self.nothing > 1'), 'Invalid');
  assert.match(
    message,
    /x-kubernetes-validations\[0\]\.rule: Invalid value: .*compilation failed: ERROR: <input>:1:5: undefined field 'nothing'/s,
  );
  await registry.close();
});
