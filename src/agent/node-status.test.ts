import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../api/schema/types/core-v1.ts';
import { nodes } from '../client/resources.ts';
import { startTestApi } from '../client/testing.ts';
import { simulatedNodeFacts } from './node-facts.ts';
import { newNode, nodeStatus, withoutHeartbeats, wrongAnnotations, wrongLabels } from './node-status.ts';

const runtime = { name: 'simulated', version: '1.0.0', problem: '' };
const facts = simulatedNodeFacts('node-1', '192.0.2.1', {
  memoryBytes: 16 * 2 ** 30 + 1023,
  ephemeralStorageBytes: 3 * 2 ** 20 + 1024,
  extendedResources: { 'example.com/gpu': 2000 },
});

test('a status that the API has stored is found the same at the next look, so that an idle node writes nothing', async () => {
  const api = await startTestApi();
  const status = nodeStatus({}, { facts, runtime, images: [], nowMs: api.clock.now() });
  const taints = [{ key: 'a', effect: 'NoSchedule' as const }];
  const made = await api.client.create(nodes, { ...newNode('node-1', facts, '10.42.0.0/24', {}, taints), status });
  const known = made.status ?? {};
  const next = nodeStatus(known, { facts, runtime, images: [], nowMs: api.clock.now() + 60_000 });
  assert.deepEqual(withoutHeartbeats(next), withoutHeartbeats(known));
  assert.deepEqual(
    [known.capacity?.['memory'], known.capacity?.['ephemeral-storage'], known.capacity?.['example.com/gpu']],
    ['16Gi', '3073Ki', '2k'],
  );
  // Beside the one that every new node gets.
  assert.deepEqual(made.spec?.taints?.slice(0, 1), taints);
  await api.store.close();
});

test('images that are gone leave the status', () => {
  const image = { id: 'sha256:1', tags: ['app:1'], digests: [], sizeBytes: 1 };
  const report = { facts, runtime, nowMs: 0 };
  const before = nodeStatus({}, { ...report, images: [image] });
  assert.deepEqual(before.images, [{ names: ['app:1'], sizeBytes: 1 }]);
  assert.equal('images' in nodeStatus(before, { ...report, images: [] }), false);
});

test('a node’s own labels are missed where they are absent or others', () => {
  const node: Node = newNode('node-1', facts, undefined, {});
  assert.equal(wrongLabels(node, facts), undefined);
  const changed = { ...node, metadata: { labels: { ...node.metadata?.labels, 'kubernetes.io/os': 'plan9' } } };
  assert.deepEqual(wrongLabels(changed, facts), { 'kubernetes.io/os': 'linux' });
  assert.equal(wrongAnnotations(node, facts), undefined);
  assert.deepEqual(wrongAnnotations(changed, facts), {
    'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
  });
});

test('an annotation that comes and goes is missed, or in the way', () => {
  const node: Node = newNode('node-1', facts, undefined, {});
  assert.deepEqual(wrongAnnotations(node, facts, { own: 'x' }), { own: 'x' });
  assert.equal(wrongAnnotations(node, facts, { own: null }), undefined);
  const told = { ...node, metadata: { annotations: { ...node.metadata?.annotations, own: 'x' } } };
  assert.equal(wrongAnnotations(told, facts, { own: 'x' }), undefined);
  assert.deepEqual(wrongAnnotations(told, facts, { own: null }), { own: null });
  assert.equal(wrongAnnotations(told, facts), undefined, 'where it cannot be told now, it stays');
});

test('the largest images are told, so many as the node is asked for; in whatever order they are listed, the status is the same', () => {
  const images = [1, 3, 2, 3].map((sizeBytes, index) => ({
    id: `${index}`,
    tags: [`${index}:1`],
    digests: [],
    sizeBytes,
  }));
  const report = { facts, runtime, nowMs: 0 };
  const told = (imagesMax?: number, listed = images) =>
    nodeStatus({}, { ...report, images: listed, ...(imagesMax !== undefined && { imagesMax }) }).images?.map(
      ({ names }) => names?.[0],
    );
  assert.deepEqual(told(2), ['1:1', '3:1']);
  assert.deepEqual(told(2, images.toReversed()), ['1:1', '3:1']);
  assert.deepEqual(told(-1), ['1:1', '3:1', '2:1', '0:1']);
  const many = Array.from({ length: 60 }, (_, index) => ({ id: `${index}`, tags: ['x:1'], digests: [], sizeBytes: 1 }));
  assert.deepEqual([told(undefined, many)?.length, told(-1, many)?.length], [50, 60]);
});
