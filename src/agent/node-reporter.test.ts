/** What a node says of itself over time; how a report is made is in node-status.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../api/schema/types/core-v1.ts';
import { nodes } from '../client/resources.ts';
import { startTestApi } from '../client/testing.ts';
import { silentLogger } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import { SimulatedRuntime } from '../simulation/simulated-runtime.ts';
import { simulatedNodeFacts } from './node-facts.ts';
import { NodeReporter } from './node-reporter.ts';
import type { RuntimeInfo } from './runtime.ts';

const reference = { namespace: '', name: 'node-1' };

const readyOf = (node: Node): string | undefined =>
  node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;

test('a node that was told no range takes the one that the API gives to it, and is ready at once', async () => {
  const api = await startTestApi();
  const { client, clock } = api;
  const taken: string[] = [];
  const runtime = new SimulatedRuntime({ clock, prng: new SeededPrng(1), podCidr: '10.42.7.0/24' });
  const info = runtime.info.bind(runtime);
  /** As containerd without a network's configuration. */
  runtime.info = async (): Promise<RuntimeInfo> => ({
    ...(await info()),
    problem: taken.length > 0 ? '' : 'no network',
  });
  const reporter = new NodeReporter({
    client,
    runtime,
    nodeName: 'node-1',
    facts: simulatedNodeFacts('node-1', '192.0.2.1'),
    takePodCidrs: async (ranges) => void taken.push(...ranges),
    clock,
    log: silentLogger,
  });
  await reporter.start();
  await clock.advance(1_000);
  const born = await client.get(nodes, reference);
  assert.deepEqual([born.spec?.podCIDR, readyOf(born), taken], [undefined, 'False', []]);
  const body = { spec: { podCIDR: '10.42.7.0/24', podCIDRs: ['10.42.7.0/24'] } };
  await client.patch(nodes, reference, { type: 'merge', body });
  await clock.advance(300);
  assert.equal(readyOf(await client.get(nodes, reference)), 'True');
  const looks = taken.length;
  assert.equal(taken[0], '10.42.7.0/24');
  await clock.advance(9_000);
  assert.equal(taken.length, looks, 'a node that is ready looks every ten seconds');
  const closing = reporter.close();
  await clock.advance(1_000);
  await closing;
  await api.store.close();
});
