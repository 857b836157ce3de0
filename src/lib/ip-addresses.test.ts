import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  contains,
  familyOf,
  formatCidr,
  formatIp,
  isCidr,
  networkAddress,
  parseCidr,
  parseIp,
} from './ip-addresses.ts';

const canonical: readonly (readonly [text: string, form: string])[] = [
  ['10.0.0.1', '10.0.0.1'],
  ['2001:DB8::0:1', '2001:db8::1'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['fe80:0:1:2:3:4:5:6', 'fe80:0:1:2:3:4:5:6'],
];

const noAddresses = ['', '10.0.0', '10.0.0.256', '1:2', '::1::', 'fe80::1%eth0', '1:2:3:4:5:6:7:8:9', 'host'];

describe('addresses', () => {
  for (const [text, form] of canonical) {
    it(`writes ${text} as ${form}`, () => {
      const address = parseIp(text);
      assert.ok(address);
      assert.equal(formatIp(address), form);
    });
  }

  for (const text of noAddresses) {
    it(`does not read ${JSON.stringify(text)}`, () => assert.equal(parseIp(text), undefined));
  }

  it('tells the families apart', () => {
    assert.equal(familyOf('10.0.0.1'), 'IPv4');
    assert.equal(familyOf('::1'), 'IPv6');
    assert.equal(familyOf('nothing'), undefined);
  });

  it('knows what a network holds', () => {
    const network = parseCidr('10.96.0.0/12');
    const inside = parseIp('10.111.255.255');
    const outside = parseIp('10.112.0.0');
    assert.ok(network && inside && outside);
    assert.ok(contains(network, inside));
    assert.ok(!contains(network, outside));
  });

  it('finds the address that a network starts at', () => {
    const network = parseCidr('10.97.3.4/12');
    assert.ok(network);
    assert.equal(formatIp(networkAddress(network)), '10.96.0.0');
    assert.equal(formatCidr(network), '10.96.0.0/12');
  });

  it('reads no network with a mask that is too long', () => {
    assert.ok(isCidr('::/128'));
    assert.ok(!isCidr('10.0.0.0/33'));
    assert.ok(!isCidr('10.0.0.0'));
  });
});
