import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timedOut } from '../../client/errors.ts';
import { intercept } from '../../client/intercept.ts';
import { endpointSlices, endpoints, events, nodes, pods, services } from '../../client/resources.ts';
import { addNode, inDefault } from '../testing.ts';
import {
  addPod,
  createService,
  endpointTexts,
  labels,
  makeService,
  slicesOf,
  startServiceWorld,
  tell,
} from './testing.ts';

test('a Service has a slice from the start, and Endpoints, and both go with it', async () => {
  const world = await startServiceWorld();
  await createService(world, {}, { labels: { team: 'a' } });
  await world.clock.advance(1000);
  const [slice, ...others] = await slicesOf(world);
  assert.equal(others.length, 0);
  assert.match(slice?.metadata?.name ?? '', /^web-/);
  assert.deepEqual(slice?.metadata?.labels, {
    team: 'a',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  });
  const { uid } = (await world.get(services, 'web'))?.metadata ?? {};
  assert.deepEqual(slice?.metadata?.ownerReferences, [
    { apiVersion: 'v1', kind: 'Service', name: 'web', uid, controller: true, blockOwnerDeletion: true },
  ]);
  assert.deepEqual([slice?.addressType, slice?.endpoints ?? [], slice?.ports ?? []], ['IPv4', [], []]);
  assert.equal((await world.get(endpoints, 'web'))?.subsets, undefined);

  await world.client.delete(services, inDefault('web'));
  await world.clock.advance(5000);
  assert.deepEqual(await slicesOf(world), []);
  assert.equal(await world.get(endpoints, 'web'), undefined);
  await world.close();
});

test('pods come in with address, node, zone and ports, and their readiness follows them to the end', async () => {
  const world = await startServiceWorld();
  const zone = { 'topology.kubernetes.io/zone': 'north' };
  await world.client.patch(
    nodes,
    { namespace: '', name: 'node' },
    { type: 'merge', body: { metadata: { labels: zone } } },
  );
  await createService(world, {
    ports: [
      { name: 'http', port: 80, targetPort: 'web' },
      { name: 'none', port: 81, targetPort: 'no' },
    ],
  });
  await world.clock.advance(1000);
  const [before] = await slicesOf(world);
  await addPod(world, 'a', { ready: false });
  await addPod(world, 'bb');
  await addPod(world, 'ccc', { phase: 'Succeeded' });
  await world.client.create(pods, {
    metadata: { ...inDefault('dddd'), labels },
    spec: { nodeName: 'node', containers: [{ name: 'c', image: 'i' }] },
  });
  await world.clock.advance(3000);
  const [slice, ...others] = await slicesOf(world);
  assert.equal(others.length, 0);
  assert.equal(slice?.metadata?.name, before?.metadata?.name, 'the empty slice was filled');
  assert.deepEqual(slice?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  const uid = (await world.get(pods, 'bb'))?.metadata?.uid;
  assert.deepEqual(
    slice?.endpoints?.find(({ targetRef }) => targetRef?.name === 'bb'),
    {
      addresses: ['10.0.0.2'],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: 'Pod', namespace: 'default', name: 'bb', uid },
      nodeName: 'node',
      zone: 'north',
    },
  );
  assert.deepEqual(await endpointTexts(world), ['a', 'bb ready serving']);

  await tell(world, 'a', { ready: true });
  world.kubelet.endMs = 10_000;
  await world.client.delete(pods, inDefault('bb'));
  await world.clock.advance(3000);
  assert.deepEqual(await endpointTexts(world), ['a ready serving', 'bb serving terminating']);
  await world.clock.advance(10_000);
  assert.deepEqual(await endpointTexts(world), ['a ready serving']);
  await world.client.patch(pods, inDefault('a'), { type: 'merge', body: { metadata: { labels: { app: 'other' } } } });
  await world.clock.advance(3000);
  assert.deepEqual(await endpointTexts(world), []);
  assert.equal((await slicesOf(world)).length, 1, 'an empty one stays');
  await world.close();
});

test('publishNotReadyAddresses makes all ready, and a headless Service says so and names its pods', async () => {
  const world = await startServiceWorld();
  await createService(world, { clusterIP: 'None', ports: [], publishNotReadyAddresses: true });
  await addPod(world, 'a', { ready: false }, { hostname: 'first', subdomain: 'web' });
  await world.clock.advance(3000);
  const [slice] = await slicesOf(world);
  assert.deepEqual(await endpointTexts(world), ['a ready']);
  assert.equal(slice?.endpoints?.[0]?.hostname, 'first');
  assert.equal(slice?.metadata?.labels?.['service.kubernetes.io/headless'], '');
  assert.deepEqual(slice?.ports ?? [], []);
  const old = await world.get(endpoints, 'web');
  assert.equal(old?.metadata?.labels?.['service.kubernetes.io/headless'], '');
  assert.deepEqual(
    old?.subsets?.[0]?.addresses?.map(({ ip, hostname }) => [ip, hostname]),
    [['10.0.0.1', 'first']],
  );
  assert.equal(old?.subsets?.[0]?.ports, undefined);
  await world.close();
});

test('Services without a selector, and those of type ExternalName, are left alone', async () => {
  const world = await startServiceWorld();
  await createService(world, { selector: {} });
  await createService(world, { type: 'ExternalName', externalName: 'example.org' }, { name: 'outside' });
  await addPod(world, 'a');
  await world.clock.advance(5000);
  assert.deepEqual(await world.list(endpointSlices), []);
  assert.deepEqual(await world.list(endpoints), []);
  await world.close();
});

test('what others change in a slice or delete is put right, and slices of others stay', async () => {
  const world = await startServiceWorld();
  await createService(world);
  await addPod(world, 'a');
  const own = { metadata: { ...inDefault('own'), labels: { 'kubernetes.io/service-name': 'web' } } };
  await world.client.create(endpointSlices, { ...own, addressType: 'IPv4', endpoints: [] });
  await world.clock.advance(3000);
  const name = (await slicesOf(world)).find((slice) => slice.metadata?.name !== 'own')?.metadata?.name ?? '';
  await world.client.patch(endpointSlices, inDefault(name), { type: 'merge', body: { endpoints: [] } });
  await world.clock.advance(3000);
  assert.deepEqual(await endpointTexts(world), ['a ready serving']);
  await world.client.delete(endpointSlices, inDefault(name));
  await world.clock.advance(3000);
  assert.deepEqual(await endpointTexts(world), ['a ready serving']);
  assert.ok(await world.get(endpointSlices, 'own'));
  await world.client.patch(services, inDefault('web'), {
    type: 'merge',
    body: { metadata: { labels: { new: 'yes' } } },
  });
  await world.clock.advance(3000);
  const slices = await slicesOf(world);
  assert.deepEqual(slices.map(({ metadata }) => metadata?.labels?.['new']).toSorted(), ['yes', undefined]);
  assert.equal((await world.get(endpoints, 'web'))?.metadata?.labels?.['new'], 'yes');
  await world.close();
});

test('the trigger time tells when the pod became ready', async () => {
  const world = await startServiceWorld();
  await createService(world);
  await world.clock.advance(10_000);
  await addPod(world, 'a');
  await world.clock.advance(3000);
  const condition = (await world.get(pods, 'a'))?.status?.conditions?.find(({ type }) => type === 'Ready');
  const annotation = 'endpoints.kubernetes.io/last-change-trigger-time';
  for (const object of [(await slicesOf(world))[0], await world.get(endpoints, 'web')]) {
    assert.equal(object?.metadata?.annotations?.[annotation], condition?.lastTransitionTime);
  }
  await world.close();
});

test('traffic distribution and the topology annotation hint endpoints, and hints go with the wish', async () => {
  const world = await startServiceWorld();
  const label = (zone: string) =>
    ({ type: 'merge', body: { metadata: { labels: { 'topology.kubernetes.io/zone': zone } } } }) as const;
  await addNode(world.client, 'other');
  await world.client.patch(nodes, { namespace: '', name: 'node' }, label('north'));
  await world.client.patch(nodes, { namespace: '', name: 'other' }, label('south'));
  await createService(world, { trafficDistribution: 'PreferSameNode' });
  await addPod(world, 'a');
  await addPod(world, 'bb', {}, { nodeName: 'other' });
  await addPod(world, 'ccc', {}, { nodeName: 'other' });
  await addPod(world, 'dddd', { ready: false }, { nodeName: 'other' });
  await addPod(world, 'eeeee', {}, { nodeName: 'other' });
  const hints = async () => {
    await world.clock.advance(3000);
    const all = (await slicesOf(world)).flatMap((slice) => slice.endpoints ?? []);
    return all
      .map(({ targetRef, hints: { forZones = [], forNodes = [] } = {} }) =>
        [targetRef?.name, ...[...forZones, ...forNodes].map(({ name }) => name)].join(' '),
      )
      .toSorted();
  };
  const patch = (body: object) => world.client.patch(services, inDefault('web'), { type: 'merge', body });
  assert.deepEqual(await hints(), ['a north node', 'bb south other', 'ccc south other', 'dddd', 'eeeee south other']);
  await patch({ spec: { trafficDistribution: 'PreferClose' } });
  assert.deepEqual(await hints(), ['a north', 'bb south', 'ccc south', 'dddd', 'eeeee south']);
  await patch({ spec: { trafficDistribution: null } });
  assert.deepEqual(await hints(), ['a', 'bb', 'ccc', 'dddd', 'eeeee']);
  // Two equal zones want two endpoints each: one of the south's works for the north.
  await patch({ metadata: { annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } } });
  const shared = await hints();
  assert.equal(shared.filter((text) => text.endsWith(' north')).length, 2);
  assert.equal(shared.filter((text) => text.endsWith(' south')).length, 2);
  await patch({ metadata: { annotations: { 'service.kubernetes.io/topology-mode': null } } });
  assert.deepEqual(await hints(), ['a', 'bb', 'ccc', 'dddd', 'eeeee']);
  await world.client.delete(nodes, { namespace: '', name: 'other' });
  const said = (await world.list(events)).map(({ reason, message }) => `${reason}: ${message}`);
  for (const text of [
    'TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4',
    'TopologyAwareHintsDisabled: Topology Aware Hints has been disabled, addressType: IPv4',
  ]) {
    assert.ok(said.includes(text), `${text} in ${said.join('; ')}`);
  }
  await world.close();
});

test('a pod on a node that nobody knows holds up no other, and comes in with its node', async () => {
  const world = await startServiceWorld();
  await createService(world);
  await addPod(world, 'a');
  await addPod(world, 'bb', {}, { nodeName: 'later' });
  await world.clock.advance(2000);
  assert.deepEqual(await endpointTexts(world), ['a ready serving']);
  await addNode(world.client, 'later');
  await world.clock.advance(10_000);
  assert.deepEqual(await endpointTexts(world), ['a ready serving', 'bb ready serving']);
  await world.close();
});

test('answers that get lost make no endpoint appear twice for good', async () => {
  let lost = 3;
  const world = await startServiceWorld({
    wrap: (client) =>
      intercept(client, {
        create: (real) => async (resource, object, options) => {
          const created = await real.create(resource, object, options);
          if (resource.resource === 'endpointslices' && lost-- > 0) throw timedOut('the answer got lost');
          return created;
        },
      }),
  });
  await addPod(world, 'a');
  await world.client.create(services, makeService());
  await world.clock.advance(60_000);
  assert.deepEqual(await endpointTexts(world), ['a ready serving']);
  assert.equal((await slicesOf(world)).length, 1);
  await world.close();
});

test('a cache that lags places no endpoint twice', async () => {
  let made = 0;
  // Watch events of slices arrive two seconds late; everything else is at once.
  const world = await startServiceWorld({
    wrap: (client) =>
      intercept(client, {
        create: (real) => (resource, object, options) => {
          if (resource.resource === 'endpointslices') made++;
          return real.create(resource, object, options);
        },
        watch: (real) => (resource, query, handler) =>
          real.watch(resource, query, {
            event: (event) => {
              if (resource.resource !== 'endpointslices') handler.event(event);
              else void world.clock.sleep(2000).then(() => handler.event(event));
            },
            end: (error) => handler.end(error),
          }),
      }),
  });
  await addPod(world, 'a');
  await createService(world);
  await world.clock.advance(500);
  await addPod(world, 'bb');
  await world.clock.advance(1000);
  assert.deepEqual([made, await endpointTexts(world)], [1, ['a ready serving']]);
  await world.clock.advance(10_000);
  assert.deepEqual([made, await endpointTexts(world)], [1, ['a ready serving', 'bb ready serving']]);
  await world.close();
});

test('creating that is refused is told on the Service, and comes through when it works again', async () => {
  let refused = true;
  const world = await startServiceWorld({
    wrap: (client) =>
      intercept(client, {
        create: (real) => async (resource, object, options) => {
          if (refused && resource.resource === 'endpointslices') throw timedOut('nobody home');
          return real.create(resource, object, options);
        },
      }),
  });
  await createService(world);
  await world.clock.advance(2000);
  const said = (await world.list(events)).find(({ reason }) => reason === 'FailedToUpdateEndpointSlices');
  const failed = 'failed to create EndpointSlice for Service default/web: nobody home';
  assert.equal(said?.message, `Error updating Endpoint Slices for Service default/web: ${failed}`);
  refused = false;
  await world.clock.advance(60_000);
  assert.equal((await slicesOf(world)).length, 1);
  await world.close();
});
