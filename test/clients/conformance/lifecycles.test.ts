/** Upstream's conformance tests of API operations, replayed step by step (`lifecycle.ts`) with the requests that Go's clients send. */
import { after, before, describe, test } from 'node:test';
import { ConformanceCluster } from './cluster.ts';
import { walk } from './lifecycle.ts';
import { lifecycles } from './lifecycles.ts';

describe('conformance: API operations', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  let namespace: string;

  before(async () => {
    cluster = await ConformanceCluster.up();
    namespace = await cluster.namespace('lifecycle');
  });
  after(() => cluster.close());

  for (const row of lifecycles) test(row.test, () => walk(row, cluster.wire, namespace));
});
