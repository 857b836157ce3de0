/** What a node full of quiet pods asks of its runtime: some calls a minute, and none a pod. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startNode } from './cluster-testing.ts';

const podCount = 110;
const minutes = 10;

async function fullNode(context: TestContext) {
  const node = await startNode();
  context.after(() => node.close());
  await node.agent.close();
  const calls = new Map<string, number>();
  const count = (what: string): void => void calls.set(what, (calls.get(what) ?? 0) + 1);
  const runtime = new Proxy(node.runtime, {
    get(target, key) {
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value !== 'function') return value;
      const real = value.bind(target) as (...all: unknown[]) => unknown;
      return (...all: unknown[]) => {
        count(key === 'state' && all[0] !== undefined ? 'state of a pod' : String(key));
        return real(...all);
      };
    },
  });
  await node.restart({ runtime });
  for (let index = 0; index < podCount; index++) await node.run({}, { name: `web-${index}` });
  for (let index = 0; index < podCount; index++) await node.running(`web-${index}`);
  await node.clock.advance(60_000);
  calls.clear();
  await node.clock.advance(minutes * 60_000);
  const perMinute = new Map([...calls].map(([what, number]) => [what, number / minutes]));
  return { node, perMinute };
}

test('pods that nothing happens to cost no calls of their own', async (context) => {
  const { perMinute, node } = await fullNode(context);
  const total = [...perMinute.values()].reduce((sum, number) => sum + number, 0);
  const told = JSON.stringify([...perMinute]);
  assert.ok(total > 0 && total <= 30, `${total} calls of the runtime in a minute: ${told}`);
  assert.equal(perMinute.get('state of a pod') ?? 0, 0, told);
  assert.ok(node.clock.pending <= 10, `${node.clock.pending} timers`);
});
