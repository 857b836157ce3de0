import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timedOut } from '../../client/errors.ts';
import { intercept } from '../../client/intercept.ts';
import { pods, services } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { counted } from '../shared/testing.ts';
import { inDefault } from '../testing.ts';
import { addPod, createService, makeService, startServiceWorld } from './testing.ts';

test('counted are the writes of slices, what came and went, and what there is', async () => {
  const metrics = new MetricRegistry();
  const world = await startServiceWorld({ metrics });
  const of = (rest: string) => counted(metrics, `endpoint_slice_controller_${rest}`);
  for (let index = 0; index < 101; index++) await addPod(world, `pod-${index}`, { ip: `10.8.0.${index}` });
  await world.client.create(services, makeService());
  await world.clock.advance(5000);
  assert.deepEqual(of('changes'), { 'operation="create"': 2 });
  assert.deepEqual([of('endpoints_desired'), of('num_endpoint_slices')], [{ '': 101 }, { '': 2 }]);
  assert.deepEqual(of('desired_endpoint_slices'), { '': 2 });
  assert.deepEqual(of('endpoints_added_per_sync_sum'), { '': 101 });
  assert.deepEqual(of('endpoints_removed_per_sync_sum'), { '': 0 });

  await world.client.delete(pods, inDefault('pod-0'), { gracePeriodSeconds: 0 });
  await world.clock.advance(5000);
  assert.deepEqual(of('endpoints_removed_per_sync_sum'), { '': 1 });
  assert.deepEqual(of('endpoints_desired'), { '': 100 });
  assert.deepEqual(of('desired_endpoint_slices'), { '': 1 }, 'they would fit into one');
  assert.deepEqual(of('num_endpoint_slices'), { '': 2 }, 'but are not packed anew');
  const distribution = 'topology="Disabled",traffic_distribution=""';
  assert.deepEqual(of('endpointslices_changed_per_sync_sum'), { [distribution]: 3 });
  assert.deepEqual(Object.keys(of('syncs')), ['result="success"']);

  await world.client.delete(services, inDefault('web'));
  await world.clock.advance(5000);
  assert.deepEqual([of('endpoints_desired'), of('num_endpoint_slices')], [{ '': 0 }, { '': 0 }]);
  assert.deepEqual(of('desired_endpoint_slices'), { '': 0 });
  await world.close();
});

test('a Service without pods has one slice, and needs it', async () => {
  const metrics = new MetricRegistry();
  const world = await startServiceWorld({ metrics });
  const of = (rest: string) => counted(metrics, `endpoint_slice_controller_${rest}`);
  await createService(world);
  await world.clock.advance(1000);
  assert.deepEqual([of('num_endpoint_slices'), of('desired_endpoint_slices')], [{ '': 1 }, { '': 1 }]);
  await world.close();
});

test('Services are counted by the traffic distribution that holds for them', async () => {
  const metrics = new MetricRegistry();
  const world = await startServiceWorld({ metrics });
  const distributions = () => counted(metrics, 'endpoint_slice_controller_services_count_by_traffic_distribution');
  await createService(world, { trafficDistribution: 'PreferSameNode' });
  await createService(world, { trafficDistribution: 'PreferSameZone' }, { name: 'other' });
  await world.clock.advance(1000);
  assert.deepEqual(distributions(), {
    'traffic_distribution="PreferSameNode"': 1,
    'traffic_distribution="PreferSameZone"': 1,
  });
  const annotations = { 'service.kubernetes.io/topology-mode': 'Auto' };
  await world.client.patch(services, inDefault('web'), { type: 'merge', body: { metadata: { annotations } } });
  await world.clock.advance(1000);
  assert.deepEqual(distributions(), { 'traffic_distribution="PreferSameZone"': 1 });
  const changed = counted(metrics, 'endpoint_slice_controller_endpointslices_changed_per_sync_count');
  assert.ok('topology="Auto",traffic_distribution=""' in changed);
  await world.client.delete(services, inDefault('other'));
  await world.clock.advance(1000);
  assert.deepEqual(distributions(), {});
  await world.close();
});

test('looks that fail are counted as such', async () => {
  const metrics = new MetricRegistry();
  let refused = true;
  const world = await startServiceWorld({
    metrics,
    wrap: (client) =>
      intercept(client, {
        create: (real) => async (resource, object, options) => {
          if (refused && resource.resource === 'endpointslices') throw timedOut('nobody home');
          return real.create(resource, object, options);
        },
      }),
  });
  await createService(world);
  await world.clock.advance(100);
  refused = false;
  await world.clock.advance(60_000);
  const syncs = counted(metrics, 'endpoint_slice_controller_syncs');
  assert.ok((syncs['result="error"'] ?? 0) > 0);
  assert.ok((syncs['result="success"'] ?? 0) > 0);
  await world.close();
});
