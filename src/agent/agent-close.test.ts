/** An agent that ends lets go of everything at once: its pods run on, and nothing of its own is left waiting. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '../client/resources.ts';
import { behaviourAnnotation } from '../simulation/container-behaviour.ts';
import { startNode } from './cluster-testing.ts';
import { RuntimeError } from './runtime.ts';

const asks = (cpu: string) => ({ containers: [{ name: 'app', image: 'app:1', resources: { requests: { cpu } } }] });

/** Whether the agent ended before anybody had to wait. */
async function endsAtOnce({ agent, clock }: Awaited<ReturnType<typeof startNode>>): Promise<boolean> {
  let hasEnded = false;
  const closing = agent.close().then(() => (hasEnded = true));
  await clock.advance(1000);
  const result = hasEnded;
  await clock.advance(3_700_000);
  await closing;
  return result;
}

test('while a critical pod waits for others to make room, which may take an hour', async () => {
  const node = await startNode();
  const slow = { [behaviourAnnotation]: JSON.stringify({ stopMs: 3_600_000 }) };
  await node.run({ ...asks('3'), terminationGracePeriodSeconds: 3600 }, { name: 'slow', annotations: slow });
  await node.running('slow');
  await node.run({ ...asks('3'), priorityClassName: 'system-node-critical' }, { name: 'critical' });
  await node.clock.advance(10_000);
  assert.equal((await node.pod('critical')).status?.phase, 'Pending');
  assert.ok(await endsAtOnce(node));
  const { sandboxes } = await node.runtime.state();
  assert.ok(!sandboxes.some(({ pod }) => pod.name === 'critical'), 'what waited is not made after the end');
  await node.close();
});

test('while a container cannot be stopped', async () => {
  const node = await startNode();
  await node.agent.close();
  const stuck = new Proxy(node.runtime, {
    get(target, key) {
      if (key === 'stopContainer') return () => Promise.reject(new RuntimeError('unavailable', 'it is away'));
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const before = node.clock.pending;
  const agent = await node.restart({ runtime: stuck });
  await node.run({ terminationGracePeriodSeconds: 1 });
  await node.running();
  await node.client.delete(pods, { namespace: 'default', name: 'web' });
  await node.clock.advance(120_000);
  await agent.close();
  await node.clock.advance(1);
  assert.ok(node.clock.pending <= before, `${node.clock.pending} timers, before the agent ${before}`);
  await node.close();
});
