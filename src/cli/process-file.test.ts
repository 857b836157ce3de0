import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { RealClock } from '../lib/clock.ts';
import { identifyProcess } from '../lib/process-identity.ts';
import { readProcessFile, stopProcess, writeProcessFile } from './process-file.ts';

describe('a process file', () => {
  let folder = '';
  const file = (name: string): string => path.join(folder, name);
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-process-file-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  test('tells the process that wrote it, and what that said', () => {
    writeProcessFile(file('self'), { server: 'https://x' });
    const running = readProcessFile<{ server: string }>(file('self'));
    assert.deepEqual([running?.pid, running?.server], [process.pid, 'https://x']);
  });

  test('tells nobody where there is no file, half of one, or one of a process that is gone', () => {
    writeFileSync(file('half'), '{"pid":1,"sta');
    writeFileSync(file('gone'), JSON.stringify({ ...identifyProcess(process.pid), startTicks: 1 }));
    for (const name of ['none', 'half', 'gone']) assert.equal(readProcessFile(file(name)), undefined, name);
  });

  test('a process is asked to end, and waited for; nobody where it is gone', async () => {
    const child = spawn('sleep', ['1000']);
    await once(child, 'spawn');
    writeFileSync(file('child'), JSON.stringify(identifyProcess(child.pid ?? 0)));
    const exited = once(child, 'exit');
    assert.equal(await stopProcess(file('child'), new RealClock({ keepsAlive: true })), true);
    assert.deepEqual(await exited, [null, 'SIGTERM']);
    assert.equal(existsSync(file('child')), false);
    assert.equal(await stopProcess(file('child'), new RealClock({ keepsAlive: true })), false);
  });
});
