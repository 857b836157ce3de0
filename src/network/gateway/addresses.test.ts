import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/schema/types/core-v1.ts';
import { gatewayAddresses } from './addresses.ts';

const nodeOf = (address: string, more: Partial<Node> = {}): Node => ({
  metadata: { name: address },
  status: {
    conditions: [{ type: 'Ready', status: 'True' }],
    addresses: [{ type: 'InternalIP', address }],
  },
  ...more,
});

test('a node that runs no gateway any more is not shown to users', () => {
  const leaving = { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' as const }] };
  const nodes = [
    nodeOf('10.0.0.1'),
    nodeOf('10.0.0.2', { spec: leaving }),
    nodeOf('10.0.0.3', { metadata: { name: 'x', deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    nodeOf('10.0.0.4', {
      metadata: { name: 'y', labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } },
    }),
  ];
  assert.deepEqual(gatewayAddresses(nodes), ['10.0.0.1']);
});
