/** What is peculiar to writes of PriorityClasses and RuntimeClasses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRegistry } from '../testing.ts';

test('the generation of a PriorityClass stays at one', async () => {
  const cluster = await startRegistry();
  const classes = 'priorityclasses.scheduling.k8s.io';
  const body = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'p' }, value: 1 };
  const created = await cluster.create(classes, body);
  assert.equal(created.metadata.generation, 1);
  const changed = await cluster.patch(classes, 'p', { description: 'other' });
  assert.equal(changed.metadata.generation, 1);
  assert.notEqual(changed.metadata.resourceVersion, created.metadata.resourceVersion);
});

test('a PUT makes a RuntimeClass, and its author is told of labels of old', async () => {
  const cluster = await startRegistry();
  const resource = 'runtimeclasses.node.k8s.io';
  const scheduling = { nodeSelector: { 'beta.kubernetes.io/os': 'linux', mine: 'yes' } };
  const body = {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: 'r' },
    handler: 'h',
    scheduling,
  };
  const target = cluster.target(resource, { name: 'r' });
  const { created, warnings } = await cluster.registry.update(target, body, {});
  assert.equal(created, true);
  assert.deepEqual(warnings, ['scheduling.nodeSelector: deprecated since v1.14; use "kubernetes.io/os" instead']);
});
