import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Fifo, type FifoFolder } from './fifos.ts';
import { openPipes } from './task-session.ts';

/** The files below `folder` that this process holds open. */
function openBelow(folder: string): string[] {
  const files = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return files.filter((file) => file.startsWith(folder));
}

test('pipes of which one cannot be opened are all closed and removed', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-fifos-'));
  try {
    const files = ['in', 'out', 'missing'].map((name) => path.join(folder, name));
    execFileSync('mkfifo', files.slice(0, 2));
    const left = files.map((file) => new Fifo(file));
    const fifos: Pick<FifoFolder, 'take'> = { take: async () => left.shift() as Fifo };
    const options = { stdin: true, stdout: true, stderr: true, tty: false };
    await assert.rejects(openPipes(fifos, options), { name: 'RuntimeError', kind: 'failed' });
    assert.deepEqual(openBelow(folder), []);
    assert.ok(files.every((file) => !existsSync(file)));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
