/** Somebody sets the machine's clock back by a day: what waits for its turn waits no longer than it would have. */
import { type TestContext, test } from 'node:test';
import { MachineClock } from '../simulation/simulator/machine-clock.ts';
import { startNode } from './cluster-testing.ts';
import { type Runtime, RuntimeError } from './runtime.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** A node whose runtime fails at `method` until it is told otherwise. */
async function startSick(context: TestContext, method: keyof Runtime) {
  const node = await startNode();
  context.after(() => node.close());
  await node.agent.close();
  const clock = new MachineClock(node.clock);
  const sick = { is: true };
  const runtime = new Proxy(node.runtime, {
    get(target, key) {
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value !== 'function') return value;
      const real = value.bind(target) as (...all: unknown[]) => unknown;
      if (key !== method) return real;
      return (...all: unknown[]) => (sick.is ? Promise.reject(new RuntimeError('failed', 'not today')) : real(...all));
    },
  });
  await node.restart({ runtime, clock });
  return { node, clock, sick };
}

const waits: readonly (readonly [what: string, method: keyof Runtime, reason: string])[] = [
  ['a pull', 'pullImage', 'ImagePullBackOff'],
  ['a container that cannot be made', 'createContainer', 'CreateContainerError'],
  ['a sandbox that cannot be made', 'runSandbox', 'ContainerCreating'],
];

for (const [what, method, reason] of waits) {
  test(`${what} is tried again when its time has come, whatever the clock shows`, async (context) => {
    const { node, clock, sick } = await startSick(context, method);
    await node.run({ containers: [{ name: 'app', image: 'app:1', imagePullPolicy: 'Always' }] });
    const waiting = async () => (await node.pod()).status?.containerStatuses?.[0]?.state?.waiting?.reason;
    await node.until('it waits', async () => (await waiting()) === reason);
    await node.clock.advance(20_000);
    clock.jump(-dayMs);
    sick.is = false;
    await node.until('it runs', async () => (await node.pod()).status?.phase === 'Running', 330_000);
  });
}
