import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, test } from 'node:test';
import { nodeAddresses } from './node-addresses.ts';
import { podIpsOf } from './pod/pod-ips.ts';
import { make } from './testing.ts';

const at = (address: string, internal = false): NetworkInterfaceInfo => {
  const common = { address, internal, netmask: '', mac: '', cidr: null };
  return address.includes(':') ? { ...common, family: 'IPv6', scopeid: 0 } : { ...common, family: 'IPv4' };
};
const lo = [at('127.0.0.1', true), at('::1', true)];

describe('the addresses of a machine', () => {
  const both = {
    lo,
    eth0: [at('fe80::7'), at('169.254.1.1'), at('192.0.2.7'), at('2001:db8::7')],
    eth1: [at('192.0.2.8')],
  };
  const inner = {
    lo,
    docker0: [at('172.17.0.1')],
    'br-0123456789ab': [at('172.18.0.1')],
    veth0a1b2c3d: [at('10.42.0.1')],
    'naru-vx-0123ab': [at('10.42.1.0')],
    ens3: [at('192.0.2.7')],
  };
  const six = { lo, eth0: [at('fe80::7'), at('2001:db8::7')] };
  const rows: readonly (readonly [name: string, interfaces: object, podCidr: string | undefined, string])[] = [
    ['the first of IPv4', both, undefined, '192.0.2.7'],
    ['likewise with pods of IPv4', both, '10.42.0.0/24', '192.0.2.7'],
    ['of IPv6 with pods of IPv6', both, 'fd00:42::/64', '2001:db8::7'],
    ['of both with pods of both', both, '10.42.0.0/24,fd00:42::/64', '192.0.2.7 2001:db8::7'],
    ['in the order of the pods', both, 'fd00:42::/64,10.42.0.0/24', '2001:db8::7 192.0.2.7'],
    ['of IPv6 where there is no other', six, undefined, '2001:db8::7'],
    ['what there is, whatever the pods have', six, '10.42.0.0/24', '2001:db8::7'],
    ['one of two, where the other is missing', six, '10.42.0.0/24,fd00:42::/64', '2001:db8::7'],
    ['the machine itself where it has no network', { lo }, undefined, '127.0.0.1'],
    ['none that is for containers', inner, '10.42.0.0/24', '192.0.2.7'],
    ['the machine itself rather than one of those', { lo, docker0: inner.docker0 }, undefined, '127.0.0.1'],
  ];
  for (const [name, interfaces, podCidr, expected] of rows) {
    test(name, () => assert.equal(nodeAddresses(interfaces as typeof both, podCidr).join(' '), expected));
  }
});

test('a pod has one address of each family, that of its node first', () => {
  const pod = make.pod();
  const [v4, v6] = ['192.0.2.1', '2001:db8::1'];
  assert.deepEqual(podIpsOf(pod, ['10.42.0.5'], [v6]), ['10.42.0.5']);
  assert.deepEqual(podIpsOf(pod, ['fd00::5', '10.42.0.5', '10.42.0.6'], [v4, v6]), ['10.42.0.5', 'fd00::5']);
  assert.deepEqual(podIpsOf(pod, ['10.42.0.5', 'fd00::5', 'fd00::6'], [v6]), ['fd00::5', '10.42.0.5']);
  assert.deepEqual(podIpsOf(pod, ['fd00::5', 'fd00::6'], [v4]), ['fd00::5']);
  assert.deepEqual(podIpsOf({ ...pod, spec: { containers: [], hostNetwork: true } }, ['10.42.0.5'], [v4, v6]), [
    v4,
    v6,
  ]);
});
