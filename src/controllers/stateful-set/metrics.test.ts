import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statefulSets } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { inDefault, startWorld } from '../testing.ts';
import { makeSet, patchSet, setPods } from './testing.ts';

test('how many pods may be missing and how many are is told of each set, as long as there is one', async () => {
  const metrics = new MetricRegistry();
  const world = await startWorld({ metrics });
  const told = (name: string): readonly string[] =>
    metrics
      .text()
      .split('\n')
      .filter((line) => line.startsWith(`statefulset_controller_statefulset_${name}{`))
      .map((line) => line.replace(/^[^{]*/, ''));
  const labels = (policy: string) =>
    `{statefulset_namespace="default",statefulset_name="db",pod_management_policy="${policy}"}`;
  const updateStrategy = { rollingUpdate: { maxUnavailable: '50%' } };
  await world.client.create(statefulSets, makeSet({ replicas: 5, podManagementPolicy: 'Parallel', updateStrategy }));
  await world.clock.advance(100);
  assert.deepEqual(told('max_unavailable'), [`${labels('Parallel')} 2`]);
  assert.deepEqual(told('unavailable_replicas'), [`${labels('Parallel')} 5`]);
  await world.clock.advance(5000);
  assert.deepEqual(told('unavailable_replicas'), [`${labels('Parallel')} 0`]);
  const [pod] = await setPods(world);
  assert.ok(pod);
  await world.kubelet.setReady(pod, false);
  await world.clock.advance(100);
  assert.deepEqual(told('unavailable_replicas'), [`${labels('Parallel')} 1`]);
  await patchSet(world, { updateStrategy: { type: 'OnDelete', rollingUpdate: null } });
  await world.clock.advance(100);
  assert.deepEqual(told('max_unavailable'), []);
  await patchSet(world, { updateStrategy: { type: 'RollingUpdate' } });
  await world.clock.advance(100);
  assert.deepEqual(told('max_unavailable'), [`${labels('Parallel')} 1`]);
  await world.client.delete(statefulSets, inDefault('db'));
  await world.clock.advance(60_000);
  assert.deepEqual([...told('max_unavailable'), ...told('unavailable_replicas')], []);
  await world.close();
});
