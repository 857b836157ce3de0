import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { readElf } from './elf.ts';
import { pauseCode, pauseProgram } from './pause.ts';

test('the code is whole: as many bytes as the listings have, ending in the last system call', () => {
  assert.equal(pauseCode('amd64').length, 72);
  assert.equal(pauseCode('amd64').subarray(-2).toString('hex'), '0f05');
  assert.equal(pauseCode('arm64').length, 25 * 4);
  assert.equal(pauseCode('arm64').readUInt32LE(96), 0xd400_0001);
});

test('the programs are valid static ELF files that begin with their code', async () => {
  for (const [architecture, machine] of [
    ['amd64', 62],
    ['arm64', 183],
  ] as const) {
    const program = pauseProgram(architecture);
    const facts = await readElf(async (offset, size) => program.subarray(offset, offset + size));
    assert.deepEqual(facts, { bits: 64, machine, needed: [], rpath: [], runpath: [] });
    const entry = Number(program.readBigUInt64LE(24) - program.readBigUInt64LE(64 + 16));
    assert.deepEqual(program.subarray(entry), pauseCode(architecture));
    assert.equal(Number(program.readBigUInt64LE(64 + 32)), program.length, 'the segment covers the whole file');
    assert.equal(program.readUInt32LE(64 + 56 + 4) & 1, 0, 'the stack is not executable');
  }
});

test('the program waits, and exits with 0 on TERM', {
  skip: process.arch === 'x64' && process.platform === 'linux' ? false : 'runs Linux code for x86-64',
}, async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-pause-'));
  const file = path.join(folder, 'pause');
  writeFileSync(file, pauseProgram('amd64'), { mode: 0o755 });
  const child = spawn(file, { stdio: 'ignore' });
  await once(child, 'spawn');
  const exited = once(child, 'exit');
  try {
    // It ignores SIGCHLD a moment after its start, with the signals already blocked: before that, TERM ends any program.
    const isReady = async (): Promise<boolean> =>
      /^SigIgn:\t0*10000$/m.test(await readFile(`/proc/${child.pid}/status`, 'utf8'));
    let ready = await isReady();
    for (let round = 0; round < 1_000 && !ready; round++) ready = await isReady();
    assert.ok(ready);
    child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
  } finally {
    child.kill('SIGKILL');
  }
  rmSync(folder, { recursive: true });
});
