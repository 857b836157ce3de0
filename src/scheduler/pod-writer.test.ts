import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Binding, Pod } from '../api/schema/types/core-v1.ts';
import { pods } from '../client/resources.ts';
import { startTestApi } from '../client/testing.ts';
import { PodWriter } from './pod-writer.ts';

const web = { namespace: 'default', name: 'web' };

async function world() {
  const api = await startTestApi();
  const spec = { containers: [{ name: 'c', image: 'x' }] };
  const pod = await api.client.create(pods, { metadata: web, spec });
  return { ...api, pod, writer: new PodWriter(api) };
}

const conditionOf = (pod: Pod) => pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.status;

test('what is decided on an old version is told to the newer one, as long as the pod waits', async () => {
  const { client, pod, writer, store } = await world();
  await client.patch(pods, web, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
  await writer.tellUnscheduled(pod, { reason: 'Unschedulable', message: 'no room', nominated: 'node' });
  const told = await client.get(pods, web);
  assert.deepEqual([conditionOf(told), told.status?.nominatedNodeName], ['False', 'node']);
  await store.close();
});

test('a pod that was bound meanwhile hears nothing of its wait', async () => {
  const { client, pod, writer, store } = await world();
  const body: Binding = { metadata: web, target: { kind: 'Node', name: 'node' } };
  await client.createSubresource(pods, web, 'binding', body);
  await writer.tellUnscheduled(pod, { reason: 'Unschedulable', message: 'no room', nominated: 'other' });
  const bound = await client.get(pods, web);
  assert.deepEqual([conditionOf(bound), bound.status?.nominatedNodeName], ['True', undefined]);
  await store.close();
});
