/** Where the addresses of Services come from, who holds them, and what becomes of them. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Service } from '../api/schema/types/core-v1.ts';
import type { IPAddress, ServiceCIDR } from '../api/schema/types/networking-v1.ts';
import { AddressRange } from './service-ranges.ts';
import { make, rejection, startRegistry, type TestRegistry } from './testing.ts';

const addressesKind = 'ipaddresses.networking.k8s.io';
const cidrsKind = 'servicecidrs.networking.k8s.io';

describe('a range', () => {
  const rows: readonly (readonly [cidr: string, first: string, firstChosen: number, last: string, beyond?: string])[] =
    [
      ['10.43.0.0/16', '10.43.0.1', 257, '10.43.255.254', '10.43.255.255'],
      ['10.0.0.0/20', '10.0.0.1', 257, '10.0.15.254', '10.0.15.255'],
      ['10.0.0.0/24', '10.0.0.1', 17, '10.0.0.254', '10.0.0.255'],
      ['10.0.0.0/27', '10.0.0.1', 17, '10.0.0.30', '10.0.0.31'],
      ['10.0.0.16/28', '10.0.0.17', 1, '10.0.0.30', '10.0.0.31'],
      ['fd00:43::/64', 'fd00:43::1', 257, 'fd00:43::ffff:ffff:ffff:ffff', 'fd00:43:0:1::'],
      ['fd00:43::/108', 'fd00:43::1', 257, 'fd00:43::f:ffff', 'fd00:43::10:0'],
      ['fd00:43::10/124', 'fd00:43::11', 1, 'fd00:43::1f', 'fd00:43::20'],
    ];
  for (const [cidr, first, firstChosen, last, beyond = ''] of rows) {
    test(`${cidr} gives from its ${firstChosen}th address on, and from ${first} to ${last} to those who ask`, () => {
      const range = new AddressRange(cidr);
      assert.equal(range.firstChosen, firstChosen);
      assert.deepEqual(
        [first, last, range.addressAt(0), beyond].map((address) => range.has(address)),
        [true, true, false, false],
      );
      assert.equal(range.addressAt(1), first);
      assert.equal(range.has('fd00::1') || range.has('192.0.2.1'), false);
    });
  }
});

describe('the addresses of Services', () => {
  let cluster: TestRegistry;
  afterEach(async () => cluster.store.close());

  /** Not those of the cluster's own DNS. */
  const book = async (): Promise<readonly IPAddress[]> => {
    const all = (await cluster.list(addressesKind)).objects as readonly IPAddress[];
    return all.filter(({ spec }) => spec.parentRef.namespace !== 'kube-system');
  };
  const held = async (): Promise<string[]> =>
    (await book()).map(({ metadata, spec }) => {
      const { group = '', resource, namespace, name } = spec?.parentRef ?? {};
      return `${metadata?.name} ${group}${resource} ${namespace}/${name}`;
    });
  const create = async (name: string, spec: object): Promise<Service> =>
    (await cluster.create('services', make.service({ spec }, name))) as unknown as Service;
  const api = '10.43.0.1 services default/kubernetes';

  test('are objects, made with the Service and gone with it', async () => {
    cluster = await startRegistry();
    await create('web', { clusterIP: '10.43.0.30' });
    await create('headless', { clusterIP: 'None' });
    await create('named', { type: 'ExternalName', externalName: 'a.example' });
    assert.deepEqual(await held(), [api, '10.43.0.30 services default/web']);
    const address = (await book())[1];
    assert.deepEqual(
      { ...address?.metadata?.labels },
      { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' },
    );
    await cluster.registry.delete(cluster.target('services', { name: 'web' }), {});
    assert.deepEqual(await held(), [api]);
    await create('again', { clusterIP: '10.43.0.30' });
  });

  test('are not made by a dry run, nor where the Service is refused', async () => {
    cluster = await startRegistry();
    await cluster.create('services', make.service({ spec: { clusterIP: '10.43.0.30' } }, 'dry'), { dryRun: true });
    await create('web', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_001 }] });
    await rejection(create('web', { clusterIP: '10.43.0.11' }), 'AlreadyExists');
    await rejection(
      create('b', { clusterIP: '10.43.0.12', type: 'NodePort', ports: [{ port: 80, nodePort: 30_001 }] }),
      'Invalid',
    );
    assert.equal((await held()).length, 2);
  });

  test('follow the type: given up for a name outside, given anew after it', async () => {
    cluster = await startRegistry();
    const made = await create('web', { clusterIP: '10.43.0.30' });
    const change = (service: object, spec: object) =>
      cluster.update('services', { ...service, spec: { ...(service as unknown as Service).spec, ...spec } });
    const named = await change(made, { type: 'ExternalName', externalName: 'a.example' });
    assert.deepEqual(await held(), [api]);
    const back = (await change(named, { type: 'ClusterIP', externalName: undefined })) as unknown as Service;
    assert.deepEqual((await held()).sort(), [api, `${back.spec?.clusterIP} services default/web`].sort());
    await change(back, { type: 'LoadBalancer' });
    assert.equal((await held()).length, 2);
  });

  test('are taken where anybody has an IPAddress of that name', async () => {
    cluster = await startRegistry();
    const parentRef = { group: 'example.com', resource: 'gateways', namespace: 'default', name: 'g' };
    const metadata = { name: '10.43.0.30' };
    await cluster.create(addressesKind, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata,
      spec: { parentRef },
    });
    const { details } = await rejection(create('web', { clusterIP: '10.43.0.30' }), 'Invalid');
    const [cause] = details?.causes ?? [];
    assert.match(cause?.message ?? '', /failed to allocate IP 10\.43\.0\.30: provided IP is already allocated$/);
    await create('other', { clusterIP: '10.43.0.11' });
    await cluster.registry.delete(cluster.target('services', { name: 'other' }), {});
    assert.equal((await held()).length, 2);
  });

  test('come from other ranges that are ready, when the first is full or when they are asked for', async () => {
    cluster = await startRegistry();
    const metadata = { name: 'more' };
    const spec = { cidrs: ['10.96.0.0/24'] };
    await cluster.create(cidrsKind, { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata, spec });
    const judge = async (ready: 'True' | 'False'): Promise<void> => {
      const seen = {
        type: 'Ready',
        status: ready,
        reason: 'x',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      };
      const status = { conditions: [seen] };
      await cluster.patch(cidrsKind, 'more', { status }, { type: 'merge', subresource: 'status' });
    };
    await create('early', { clusterIP: '10.96.0.4' });
    await judge('False');
    await rejection(create('not', { clusterIP: '10.96.0.5' }), 'Invalid');
    await judge('True');
    assert.equal((await create('web', { clusterIP: '10.96.0.5' })).spec?.clusterIP, '10.96.0.5');
    await rejection(create('network', { clusterIP: '10.96.0.0' }), 'Invalid');
    await rejection(create('broadcast', { clusterIP: '10.96.0.255' }), 'Invalid');
    assert.match((await create('any', {})).spec?.clusterIP ?? '', /^10\.43\./);
  });

  test('are put right after a crash: the missing come back, and those of nobody go', async () => {
    cluster = await startRegistry();
    await create('web', { clusterIP: '10.43.0.30' });
    await create('gone', { clusterIP: '10.43.0.11' });
    await cluster.registry.delete(cluster.target(addressesKind, { name: '10.43.0.30' }), {});
    const key = { collection: 'services', namespace: 'default', name: 'gone' };
    const expectedRevision = cluster.store.get(key)?.revision ?? 0;
    await cluster.store.write({ kind: 'delete', key, expectedRevision });
    assert.deepEqual(await held(), [api, '10.43.0.11 services default/gone']);
    await cluster.registry.putRight();
    assert.deepEqual(await held(), [api, '10.43.0.30 services default/web']);
    await cluster.registry.delete(cluster.target(addressesKind, { name: '10.43.0.30' }), {});
    await cluster.clock.advance(0);
    assert.deepEqual(await held(), [api, '10.43.0.30 services default/web']);
    await cluster.registry.delete(cluster.target('services', { name: 'web' }), {});
    await cluster.clock.advance(0);
    assert.deepEqual(await held(), [api]);
  });

  test('show the cluster’s own range', async () => {
    cluster = await startRegistry();
    const [cidr] = (await cluster.list(cidrsKind)).objects as readonly ServiceCIDR[];
    assert.deepEqual([cidr?.metadata?.name, cidr?.spec?.cidrs], ['kubernetes', ['10.43.0.0/16']]);
  });
});
