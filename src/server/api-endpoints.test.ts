import assert from 'node:assert/strict';
import type { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { endpointSlices, endpoints } from '../client/resources.ts';
import { startTestApi } from '../client/testing.ts';
import { ApiEndpoints, advertisedAddress } from './api-endpoints.ts';

test('the API says where it is reached, and puts right what others change', async () => {
  const { client, clock, log, store } = await startTestApi();
  let port = 6443;
  const service = new ApiEndpoints({ client, clock, log, address: () => '192.0.2.1', port: () => port });
  await service.start();
  await clock.advance(0);
  const place = { namespace: 'default', name: 'kubernetes' };
  const read = async () => {
    const [old, slice] = [await client.get(endpoints, place), await client.get(endpointSlices, place)];
    return { subsets: old.subsets, endpoints: slice.endpoints, ports: slice.ports };
  };
  const ports = [{ name: 'https', port: 6443, protocol: 'TCP' }];
  const expected = {
    subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports }],
    endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }],
    ports,
  };
  assert.deepEqual(await read(), expected);
  assert.equal(
    (await client.get(endpointSlices, place)).metadata?.labels?.['kubernetes.io/service-name'],
    'kubernetes',
  );
  const { resourceVersion } = (await client.get(endpoints, place)).metadata ?? {};
  await clock.advance(60_000);
  assert.equal((await client.get(endpoints, place)).metadata?.resourceVersion, resourceVersion, 'written once');

  await client.delete(endpointSlices, place);
  await client.patch(endpoints, place, { type: 'merge', body: { subsets: null } });
  await clock.advance(10_000);
  assert.deepEqual(await read(), expected);
  port = 7443;
  await clock.advance(10_000);
  assert.equal((await read()).ports?.[0]?.port, 7443);
  await service.close();
  await store.close();
});

test('a server that is reached by the other family now says so', async () => {
  const { client, clock, log, store } = await startTestApi();
  const place = { namespace: 'default', name: 'kubernetes' };
  for (const [address, family] of [['192.0.2.1', 'IPv4'] as const, ['2001:db8::1', 'IPv6'] as const]) {
    const service = new ApiEndpoints({ client, clock, log, address: () => address, port: () => 6443 });
    await service.start();
    await clock.advance(0);
    const slice = await client.get(endpointSlices, place);
    assert.deepEqual([slice.addressType, slice.endpoints?.[0]?.addresses], [family, [address]]);
    assert.deepEqual((await client.get(endpoints, place)).subsets?.[0]?.addresses, [{ ip: address }]);
    await service.close();
  }
  await store.close();
});

test('an address that nobody else can reach is not told', () => {
  assert.equal(advertisedAddress('192.0.2.7'), '192.0.2.7');
  for (const host of ['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost']) {
    assert.notEqual(advertisedAddress(host), host);
  }
});

test('the address is of the family that the Service has, and one that others reach', () => {
  const at = (address: string, family: 'IPv4' | 'IPv6', internal = false) =>
    ({
      address,
      family,
      internal,
      netmask: '',
      mac: '',
      cidr: null,
      ...(family === 'IPv6' && { scopeid: 0 }),
    }) as const;
  const interfaces = {
    lo: [at('127.0.0.1', 'IPv4', true), at('::1', 'IPv6', true)],
    eth0: [at('fe80::7', 'IPv6'), at('192.0.2.7', 'IPv4'), at('2001:db8::7', 'IPv6')],
  } as unknown as ReturnType<typeof networkInterfaces>;
  assert.equal(advertisedAddress('127.0.0.1', 'IPv6', interfaces), '2001:db8::7');
  assert.equal(advertisedAddress('192.0.2.7', 'IPv6', interfaces), '2001:db8::7');
  assert.equal(advertisedAddress('2001:db8::9', 'IPv6', interfaces), '2001:db8::9');
  assert.equal(advertisedAddress('::', 'IPv4', interfaces), '192.0.2.7');
});
