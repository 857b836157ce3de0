import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../api/schema/types/core-v1.ts';
import { networkLines } from './network-status.ts';

const node = (name: string, address: string, labels: Record<string, string> = {}, ready = 'True'): Node => ({
  metadata: { name, labels },
  status: { addresses: [{ type: 'InternalIP', address }], conditions: [{ type: 'Ready', status: ready }] },
});

test('a network that runs is a line, and another says where users come in', () => {
  const nodes = [
    node('b', '10.0.0.2'),
    node('a', '10.0.0.1'),
    node('lost', '10.0.0.3', {}, 'Unknown'),
    node('inner', '10.0.0.4', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' }),
  ];
  assert.deepEqual(networkLines([{ name: 'pod network' }, { name: 'dns' }], nodes), [
    'network: all 2 parts run',
    'users come in by 10.0.0.1, 10.0.0.2',
  ]);
});

test('a part that does not run is named, with the reason', () => {
  assert.deepEqual(networkLines([{ name: 'pod network', problem: 'nft is not installed' }, { name: 'dns' }], []), [
    'network: 1 of 2 parts do not run',
    '  pod network: nft is not installed',
    'users come in by no node: none is Ready and open to them',
  ]);
});

test('of a machine without a network nothing is said', () => {
  assert.deepEqual(networkLines(undefined, [node('sim', '10.0.0.1')]), []);
});
