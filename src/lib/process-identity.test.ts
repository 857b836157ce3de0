import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { test } from 'node:test';
import { identifyProcess, isRunning, parseIdentity, parseStat, signal } from './process-identity.ts';

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
  assert.equal(isRunning({ ...self, startTicks: self.startTicks + 1 }), false);
  assert.equal(isRunning({ ...self, bootId: 'another' }), false);
  assert.equal(identifyProcess(2 ** 22 + 1), undefined);
});

test('a name with parentheses and spaces does not shift the fields', () => {
  const rest = Array.from({ length: 40 }, (_, index) => String(index + 4)).join(' ');
  assert.deepEqual(parseStat(`17 (a) b (c) S ${rest}`), { state: 'S', startTicks: 22, threads: 20 });
  assert.equal(parseStat(''), undefined);
});

test('half a record of a process counts as none', () => {
  assert.deepEqual(parseIdentity('{"pid":1,"startTicks":2,"bootId":"b"}'), { pid: 1, startTicks: 2, bootId: 'b' });
  for (const text of ['', '{"pid":1', 'null', '{"pid":"1","startTicks":2,"bootId":"b"}']) {
    assert.equal(parseIdentity(text), undefined);
  }
});

test('a process that ends between the look and the signal is no error, one that may not be signalled is', () => {
  const self = identifyProcess(process.pid);
  assert.ok(self !== undefined);
  const failing = (code: string) => (): never => {
    throw Object.assign(new Error(code), { code });
  };
  signal(self, 'SIGTERM', failing('ESRCH'));
  assert.throws(() => signal(self, 'SIGTERM', failing('EPERM')), { code: 'EPERM' });
  signal({ ...self, startTicks: self.startTicks + 1 }, 'SIGTERM', failing('EPERM'));
});
