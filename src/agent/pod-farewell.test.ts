/** When containers of a pod that was deleted hear of it, in virtual time: not before those who send it requests have let go of it, and never later than its grace period allows. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Container } from '../api/schema/types/core-v1.ts';
import { pods } from '../client/resources.ts';
import { startNode } from './cluster-testing.ts';
import type { PodHook } from './pod/pod-hook.ts';
import { behaves } from './pod-life-testing.ts';

/** A node whose network lets go of pods when the test says so. */
async function world(context: TestContext, leave?: PodHook['leave']) {
  const asked: number[] = [];
  let letGo = (): void => {};
  const waits = (_: unknown, msMax: number): Promise<void> => {
    asked.push(msMax);
    return new Promise((resolve) => {
      letGo = resolve;
    });
  };
  const node = await startNode({ agent: { hooks: [{ name: 'network', leave: leave ?? waits }] } });
  context.after(() => node.close());
  const remove = (gracePeriodSeconds: number) =>
    node.client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds });
  const states = async () => (await node.runtime.state()).containers.map(({ name, state }) => `${name} ${state}`);
  return { ...node, asked, letGo: () => letGo(), remove, states };
}

const container = (name: string, changes: Partial<Container> = {}): Container => ({
  name,
  image: `${name}:1`,
  ...changes,
});

test('the signal waits until the pod has left, for a third of its time at most; then it goes as ever', async (context) => {
  const { run, running, remove, clock, states, asked, letGo, until, exists } = await world(context);
  await run({ containers: [container('app'), container('side')] });
  await running();
  await remove(30);
  await clock.advance(9000);
  assert.deepEqual(await states(), ['app running', 'side running']);
  assert.equal(asked.length, 1, 'asked once for the whole pod');
  assert.equal(Math.round((asked[0] ?? 0) / 1000), 10);
  letGo();
  await until('it is gone', async () => !(await exists()), 2000);
});

test('a farewell that never ends, or fails, costs a third of the grace period at most', async (context) => {
  const { run, running, remove, clock, states, until, exists } = await world(context);
  await run({ containers: [container('app')] });
  await running();
  await remove(6);
  await clock.advance(1900);
  assert.deepEqual(await states(), ['app running']);
  await until('it is gone', async () => !(await exists()), 1000);
  const failing = await world(context, () => Promise.reject(new Error('no slices')));
  await failing.run({ containers: [container('app')] });
  await failing.running();
  await failing.remove(30);
  await failing.until('it is gone', async () => !(await failing.exists()), 1000);
});

test('the preStop hook runs meanwhile, and takes nothing of the time that the containers have left', async (context) => {
  const { run, running, remove, clock, states, letGo, until, exists } = await world(context);
  await run({ containers: [container('app', { lifecycle: { preStop: { sleep: { seconds: 4 } } } })] });
  await running();
  await remove(30);
  await clock.advance(2000);
  letGo();
  await clock.advance(1500);
  assert.deepEqual(await states(), ['app running'], 'the hook sleeps');
  await until('it is gone', async () => !(await exists()), 1500);
});

test('a pod that is deleted by force, or again with less time, is not kept waiting', async (context) => {
  const { run, running, remove, clock, states, until, exists } = await world(context);
  await run({ containers: [container('app')] });
  await running();
  await remove(60);
  await clock.advance(1000);
  assert.deepEqual(await states(), ['app running']);
  await remove(2);
  await until('it is gone', async () => !(await exists()), 1000);
  await run({ containers: [container('app')] });
  await running();
  await remove(0);
  await until('it has ended', async () => (await states()).length === 0, 1000);
});

test('who ends by itself says no farewell', async (context) => {
  const { run, until, pod, asked } = await world(context);
  await run({ restartPolicy: 'Never', containers: [container('app')] }, behaves({ app: { exitAfterMs: 1000 } }));
  await until('it has ended', async () => (await pod()).status?.phase === 'Succeeded');
  assert.deepEqual(asked, []);
});

test('an agent that closes while a pod leaves signals nobody; the next one goes on', async (context) => {
  const node = await world(context);
  await node.run({ containers: [container('app')] });
  await node.running();
  await node.remove(30);
  await node.clock.advance(1000);
  const closing = node.agent.close();
  await node.clock.advance(5000);
  await closing;
  assert.deepEqual(await node.states(), ['app running']);
  await node.restart();
  await node.clock.advance(1000);
  assert.equal(node.asked.length, 2);
  node.letGo();
  await node.until('it is gone', async () => !(await node.exists()), 2000);
});
