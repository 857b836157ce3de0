import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { localHost, servedAddresses } from './serving-names.ts';

const at = (address: string, internal = false): NetworkInterfaceInfo => ({
  address,
  internal,
  family: 'IPv4',
  netmask: '',
  mac: '',
  cidr: null,
});
const interfaces = {
  lo: [at('127.0.0.1', true)],
  eth0: [at('192.0.2.7'), at('fe80::1'), at('2001:db8::7')],
  veth1: [at('10.42.0.1')],
  veth2: [at('10.42.0.1')],
};

test('who listens at one address is found there alone, by this machine, too', () => {
  assert.deepEqual(servedAddresses('192.0.2.7', interfaces), ['192.0.2.7']);
  assert.deepEqual([localHost('192.0.2.7'), localHost('2001:db8::7')], ['192.0.2.7', '[2001:db8::7]']);
});

test('who listens everywhere is found at each address that others can reach, and by this machine at 127.0.0.1', () => {
  for (const host of ['::', '0.0.0.0']) {
    assert.deepEqual(servedAddresses(host, interfaces), ['192.0.2.7', '2001:db8::7', '10.42.0.1']);
    assert.equal(localHost(host), '127.0.0.1');
  }
  assert.equal(localHost(undefined), '127.0.0.1');
});
