import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { test } from 'node:test';
import { identifyProcess, isRunning } from './process-identity.ts';

test('a running process is itself, an ended one is gone', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const identity = identifyProcess(child.pid ?? 0);
  assert.ok(identity !== undefined && isRunning(identity));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(isRunning(identity), false);
});

test('another process under a recycled id is not taken for the one that was meant', () => {
  const self = identifyProcess(process.pid);
  assert.ok(self !== undefined);
  assert.equal(isRunning({ ...self, startTicks: `${Number(self.startTicks) - 1}` }), process.platform !== 'linux');
});
