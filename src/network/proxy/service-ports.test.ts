import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../api/schema/types/core-v1.ts';
import { proxiedPorts } from './service-ports.ts';

test('ranges of clients are written so that the kernel reads what the API read', () => {
  const service: Service = {
    spec: {
      type: 'LoadBalancer',
      clusterIP: '10.43.0.1',
      ports: [{ port: 80 }],
      loadBalancerSourceRanges: ['010.0.0.0/08', ' 192.0.2.0/24 ', 'FD00::/8', 'x/8'],
    },
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } },
  };
  const [port] = proxiedPorts(service, { nodeName: 'a', zone: '' }, () => []);
  assert.deepEqual(port?.sourceRanges, ['10.0.0.0/8', '192.0.2.0/24']);
});
