import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointAddress, EndpointSubset, Endpoints } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { endpoints, events, services } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { createService, slicesOf, startServiceWorld } from '../endpoint-slice/testing.ts';
import { counted } from '../shared/testing.ts';
import { inDefault, type World } from '../testing.ts';
import { decideMirror } from './decide.ts';

const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];

const makeEndpoints = (subsets: readonly EndpointSubset[], metadata: Endpoints['metadata'] = {}): Endpoints => ({
  metadata: { ...inDefault('web'), ...metadata },
  subsets,
});

const shown = async (world: World): Promise<readonly string[]> =>
  (await slicesOf(world))
    .map(({ addressType, endpoints: list = [], ports: [port] = [] }) => {
      const texts = list.map(({ addresses, conditions }) => `${addresses.join()}${conditions?.ready ? '' : '!'}`);
      return `${addressType} ${port?.port} ${texts.toSorted().join(' ')}`;
    })
    .toSorted();

test('hand-made Endpoints are mirrored as they come, change and go', async () => {
  const world = await startServiceWorld();
  await createService(world, { selector: {} });
  const subsets = [
    { addresses: [{ ip: '10.1.2.3' }, { ip: '2001:db8::1' }], notReadyAddresses: [{ ip: '10.1.2.4' }], ports },
  ];
  const annotations = { note: 'kept', 'kubectl.kubernetes.io/last-applied-configuration': '{}' };
  await world.client.create(endpoints, makeEndpoints(subsets, { labels: { team: 'a' }, annotations }));
  await world.clock.advance(2000);
  assert.deepEqual(await shown(world), ['IPv4 80 10.1.2.3 10.1.2.4!', 'IPv6 80 2001:db8::1']);
  const [slice] = await slicesOf(world);
  assert.deepEqual(slice?.metadata?.labels, {
    team: 'a',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
  });
  assert.deepEqual(slice?.metadata?.annotations, { note: 'kept' });
  assert.equal(slice?.metadata?.ownerReferences?.[0]?.kind, 'Endpoints');

  const changed = [{ addresses: [{ ip: '10.2.3.4' }], ports: [{ ...ports[0], name: 'http', port: 90 }] }];
  await world.client.patch(endpoints, inDefault('web'), { type: 'merge', body: { subsets: changed } });
  await world.clock.advance(2000);
  assert.deepEqual(await shown(world), ['IPv4 90 10.2.3.4']);
  const names = (await slicesOf(world)).map(({ metadata }) => metadata?.name);
  await world.client.patch(endpoints, inDefault('web'), {
    type: 'merge',
    body: { metadata: { labels: { team: 'b' } } },
  });
  await world.clock.advance(2000);
  assert.deepEqual(
    (await slicesOf(world)).map(({ metadata }) => metadata?.labels?.['team']),
    ['b'],
  );
  assert.deepEqual(
    (await slicesOf(world)).map(({ metadata }) => metadata?.name),
    names,
  );

  await world.client.delete(endpoints, inDefault('web'));
  await world.clock.advance(2000);
  assert.deepEqual(await slicesOf(world), []);
  await world.close();
});

test('the mirror goes where it is not wanted, or where the Service finds its own pods', async () => {
  const world = await startServiceWorld();
  await createService(world, { selector: {} });
  await world.client.create(endpoints, makeEndpoints([{ addresses: [{ ip: '10.1.2.3' }], ports }]));
  await world.clock.advance(2000);
  const skip = (value: string | null) => ({
    metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': value } },
  });
  const patch = (body: object) => world.client.patch(endpoints, inDefault('web'), { type: 'merge', body });
  assert.equal((await shown(world)).length, 1);
  await patch(skip('true'));
  await world.clock.advance(2000);
  assert.deepEqual(await shown(world), []);
  await patch(skip(null));
  await world.clock.advance(2000);
  assert.equal((await shown(world)).length, 1);
  await patch({ metadata: { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } } });
  await world.clock.advance(2000);
  assert.deepEqual(await shown(world), []);
  await patch({ metadata: { annotations: { 'control-plane.alpha.kubernetes.io/leader': null } } });
  await world.clock.advance(2000);
  const body = { spec: { selector: { app: 'web' } } };
  await world.client.patch(services, inDefault('web'), { type: 'merge', body });
  await world.clock.advance(3000);
  const managers = (await slicesOf(world)).map(
    ({ metadata }) => metadata?.labels?.['endpointslice.kubernetes.io/managed-by'],
  );
  assert.deepEqual(managers, ['endpointslice-controller.k8s.io']);
  await world.close();
});

test('Endpoints without a Service have no mirror until there is one', async () => {
  const world = await startServiceWorld();
  await world.client.create(endpoints, makeEndpoints([{ addresses: [{ ip: '10.1.2.3' }], ports }]));
  await world.clock.advance(2000);
  assert.deepEqual(await shown(world), []);
  await createService(world, { selector: {} });
  await world.clock.advance(2000);
  assert.deepEqual(await shown(world), ['IPv4 80 10.1.2.3']);
  await world.client.delete(services, inDefault('web'));
  await world.clock.advance(3000);
  assert.deepEqual(await shown(world), []);
  await world.close();
});

test('addresses beyond a thousand, and those that are none, are left out and told', async () => {
  const addresses = Array.from({ length: 1001 }, (_, index) => ({ ip: `10.1.${index >> 8}.${index & 255}` }));
  const { create, warnings } = decideMirror(makeEndpoints([{ addresses, ports }]), []);
  assert.deepEqual(
    create.map((slice) => slice.endpoints?.length),
    [1000],
  );
  const most =
    'A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 1 addresses were skipped';
  assert.deepEqual(warnings, [{ reason: 'TooManyAddressesToMirror', message: most }]);
  const odd = decideMirror(makeEndpoints([{ addresses: [{ ip: 'ten' }, { ip: '010.001.0.1' }], ports }]), []);
  assert.deepEqual(
    odd.create.map((slice) => slice.endpoints?.map((each) => each.addresses)),
    [[['10.1.0.1']]],
  );
  const invalid = 'Skipped 1 invalid IP addresses when mirroring to EndpointSlices';
  assert.deepEqual(odd.warnings, [{ reason: 'InvalidIPAddress', message: invalid }]);

  const world = await startServiceWorld();
  await createService(world, { selector: {} });
  await world.client.create(endpoints, makeEndpoints([{ addresses, ports }]));
  await world.clock.advance(2000);
  const said = (await world.list(events)).find(({ reason }) => reason === 'TooManyAddressesToMirror');
  assert.deepEqual([said?.involvedObject.kind, said?.message], ['Endpoints', most]);
  await world.close();
});

test('a mirror follows what an address refers to, also where only the kind or the part of it changes', () => {
  const at = (targetRef: NonNullable<EndpointAddress['targetRef']>) =>
    makeEndpoints([{ addresses: [{ ip: '10.1.2.3', targetRef }], ports }]);
  const target = { kind: 'Machine', namespace: 'default', name: 'a', uid: '1', apiVersion: 'example.com/v1' };
  const [fresh] = decideMirror(at(target), []).create;
  const standing = { ...fresh, metadata: { ...fresh?.metadata, name: 'web-1' } } as EndpointSlice;
  const changes = (changed: object) => decideMirror(at({ ...target, ...changed }), [standing]).update.length;
  assert.equal(changes({}), 0);
  assert.equal(changes({ resourceVersion: '17' }), 0);
  assert.equal(changes({ kind: 'Robot' }), 1);
  assert.equal(changes({ apiVersion: 'example.com/v2' }), 1);
  assert.equal(changes({ fieldPath: 'spec.arms[0]' }), 1);
});

test('counted are mirrored endpoints, skipped addresses, and writes of slices', async () => {
  const metrics = new MetricRegistry();
  const world = await startServiceWorld({ metrics });
  const of = (rest: string) => counted(metrics, `endpoint_slice_mirroring_controller_${rest}`)[''];
  await createService(world, { selector: {} });
  const notReadyAddresses = [{ ip: '10.1.2.4' }];
  await world.client.create(endpoints, makeEndpoints([{ addresses: [{ ip: '10.1.2.3' }], notReadyAddresses, ports }]));
  await world.clock.advance(2000);
  assert.deepEqual([of('endpoints_desired'), of('num_endpoint_slices'), of('desired_endpoint_slices')], [2, 1, 1]);
  assert.deepEqual([of('endpoints_added_per_sync_sum'), of('endpoints_updated_per_sync_sum')], [2, 0]);
  const addresses = [{ ip: '10.1.2.4' }, { ip: '10.1.2.5' }];
  const body = { subsets: [{ addresses, ports }] };
  await world.client.patch(endpoints, inDefault('web'), { type: 'merge', body });
  await world.clock.advance(2000);
  assert.deepEqual(
    ['added', 'updated', 'removed'].map((verb) => of(`endpoints_${verb}_per_sync_sum`)),
    [3, 1, 1],
  );
  const changes = counted(metrics, 'endpoint_slice_mirroring_controller_changes');
  assert.deepEqual(changes, { 'operation="create"': 1, 'operation="update"': 1 });
  assert.ok((of('endpoints_sync_duration_count') ?? 0) > 0);
  await world.client.delete(endpoints, inDefault('web'));
  await world.clock.advance(2000);
  assert.deepEqual([of('endpoints_desired'), of('num_endpoint_slices')], [0, 0]);
  await world.close();

  const many = Array.from({ length: 1003 }, (_, index) => ({ ip: `10.1.${index >> 8}.${index & 255}` }));
  const { counts } = decideMirror(makeEndpoints([{ addresses: [...many, { ip: 'ten' }], ports }]), []);
  assert.deepEqual([counts.skipped, counts.endpoints, counts.added], [4, 1000, 1000]);
});
