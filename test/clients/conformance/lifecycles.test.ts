/** Upstream's conformance tests of API operations, replayed step by step (`lifecycle.ts`) with the requests that Go's clients send. */
import { after, before, describe, test } from 'node:test';
import { TestCluster } from '../../harness.ts';
import { typed } from './client.ts';
import { walk } from './lifecycle.ts';
import { lifecycles } from './lifecycles.ts';
import { Wire } from './wire.ts';

describe('conformance: API operations', { timeout: 120_000 }, () => {
  const namespace = 'e2e-lifecycle';
  let wire: Wire;

  before(async () => {
    const cluster = await TestCluster.up('--simulated-nodes', '2');
    wire = new Wire(cluster.connection);
    await typed(wire, 'v1', 'Namespace').create({ metadata: { name: namespace } });
  });
  after(async () => {
    wire.close();
    await TestCluster.closeAll();
  });

  for (const row of lifecycles) test(row.test, () => walk(row, wire, namespace));
});
