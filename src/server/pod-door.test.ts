import assert from 'node:assert/strict';
import { request } from 'node:https';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, test } from 'node:test';
import { podDoor } from './pod-door.ts';
import { startTestServer } from './testing.ts';

const at = (address: string, internal = false): NetworkInterfaceInfo =>
  address.includes(':')
    ? { address, family: 'IPv6', scopeid: 0, internal, netmask: '', mac: '', cidr: null }
    : { address, family: 'IPv4', internal, netmask: '', mac: '', cidr: null };
const interfaces = () => ({
  lo: [at('127.0.0.1', true)],
  eth0: [at('192.0.2.7'), at('2001:db8::7')],
  eth1: [at('198.51.100.7')],
});

describe('the way of pods to an API on the loopback device', () => {
  const door = (host: string, ranges: readonly string[], family: 'IPv4' | 'IPv6' = 'IPv4') =>
    podDoor(host, ranges, family, interfaces);

  test('is at the address that the Service kubernetes leads to, and only where the API itself is not reached', () => {
    assert.equal(door('127.0.0.1', ['10.42.0.0/24'])?.host, '192.0.2.7');
    assert.equal(door('::1', ['fd00:42::/64'], 'IPv6')?.host, '2001:db8::7');
    assert.equal(door('0.0.0.0', ['10.42.0.0/24']), undefined);
    assert.equal(door('192.0.2.7', ['10.42.0.0/24']), undefined);
    assert.equal(door('127.0.0.1', []), undefined);
  });

  test('lets in pods and this machine, and nobody else', () => {
    const { admits } = door('127.0.0.1', ['10.42.3.0/24', 'fd00:42::/64']) ?? { admits: () => false };
    for (const address of ['10.42.3.9', '::ffff:10.42.3.9', 'fd00:42::9', '192.0.2.7', '198.51.100.7', '127.0.0.1'])
      assert.ok(admits(address), address);
    for (const address of ['10.42.4.9', '192.0.2.8', 'fd00:43::9', '::ffff:192.0.2.8', '']) assert.ok(!admits(address));
  });

  test('is open on the server’s port at that address, for those who are let in, as long as the server is', async () => {
    const podDoorOf = { host: '127.0.0.2', admits: (address: string) => address === '127.0.0.3' };
    const world = await startTestServer({ podDoor: () => podDoorOf });
    const { port } = world.server;
    const statusFor = (localAddress: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const options = { host: '127.0.0.2', port, path: '/healthz', localAddress, ca: world.authority.certificate };
        const asking = request({ ...options, servername: 'localhost', agent: false }, (response) => {
          response.resume();
          response.once('end', () => resolve(response.statusCode));
        });
        asking.once('error', reject).end();
      });
    assert.equal(await statusFor('127.0.0.3'), 200);
    await assert.rejects(statusFor('127.0.0.4'), { code: 'ECONNRESET' });
    await world.stop();
    await assert.rejects(statusFor('127.0.0.3'), { code: 'ECONNREFUSED' });
  });
});
