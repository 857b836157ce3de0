import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { toFile } from './log-output.ts';

test('a log file stays within its bound, keeps the lines before in one older file, and is private', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'naru.log');
  const write = toFile(file, 20);
  for (let line = 0; line < 10; line++) write(`line ${line}...\n`);
  assert.equal(readFileSync(`${file}.1`, 'utf8'), 'line 6...\nline 7...\n');
  assert.equal(readFileSync(file, 'utf8'), 'line 8...\nline 9...\n');
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('on a full disk lines are dropped and nobody is disturbed', () => {
  const write = toFile('/dev/full');
  write('lost\n');
});
