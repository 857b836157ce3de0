import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EndpointAddress, EndpointSubset, Pod } from '../../api/schema/types/core-v1.ts';
import { endpoints, namespaces, pods, services } from '../../client/resources.ts';
import { addPod, createService, makeService, startServiceWorld, tell } from '../endpoint-slice/testing.ts';
import { inDefault } from '../testing.ts';
import { decideEndpoints } from './decide.ts';
import { addressCountOf, type Reached, subsetsOf, truncated } from './subsets.ts';

const address = (ip: string): EndpointAddress => ({
  ip,
  targetRef: { kind: 'Pod', name: ip, namespace: 'default', uid: ip },
});

describe('subsets', () => {
  const port = (number: number) => ({ name: `p${number}`, port: number, protocol: 'TCP' as const });
  const at = (ip: string, number: number, ready = true): Reached => ({
    address: address(ip),
    port: port(number),
    ready,
  });

  test('addresses that share all ports stand together once, in a fixed order', () => {
    const reached = [at('10.0.0.2', 81), at('10.0.0.1', 80), at('10.0.0.2', 80), at('10.0.0.1', 81)];
    const expected = [{ addresses: [address('10.0.0.1'), address('10.0.0.2')], ports: [port(80), port(81)] }];
    assert.deepEqual(subsetsOf(reached), expected);
    assert.deepEqual(subsetsOf(reached.toReversed()), expected);
  });

  test('addresses with other ports stand apart, and what is not ready once is not ready', () => {
    assert.deepEqual(
      subsetsOf([at('10.0.0.1', 80), at('10.0.0.2', 81), at('10.0.0.3', 80), at('10.0.0.3', 80, false)]),
      [
        { addresses: [address('10.0.0.1')], notReadyAddresses: [address('10.0.0.3')], ports: [port(80)] },
        { addresses: [address('10.0.0.2')], ports: [port(81)] },
      ],
    );
  });

  test('more than a thousand addresses are cut in proportion, those that are not ready first', () => {
    const many = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, index) => address(`10.${prefix}.${index >> 8}.${index & 255}`));
    const countsOf = (subsets: readonly EndpointSubset[]) =>
      truncated(subsets).map(({ addresses = [], notReadyAddresses = [] }) => [
        addresses.length,
        notReadyAddresses.length,
      ]);
    const half = { addresses: many('1', 400), notReadyAddresses: many('2', 300) };
    assert.deepEqual(countsOf([half]), [[400, 300]]);
    assert.deepEqual(countsOf([half, { addresses: many('3', 400), notReadyAddresses: many('4', 300) }]), [
      [400, 100],
      [400, 100],
    ]);
    assert.deepEqual(countsOf([{ ...half, addresses: many('1', 1500) }, { addresses: many('3', 500) }]), [
      [750, 0],
      [250, 0],
    ]);
    assert.deepEqual(countsOf([{ addresses: many('1', 1100) }, { notReadyAddresses: many('2', 5) }]), [[1000, 0]]);
  });
});

test('a Service with more pods than Endpoints hold says so, and says it no more when they are fewer', () => {
  const makePods = (count: number): Pod[] =>
    Array.from({ length: count }, (_, index) => ({
      metadata: { ...inDefault(`pod-${index}`), uid: `${index}` },
      spec: { containers: [], nodeName: 'node' },
      status: { phase: 'Running', podIPs: [{ ip: `10.1.${index >> 8}.${index & 255}` }] },
    }));
  const service = makeService({ clusterIP: '10.43.0.9' });
  const annotation = 'endpoints.kubernetes.io/over-capacity';
  const full = decideEndpoints(service, makePods(1200), undefined, undefined);
  assert.equal(addressCountOf(full?.subsets ?? []), 1000);
  assert.equal(full?.metadata?.annotations?.[annotation], 'truncated');
  assert.equal(decideEndpoints(service, makePods(1200), full, undefined), undefined);
  const fewer = decideEndpoints(service, makePods(10), full, undefined);
  assert.equal(fewer?.metadata?.annotations?.[annotation], undefined);
  assert.equal(addressCountOf(fewer?.subsets ?? []), 10);
});

test('Endpoints follow the pods of their Service, ready and not', async () => {
  const world = await startServiceWorld();
  const ports = [
    { name: 'http', port: 80, targetPort: 'web' },
    { name: 'metrics', port: 9000, appProtocol: 'http' },
  ];
  await createService(world, { ports }, { labels: { team: 'a' } });
  await addPod(world, 'a');
  await addPod(world, 'bb', { ready: false });
  await world.clock.advance(2000);
  const uid = async (name: string) => (await world.get(pods, name))?.metadata?.uid;
  const made = await world.get(endpoints, 'web');
  assert.deepEqual(made?.metadata?.labels, { team: 'a', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
  const target = async (name: string) => ({ kind: 'Pod', namespace: 'default', name, uid: await uid(name) });
  assert.deepEqual(made?.subsets, [
    {
      addresses: [{ ip: '10.0.0.1', nodeName: 'node', targetRef: await target('a') }],
      notReadyAddresses: [{ ip: '10.0.0.2', nodeName: 'node', targetRef: await target('bb') }],
      ports: [
        { name: 'http', port: 8080, protocol: 'TCP' },
        { name: 'metrics', port: 9000, protocol: 'TCP', appProtocol: 'http' },
      ],
    },
  ]);

  await tell(world, 'bb', { ready: true });
  world.kubelet.endMs = 10_000;
  await world.client.delete(pods, inDefault('a'));
  await world.clock.advance(2000);
  const later = await world.get(endpoints, 'web');
  assert.deepEqual(
    later?.subsets?.map(({ addresses = [], notReadyAddresses = [] }) =>
      [addresses, notReadyAddresses].map((list) => list.map(({ ip }) => ip)),
    ),
    [[['10.0.0.2'], []]],
    'who is ending serves no more',
  );
  await world.clock.advance(20_000);
  assert.equal((await world.get(endpoints, 'web'))?.metadata?.resourceVersion, later?.metadata?.resourceVersion);
  await world.close();
});

test('Endpoints that were deleted come back; those that users made for no Service stay', async () => {
  const world = await startServiceWorld();
  await world.client.create(endpoints, { metadata: inDefault('own'), subsets: [{ addresses: [{ ip: '192.0.2.1' }] }] });
  await createService(world);
  await addPod(world, 'a');
  await world.clock.advance(2000);
  await world.client.delete(endpoints, inDefault('web'));
  await world.clock.advance(2000);
  assert.equal((await world.get(endpoints, 'web'))?.subsets?.length, 1);
  await world.client.delete(services, inDefault('web'));
  await world.clock.advance(2000);
  assert.deepEqual(
    (await world.list(endpoints)).map(({ metadata }) => metadata?.name),
    ['own'],
  );
  await world.close();
});

test('a namespace that ends gets no Endpoints, and nothing is tried for ever', async () => {
  const world = await startServiceWorld();
  await world.client.create(namespaces, { metadata: { name: 'going' } });
  const { spec } = makeService();
  await world.client.create(services, { metadata: { namespace: 'going', name: 'web' }, spec: spec ?? {} });
  await world.clock.advance(2000);
  assert.equal((await world.list(endpoints, 'going')).length, 1);
  await world.client.delete(namespaces, { namespace: '', name: 'going' });
  await world.clock.advance(60_000);
  assert.equal(await world.get(namespaces, 'going'), undefined);
  await world.close();
});
