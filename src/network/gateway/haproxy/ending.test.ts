import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { type Clock, RealClock } from '../../../lib/clock.ts';
import { identifyProcess, type ProcessIdentity } from '../../../lib/process-identity.ts';
import { endHaproxy } from './ending.ts';

const real = new RealClock({ keepsAlive: true });

/** As of an agent that has run for weeks. */
const longRunning: Clock = {
  now: () => real.now(),
  monotonic: () => real.monotonic() + 30 * 86_400_000,
  after: (delayMs, callback) => real.after(delayMs, callback),
  sleep: (delayMs, signal) => real.sleep(delayMs, signal),
};

async function startShell(t: TestContext, script: string): Promise<{ child: ChildProcess; identity: ProcessIdentity }> {
  const child = spawn('/bin/sh', ['-c', `${script}; echo ready; while :; do sleep 0.05; done`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return { child, identity: identifyProcess(child.pid as number) as ProcessIdentity };
}

test('connections get their time to end, however long the agent has run', async (t) => {
  const { child, identity } = await startShell(t, "trap 'sleep 0.5; exit 7' USR1");
  const exited = once(child, 'exit');
  await endHaproxy(identity, longRunning);
  assert.deepEqual(await exited, [7, null]);
});

test('whoever does not end by itself is ended', async (t) => {
  const { child, identity } = await startShell(t, "trap '' USR1 TERM");
  const exited = once(child, 'exit');
  let skippedMs = 0;
  const hurried: Clock = {
    ...longRunning,
    monotonic: () => real.monotonic() + skippedMs,
    sleep: async (delayMs) => void (skippedMs += delayMs * 50),
  };
  await endHaproxy(identity, hurried);
  assert.deepEqual(await exited, [null, 'SIGKILL']);
});
